// Novelties of a victim: what is usual, and what is four times that.
#include "detect/distributed.h"

#include <gtest/gtest.h>

#include <chrono>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

class Novelties : public ::testing::Test {
 protected:
  /// `count` sources ask for a new port each, `gap` between them; how many until it was a scan.
  int ask(int count, std::chrono::nanoseconds gap) {
    for (int i = 0; i < count; ++i) {
      now_ += gap;
      const auto port = static_cast<Port>(1024 + next_ * 37 % 60000);
      const auto* const scan = distributed_.note({.source = 1'000'000 + ++next_ * 977,
                                                  .port = port,
                                                  .protocol = IpProto::tcp,
                                                  .victim = victim_},
                                                 now_, tick_of(now_));
      if (scan != nullptr && scan->is_scan) return i + 1;
    }
    return count + 1;
  }

  Distributed distributed_ = Distributed::make().value();
  std::uint8_t victim_ = distributed_.victim_of(7, parse_address(kHost).value());
  std::chrono::nanoseconds now_ = 1000h;
  std::uint64_t next_ = 0;
};

TEST_F(Novelties, ThirtyPortsAtOnceAreAScan) {
  (void)ask(1, 1s);
  now_ += 10min;
  EXPECT_EQ(ask(60, 1s), 30);
}
TEST_F(Novelties, InTheFirstMinuteSeventyFiveAre) { EXPECT_EQ(ask(100, 100ms), 75); }
TEST_F(Novelties, TheUsualRateIsNone) { EXPECT_EQ(ask(5000, 2min), 5001); }
TEST_F(Novelties, WhatIsUsualIsLearnt) {
  (void)ask(2000, 1min);             // sixty an hour, and the learning of it
  EXPECT_EQ(ask(2000, 1min), 2001);  // the same
  EXPECT_EQ(ask(2000, 30s), 2001);   // twice
  EXPECT_LE(ask(2000, 4s), 45);      // fifteen times
}
TEST_F(Novelties, APortIsNewOnce) {
  for (int i = 0; i < 1000; ++i) {
    now_ += 1s;
    const auto* const scan = distributed_.note({.source = static_cast<SourceKey>(i) * 977,
                                                .port = static_cast<Port>(i % 20),
                                                .protocol = IpProto::tcp,
                                                .victim = victim_},
                                               now_, tick_of(now_));
    EXPECT_TRUE(scan == nullptr || !scan->is_scan);
  }
}
TEST_F(Novelties, FewSourcesAreNoDistributedScan) {
  for (int i = 0; i < 100; ++i) {
    now_ += 1s;
    const auto* const scan = distributed_.note({.source = static_cast<SourceKey>(i % 5) * 977,
                                                .port = static_cast<Port>(i),
                                                .protocol = IpProto::tcp,
                                                .victim = victim_},
                                               now_, tick_of(now_));
    EXPECT_FALSE(scan->is_scan);
  }
}
TEST_F(Novelties, NineSourcesAreNoneTenAre) {
  (void)ask(1, 1s);
  Port port = 20'000;
  // Neighbours are never taken for one another.
  const auto is_found = [&](SourceKey sources) {
    now_ += 1h;
    bool found = false;
    for (int i = 0; i < 60; ++i) {
      now_ += 1s;
      const auto* const scan = distributed_.note({.source = 1 + static_cast<SourceKey>(i) % sources,
                                                  .port = port++,
                                                  .protocol = IpProto::tcp,
                                                  .victim = victim_},
                                                 now_, tick_of(now_));
      found = found || (scan != nullptr && scan->is_scan);
    }
    return found;
  };
  EXPECT_FALSE(is_found(9));
  EXPECT_TRUE(is_found(10));
}
TEST_F(Novelties, SixteenVictimsAreWatched) {
  for (std::uint64_t local = 100; local < 115; ++local) {
    EXPECT_NE(distributed_.victim_of(local, {}), Distributed::kNone);
  }
  EXPECT_EQ(distributed_.victim_of(200, {}), Distributed::kNone);
  EXPECT_EQ(distributed_.victim_of(7, {}), victim_);
}

TEST(Distributed, FortySourcesWithAPortEachAreOneScan) {
  FullBench bench;
  bench.refuse("100.64.200.9", 8123);
  bench.pass(10min);
  const int probes = bench.until_found(60, 1s, [&](int i) {
    bench.refuse("100.64." + std::to_string(i) + ".9", static_cast<Port>(20011 + 7 * i));
  });
  EXPECT_EQ(probes, 30);
  EXPECT_EQ(bench.last().kind, ScanKind::distributed);
  EXPECT_GE(bench.last().sources_total, 20U);
  EXPECT_EQ(bench.last().ports_total, 30U);
  for (int i = 60; i < 100; ++i) {
    bench.refuse("100.64." + std::to_string(i) + ".9", static_cast<Port>(20011 + 7 * i));
  }
  EXPECT_EQ(bench.found(), 1U);
}

TEST(Distributed, AScanThatBeganInTheFirstMinuteGoesOnAfterIt) {
  FullBench bench;
  const auto ask = [&](int i) {
    bench.refuse("100." + std::to_string(64 + i / 250) + "." + std::to_string(i % 250) + ".9",
                 static_cast<Port>(20011 + 7 * i));
    bench.now += 500ms;
  };
  for (int i = 0; i < 110; ++i) ask(i);  // 55 seconds
  EXPECT_EQ(bench.found(), 1U);
  for (int i = 110; i < 400; ++i) ask(i);
  EXPECT_EQ(bench.found(), 1U);
  bench.finish();
  EXPECT_GT(bench.last(Phase::end).packets, 300U);
}

TEST(Distributed, ServicesAreNoNovelties) {
  FullBench bench;
  for (int i = 0; i < 200; ++i) {
    bench.serve("100.64." + std::to_string(i) + ".9", static_cast<Port>(20011 + 7 * i));
    bench.now += 1s;
  }
  EXPECT_EQ(bench.found(), 0U);
}

}  // namespace
}  // namespace scanlogd::test
