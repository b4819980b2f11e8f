// How scans are filed and named.
#include "core/scan_words.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <map>
#include <string>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

ScanEvent event(ScanKind kind, IpProto protocol, Technique technique = Technique::unknown) {
  ScanEvent some;
  some.kind = kind;
  some.protocol = protocol;
  some.technique = technique;
  return some;
}

TEST(ScanWords, FilesScansUnderTheNumbersOfSnortsPortScan) {
  const auto signature = [](ScanKind kind, IpProto protocol, Technique technique = {}) {
    return classify(event(kind, protocol, technique)).signature;
  };
  EXPECT_EQ(signature(ScanKind::vertical, IpProto::tcp), 1U);
  EXPECT_EQ(signature(ScanKind::decoys, IpProto::tcp), 2U);
  EXPECT_EQ(signature(ScanKind::horizontal, IpProto::tcp), 3U);
  EXPECT_EQ(signature(ScanKind::distributed, IpProto::tcp), 4U);
  EXPECT_EQ(signature(ScanKind::vertical, IpProto::udp), 17U);
  EXPECT_EQ(signature(ScanKind::horizontal, IpProto::udp), 19U);
  EXPECT_EQ(signature(ScanKind::distributed, IpProto::udp), 20U);
  EXPECT_EQ(signature(ScanKind::horizontal, IpProto::icmp), 25U);
  EXPECT_EQ(signature(ScanKind::horizontal, IpProto::icmpv6), 25U);
  EXPECT_EQ(signature(ScanKind::vertical, IpProto{47}), 9U);
  EXPECT_EQ(signature(ScanKind::vertical, IpProto::tcp, Technique::ip_protocol), 9U);
}

TEST(ScanWords, NumbersOfOurOwnStartAt1000AndNoNumberHasTwoTitles) {
  std::map<std::uint32_t, std::string> titles;
  for (int kind = 0; kind <= static_cast<int>(ScanKind::egress); ++kind) {
    for (const IpProto protocol :
         {IpProto::tcp, IpProto::udp, IpProto::sctp, IpProto::icmp, IpProto::icmpv6, IpProto{2}}) {
      const auto filed = classify(event(static_cast<ScanKind>(kind), protocol));
      EXPECT_TRUE(filed.signature <= 27 || filed.signature > 1000) << filed.signature;
      const auto [at, is_new] = titles.try_emplace(filed.signature, filed.title);
      EXPECT_EQ(at->second, filed.title);
    }
  }
  EXPECT_EQ(titles.size(), 30U);
}

TEST(ScanWords, TitlesSayWhatWasDone) {
  const auto title = [](ScanKind kind, IpProto protocol) {
    return classify(event(kind, protocol)).title;
  };
  EXPECT_EQ(title(ScanKind::vertical, IpProto::tcp), "TCP port scan");
  EXPECT_EQ(title(ScanKind::distributed, IpProto::udp), "UDP distributed port scan");
  EXPECT_EQ(title(ScanKind::block, IpProto::sctp), "SCTP block scan");
  EXPECT_EQ(title(ScanKind::horizontal, IpProto::icmp), "ICMP sweep");
  EXPECT_EQ(title(ScanKind::vertical, IpProto{50}), "IP protocol scan");
  EXPECT_EQ(title(ScanKind::flood, IpProto::tcp), "flood of new sources");
  EXPECT_EQ(title(ScanKind::egress, IpProto::udp), "scan of others from this host");
}

TEST(ScanWords, FloodsAndBackscatterAreNoScans) {
  EXPECT_FALSE(classify(event(ScanKind::flood, IpProto::tcp)).is_scan);
  EXPECT_FALSE(classify(event(ScanKind::backscatter, IpProto::tcp)).is_scan);
  EXPECT_TRUE(classify(event(ScanKind::idle_probe, IpProto::tcp)).is_scan);
}

TEST(ScanWords, AKindFromANewerStoreIsAScanAllTheSame) {
  EXPECT_EQ(classify(event(ScanKind{200}, IpProto::tcp)).signature, 1000U);
}

TEST(ScanWords, OnlyTcpUdpAndSctpHavePorts) {
  EXPECT_TRUE(has_ports(event(ScanKind::vertical, IpProto::sctp)));
  EXPECT_FALSE(has_ports(event(ScanKind::vertical, IpProto::icmp)));
  EXPECT_FALSE(has_ports(event(ScanKind::vertical, IpProto::tcp, Technique::ip_protocol)));
}

TEST(ScanWords, UnnamedProtocolsAreThreeDigits) {
  EXPECT_EQ(protocol_name(IpProto::icmpv6), "IPv6-ICMP");
  EXPECT_EQ(protocol_name(IpProto{2}), "002");
  EXPECT_EQ(protocol_name(IpProto{255}), "255");
}

TEST(ScanWords, EveryVerdictHasItsReason) {
  for (int each = 0; each <= static_cast<int>(Verdict::impossible); ++each) {
    EXPECT_FALSE(reason_of(static_cast<Verdict>(each)).empty());
  }
  EXPECT_NE(reason_of(Verdict::proven), reason_of(Verdict::unverified));
}

TEST(ScanWords, AFingerprintSaysWhatTheFirstSynHad) {
  ScanEvent some;
  EXPECT_EQ(syn_fingerprint(some), "");
  some.syn_window = 1024;
  some.syn_options = SynSummary().bits();
  EXPECT_EQ(syn_fingerprint(some), "1024:::");
  SynSummary syn;
  syn.set_kind(0, TcpOption::mss);
  syn.set_kind(1, TcpOption::sack_permitted);
  syn.set_mss(1460);
  syn.set_window_scale(7);
  some.syn_options = syn.bits();
  EXPECT_EQ(syn_fingerprint(some), "1024:mss-sack_permitted:1460:7");
}

TEST(ScanWords, TimeIsLocalWithItsOffsetOnBothSidesOfGreenwich) {
  using namespace std::chrono;
  const system_clock::time_point at =
      sys_days(2026y / November / 22) + 22h + 40min + 40s + 123456us;
  const auto in = [&](const char* zone) {
    EXPECT_EQ(::setenv("TZ", zone, 1), 0);
    ::tzset();
    std::string text = format_iso_time(at);
    EXPECT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
    return text;
  };
  EXPECT_EQ(in("UTC"), "2026-11-22T22:40:40.123456+0000");
  EXPECT_EQ(in("<+0545>-5:45"), "2026-11-23T04:25:40.123456+0545");
  EXPECT_EQ(in("<-0330>3:30"), "2026-11-22T19:10:40.123456-0330");
}

TEST(ScanWords, TimeBefore1970IsRoundedDown) {
  EXPECT_EQ(::setenv("TZ", "UTC", 1), 0);
  ::tzset();
  EXPECT_EQ(format_iso_time(std::chrono::system_clock::time_point(-1us)),
            "1969-12-31T23:59:59.999999+0000");
}

}  // namespace
}  // namespace scanlogd
