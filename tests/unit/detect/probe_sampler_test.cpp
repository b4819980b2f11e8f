// A sample of probes is small, spread evenly, the same each time, and shows no rhythm of its own.
#include "detect/probe_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr Address kHost{Family::ipv4, ipv4_bytes(0x0a090001)};

class Sampler : public ::testing::Test {
 protected:
  void SetUp() override {
    std::memset(static_cast<void*>(sampler_.get()), 0xff, sizeof(ProbeSampler));
    sampler_->clear(1);
  }
  /// Probes number `from` to `to`, a millisecond apart, with their number as mark.
  void probe(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i <= to; ++i) {
      if (!sampler_->wants()) continue;
      sampler_->take({.time = i * 1ms, .target = kHost, .port = static_cast<Port>(i)},
                     static_cast<std::uint32_t>(i));
    }
  }
  ScanSample sample() const {
    ScanSample sample;
    sampler_->copy_to(sample);
    return sample;
  }

  std::unique_ptr<ProbeSampler> sampler_{new ProbeSampler};
};

TEST_F(Sampler, TakesAllOfFew) {
  probe(1, 127);
  const ScanSample all = sample();
  ASSERT_EQ(all.count, 127U);
  EXPECT_EQ(all.shift, 0U);
  for (std::size_t i = 0; i < all.count; ++i) EXPECT_EQ(all.points[i].port, i + 1);
}

TEST_F(Sampler, TakesOneOfEachBlockOfMany) {
  for (const std::uint64_t count : {128U, 129U, 1000U, 65536U, 1'000'000U}) {
    sampler_->clear(count);
    probe(1, count);
    const ScanSample some = sample();
    const std::uint64_t block = std::uint64_t{1} << some.shift;
    EXPECT_GE(some.count, 63U) << count;
    EXPECT_LT(some.count, ScanSample::kMaxPoints) << count;
    EXPECT_NEAR(static_cast<double>(some.count), static_cast<double>(count / block), 1.0) << count;
    for (std::size_t i = 0; i < some.count; ++i) {
      const auto number = static_cast<std::uint64_t>(some.points[i].time / 1ms) - 1;
      EXPECT_EQ(number / block, i) << count;
    }
    EXPECT_EQ(some.points[0].time, 1ms) << "the first stays";
  }
}

TEST_F(Sampler, TheSameProbesGiveTheSameSample) {
  probe(1, 5000);
  const ScanSample once = sample();
  sampler_->clear(1);
  probe(1, 5000);
  const ScanSample again = sample();
  EXPECT_TRUE(std::ranges::equal(once.view(), again.view()));
}

TEST_F(Sampler, ARhythmOfTheProbesIsNoRhythmOfTheSample) {
  probe(1, 64'000);
  const ScanSample some = sample();
  const auto odd = std::ranges::count_if(some.view(), [](const auto& it) { return it.port % 2; });
  EXPECT_GT(odd, some.count / 4);
  EXPECT_LT(odd, some.count * 3 / 4);
}

TEST_F(Sampler, AnAnswerIsNotedWithItsProbe) {
  probe(1, 20);
  sampler_->note(20, ProbeOutcome::open);
  sampler_->note(5, ProbeOutcome::closed);
  sampler_->note(4, ProbeOutcome::closed);
  sampler_->note(21, ProbeOutcome::closed);
  const ScanSample some = sample();
  EXPECT_EQ(some.points[19].outcome, ProbeOutcome::open);
  EXPECT_EQ(some.points[4].outcome, ProbeOutcome::closed) << "the 16th from the end";
  EXPECT_EQ(some.points[3].outcome, ProbeOutcome::unknown) << "too long ago";
}

TEST_F(Sampler, AnAnswerIsNotedThoughTheSampleWasHalvedSince) {
  const auto note_last = [&] {
    probe(1, 128);
    sampler_->note(128, ProbeOutcome::open);
    sampler_->note(127, ProbeOutcome::open);
    sampler_->note(100, ProbeOutcome::open);
  };
  note_last();
  const ScanSample some = sample();
  ASSERT_EQ(some.count, 64U);
  EXPECT_EQ(some.points[63].outcome, ProbeOutcome::open);
  const auto open = std::ranges::count(some.view(), ProbeOutcome::open, &ProbePoint::outcome);
  EXPECT_EQ(open, 1) << "one of the last two was kept, and the other was too long ago";
}

TEST_F(Sampler, TargetsAreKeptAndIpv6OnesByTheirLastFourBytes) {
  const Address one = parse_address("2001:db8::1:2").value();
  const Address two = parse_address("2001:db8::a:b").value();
  for (const Address& target : {Address{}, one, two}) {
    ASSERT_TRUE(sampler_->wants());
    sampler_->take({.time = 1s, .target = target}, 0);
  }
  EXPECT_EQ(sample().points[0].target, Address{});
  EXPECT_EQ(sample().points[1].target, one);
  EXPECT_EQ(sample().points[2].target, two);
}

TEST_F(Sampler, TimesOfYearsArePossibleAndNoneIsBeforeTheFirst) {
  const std::vector<std::chrono::nanoseconds> times = {100s, 99s, 100s + 24h * 365 * 5 + 3us};
  for (const std::chrono::nanoseconds time : times) {
    ASSERT_TRUE(sampler_->wants());
    sampler_->take({.time = time}, 0);
  }
  EXPECT_EQ(sample().points[1].time, 100s);
  EXPECT_EQ(sample().points[2].time, 100s + 24h * 365 * 5 + 3us);
}

TEST_F(Sampler, AnAnswerToAProbeThatWasNotTakenIsNobodys) {
  probe(1, 10'000);
  for (std::uint32_t i = 9000; i <= 10'000; ++i) sampler_->note(i, ProbeOutcome::closed);
  const ScanSample some = sample();
  for (const ProbePoint& each : some.view()) {
    if (each.outcome == ProbeOutcome::closed) {
      EXPECT_GE(each.port, 9000);
    }
  }
}

}  // namespace
}  // namespace scanlogd::test
