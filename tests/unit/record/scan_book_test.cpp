// Ids come before any decision about the log, and the sums hold.
#include "record/scan_book.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

TEST(ScanBook, NumbersEveryScanWhateverTheLimiterSays) {
  ScanBook book;
  ScanEvent event;
  event.detected = 5s;
  for (std::uint64_t id = 1; id <= 20; ++id) EXPECT_EQ(book.enter(event, 0s).id, id);
}

TEST(ScanBook, TurnsMonotonicTimeIntoWallClock) {
  ScanBook book;
  ScanEvent event;
  event.started = 5s;
  event.detected = 7s;
  const Scan scan = book.enter(event, 1000s);
  EXPECT_EQ(scan.started.time_since_epoch(), 1005s);
  EXPECT_EQ(scan.detected.time_since_epoch(), 1007s);
}

TEST(ScanBook, DetectedIsTheSumOfWhatBecameOfIt) {
  ScanBook book;
  ScanEvent event;
  for (int i = 0; i < 50; ++i) {
    event.detected = i * 1s;
    (void)book.enter(event, 0s);
  }
  const BookStats& stats = book.stats();
  EXPECT_EQ(stats.detected, 50U);
  EXPECT_EQ(stats.lines + stats.more_follow + stats.held_back, stats.detected);
  EXPECT_EQ(stats.more_follow, 2U);
  EXPECT_EQ(stats.lines, 10U);
}

}  // namespace
}  // namespace scanlogd
