// The rule of scanlogd(8), one behaviour a test, each threshold at n-1, n, n+1.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/detector_bench.h"
#include "support/packet_builder.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

class Classic : public ::testing::Test {
 protected:
  /// Sends `count` SYNs to ports `first`, `first` + 1, ...; how many scans were reported.
  int probe(int count, Port first, std::chrono::nanoseconds gap = 1ms) {
    int scans = 0;
    for (int i = 0; i < count; ++i) {
      now_ += gap;
      scans += see(tcp().to_port(static_cast<Port>(first + i))) ? 1 : 0;
    }
    return scans;
  }
  std::optional<ScanEvent> see(PacketBuilder packet) {
    const auto event = bench_.see(packet.at(now_));
    if (event) last_ = event;
    return event;
  }

  DetectorBench bench_{"classic"};
  std::chrono::nanoseconds now_ = 1000s;
  std::optional<ScanEvent> last_;
};

TEST_F(Classic, SixPrivilegedPortsAreNoScan) { EXPECT_EQ(probe(6, 20), 0); }
TEST_F(Classic, SevenPrivilegedPortsAreAScan) { EXPECT_EQ(probe(7, 20), 1); }
TEST_F(Classic, EightPrivilegedPortsAreOneScan) { EXPECT_EQ(probe(8, 20), 1); }
TEST_F(Classic, TwentyHighPortsAreNoScan) { EXPECT_EQ(probe(20, 2000), 0); }
TEST_F(Classic, TwentyOneHighPortsAreAScan) { EXPECT_EQ(probe(21, 2000), 1); }
TEST_F(Classic, TwentyTwoHighPortsAreOneScan) { EXPECT_EQ(probe(22, 2000), 1); }

TEST_F(Classic, PortsBelow1024WeighThreeAndFrom1024OnOne) {
  EXPECT_EQ(probe(6, 1018), 0);  // 1018..1023: 18 points
  EXPECT_EQ(probe(2, 1024), 0);  // 1024, 1025: 20 points
  EXPECT_EQ(probe(1, 1026), 1);
}

TEST_F(Classic, PortZeroIsAPrivilegedPort) { EXPECT_EQ(probe(7, 0), 1); }

TEST_F(Classic, APauseOfLessThanThreeSecondsContinuesTheScan) {
  EXPECT_EQ(probe(7, 20, 2990ms), 1);
}
TEST_F(Classic, APauseOfExactlyThreeSecondsContinuesTheScan) { EXPECT_EQ(probe(7, 20, 3s), 1); }
TEST_F(Classic, APauseOfMoreThanThreeSecondsForgetsTheSource) {
  EXPECT_EQ(probe(7, 20, 3010ms), 0);
}

TEST_F(Classic, TimeIsCountedInHundredthsOfASecond) {
  now_ = 0s;
  probe(6, 20, 0s);
  now_ = 3009999us;  // still hundredth number 300
  EXPECT_EQ(probe(1, 30, 0s), 1);
}

TEST_F(Classic, APortSeenAgainDoesNotCount) {
  EXPECT_EQ(probe(6, 20), 0);
  EXPECT_EQ(probe(6, 20), 0);
  EXPECT_EQ(bench_.counter("known_port"), 6U);
}

TEST_F(Classic, APortSeenAgainDoesNotProlongTheScan) {
  probe(6, 20, 0s);
  now_ += 2s;
  probe(1, 20, 0s);
  now_ += 2s;
  EXPECT_EQ(probe(1, 26, 0s), 0);
  EXPECT_EQ(bench_.counter("new_source"), 2U);
}

TEST_F(Classic, AClockThatRanBackwardsForgetsTheSource) {
  probe(6, 20);
  now_ -= 1s;
  EXPECT_EQ(probe(1, 30), 0);
  EXPECT_EQ(bench_.counter("new_source"), 2U);
}

TEST_F(Classic, TheTickCounterMayWrap) {
  now_ = std::chrono::milliseconds(10) * ((std::int64_t{1} << 32) - 3);
  EXPECT_EQ(probe(7, 20, 10ms), 1);
}

TEST_F(Classic, OneLongScanIsOneReport) { EXPECT_EQ(probe(65536, 0), 1); }

TEST_F(Classic, AfterAPauseOfMoreThanThreeSecondsTheSourceIsReportedAgain) {
  EXPECT_EQ(probe(30, 20), 1);
  now_ += 3010ms;
  EXPECT_EQ(probe(30, 20), 1);
}

TEST_F(Classic, AfterAReportOnlyNewPortsKeepTheSourceSilent) {
  EXPECT_EQ(probe(7, 20), 1);
  for (int i = 0; i < 10; ++i) {
    now_ += 2s;
    EXPECT_EQ(probe(1, static_cast<Port>(100 + i), 0s), 0);
  }
  EXPECT_EQ(bench_.counter("after_report"), 10U);
}

TEST_F(Classic, ThePortThatCrossesTheThresholdIsNotListed) {
  probe(7, 20);
  ASSERT_TRUE(last_);
  ASSERT_EQ(last_->port_count, 6);
  EXPECT_EQ(last_->ports[0], 20);
  EXPECT_EQ(last_->ports[5], 25);
}

TEST_F(Classic, ThePortThatCrossedTheThresholdCountsAsNewAgain) {
  probe(7, 20);
  EXPECT_EQ(probe(1, 26), 0);
  EXPECT_EQ(bench_.counter("after_report"), 1U);
}

TEST_F(Classic, AnAckToAnUnknownSourceIsIgnored) {
  for (Port port = 20; port < 60; ++port) EXPECT_FALSE(see(tcp().to_port(port).flags("A")));
  EXPECT_EQ(bench_.counter("ack_from_unknown"), 40U);
}

TEST_F(Classic, ARstFromAnUnknownSourceMakesItKnown) {
  see(tcp().to_port(20).flags("R"));
  EXPECT_EQ(bench_.counter("new_source"), 1U);
  EXPECT_EQ(probe(6, 21), 1);
}

TEST_F(Classic, AckAndRstToNewPortsAreIgnored) {
  probe(1, 20);
  for (Port port = 100; port < 140; ++port) {
    EXPECT_FALSE(see(tcp().to_port(port).flags("R")));
    EXPECT_FALSE(see(tcp().to_port(port).flags("SA")));
  }
  EXPECT_EQ(bench_.counter("ack_or_rst"), 80U);
  EXPECT_EQ(probe(5, 21), 0);
  EXPECT_EQ(probe(1, 26), 1);
}

TEST_F(Classic, FlagsOfAKnownPortEnterTheReport) {
  probe(1, 20);
  see(tcp().to_port(20).flags("R"));
  probe(6, 21);
  ASSERT_TRUE(last_);
  EXPECT_EQ(last_->flags_or, tcp_flag::syn | tcp_flag::rst);
  EXPECT_EQ(last_->flags_and, 0);
}

TEST_F(Classic, FlagsOfIgnoredPacketsStayOut) {
  probe(1, 20);
  see(tcp().to_port(100).flags("RA"));
  probe(6, 21);
  ASSERT_TRUE(last_);
  EXPECT_EQ(last_->flags_or, tcp_flag::syn);
  EXPECT_EQ(last_->flags_and, tcp_flag::syn);
}

TEST_F(Classic, TheReportTellsWhatVariedSinceTheFirstPacket) {
  struct Case {
    PacketBuilder odd;
    std::uint8_t bit;
  };
  const std::vector<Case> cases = {
      {tcp().to("198.51.100.2", 25), varies::target},
      {tcp().from("192.0.2.1", 40001).to_port(25), varies::source_port},
      {tcp().to_port(25).tos(8), varies::tos},
      {tcp().to_port(25).ttl(63), varies::ttl}};
  for (const Case& each : cases) {
    now_ += 10s;
    probe(5, 20);
    see(each.odd);
    EXPECT_EQ(probe(1, 30), 1);
    EXPECT_EQ(last_->varies, each.bit);
  }
}

TEST_F(Classic, ThePacketThatCrossesTheThresholdCanVaryToo) {
  probe(6, 20);
  const auto event = see(tcp().to("198.51.100.9", 26));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->varies, varies::target);
  EXPECT_EQ(to_string(event->target), "198.51.100.1");
}

TEST_F(Classic, PortsCountWhateverHostTheyAreOn) {
  int scans = 0;
  for (int host = 1; host <= 40; ++host) {
    scans += see(tcp().to("198.51.100." + std::to_string(host), 22)) ? 1 : 0;
  }
  EXPECT_EQ(scans, 0) << "one port on many hosts is one port";
}

TEST_F(Classic, TheFirstPacketsValuesAreReported) {
  see(tcp().from("192.0.2.1", 1234).to("198.51.100.7", 20).tos(16).ttl(55));
  probe(6, 21);
  ASSERT_TRUE(last_);
  EXPECT_EQ(to_string(last_->source), "192.0.2.1");
  EXPECT_EQ(to_string(last_->target), "198.51.100.7");
  EXPECT_EQ(last_->source_port, 1234);
  EXPECT_EQ(last_->tos, 16);
  EXPECT_EQ(last_->ttl, 55);
}

TEST_F(Classic, StartedIsTheFirstPacketAndDetectedTheLast) {
  const auto first = now_ + 1ms;
  probe(7, 20);
  ASSERT_TRUE(last_);
  EXPECT_EQ(last_->started, first);
  EXPECT_EQ(last_->detected, now_);
}

TEST_F(Classic, SourcesAreKeptApart) {
  for (int i = 0; i < 6; ++i) {
    const auto port = static_cast<Port>(20 + i);
    EXPECT_FALSE(see(tcp().from("192.0.2.1").to_port(port)));
    EXPECT_FALSE(see(tcp().from("192.0.2.2").to_port(port)));
  }
  EXPECT_TRUE(see(tcp().from("192.0.2.2").to_port(26)));
  EXPECT_TRUE(see(tcp().from("192.0.2.1").to_port(26)));
}

TEST_F(Classic, TheSourceZeroIsIgnored) {
  for (Port port = 20; port < 60; ++port) EXPECT_FALSE(see(tcp().from("0.0.0.0").to_port(port)));
  EXPECT_EQ(bench_.counter("no_source"), 40U);
}

TEST_F(Classic, OtherProtocolsAndIpv6AreIgnored) {
  for (Port port = 20; port < 60; ++port) {
    EXPECT_FALSE(see(udp().to_port(port)));
    EXPECT_FALSE(see(tcp().from("2001:db8::1").to("2001:db8::2", port)));
  }
  EXPECT_EQ(bench_.counter("not_ipv4_tcp"), 80U);
}

TEST_F(Classic, EveryPacketIsInExactlyOneCounter) {
  for (int i = 0; i < 1000; ++i) {
    see(tcp()
            .from("192.0.2." + std::to_string(i % 7))
            .to_port(static_cast<Port>(i))
            .flag_byte(static_cast<std::uint8_t>(i)));
  }
  EXPECT_EQ(bench_.counted(), 1000U);
}

TEST_F(Classic, A256SourceFloodBetweenProbesDoesNotHideAScan) {
  int scans = 0;
  for (int i = 0; i < 7; ++i) {
    now_ += 100ms;
    scans += see(tcp().from("192.0.2.1").to_port(static_cast<Port>(20 + i))) ? 1 : 0;
    for (int j = 0; j < 1024; ++j) {
      see(tcp().from("10.0." + std::to_string(j / 256) + "." + std::to_string(j % 256)));
    }
  }
  EXPECT_EQ(scans, 1);
  EXPECT_EQ(bench_.counter("new_source_evicting"), 0U);
}

Section options(std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  Section section;
  for (const auto& [key, value] : values) section.set(key, value, "--test");
  return section;
}

int scans_of(const Section& section, int ports, Port first, std::chrono::nanoseconds gap = 1ms) {
  DetectorBench bench("classic", section);
  int scans = 0;
  std::chrono::nanoseconds now = 1s;
  for (int i = 0; i < ports; ++i) {
    now += gap;
    scans += bench.see(tcp().to_port(static_cast<Port>(first + i)).at(now)) ? 1 : 0;
  }
  return scans;
}

TEST(ClassicOptions, TheThresholdCanBeSet) {
  EXPECT_EQ(scans_of(options({{"threshold", "30"}}), 9, 20), 0);
  EXPECT_EQ(scans_of(options({{"threshold", "30"}}), 10, 20), 1);
  EXPECT_EQ(scans_of(options({{"threshold", "30"}}), 29, 2000), 0);
  EXPECT_EQ(scans_of(options({{"threshold", "30"}}), 30, 2000), 1);
}

TEST(ClassicOptions, TwoPortsAreAScanWhereTheyWeighEnough) {
  EXPECT_EQ(scans_of(options({{"threshold", "5"}}), 2, 20), 1);
  EXPECT_EQ(scans_of(options({{"threshold", "6"}}), 2, 20), 1);
  EXPECT_EQ(scans_of(options({{"threshold", "7"}}), 2, 20), 0);
}

TEST(ClassicOptions, TheWeightsCanBeSet) {
  EXPECT_EQ(scans_of(options({{"low_weight", "10"}}), 2, 20), 0);
  EXPECT_EQ(scans_of(options({{"low_weight", "10"}}), 3, 20), 1);
  EXPECT_EQ(scans_of(options({{"high_weight", "2"}}), 10, 2000), 0);
  EXPECT_EQ(scans_of(options({{"high_weight", "2"}}), 11, 2000), 1);
}

TEST(ClassicOptions, TheDelayCanBeSet) {
  EXPECT_EQ(scans_of(options({{"delay", "500ms"}}), 7, 20, 490ms), 1);
  EXPECT_EQ(scans_of(options({{"delay", "500ms"}}), 7, 20, 500ms), 1);
  EXPECT_EQ(scans_of(options({{"delay", "500ms"}}), 7, 20, 510ms), 0);
}

TEST(ClassicOptions, AThresholdOfManyPortsRemembersThemAll) {
  const Section section = options({{"threshold", "245"}});
  DetectorBench bench("classic", section);
  std::chrono::nanoseconds now = 1s;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 244; ++i) {
      EXPECT_FALSE(bench.see(tcp().to_port(static_cast<Port>(2000 + i)).at(now)));
    }
  }
  EXPECT_EQ(bench.counter("known_port"), 244U);
  EXPECT_TRUE(bench.see(tcp().to_port(5000).at(now)));
}

TEST(ClassicOptions, AThresholdOfTooManyPortsIsRefused) {
  const auto made = make_detector("classic", options({{"threshold", "246"}}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what,
            "--test: 246 with weight 1 takes more than the 244 ports that are remembered of a "
            "source");
}

TEST(ClassicOptions, AThresholdThatOnePortReachesIsRefused) {
  EXPECT_FALSE(make_detector("classic", options({{"threshold", "3"}})));
  EXPECT_TRUE(make_detector("classic", options({{"threshold", "4"}})));
}

TEST(ClassicOptions, UnknownKeysAndBadValuesAreRefused) {
  EXPECT_FALSE(make_detector("classic", options({{"treshold", "21"}})));
  EXPECT_FALSE(make_detector("classic", options({{"threshold", "many"}})));
  EXPECT_FALSE(make_detector("classic", options({{"delay", "0"}})));
  EXPECT_FALSE(make_detector("classic", options({{"delay", "2h"}})));
  EXPECT_FALSE(make_detector("classic", options({{"low_weight", "0"}})));
  EXPECT_FALSE(make_detector("classic", options({{"sources", "255"}})));
}

std::size_t memory_of(const Section& section) {
  const auto detector = make_detector("classic", section);
  return detector ? (*detector)->stats().memory : 0;
}

TEST(ClassicOptions, TheMemoryOfTheTablesIsThatOfBothTiers) {
  const std::size_t records = memory_of({}) - (std::size_t{16} << 20);
  EXPECT_LT(records, std::size_t{3} << 20);
  const std::size_t large = memory_of(options({{"memory", "64M"}}));
  EXPECT_NEAR(static_cast<double>(large - records), 64 << 20, 2000);
}

TEST(ClassicOptions, SmallMemoryHasFewerRecordsToo) {
  EXPECT_LT(memory_of(options({{"memory", "small"}})), std::size_t{5} << 18);
  EXPECT_LT(memory_of(options({{"memory", "128k"}})), std::size_t{5} << 16);
  EXPECT_FALSE(make_detector("classic", options({{"memory", "127k"}})));
}

TEST(ClassicOptions, MemoryFollowsTheNumberOfSources) {
  const std::size_t once = memory_of(options({{"sources", "100000"}}));
  const std::size_t twice = memory_of(options({{"sources", "200000"}}));
  EXPECT_EQ(twice - once, 100'000 * (64 + 8) + 100'000 / 8 * 4 * 128)
      << "and four buckets for those with one packet for each eight";
}

TEST(ClassicOptions, MemoryAndTheNumberOfSourcesExcludeEachOther) {
  const auto both = make_detector("classic", options({{"memory", "16M"}, {"sources", "65536"}}));
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().what, "--test: the memory is given as well");
}

std::string source(int number) {
  return "10." + std::to_string(number / 65536) + "." + std::to_string(number / 256 % 256) + "." +
         std::to_string(number % 256);
}

class ClassicTuned : public Classic {
 protected:
  Result<void> tune(std::string_view threshold, std::string_view low = "3",
                    std::string_view high = "1") {
    Section options;
    options.set("threshold", threshold, "x.toml:1");
    options.set("low_weight", low, "x.toml:2");
    options.set("high_weight", high, "x.toml:3");
    return bench_.detector().tune(options);
  }
};

TEST_F(ClassicTuned, ALowerThresholdCountsFromNowOn) {
  EXPECT_EQ(probe(11, 2000), 0);
  ASSERT_TRUE(tune("10"));
  EXPECT_EQ(probe(1, 2000), 0) << "a port that was known is no news";
  EXPECT_EQ(probe(1, 3000), 1);
  EXPECT_EQ(probe(20, 3001), 0) << "one scan";
}

TEST_F(ClassicTuned, AHigherWeightMakesTheSamePortsMore) {
  EXPECT_EQ(probe(5, 20), 0);
  ASSERT_TRUE(tune("21", "4"));
  EXPECT_EQ(probe(1, 30), 1) << "6 x 4 points";
}

TEST_F(ClassicTuned, ALowerWeightMakesTheSamePortsLess) {
  EXPECT_EQ(probe(6, 20), 0);
  ASSERT_TRUE(tune("21", "1"));
  EXPECT_EQ(probe(14, 30), 0) << "20 x 1 points";
  EXPECT_EQ(probe(1, 50), 1);
}

TEST_F(ClassicTuned, WhoWasReportedStaysSo) {
  EXPECT_EQ(probe(7, 20), 1);
  ASSERT_TRUE(tune("60", "3", "3"));
  EXPECT_EQ(probe(30, 100), 0);
  ASSERT_TRUE(tune("10"));
  EXPECT_EQ(probe(30, 200), 0);
}

TEST_F(ClassicTuned, APortListNeverOverflows) {
  EXPECT_EQ(probe(20, 2000), 0) << "all that are remembered of a source";
  ASSERT_TRUE(tune("61", "3", "3")) << "20 ports of 3 points";
  EXPECT_EQ(probe(1, 3000), 1);
}

TEST_F(ClassicTuned, WhatTakesMorePortsThanAreRememberedIsRefusedAndChangesNothing) {
  ASSERT_TRUE(tune("21", "1", "1")) << "20 ports";
  const auto refused = tune("22", "1", "1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "x.toml:1: 22 takes more ports than are remembered of a source until the next start");
  EXPECT_FALSE(tune("1"));
  EXPECT_EQ(probe(20, 2000), 0);
  EXPECT_EQ(probe(1, 3000), 1);
}

TEST(ClassicTiers, ATableUnderPressureSaysWhoItGivesUp) {
  DetectorBench bench("classic", options({{"sources", "256"}}));
  constexpr int kFlood = 10'000;
  for (int i = 0; i < kFlood; ++i) bench.see(tcp().from(source(i)).at(1s));
  const DetectorStats stats = bench.detector().stats();
  EXPECT_EQ(stats.new_sources, 10'000U);
  EXPECT_EQ(stats.evicted, bench.counter("new_source_evicting"));
  EXPECT_EQ(stats.evicted, kFlood - 256U * 6 - 256U) << "all others are still known";
}

TEST(ClassicTiers, SourcesWithTwoPacketsAreGivenUpForOthersOnly) {
  DetectorBench bench("classic", options({{"sources", "256"}}));
  for (int i = 0; i < 1000; ++i) {
    for (Port port = 20; port < 22; ++port) {
      bench.see(tcp().from(source(i)).to_port(port).at(1s));
    }
  }
  EXPECT_EQ(bench.detector().stats().evicted, 1000U - 256U);
  EXPECT_EQ(bench.counter("new_source_evicting"), 0U) << "each leaves the first tier at once";
}

TEST(ClassicTiers, StaleSourcesAreNotCountedAsGivenUp) {
  DetectorBench bench("classic", options({{"sources", "256"}}));
  for (int i = 0; i < 10'000; ++i) bench.see(tcp().from(source(i)).at(i * 3010ms));
  EXPECT_EQ(bench.detector().stats().evicted, 0U);
}

TEST(ClassicTiers, AFloodOfOnePacketSourcesCannotReachASourceWithTwo) {
  DetectorBench bench("classic", options({{"memory", "128k"}}));
  std::chrono::nanoseconds now = 1s;
  int scans = 0;
  int flood = 0;
  for (Port port = 20; port < 27; ++port) {
    scans += bench.see(tcp().from("192.0.2.1").to_port(port).at(now)) ? 1 : 0;
    if (port == 20) continue;
    for (int i = 0; i < 10'000; ++i) bench.see(tcp().from(source(flood++)).at(now += 100us));
  }
  EXPECT_EQ(scans, 1);
  EXPECT_GT(bench.detector().stats().evicted, 50'000U) << "the first tier was full all the time";
}

TEST(ClassicTiers, WhoMakesRoomForAFloodIsForgottenWhenItsTimeIsOver) {
  const auto scans_after = [](std::chrono::nanoseconds pause) {
    DetectorBench bench("classic", options({{"sources", "256"}}));
    constexpr int kWatched = 16;
    for (int i = 0; i < kWatched; ++i) bench.see(tcp().from(source(i)).to_port(20).at(1s));
    for (int i = 1000; i < 3000; ++i) bench.see(tcp().from(source(i)).at(3900ms));
    int scans = 0;
    for (int i = 0; i < kWatched; ++i) {
      for (Port port = 21; port < 27; ++port) {
        scans += bench.see(tcp().from(source(i)).to_port(port).at(1s + pause)) ? 1 : 0;
      }
    }
    return scans;
  };
  EXPECT_GT(scans_after(3s), 0) << "nobody was kept: proves nothing";
  EXPECT_EQ(scans_after(3010ms), 0);
}

TEST(ClassicTiers, RepeatsOfTheFirstPacketDoNotMakeASourceMore) {
  DetectorBench bench("classic", options({{"memory", "128k"}}));
  for (int i = 0; i < 5000; ++i) {
    for (int repeat = 0; repeat < 3; ++repeat) bench.see(tcp().from(source(i)).at(1s));
  }
  EXPECT_EQ(bench.counter("known_port"), 10'000U);
  EXPECT_EQ(bench.detector().stats().evicted, bench.counter("new_source_evicting"));
}

TEST(ClassicTiers, SourcesThatOnlyVaryTheFlagsDisplaceNobodyWhoAskedForTwoPorts) {
  DetectorBench bench("classic", options({{"memory", "128k"}}));
  bench.see(tcp().from("192.0.2.1").to_port(20).at(1s));
  bench.see(tcp().from("192.0.2.1").to_port(21).at(1s));
  for (int i = 0; i < 20'000; ++i) {
    bench.see(tcp().from(source(i)).at(1s));
    bench.see(tcp().from(source(i)).flags("A").at(1s));
  }
  int scans = 0;
  for (Port port = 22; port < 27; ++port) {
    scans += bench.see(tcp().from("192.0.2.1").to_port(port).at(2s)) ? 1 : 0;
  }
  EXPECT_EQ(scans, 1);
}

// A scan from its begin to its end.
class ClassicScan : public ::testing::Test {
 protected:
  std::vector<ScanEvent> see(PacketBuilder packet) {
    const Packet built = packet.at(now_);
    return collect([&] { detector_->inspect({&built, 1}, *events_); });
  }
  std::vector<ScanEvent> advance(std::chrono::nanoseconds now) {
    return collect([&] { detector_->advance(now, *events_); });
  }
  /// Seven ports from 20 on; the begin.
  ScanEvent begin(std::string_view from = "192.0.2.1") {
    std::vector<ScanEvent> told;
    for (Port port = 20; port < 27; ++port) {
      now_ += 10ms;
      told = see(tcp().from(from).to_port(port));
    }
    EXPECT_EQ(told.size(), 1U);
    return told.empty() ? ScanEvent{} : told.back();
  }
  std::string ranges() const {
    std::string text;
    for (const PortRange& range : events_->ports().back().view()) {
      text += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
    }
    return text;
  }

  std::unique_ptr<Detector> detector_ = std::move(*make_detector("classic"));
  std::unique_ptr<EventList> events_ = std::make_unique<EventList>();
  std::chrono::nanoseconds now_ = 1000s;

 private:
  template <class Call>
  std::vector<ScanEvent> collect(Call call) {
    events_->clear();
    call();
    return {events_->view().begin(), events_->view().end()};
  }
};

TEST_F(ClassicScan, BeginsWithTheTotalsSoFar) {
  const ScanEvent event = begin();
  EXPECT_EQ(event.phase, Phase::begin);
  EXPECT_EQ(event.kind, ScanKind::vertical);
  EXPECT_EQ(event.rule, ScanRule::classic);
  EXPECT_EQ(event.technique, Technique::syn_or_connect);
  EXPECT_EQ(event.packets, 7U);
  EXPECT_EQ(event.ports_total, 7U);
  EXPECT_EQ(event.hosts_total, 1U);
  EXPECT_EQ(detector_->stats().open_scans, 1U);
}

TEST_F(ClassicScan, OfThePortsBeforeItsBeginOnlyTheFirstHasATimeThatIsKnown) {
  const std::chrono::nanoseconds first = now_ + 10ms;
  const ScanEvent event = begin();
  (void)advance(Detector::kEndOfTime);
  ASSERT_EQ(events_->samples().size(), 1U);
  const auto points = events_->samples()[0].view();
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].port, 20);
  EXPECT_EQ(points[0].time, first);
  EXPECT_EQ(points[1].port, 26);
  EXPECT_EQ(points[1].time, event.detected);
}

TEST_F(ClassicScan, EndsWhenItsSourceHasPausedForMoreThanTheDelay) {
  const std::uint64_t record = begin().record;
  for (Port port = 27; port < 100; ++port) EXPECT_TRUE(see(tcp().to_port(port)).empty());
  EXPECT_TRUE(see(tcp().to("198.51.100.2", 22)).empty());
  EXPECT_TRUE(advance(now_ + 3s).empty());
  const auto ends = advance(now_ + 3011ms);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].phase, Phase::end);
  EXPECT_EQ(ends[0].reason, EndReason::idle);
  EXPECT_EQ(ends[0].record, record);
  EXPECT_EQ(ends[0].detected, now_);
  EXPECT_EQ(ends[0].packets, 81U);
  EXPECT_EQ(ends[0].ports_total, 80U);
  EXPECT_EQ(ends[0].hosts_total, 2U);
  EXPECT_EQ(to_string(ends[0].source), "192.0.2.1");
  EXPECT_EQ(ranges(), "20-99 ");
  EXPECT_EQ(detector_->stats().open_scans, 0U);
}

TEST_F(ClassicScan, IsNotProlongedByPortsOnItsList) {
  begin();
  const std::chrono::nanoseconds last = now_;
  now_ += 2s;
  EXPECT_TRUE(see(tcp().to_port(20)).empty());
  const auto ends = advance(last + 3011ms);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].packets, 8U);
  EXPECT_EQ(ends[0].detected, now_) << "but they belong to it";
}

TEST_F(ClassicScan, DoesNotEndBeforeItsSourceIsForgotten) {
  now_ = 1000s;
  begin();  // the last port comes 7 ticks later
  now_ += 3s;
  now_ += 9'999'999ns;  // still the same tick, three seconds later
  EXPECT_TRUE(advance(now_).empty());
  EXPECT_TRUE(see(tcp().to_port(99)).empty());
  EXPECT_TRUE(advance(now_ + 3s).empty());
}

TEST_F(ClassicScan, IsAnotherOneAfterAPause) {
  const std::uint64_t first = begin().record;
  now_ += 4s;
  EXPECT_NE(begin().record, first);
  EXPECT_EQ(advance(now_).size(), 1U) << "the first";
  EXPECT_EQ(advance(Detector::kEndOfTime).size(), 1U) << "the second";
}

TEST_F(ClassicScan, AllEndWithScanlogd) {
  for (int i = 0; i < 20; ++i) begin("192.0.2." + std::to_string(1 + i));
  std::size_t ends = 0;
  for (auto told = advance(Detector::kEndOfTime); !told.empty();
       told = advance(Detector::kEndOfTime)) {
    for (const ScanEvent& end : told) EXPECT_EQ(end.reason, EndReason::shutdown);
    ends += told.size();
  }
  EXPECT_EQ(ends, 20U);
}

TEST_F(ClassicScan, TellsHowItProbed) {
  struct Case {
    std::string_view flags;
    Technique technique;
  };
  int number = 0;
  for (const Case& each :
       {Case{"S", Technique::syn_or_connect}, Case{"SEW", Technique::syn_or_connect},
        Case{"", Technique::null}, Case{"F", Technique::fin}, Case{"FPU", Technique::xmas},
        Case{"FU", Technique::xmas}, Case{"SF", Technique::odd_flags},
        Case{"P", Technique::odd_flags}}) {
    const std::string from = "192.0.2." + std::to_string(++number);
    std::vector<ScanEvent> told;
    for (Port port = 20; port < 27; ++port) {
      told = see(tcp().from(from).to_port(port).flags(each.flags));
    }
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].technique, each.technique) << each.flags;
  }
}

}  // namespace
}  // namespace scanlogd::test
