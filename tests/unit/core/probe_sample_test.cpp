// Samples of probes as few bytes, and back; whatever the bytes are.
#include "core/probe_sample.h"

#include <gtest/gtest.h>

#include <random>

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

Address host(std::uint32_t number) { return {Family::ipv4, ipv4_bytes(0x0a090000 + number)}; }

ProbeSample sample_of(std::size_t count, std::uint8_t shift = 0) {
  ProbeSample sample{.shift = shift, .points = {}};
  for (std::size_t i = 0; i < count; ++i) {
    sample.points.push_back({.time = i * 1ms,
                             .target = host(1),
                             .port = static_cast<Port>(i + 1),
                             .outcome = ProbeOutcome::closed});
  }
  return sample;
}

TEST(ProbeSampleBytes, WhatIsPackedIsReadAgain) {
  ProbeSample sample{.shift = 9, .points = {}};
  sample.points.push_back({.time = -3us, .target = host(1), .port = 65535});
  sample.points.push_back(
      {.time = 0s, .target = host(2), .port = 0, .outcome = ProbeOutcome::open});
  sample.points.push_back({.time = 100 * 24h, .target = parse_address("2001:db8::1").value()});
  sample.points.push_back({.time = 99 * 24h, .outcome = ProbeOutcome::filtered});
  const auto read = unpack(pack(sample));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, sample);
}

TEST(ProbeSampleBytes, TheFormatIsTheDocumentedOne) {
  ProbeSample sample{.shift = 2, .points = {}};
  sample.points.push_back({.time = 0us, .target = host(1), .port = 22});
  sample.points.push_back(
      {.time = 200us, .target = host(1), .port = 21, .outcome = ProbeOutcome::closed});
  using namespace std::string_literals;
  EXPECT_EQ(pack(sample),
            "\x01\x02"                // version, shift
            "\x01\x04\x0a\x09\0\x01"  // one target
            "\x02"                    // two points
            "\0\x2c\0"                // at once, port 22, the first target, unknown
            "\x90\x03\x01\x02"s);     // 200 us later, one port lower, closed
}

TEST(ProbeSampleBytes, NoPointsAreNoBytes) {
  EXPECT_EQ(pack({}), "");
  EXPECT_EQ(unpack(""), ProbeSample{});
}

TEST(ProbeSampleBytes, AFullSampleOfOneHostIsShorterThanAKilobyte) {
  ProbeSample sample;
  std::mt19937 random(1);  // NOLINT: the same each time
  for (std::size_t i = 0; i < ScanSample::kMaxPoints; ++i) {
    sample.points.push_back(
        {.time = i * 7s, .target = host(1), .port = static_cast<Port>(random() % 65536)});
  }
  EXPECT_LE(pack(sample).size(), 1024U);
  EXPECT_EQ(unpack(pack(sample)), sample);
}

TEST(ProbeSampleBytes, TimesThatNoScanHasAreCut) {
  ProbeSample sample{.shift = 0, .points = {{.time = std::chrono::nanoseconds::max()}}};
  sample.points.push_back({.time = std::chrono::nanoseconds::min()});
  const auto read = unpack(pack(sample));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->points[0].time, -read->points[1].time);
}

TEST(ProbeSampleBytes, WhatIsCutOrLongerIsNone) {
  const std::string whole = pack(sample_of(5));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(unpack(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(unpack(whole + '\0'));
}

TEST(ProbeSampleBytes, NoBytesDoHarm) {
  std::mt19937 random(1);  // NOLINT: the same each time
  const std::string whole = pack(sample_of(100, 3));
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (int change = 0; change < 4; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto read = unpack(bytes);
    if (!read) continue;
    EXPECT_LE(read->points.size(), ScanSample::kMaxPoints);
    EXPECT_EQ(unpack(pack(*read)), *read);
  }
}

TEST(ProbeSampleJoin, EachPointStandsForAsManyProbes) {
  const ProbeSample joined = join(sample_of(100, 0), sample_of(10, 2));
  EXPECT_EQ(joined.shift, 2);
  EXPECT_EQ(joined.points.size(), 25U + 10U);
  EXPECT_EQ(joined.points.front().port, 1) << "the first stays";
  EXPECT_EQ(join(sample_of(10, 2), sample_of(100, 0)).points.size(), 35U);
}

TEST(ProbeSampleJoin, WhatIsTooMuchIsThinned) {
  const ProbeSample joined = join(sample_of(100), sample_of(100));
  EXPECT_EQ(joined.points.size(), 100U);
  EXPECT_EQ(joined.shift, 1);
  EXPECT_EQ(join(sample_of(64), sample_of(64)).points.size(), 128U);
  EXPECT_EQ(join(sample_of(64), sample_of(65)).points.size(), 65U);
}

TEST(ProbeSampleJoin, NothingChangesNothing) {
  EXPECT_EQ(join(sample_of(3, 7), {}), sample_of(3, 7));
  EXPECT_EQ(join({}, sample_of(3, 7)), sample_of(3, 7));
}

}  // namespace
}  // namespace scanlogd::test
