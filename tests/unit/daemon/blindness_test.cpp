// When gaps are told, with times made up; thresholds at n-1 and n.
#include "daemon/blindness.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using Kind = InterfaceChange::Kind;

class BlindnessTest : public ::testing::Test {
 protected:
  static Blindness::Time at(std::chrono::milliseconds time) {
    return Blindness::Time(std::chrono::hours(1) + time);
  }
  void change(Kind kind, bool is_up, std::chrono::milliseconds time,
              Coverage coverage = Coverage::watched) {
    blindness_.follow({.kind = kind,
                       .interface = {.index = 2, .name = "eth0", .type = 1, .is_up = is_up},
                       .old_name = {}},
                      coverage, at(time), at(time));
  }
  std::vector<BlindInterval> take(std::chrono::milliseconds time) {
    return blindness_.take(at(time));
  }

  Blindness blindness_;
};

TEST_F(BlindnessTest, AnInterfaceThatWasDownIsToldWhenItIsUpAgain) {
  change(Kind::down, false, 0ms);
  change(Kind::up, true, 300ms);
  const auto told = take(300ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cause, BlindCause::interface_down);
  EXPECT_EQ(told[0].interface, "eth0");
  EXPECT_EQ(told[0].start, at(0ms));
  EXPECT_EQ(told[0].end, at(300ms));
  EXPECT_FALSE(told[0].packets);
  EXPECT_FALSE(blindness_.is_waiting());
}

TEST_F(BlindnessTest, AGapIsToldOnceWhileItLastsWhenItIsASecondOld) {
  change(Kind::down, false, 0ms);
  EXPECT_TRUE(take(999ms).empty());
  EXPECT_TRUE(blindness_.is_waiting());
  const auto told = take(1000ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(told[0].end);
  EXPECT_TRUE(take(5000ms).empty());
  EXPECT_FALSE(blindness_.is_waiting());
  change(Kind::up, true, 6000ms);
  ASSERT_EQ(take(6000ms).size(), 1u);
}

TEST_F(BlindnessTest, DownThenGoneThenBackIsOneGapFromDownToUp) {
  change(Kind::down, false, 0ms);
  change(Kind::gone, false, 10ms);
  change(Kind::appeared, false, 200ms);
  EXPECT_TRUE(take(200ms).empty()) << "it is back, but not up";
  change(Kind::up, true, 250ms);
  const auto told = take(250ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cause, BlindCause::interface_gone);
  EXPECT_EQ(*told[0].end - told[0].start, 250ms);
}

TEST_F(BlindnessTest, AnInterfaceThatIsOffFromTheBeginningIsNoGap) {
  change(Kind::appeared, false, 0ms);
  EXPECT_FALSE(blindness_.is_waiting());
}

TEST_F(BlindnessTest, WhatNobodyAskedForIsNoGap) {
  change(Kind::down, false, 0ms, Coverage::no_concern);
  change(Kind::gone, false, 0ms, Coverage::no_concern);
  EXPECT_FALSE(blindness_.is_waiting());
}

TEST_F(BlindnessTest, AnInterfaceThatCannotBeWatchedIsToldAtOnce) {
  change(Kind::appeared, true, 0ms, Coverage::not_watched);
  const auto told = take(0ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cause, BlindCause::not_watched);
  EXPECT_FALSE(told[0].end);
}

TEST_F(BlindnessTest, AnInterfaceThatHasToBeSetUpFirstIsAGapUntilThen) {
  for (const bool is_up : {false, true}) {
    blindness_.follow({.kind = Kind::appeared,
                       .interface = {.index = 3, .name = "eth1", .type = 1, .is_up = is_up},
                       .old_name = {}},
                      Coverage::watched_aside, at(100ms), at(112ms));
    EXPECT_TRUE(blindness_.is_waiting());
    const auto told = take(112ms);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].cause, BlindCause::not_watched);
    EXPECT_EQ(told[0].interface, "eth1");
    EXPECT_EQ(told[0].start, at(100ms));
    EXPECT_EQ(told[0].end, at(112ms));
    EXPECT_FALSE(blindness_.is_waiting());
  }
}

TEST_F(BlindnessTest, AnInterfaceThatIsBackAndSetUpAnewIsOneGapFromItsRemoval) {
  change(Kind::gone, true, 0ms, Coverage::watched_aside);
  change(Kind::appeared, true, 300ms, Coverage::watched_aside);
  const auto told = take(300ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cause, BlindCause::interface_gone);
  EXPECT_EQ(told[0].start, at(0ms));
  EXPECT_EQ(told[0].end, at(300ms));
}

TEST_F(BlindnessTest, AnInterfaceThatIsSeenAtOnceIsNoGap) {
  change(Kind::appeared, true, 0ms);
  EXPECT_FALSE(blindness_.is_waiting());
}

TEST_F(BlindnessTest, ARenamedInterfaceKeepsItsGap) {
  change(Kind::down, false, 0ms);
  blindness_.follow({.kind = Kind::renamed,
                     .interface = {.index = 2, .name = "lan0", .type = 1, .is_up = false},
                     .old_name = "eth0"},
                    Coverage::watched, at(100ms), at(100ms));
  blindness_.follow({.kind = Kind::up,
                     .interface = {.index = 2, .name = "lan0", .type = 1, .is_up = true},
                     .old_name = {}},
                    Coverage::watched, at(200ms), at(200ms));
  const auto told = take(200ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].interface, "lan0");
  EXPECT_EQ(told[0].start, at(0ms));
}

TEST_F(BlindnessTest, LossesAreOneIntervalUntilASecondWithoutAny) {
  blindness_.lost(10, at(-500ms), at(0ms));
  blindness_.lost(25, at(-500ms), at(900ms));
  blindness_.lost(25, at(1000ms), at(1899ms));
  EXPECT_TRUE(take(1899ms).empty());
  blindness_.lost(25, at(1000ms), at(1900ms));
  const auto told = take(1900ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cause, BlindCause::overload);
  EXPECT_EQ(told[0].start, at(-500ms)) << "when all was last known to be read";
  EXPECT_EQ(told[0].end, at(900ms));
  EXPECT_EQ(told[0].packets, 25u);
  EXPECT_FALSE(blindness_.is_waiting());
}

TEST_F(BlindnessTest, LossesWithoutEndAreToldEveryTenSeconds) {
  std::uint64_t total = 0;
  std::uint64_t told = 0;
  for (int second = 0; second <= 20; ++second) {
    total += 5;
    blindness_.lost(total, at(0ms), at(std::chrono::seconds(second)));
    for (const BlindInterval& each : take(std::chrono::seconds(second))) told += *each.packets;
  }
  EXPECT_GE(told, 100u);
  for (const BlindInterval& each : blindness_.finish(at(20s))) told += *each.packets;
  EXPECT_EQ(told, total) << "what is lost shortly before the end is told at the end";
}

TEST_F(BlindnessTest, NoLossIsNoGap) {
  blindness_.lost(0, at(0ms), at(100ms));
  EXPECT_FALSE(blindness_.is_waiting());
}

TEST_F(BlindnessTest, AStopThatLostPacketsIsToldWithTheirNumber) {
  blindness_.stopped(84'000, at(0ms), at(2000ms));
  const auto told = take(2000ms);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cause, BlindCause::stopped);
  EXPECT_EQ(told[0].packets, 84'000u);
  blindness_.lost(84'000, at(2000ms), at(3000ms));
  EXPECT_TRUE(take(5000ms).empty()) << "the same packets are not counted twice";
}

TEST_F(BlindnessTest, ASignalToGoOnWithoutALossIsNoGap) {
  blindness_.stopped(0, at(0ms), at(2000ms));
  EXPECT_TRUE(take(2000ms).empty());
}

}  // namespace
}  // namespace scanlogd
