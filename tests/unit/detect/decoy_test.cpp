// The same probe from several addresses.
#include "detect/decoy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kScanner = "203.0.113.77";

std::string decoy(int i) { return "192.0.2." + std::to_string(10 + i); }

// One port, from ten decoys and the scanner, all within a millisecond.
template <class Make>
void ask(FullBench& bench, Port port, Make make) {
  for (int i = 0; i <= 10; ++i) {
    bench.see(make(i == 6 ? std::string(kScanner) : decoy(i), port));
    bench.now += 10us;
  }
}
Packet raw(const std::string& from, Port port) { return nmap_syn(from, kHost, port); }

TEST(Decoys, TenAndTheScannerAreOneScanAtTheThirdPort) {
  FullBench bench;
  ask(bench, 601, raw);
  ask(bench, 604, raw);
  EXPECT_EQ(bench.found(), 0U);
  ask(bench, 607, raw);
  EXPECT_EQ(bench.found(), 1U);
  for (Port port = 700; port < 760; ++port) ask(bench, port, raw);
  EXPECT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::decoys);
  EXPECT_EQ(bench.last().verdict, Verdict::suspect);
  EXPECT_EQ(bench.last().sources_total, 11U);
  EXPECT_EQ(bench.last().group_count, 11U);
}

// nmap -D takes 128 addresses, the scanner's own among them.
TEST(Decoys, UpToHundredTwentyEightAreAllNamedAndWhoeverIsMoreIsFoundForHimself) {
  for (const int members : {127, 128, 129}) {
    FullBench bench;
    for (Port port = 601; port < 700; port = static_cast<Port>(port + 3)) {
      for (int i = 1; i <= members; ++i) bench.see(raw("192.0.2." + std::to_string(i), port));
    }
    EXPECT_EQ(bench.found(), members > 128 ? 2U : 1U) << members;
    const std::vector<Address>& named = bench.sources;
    ASSERT_EQ(named.size(), std::min<std::size_t>(static_cast<std::size_t>(members), 128));
    for (int i = 1; i <= std::min(members, 128); ++i) {
      const Address one = parse_address("192.0.2." + std::to_string(i)).value();
      EXPECT_NE(std::ranges::find(named, one), named.end()) << i;
    }
  }
}

// nmap -D with ME at any place; the order is the same for each port, as nmap has it.
TEST(Decoys, TheScannerIsNamedAmongThreeToAHundredOfThemInAnyOrder) {
  constexpr std::uint32_t kOrders = 50;
  const Address scanner = parse_address(kScanner).value();
  for (int decoys = 3; decoys <= 100; ++decoys) {
    std::vector<Packet> all{raw(std::string(kScanner), 601)};
    for (int i = 0; i < decoys; ++i) all.push_back(raw(decoy(i), 601));
    FullBench bench;
    for (std::uint32_t seed = 0; seed < kOrders; ++seed) {
      std::vector<Packet> probes = all;
      std::ranges::shuffle(probes, std::mt19937(seed));
      bench.events.clear();
      bench.sources.clear();
      for (Port port = 601; port < 613; port = static_cast<Port>(port + 3)) {
        for (Packet probe : probes) {
          probe.target_port = port;
          bench.see(probe);
        }
        bench.now += 100ms;
      }
      bench.pass(49h);  // it has ended, and all is forgotten
      ASSERT_EQ(bench.found(), 1U) << decoys << " decoys, order " << seed;
      const ScanEvent& scan = bench.last();
      EXPECT_EQ(scan.sources_total, static_cast<std::uint32_t>(decoys + 1));
      const auto few = std::span(scan.group).first(scan.group_count);
      const bool is_named = std::ranges::find(few, scanner) != few.end() ||
                            std::ranges::find(bench.sources, scanner) != bench.sources.end();
      ASSERT_TRUE(is_named) << decoys << " decoys, order " << seed;
    }
  }
}

TEST(Decoys, WhoeverOurAnswersReachIsTheLikeliest) {
  FullBench bench;
  ask(bench, 601, raw);
  ask(bench, 604, raw);
  const Packet syn = nmap_syn(kScanner, kHost, 604);
  bench.see(answer_to(syn, "SA"));
  Packet reset = segment(kScanner, kHost, 604, "R");
  reset.sequence = syn.sequence + 1;
  bench.see(reset);
  ask(bench, 607, raw);
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().source, parse_address(kScanner).value());
  EXPECT_EQ(bench.last().group[0], parse_address(kScanner).value());
}

TEST(Decoys, AreKnownInIpv6WithoutAnIpId) {
  FullBench bench({}, "2001:db8:1::/64");
  for (Port port = 601; port < 610; port = static_cast<Port>(port + 3)) {
    for (int i = 0; i < 5; ++i) {
      Packet packet = nmap_syn("2001:db8:" + std::to_string(i + 2) + "::1", "2001:db8:1::1", port);
      packet.ip_id = 0;
      bench.see(packet);
    }
  }
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::decoys);
}

TEST(Decoys, AreKnownInUdp) {
  FullBench bench;
  for (Port port = 601; port < 610; port = static_cast<Port>(port + 3)) {
    ask(bench, port, [](const std::string& from, Port target) {
      Packet packet = datagram(from, 44444, kHost, target);
      packet.ip_id = static_cast<std::uint16_t>(target * 3U);
      return packet;
    });
  }
  EXPECT_EQ(bench.found(), 1U);
}

TEST(Decoys, TwoScannersAtTheSameTimeAreTwo) {
  FullBench bench;
  for (int i = 0; i < 10; ++i) {
    for (const int scanner : {1, 2}) {
      Packet packet = raw(decoy(scanner), static_cast<Port>(601 + 3 * i));
      packet.sequence += static_cast<std::uint32_t>(scanner);
      bench.see(packet);
    }
  }
  EXPECT_EQ(bench.found(), 2U);
  EXPECT_EQ(bench.last().kind, ScanKind::vertical);
}

TEST(Decoys, TheSameProbeLaterIsAnotherScanner) {
  FullBench bench;
  for (const int scanner : {1, 2}) {
    for (int i = 0; i < 10; ++i) bench.see(raw(decoy(scanner), static_cast<Port>(601 + 3 * i)));
    bench.pass(3s);
  }
  EXPECT_EQ(bench.found(), 2U);
}

TEST(Decoys, TheFirstPlaceIsForThePreferred) {
  DecoyGroup group;
  for (SourceKey source = 1; source <= 20; ++source) group.add(source, address_of(source));
  EXPECT_EQ(group.count, 20);
  group.prefer(20);
  EXPECT_EQ(group.members[0], 20U);
  EXPECT_TRUE(group.has(1));
  group.prefer(99);
  EXPECT_EQ(group.members[0], 20U);
  group.prefer(2);
  EXPECT_EQ(group.members[0], 2U) << "who was second";
  EXPECT_EQ(group.members[1], 20U);
  EXPECT_EQ(group.addresses[0], address_of(2));
}

}  // namespace
}  // namespace scanlogd::test
