// Which scans of two lists are the same.
#include "daemon/scan_comparison.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// A scan from second `from` to second `to`.
ScanFinding scan(std::string_view source, int from, int to,
                 std::string_view target = "198.51.100.1") {
  ScanFinding scan;
  scan.started = std::chrono::seconds(from);
  scan.detected = std::chrono::seconds(from) + 500ms;
  scan.last = std::chrono::seconds(to);
  scan.source = parse_address(source).value();
  scan.target = parse_address(target).value();
  scan.technique = Technique::syn;
  return scan;
}

struct Numbers {
  std::size_t more, fewer, same;
  friend bool operator==(const Numbers&, const Numbers&) = default;
};
Numbers numbers(const std::vector<ScanFinding>& one, const std::vector<ScanFinding>& other) {
  const ScanComparison result = compare(one, other);
  return {result.more.size(), result.fewer.size(), result.same.size()};
}

TEST(ScanComparison, OfEqualListsAllAreTheSame) {
  const std::vector<ScanFinding> list = {scan("192.0.2.1", 0, 10), scan("192.0.2.2", 5, 10),
                                         scan("192.0.2.1", 100, 110)};
  EXPECT_EQ(numbers(list, list), (Numbers{0, 0, 3}));
  EXPECT_EQ(numbers({}, {}), (Numbers{0, 0, 0}));
}
TEST(ScanComparison, WhatOnlyOneHasIsMoreOrFewer) {
  const ScanFinding a = scan("192.0.2.1", 0, 10);
  const ScanFinding b = scan("192.0.2.2", 0, 10);
  const ScanFinding c = scan("2001:db8::1", 0, 10);
  const ScanComparison result = compare({a, b}, {b, c});
  ASSERT_EQ(result.more.size(), 1U);
  EXPECT_EQ(result.more.front().source, c.source);
  ASSERT_EQ(result.fewer.size(), 1U);
  EXPECT_EQ(result.fewer.front().source, a.source);
  ASSERT_EQ(result.same.size(), 1U);
}
TEST(ScanComparison, ScansOfOneSourceAreTheSameOnlyIfTheyOverlap) {
  EXPECT_EQ(numbers({scan("192.0.2.1", 0, 10)}, {scan("192.0.2.1", 10, 20)}), (Numbers{0, 0, 1}));
  EXPECT_EQ(numbers({scan("192.0.2.1", 0, 10)}, {scan("192.0.2.1", 11, 20)}), (Numbers{1, 1, 0}));
}
TEST(ScanComparison, TheOneThatOverlapsIsFoundAmongSeveral) {
  const std::vector<ScanFinding> all = {scan("192.0.2.1", 0, 10), scan("192.0.2.1", 100, 110),
                                        scan("192.0.2.1", 200, 210)};
  const ScanComparison result = compare(all, {all[1]});
  ASSERT_EQ(result.same.size(), 1U);
  EXPECT_EQ(result.same.front().one.started, 100s);
  EXPECT_EQ(result.fewer.size(), 2U);
}
TEST(ScanComparison, TwoThatAreOneToTheOtherAreOneTheSameAndOneFewer) {
  EXPECT_EQ(
      numbers({scan("192.0.2.1", 0, 10), scan("192.0.2.1", 20, 30)}, {scan("192.0.2.1", 0, 30)}),
      (Numbers{0, 1, 1}));
}
TEST(ScanComparison, OfSeveralAtOnceThoseOfTheSameTargetBelongTogether) {
  const ScanFinding a = scan("192.0.2.1", 0, 10, "198.51.100.1");
  const ScanFinding b = scan("192.0.2.1", 1, 10, "198.51.100.2");
  const ScanComparison result = compare({a, b}, {b});
  ASSERT_EQ(result.same.size(), 1U);
  EXPECT_EQ(result.same.front().one.target, b.target);
  EXPECT_EQ(numbers({a}, {b}), (Numbers{0, 0, 1}));
}
TEST(ScanComparison, ANetworkIsNotItsFirstAddress) {
  ScanFinding network = scan("192.0.2.0", 0, 10);
  network.source_prefix = 24;
  EXPECT_EQ(numbers({network}, {scan("192.0.2.0", 0, 10)}), (Numbers{1, 1, 0}));
}
TEST(ScanComparison, AScanByManyIsKnownByItsTarget) {
  ScanFinding one = scan("192.0.2.1", 0, 10);
  ScanFinding other = scan("192.0.2.99", 0, 10);
  EXPECT_EQ(numbers({one}, {other}), (Numbers{1, 1, 0}));
  one.kind = other.kind = ScanKind::distributed;
  EXPECT_EQ(numbers({one}, {other}), (Numbers{0, 0, 1}));
}
TEST(ScanComparison, TellsEarlierFromLater) {
  ScanFinding later = scan("192.0.2.1", 0, 10);
  later.detected += 1ns;
  const ScanFinding first = scan("192.0.2.1", 0, 10);
  EXPECT_TRUE((FoundByBoth{later, first}.is_earlier()));
  EXPECT_TRUE((FoundByBoth{first, later}.is_later()));
  EXPECT_FALSE((FoundByBoth{first, first}.is_earlier() || FoundByBoth{first, first}.is_later()));
}

ScanEvent event(Phase phase, std::uint64_t record, std::uint64_t packets) {
  ScanEvent event;
  event.phase = phase;
  event.record = record;
  event.packets = packets;
  event.source = parse_address("192.0.2.1").value();
  event.started = 1s;
  event.detected = 1s + std::chrono::milliseconds(packets);
  return event;
}

TEST(ScanFindings, FollowAScanFromItsBeginToItsEnd) {
  ScanFindings findings;
  findings.take(event(Phase::begin, 1, 21), 1000s);
  findings.take(event(Phase::update, 1, 30), 1000s);
  findings.take(event(Phase::end, 1, 50), 1000s);
  findings.take(event(Phase::end, 2, 99), 1000s);
  ASSERT_EQ(findings.scans().size(), 1U);
  const ScanFinding& scan = findings.scans().front();
  EXPECT_EQ(scan.started, 1001s);
  EXPECT_EQ(scan.detected, 1001s + 21ms);
  EXPECT_EQ(scan.last, 1001s + 50ms);
  EXPECT_EQ(scan.probes_to_find, 21U);
  EXPECT_EQ(scan.probes, 50U);
}
TEST(ScanFindings, AFloodIsNoScan) {
  ScanFindings findings;
  ScanEvent flood = event(Phase::begin, 1, 21);
  flood.kind = ScanKind::flood;
  findings.take(flood, {});
  EXPECT_TRUE(findings.scans().empty());
  EXPECT_EQ(findings.left_out(), 0U);
}
TEST(ScanFindings, OfMoreThanThereIsRoomForTheNumberIsKept) {
  ScanFindings findings;
  for (std::uint64_t record = 1; record < ScanFindings::kMost; ++record) {
    findings.take(event(Phase::begin, record, 21), {});
  }
  EXPECT_EQ(findings.left_out(), 0U);
  findings.take(event(Phase::begin, ScanFindings::kMost, 21), {});
  EXPECT_EQ(findings.scans().size(), ScanFindings::kMost);
  EXPECT_EQ(findings.left_out(), 0U);
  findings.take(event(Phase::begin, ScanFindings::kMost + 1, 21), {});
  EXPECT_EQ(findings.scans().size(), ScanFindings::kMost);
  EXPECT_EQ(findings.left_out(), 1U);
}

}  // namespace
}  // namespace scanlogd
