// The man page: "more than 5 scans in 20 seconds", to the hundredth of a second.
#include "record/limiter.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

TEST(Limiter, GivesTheFirstFiveALineAndTheSixthTheLastWord) {
  Limiter limiter;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.admit(100s), Announce::line);
  EXPECT_EQ(limiter.admit(100s), Announce::more_follow);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(limiter.admit(100s), Announce::held_back);
}

TEST(Limiter, StaysSilentForExactlyTwentySecondsAfterTheSixth) {
  Limiter limiter;
  for (int i = 0; i < 6; ++i) (void)limiter.admit(100s);
  EXPECT_EQ(limiter.admit(119990ms), Announce::held_back);
  EXPECT_EQ(limiter.admit(120s), Announce::held_back);
  EXPECT_EQ(limiter.admit(120010ms), Announce::line);
}

TEST(Limiter, HeldBackScansDoNotProlongTheSilence) {
  Limiter limiter;
  for (int i = 0; i < 6; ++i) (void)limiter.admit(100s);
  EXPECT_EQ(limiter.admit(119s), Announce::held_back);
  EXPECT_EQ(limiter.admit(121s), Announce::line);
}

TEST(Limiter, CountsScansThatAreNoMoreThanTwentySecondsApart) {
  Limiter limiter;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.admit(100s + i * 20s), Announce::line);
  EXPECT_EQ(limiter.admit(200s), Announce::more_follow);
}

TEST(Limiter, APauseOfMoreThanTwentySecondsStartsTheCountAnew) {
  Limiter limiter;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(limiter.admit(100s + i * 20010ms), Announce::line);
}

TEST(Limiter, AClockThatRanBackwardsStartsTheCountAnew) {
  Limiter limiter;
  for (int i = 0; i < 6; ++i) (void)limiter.admit(100s);
  EXPECT_EQ(limiter.admit(99s), Announce::line);
}

TEST(Limiter, TheFirstScanAfterBootGetsALine) {
  Limiter limiter;
  EXPECT_EQ(limiter.admit(0s), Announce::line);
}

TEST(Limiter, SaysBeforehandWhetherThereIsALine) {
  Limiter limiter;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(limiter.has_line(100s));
    (void)limiter.admit(100s);
  }
  EXPECT_FALSE(limiter.has_line(100s)) << "the sixth gets the last word";
  (void)limiter.admit(100s);
  EXPECT_FALSE(limiter.has_line(120s));
  EXPECT_TRUE(limiter.has_line(120010ms));
  EXPECT_TRUE(limiter.has_line(99s));
}

TEST(Limiter, GoesOnWhereAnotherStopped) {
  Limiter before;
  for (int i = 0; i < 5; ++i) (void)before.admit(100s);
  Limiter limiter;
  limiter.restore(before.state());
  EXPECT_EQ(limiter.admit(101s), Announce::more_follow);
}

}  // namespace
}  // namespace scanlogd
