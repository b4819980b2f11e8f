// The probes of a store as packets.
#include "daemon/probe_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "daemon/what_if.h"
#include "detect/technique.h"
#include "support/detector_bench.h"
#include "support/full_bench.h"
#include "support/stores.h"

namespace scanlogd::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Scan found(Technique technique, IpProto protocol = IpProto::tcp) {
  Scan scan = some_scan();
  scan.started = kNoon;
  scan.event.technique = technique;
  scan.event.protocol = protocol;
  scan.event.port_count = 0;
  return scan;
}

/// A sample of `count` ports from 1024 on, a millisecond apart, all refused.
ProbeSample sample_of(int count, ProbeOutcome outcome = ProbeOutcome::closed) {
  ProbeSample sample;
  for (int i = 0; i < count; ++i) {
    sample.points.push_back({.time = i * 1ms,
                             .target = parse_address("10.9.0.1").value(),
                             .port = static_cast<Port>(1024 + i),
                             .outcome = outcome});
  }
  return sample;
}

std::vector<Packet> packets_of(const Scan& scan, const ProbeSample& sample) {
  std::vector<Packet> packets;
  EXPECT_TRUE(append_probes(scan, sample, packets));
  return packets;
}

TEST(ProbeReplay, AProbeIsSentWhenItWasAndIsAnsweredAsItWas) {
  const auto packets = packets_of(found(Technique::syn), sample_of(2));
  ASSERT_EQ(packets.size(), 4U);
  EXPECT_EQ(packets[2].time, kNoon.time_since_epoch() + 1ms);
  EXPECT_EQ(to_string(packets[2].source_address()), "192.0.2.8");
  EXPECT_EQ(to_string(packets[2].target_address()), "10.9.0.1");
  EXPECT_EQ(packets[2].target_port, 1025);
  EXPECT_TRUE(packets[2].is_syn());
  EXPECT_EQ(packets[3].source_port, 1025);
  EXPECT_EQ(packets[3].flags, tcp_flag::rst | tcp_flag::ack);
  EXPECT_EQ(packets[3].acknowledgement, packets[2].sequence + 1);
  EXPECT_EQ(packets[3].traits, trait::outgoing);
  EXPECT_EQ(packets_of(found(Technique::syn), sample_of(1, ProbeOutcome::open))[1].flags,
            tcp_flag::syn | tcp_flag::ack);
  EXPECT_EQ(packets_of(found(Technique::syn), sample_of(1, ProbeOutcome::filtered)).size(), 1U);
  EXPECT_EQ(packets_of(found(Technique::syn), sample_of(1, ProbeOutcome::unknown)).size(), 1U);
}
TEST(ProbeReplay, EachTechniqueIsSentSoThatItIsKnownAgain) {
  for (const Technique technique :
       {Technique::fin, Technique::null, Technique::xmas, Technique::maimon,
        Technique::ack_or_window, Technique::fragments}) {
    const Packet packet = packets_of(found(technique), sample_of(1)).front();
    EXPECT_EQ(classify(packet).technique, technique) << static_cast<int>(technique);
  }
  Scan crafted = found(Technique::syn);
  crafted.event.syn_window = 1024;
  SynSummary summary;
  summary.set_mss(1460);
  summary.set_kind(0, TcpOption::mss);
  crafted.event.syn_options = summary.bits();
  const Packet syn = packets_of(crafted, sample_of(1)).front();
  EXPECT_EQ(classify(syn).technique, Technique::syn);
  EXPECT_EQ(syn.options(), TcpOptions::mss_only);
  const auto other = [](Technique technique, IpProto protocol) {
    return classify(packets_of(found(technique, protocol), sample_of(1)).front()).technique;
  };
  EXPECT_EQ(other(Technique::udp, IpProto::udp), Technique::udp);
  EXPECT_EQ(other(Technique::sctp_init, IpProto::sctp), Technique::sctp_init);
  EXPECT_EQ(other(Technique::sctp_cookie_echo, IpProto::sctp), Technique::sctp_cookie_echo);
  EXPECT_EQ(other(Technique::icmp_echo, IpProto::icmp), Technique::icmp_echo);
  EXPECT_EQ(other(Technique::icmp_timestamp, IpProto::icmp), Technique::icmp_timestamp);
  EXPECT_EQ(other(Technique::icmp_mask, IpProto::icmp), Technique::icmp_mask);
  EXPECT_EQ(other(Technique::icmp_echo, IpProto::icmpv6), Technique::icmp_echo);
}
TEST(ProbeReplay, AClosedUdpPortIsUnreachable) {
  const auto packets = packets_of(found(Technique::udp, IpProto::udp), sample_of(1));
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[1].protocol, IpProto::icmp);
  EXPECT_EQ(packets[1].source_port, 3);
  EXPECT_EQ(packets[1].sequence & 0xffff, 1024U);
}
TEST(ProbeReplay, WhatCameBeforeTheAlarmIsSpreadEvenlyOverTheTimeUpToIt) {
  Scan scan = found(Technique::syn);
  scan.detected = kNoon + 4s;
  scan.ports = "21-22,1024-1025,2000";
  scan.event.open_count = 1;
  scan.event.open[0] = 22;
  scan.event.port_count = 2;
  ProbeSample sample = sample_of(2);
  sample.points[1].time = 4s;
  auto packets = packets_of(scan, sample);
  std::ranges::sort(packets, {}, &Packet::time);
  std::vector<std::pair<Port, std::chrono::nanoseconds>> asked;
  for (const Packet& packet : packets) {
    if (packet.is_syn()) asked.emplace_back(packet.target_port, packet.time - packets[0].time);
  }
  EXPECT_THAT(asked, ElementsAre(std::pair(Port{1024}, 0s), std::pair(Port{21}, 1s),
                                 std::pair(Port{22}, 2s), std::pair(Port{2000}, 3s),
                                 std::pair(Port{1025}, 4s)));
  // Of the early ones only what is listed as open was answered; nothing is said to be closed.
  EXPECT_EQ(std::ranges::count(packets, tcp_flag::syn | tcp_flag::ack, &Packet::flags), 1);
  EXPECT_EQ(packets.size(), 5U + 1U + 2U);
  // Where only some probes are sampled, others that are on record may have come later.
  sample.shift = 1;
  packets = packets_of(scan, sample);
  EXPECT_EQ(std::ranges::count_if(packets, &Packet::is_syn), 4);
}
TEST(ProbeReplay, WhatHasNoSampleOrSeveralSourcesIsLeftOut) {
  std::vector<Packet> packets;
  EXPECT_FALSE(append_probes(found(Technique::syn), {}, packets));
  Scan network = found(Technique::syn);
  network.event.source_prefix = 24;
  EXPECT_FALSE(append_probes(network, sample_of(9), packets));
  for (const ScanKind kind : {ScanKind::distributed, ScanKind::decoys, ScanKind::ftp_bounce,
                              ScanKind::flood, ScanKind::backscatter, ScanKind::idle_probe}) {
    Scan scan = found(Technique::syn);
    scan.event.kind = kind;
    EXPECT_FALSE(append_probes(scan, sample_of(9), packets));
  }
  EXPECT_TRUE(packets.empty());
}

class ProbeReplayOfAStore : public StoreTest {
 protected:
  /// Scan number `id`, which asked for `ports` ports; all are in the sample.
  static Message scan_of(std::uint64_t id, int ports, unsigned shift = 0) {
    Scan each = scan(id, "192.0.2." + std::to_string(id));
    each.event.technique = Technique::syn;
    each.event.port_count = 0;
    each.ports.clear();
    each.event.phase = Phase::begin;
    ProbeSample sample = sample_of(ports);
    sample.shift = static_cast<std::uint8_t>(shift);
    each.sample = pack(sample);
    return message(each);
  }
  static Analysis analysis(std::string_view threshold) {
    Section options;
    options.set("threshold", threshold, "test");
    std::vector<NamedDetector> detectors;
    detectors.push_back({"classic", std::move(make_detector("classic", options).value())});
    return {std::move(detectors), {}};
  }
};

TEST_F(ProbeReplayOfAStore, AThresholdRaisedByOneLosesTheScanOfExactlyTheOldOne) {
  {
    Store store = open();
    write(store, {scan_of(20, 20), scan_of(21, 21), scan_of(22, 22)});
  }
  const auto probes = read_probes(reader(), {});
  ASSERT_TRUE(probes);
  EXPECT_EQ(probes->scans.size(), 3U);
  WhatIf judged(analysis("21"), analysis("22"));
  replay(*probes, judged);
  const ScanComparison result = judged.comparison();
  EXPECT_TRUE(result.more.empty());
  ASSERT_EQ(result.fewer.size(), 1U);
  EXPECT_EQ(to_string(result.fewer.front().source), "192.0.2.21");
  ASSERT_EQ(result.same.size(), 1U);
  EXPECT_EQ(to_string(result.same.front().one.source), "192.0.2.22");
  EXPECT_THAT(notes_on(*probes, result),
              ElementsAre(StartsWith("judged again: 3 scans on record"),
                          "1 of them are found by neither: their samples do not hold enough",
                          HasSubstr("what was never found is not on record")));
}
TEST_F(ProbeReplayOfAStore, SaysWhatItCannotTell) {
  const Message without = scan_of(23, 0);
  {
    Store store = open();
    write(store, {scan_of(1, 30), scan_of(2, 30, 1), without});
  }
  auto probes = read_probes(reader(), {}, 3);
  ASSERT_TRUE(probes);
  EXPECT_EQ(probes->scans.size(), 2U);
  EXPECT_EQ(probes->thinned, 1U);
  EXPECT_EQ(probes->left_out, 1U);
  EXPECT_FALSE(probes->is_cut);
  probes = read_probes(reader(), {}, 2);
  ASSERT_TRUE(probes);
  EXPECT_TRUE(probes->is_cut);
  EXPECT_EQ(probes->scans.size(), 1U);
  EXPECT_EQ(probes->left_out, 1U);
}
TEST_F(ProbeReplayOfAStore, OnlyThoseFoundSinceThenAreJudged) {
  {
    Store store = open();
    write(store, {scan_of(1, 30), scan_of(2, 30), scan_of(3, 30)});
  }
  EXPECT_EQ(read_probes(reader(), kNoon + 2min)->scans.size(), 2U);
}
TEST_F(ProbeReplayOfAStore, ThePacketsOfAllScansAreInOrder) {
  {
    Store store = open();
    write(store, {scan_of(3, 30), scan_of(4, 30), scan_of(5, 30)});
  }
  const auto probes = read_probes(reader(), {});
  ASSERT_TRUE(probes);
  EXPECT_EQ(probes->packets.size(), 180U);
  EXPECT_TRUE(std::ranges::is_sorted(probes->packets, {}, &Packet::time));
}

}  // namespace
}  // namespace scanlogd::test
