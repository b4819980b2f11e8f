// What hides a scan from the classic detector, and what does not: floods of forged sources, chosen
// ones, a busy server. With fixed seeds and a fixed key, in packet time. bench/recall.cpp does the
// same at length.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyed_hash.h"
#include "detect/classic.h"
#include "support/hidden_scans.h"
#include "support/packet_builder.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr HashKey kKey{.a = 0x3bd39e10cb0ef593, .b = 0xc0acf169b5f18a8c};

/// `memory` as with --memory; the default if empty.
std::unique_ptr<Detector> make(std::string_view memory, HashKey key = kKey) {
  Section options;
  if (!memory.empty()) options.set("memory", memory, "test");
  return make_classic(options, key).value();
}

std::size_t found(std::string_view memory, const std::vector<HiddenScan>& scans,
                  const CrowdPlan& plan, HashKey key = kKey) {
  const auto detector = make(memory, key);
  DetectorWatcher watcher(*detector);
  return count_found(watcher, scans, plan);
}

std::size_t found_by_original(const std::vector<HiddenScan>& scans, const CrowdPlan& plan) {
  OriginalWatcher watcher;
  return count_found(watcher, scans, plan);
}

constexpr Port kPrivileged = 20;
constexpr Port kOther = 2000;

TEST(ClassicRecall, WithoutACrowdTheOriginalsListFindsWhatTheRuleFinds) {
  const auto scans = detectable(various_scans(100, 7));
  EXPECT_EQ(found_by_original(scans, {}), scans.size());
  EXPECT_EQ(found("", scans, {}), scans.size());
}

TEST(ClassicRecall, TenPortsASecondAreFoundUnder500000ForgedSourcesASecond) {
  const CrowdPlan flood{.crowd = Crowd::one_packet, .packets_per_second = 500'000};
  const auto low = equal_scans(50, 9, kPrivileged, 100ms);
  EXPECT_EQ(found("", low, flood), low.size());
  EXPECT_EQ(found_by_original(low, flood), 0U);
}

TEST(ClassicRecall, OnePortASecondIsFoundUnder100000ForgedSourcesASecond) {
  const CrowdPlan flood{.crowd = Crowd::one_packet, .packets_per_second = 100'000};
  const auto low = equal_scans(50, 9, kPrivileged, 1s);
  EXPECT_EQ(found("", low, flood), low.size());
  EXPECT_EQ(found_by_original(low, flood), 0U);
}

TEST(ClassicRecall, EverythingIsFoundUnder10000ForgedSourcesASecondWithAMegabyte) {
  const auto scans = detectable(various_scans(40, 2));
  const CrowdPlan flood{.crowd = Crowd::one_packet, .packets_per_second = 10'000};
  EXPECT_EQ(found("1M", scans, flood), scans.size());
}

TEST(ClassicRecall, FloodsWithEvidenceDoNotHideScansFromTheDefaultTable) {
  const auto scans = detectable(various_scans(40, 3));
  for (const Crowd crowd : {Crowd::two_ports, Crowd::six_ports}) {
    const CrowdPlan flood{.crowd = crowd, .packets_per_second = 10'000};
    EXPECT_EQ(found("", scans, flood), scans.size());
    EXPECT_EQ(found_by_original(scans, flood), 0U);
  }
}

// Addresses that share a chain of the original, where 16 of them suffice.
TEST(ClassicRecall, ChosenSourcesHideNoMoreThanRandomOnes) {
  const auto scans = detectable(various_scans(250, 4, Chains::one));
  for (const Crowd crowd : {Crowd::one_packet, Crowd::six_ports}) {
    const CrowdPlan random{.crowd = crowd, .packets_per_second = 25'000};
    CrowdPlan chosen = random;
    chosen.is_chosen = true;
    // Under several keys, as under one some ten scans more or fewer are chance.
    constexpr std::uint64_t kKeys = 4;
    std::size_t found_in_random = 0;
    std::size_t found_in_chosen = 0;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const HashKey key{.a = keyed_hash(kKey, i), .b = keyed_hash(kKey, i, 1)};
      found_in_random += found("512k", scans, random, key);
      found_in_chosen += found("512k", scans, chosen, key);
    }
    EXPECT_LT(found_in_random, kKeys * scans.size()) << "the boundary is to be seen";
    EXPECT_GT(static_cast<double>(found_in_chosen), 0.95 * static_cast<double>(found_in_random));
  }
  const CrowdPlan few{.crowd = Crowd::one_packet, .packets_per_second = 100, .is_chosen = true};
  EXPECT_EQ(found("1M", scans, few), scans.size());
  EXPECT_LT(found_by_original(scans, few), scans.size() / 2);
}

TEST(ClassicRecall, ScansOfABusyServerAreFound) {
  for (const std::uint32_t clients : {100U, 1000U, 10'000U}) {
    const CrowdPlan crowd{.crowd = Crowd::clients, .packets_per_second = 3 * clients};
    for (const std::chrono::nanoseconds gap : {500ms, 2900ms}) {
      const auto scans = equal_scans(20, 8, kPrivileged, gap);
      EXPECT_EQ(found("", scans, crowd), scans.size()) << clients << " clients/s";
    }
  }
  const auto others = equal_scans(20, 22, kOther, 500ms);
  EXPECT_EQ(found("", others, {.crowd = Crowd::clients, .packets_per_second = 30'000}),
            others.size());
}

// Sources of one bucket under `key`, in a table of 480 buckets: of the 128k, 120 buckets of 576
// bytes are for those that have sent more than one packet, and four of 128 for each of these for
// the rest.
std::vector<std::uint32_t> neighbours(std::uint32_t source, HashKey key, std::size_t count) {
  constexpr std::uint64_t kBuckets = 480;
  const auto bucket = [&](std::uint32_t address) {
    const std::uint64_t hash = keyed_permutation(key, address) ^ keyed_permutation(key, 0);
    return hash * kBuckets >> 32;
  };
  std::vector<std::uint32_t> all;
  for (std::uint32_t address = 0xcb007100; all.size() < count; ++address) {
    if (bucket(address) == bucket(source)) all.push_back(address);
  }
  return all;
}

/// Is a scan of seven ports found, with one packet each from half of `others` before it, and from
/// the other half after its first port?
bool is_found(HashKey key, const std::vector<std::uint32_t>& others, std::uint32_t source) {
  const auto detector = make("128k", key);
  DetectorWatcher watcher(*detector);
  std::set<std::uint32_t> reported;
  const auto send = [&](std::uint32_t from, Port port) {
    Packet packet = tcp().to_port(port).at(kCurtain);
    packet.source = ipv4_bytes(from);
    watcher.watch({&packet, 1}, reported);
  };
  const auto half = static_cast<std::ptrdiff_t>(others.size() / 2);
  std::for_each(others.begin(), others.begin() + half,
                [&](std::uint32_t other) { send(other, 80); });
  send(source, 20);
  std::for_each(others.begin() + half, others.end(), [&](std::uint32_t other) { send(other, 80); });
  for (Port port = 21; port < 27; ++port) send(source, port);
  return reported.contains(source);
}

// This is what the key is for.
TEST(ClassicRecall, WhoKnewTheKeyCouldHideAScanWithAFewSources) {
  constexpr HashKey kSecret{.a = 0x452821e638d01377, .b = 0xbe5466cf34e90c6c};
  const std::uint32_t source = scanner_address(0);
  const auto others = neighbours(source, kKey, 60);
  EXPECT_FALSE(is_found(kKey, others, source));
  EXPECT_TRUE(is_found(kSecret, others, source));
}

TEST(ClassicTiers, ASourceThatWasMovedAsideIsReportedAsIfItHadNotBeen) {
  const auto detector = make("128k");
  const auto events = std::make_unique<EventList>();
  const auto see = [&](const Packet& packet) { detector->inspect({&packet, 1}, *events); };
  const auto probe = [&](Port port, std::chrono::nanoseconds time) {
    Packet packet = tcp().from("192.0.2.1", 1234).to("198.51.100.7", port).tos(16).ttl(55).at(time);
    packet.source = ipv4_bytes(scanner_address(0));
    see(packet);
  };
  probe(20, 1s + 1234567ns);
  for (const std::uint32_t other : neighbours(scanner_address(0), kKey, 6)) {
    Packet packet = tcp().at(2s);
    packet.source = ipv4_bytes(other);
    see(packet);
  }
  EXPECT_EQ(detector->stats().evicted, 0U) << "there was room in the upper tier";
  for (Port port = 21; port < 27; ++port) probe(port, 3s);
  ASSERT_EQ(events->view().size(), 1U);
  const ScanEvent& event = events->view().front();
  EXPECT_EQ(event.started, 1s + 1234567ns);
  EXPECT_EQ(event.varies, 0);
  EXPECT_EQ(event.source_port, 1234);
  EXPECT_EQ(to_string(event.target), "198.51.100.7");
  EXPECT_EQ(event.tos, 16);
  EXPECT_EQ(event.ttl, 55);
  EXPECT_EQ(event.port_count, 6);
  EXPECT_EQ(event.ports[0], 20);
}

/// Bytes of this process that are in memory.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t pages = 0;
  file >> all >> pages;
  return pages * 4096;
}

// bench_recall flat: the same for a thousand million packets.
TEST(ClassicMemory, IsTheSameAfterTenMillionPacketsOfAMillionSources) {
  const auto detector = make("");
  DetectorWatcher watcher(*detector);
  std::set<std::uint32_t> reported;
  const auto batch = std::make_unique<PacketBatch>();
  constexpr std::uint32_t kSources = 1'000'000;
  Packet packet = tcp();
  const auto send = [&](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t i = from; i < to; ++i) {
      packet.time = kCurtain + std::chrono::microseconds(i);
      packet.source = ipv4_bytes(1 + i % kSources * 4099);
      packet.target_port = static_cast<Port>(i / kSources);
      batch->push(packet);
      if (!batch->full()) continue;
      watcher.watch(batch->view(), reported);
      reported.clear();
      batch->size = 0;
    }
  };
  send(0, 8 * kSources);  // by then there were scans, too
  const std::size_t before = resident();
  send(8 * kSources, 10 * kSources);
  EXPECT_LT(resident(), before + (std::size_t{1} << 20));
  EXPECT_LT(detector->stats().memory, std::size_t{20} << 20);
}

}  // namespace
}  // namespace scanlogd::test
