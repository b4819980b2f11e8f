// When it is told that live sources are given up, with counts and times made up.
#include "daemon/pressure.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

class PressureTest : public ::testing::Test {
 protected:
  /// Time passes, sources come and live ones go; what is told then.
  std::string pass(std::chrono::nanoseconds time, std::uint64_t come, std::uint64_t go) {
    now_ += time;
    come_ += come;
    go_ += go;
    const auto told = pressure_.look(come_, go_, now_);
    return told ? to_string(*told) : "";
  }

  Pressure pressure_;
  std::chrono::nanoseconds now_ = 1000s;
  std::uint64_t come_ = 0;
  std::uint64_t go_ = 0;
};

constexpr auto kTold =
    "state pressure: 5000 new sources/s, 300 live sources given up in the last second; slow scans "
    "may be missed (--memory)";

TEST_F(PressureTest, NewSourcesAloneAreNoPressure) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pass(1s, 1'000'000, 0), "");
  EXPECT_FALSE(pressure_.is_waiting(go_));
}

TEST_F(PressureTest, LiveSourcesGivenUpAreToldWithinASecond) {
  EXPECT_EQ(pass(1s, 0, 0), "");
  EXPECT_EQ(pass(999ms, 5000, 300), "");
  EXPECT_TRUE(pressure_.is_waiting(go_));
  EXPECT_EQ(pass(1ms, 0, 0), kTold);
}

TEST_F(PressureTest, AtTheFirstLookToo) { EXPECT_EQ(pass(0s, 5000, 300), kTold); }

TEST_F(PressureTest, RatesAreThoseOfASecondHoweverLongItWas) {
  pass(1s, 0, 0);
  EXPECT_EQ(pass(2s, 10'000, 600), kTold);
}

TEST_F(PressureTest, ASingleSourceIsToldHoweverLongItWas) {
  pass(1s, 0, 0);
  EXPECT_NE(pass(10s, 100, 1).find(" 1 live sources given up"), std::string::npos);
}

TEST_F(PressureTest, AsLongAsItLastsItIsToldEveryTenSeconds) {
  pass(1s, 0, 0);
  int told = 0;
  for (int i = 0; i < 30; ++i) told += pass(1s, 5000, 300) == kTold ? 1 : 0;
  EXPECT_EQ(told, 3);
}

TEST_F(PressureTest, TenSecondsAfterTheLastItIsOver) {
  pass(1s, 0, 0);
  for (int i = 0; i < 7; ++i) pass(1s, 5000, 300);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(pass(1s, 5000, 0), "");
  EXPECT_TRUE(pressure_.is_waiting(go_));
  EXPECT_EQ(pass(1s, 5000, 0), "state pressure is over: 2100 live sources given up in 7 s");
  EXPECT_FALSE(pressure_.is_waiting(go_));
  EXPECT_EQ(pass(1s, 5000, 300), kTold) << "and may begin again";
}

TEST_F(PressureTest, ItIsOverAtTheEndToo) {
  EXPECT_FALSE(pressure_.finish(0));
  pass(1s, 5000, 300);
  const auto end = pressure_.finish(310);
  ASSERT_TRUE(end);
  EXPECT_EQ(to_string(*end), "state pressure is over: 310 live sources given up in 1 s");
  EXPECT_FALSE(pressure_.finish(310));
  const auto short_end = pressure_.finish(315);
  ASSERT_TRUE(short_end) << "what came after the last look";
  EXPECT_EQ(to_string(*short_end), "state pressure is over: 5 live sources given up in 1 s");
}

TEST_F(PressureTest, AClockThatRunsBackwardsDoesNotSilenceIt) {
  pass(1s, 0, 0);
  EXPECT_EQ(pass(-100s, 5000, 300), kTold);
  EXPECT_NE(pass(-100s, 5000, 300), "");
}

}  // namespace
}  // namespace scanlogd
