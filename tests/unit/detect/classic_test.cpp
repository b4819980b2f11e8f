// The rule of scanlogd(8), one behaviour a test, each threshold at n-1, n, n+1.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
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

TEST(ClassicOptions, MemoryFollowsTheNumberOfSources) {
  const auto small = make_detector("classic", options({{"sources", "256"}}));
  const auto large = make_detector("classic", options({{"sources", "65536"}}));
  ASSERT_TRUE(small);
  ASSERT_TRUE(large);
  EXPECT_EQ((*small)->stats().memory, 256U * (64 + 8));
  EXPECT_EQ((*large)->stats().memory, 65536U * (64 + 8));
}

TEST(ClassicOptions, ASmallTableUnderPressureSaysThatItEvicts) {
  DetectorBench bench("classic", options({{"sources", "256"}}));
  for (int i = 0; i < 1024; ++i) {
    bench.see(tcp().from("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256)).at(1s));
  }
  EXPECT_GE(bench.counter("new_source_evicting"), 1024U - 256U);
}

}  // namespace
}  // namespace scanlogd::test
