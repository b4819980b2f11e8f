// The line about the reading of files.
#include "daemon/progress.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

TEST(Progress, SaysNothingInTheFirstSecond) {
  EXPECT_EQ(to_string(Progress{.elapsed = 999ms, .packets = 5, .position = 1, .size = 2}), "");
  EXPECT_NE(to_string(Progress{.elapsed = 1000ms, .packets = 5, .position = 1, .size = 2}), "");
}

TEST(Progress, TellsPacketsShareRateAndRest) {
  EXPECT_EQ(to_string(Progress{.elapsed = 4s, .packets = 12'345'678, .position = 25, .size = 100}),
            "12,345,678 packets, 25 %, 3,086,419 a second, 0:12 left");
  EXPECT_EQ(to_string(Progress{.elapsed = 100s, .packets = 999, .position = 1, .size = 11}),
            "999 packets, 9 %, 9 a second, 16:40 left");
}

TEST(Progress, OfAStreamOnlyWhatIsKnown) {
  EXPECT_EQ(to_string(Progress{.elapsed = 2s, .packets = 1000, .position = 0, .size = 0}),
            "1,000 packets, 500 a second");
}

TEST(Progress, AFileThatGrewIsReadToItsEnd) {
  EXPECT_EQ(to_string(Progress{.elapsed = 1s, .packets = 0, .position = 120, .size = 100}),
            "0 packets, 100 %, 0 a second, 0:00 left");
}

}  // namespace
}  // namespace scanlogd
