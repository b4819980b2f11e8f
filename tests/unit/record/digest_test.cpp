// Digest lines name every source once, within their bounds, and their numbers add up.
#include "record/digest.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "support/scans.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

Scan scan_of(std::string_view source, std::vector<Port> ports = {}, std::uint64_t id = 1) {
  Scan scan = some_scan(id);
  scan.event.source = parse_address(source).value();
  scan.event.port_count = static_cast<std::uint8_t>(ports.size());
  std::ranges::copy(ports, scan.event.ports.begin());
  return scan;
}

std::string source_number(int number) {
  return "198.18." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250);
}

std::uint64_t sum(const std::vector<Digest::Line>& lines) {
  std::uint64_t scans = 0;
  for (const Digest::Line& line : lines) scans += line.scans;
  return scans;
}

/// The addresses that lines name, with the number of times.
std::multiset<std::string> named(const std::vector<Digest::Line>& lines) {
  std::multiset<std::string> names;
  for (const Digest::Line& line : lines) {
    std::istringstream words(line.text.substr(line.text.find(" s:") + 3));
    for (std::string word; words >> word && word.front() != '+';) {
      names.insert(word.substr(0, word.find('(')));
    }
  }
  return names;
}

TEST(Digest, NamesSourcesWithTheirFirstPorts) {
  Digest digest;
  digest.add(scan_of("192.0.2.7", {22, 23, 80}), 100s);
  digest.add(scan_of("198.51.100.9", {443}), 101s);
  digest.add(scan_of("198.51.100.9", {443}), 102s);
  digest.add(scan_of("2001:db8::1", {1, 2, 3, 4}), 103s);
  digest.add(scan_of("203.0.113.1"), 104s);
  EXPECT_EQ(digest.pending(), 5U);
  const auto lines = digest.take(120s);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].text,
            "Held back: 5 scans from 4 sources in 20 s: 192.0.2.7(22,23,80) 198.51.100.9(443) "
            "2001:db8::1(1,2,3,...) 203.0.113.1");
  EXPECT_EQ(lines[0].scans, 5U);
  EXPECT_EQ(digest.pending(), 0U);
  EXPECT_TRUE(digest.take(140s).empty());
}

TEST(Digest, OneOfEachIsSingular) {
  Digest digest;
  digest.add(scan_of("192.0.2.7", {22}), 100s);
  EXPECT_EQ(digest.take(100s).front().text,
            "Held back: 1 scan from 1 source in 1 s: 192.0.2.7(22)");
}

TEST(Digest, IsDueTwentySecondsAfterTheFirst) {
  Digest digest;
  EXPECT_FALSE(digest.is_due(1000s));
  digest.add(scan_of("192.0.2.7"), 100s);
  digest.add(scan_of("192.0.2.8"), 119s);
  EXPECT_FALSE(digest.is_due(119999ms));
  EXPECT_TRUE(digest.is_due(120s));
  EXPECT_TRUE(digest.is_due(99s)) << "a clock that ran backwards";
  (void)digest.take(120s);
  EXPECT_FALSE(digest.is_due(1000s));
}

TEST(Digest, ProvenSourcesComeFirstAndAreMarked) {
  Digest digest;
  digest.add(scan_of("192.0.2.7", {22}), 100s);
  Scan proven = scan_of("198.51.100.9", {443});
  proven.event.verdict = Verdict::proven;
  digest.add(proven, 101s);
  EXPECT_EQ(digest.take(120s).front().text,
            "Held back: 2 scans from 2 sources in 20 s: 198.51.100.9(443,proven) 192.0.2.7(22)");
}

TEST(Digest, ANetworkIsNamedWithItsLength) {
  Digest digest;
  Scan scan = scan_of("198.51.100.0", {22});
  scan.event.source_prefix = 24;
  digest.add(scan, 100s);
  digest.add(scan_of("198.51.100.0", {22}), 100s);
  EXPECT_TRUE(digest.take(120s).front().text.ends_with(" 198.51.100.0/24(22) 198.51.100.0(22)"));
}

TEST(Digest, NamesAtMostSixtyFourInALineAndAllInSeveral) {
  for (const int sources : {63, 64, 65, 128, 129}) {
    Digest digest;
    for (int i = 0; i < sources; ++i) digest.add(scan_of("192.0.2." + std::to_string(i)), 100s);
    const auto lines = digest.take(120s);
    EXPECT_EQ(lines.size(), static_cast<std::size_t>((sources + 63) / 64)) << sources;
    EXPECT_EQ(named(lines).size(), static_cast<std::size_t>(sources));
    EXPECT_EQ(sum(lines), static_cast<std::uint64_t>(sources));
  }
}

TEST(Digest, NoLineIsTooLongHoweverLongAddressesAre) {
  Digest digest;
  for (int i = 0; i < 100; ++i) {
    digest.add(scan_of("2001:db8:1111:2222:3333:4444:5555:" + std::to_string(1000 + i),
                       {65533, 65534, 65535, 1}),
               100s);
  }
  const auto lines = digest.take(120s);
  for (const Digest::Line& line : lines) EXPECT_LE(line.text.size(), Digest::kMaxLine);
  EXPECT_GT(lines.front().text.size(), Digest::kMaxLine - 200) << "more would have fitted";
  EXPECT_EQ(named(lines).size(), 100U);
}

TEST(Digest, ManySourcesAreNamedWithFewerPorts) {
  const auto first_line = [](int sources) {
    Digest digest;
    for (int i = 0; i < sources; ++i) digest.add(scan_of(source_number(i), {1, 2, 3, 4}), 100s);
    const std::string text = digest.take(120s).front().text;
    return text.substr(text.find(" s:") + 4, 24);
  };
  EXPECT_TRUE(first_line(64).starts_with("198.18.0.1(1,2,3,...) "));
  EXPECT_TRUE(first_line(65).starts_with("198.18.0.1(1,...) "));
  EXPECT_TRUE(first_line(256).starts_with("198.18.0.1(1,...) "));
  EXPECT_TRUE(first_line(257).starts_with("198.18.0.1 198.18.0.2"));
}

TEST(Digest, KeepsSourcesForTheNextTimeAndNamesEachOnce) {
  // So many long addresses do not fit into eight lines.
  const auto source = [](int i) {
    return "2001:db8:1111:2222:3333:4444:5555:" + std::to_string(1000 + i);
  };
  Digest digest;
  for (int i = 0; i < 512; ++i) {
    digest.add(scan_of(source(i), {}, static_cast<std::uint64_t>(i + 1)), 100s);
  }
  auto lines = digest.take(120s);
  EXPECT_EQ(lines.size(), Digest::kLinesPerInterval);
  EXPECT_GT(digest.pending(), 0U);
  EXPECT_EQ(digest.first_id(), sum(lines) + 1);
  EXPECT_FALSE(digest.is_due(139s));
  EXPECT_TRUE(digest.is_due(140s));
  for (int turn = 0; turn < 4 && digest.pending() > 0; ++turn) {
    const auto more = digest.take(140s + turn * 20s);
    lines.insert(lines.end(), more.begin(), more.end());
  }
  EXPECT_EQ(sum(lines), 512U);
  const auto names = named(lines);
  EXPECT_EQ(names.size(), 512U);
  for (int i = 0; i < 512; ++i) EXPECT_EQ(names.count(source(i)), 1U);
}

TEST(Digest, WhatItHasNoRoomForIsCounted) {
  Digest digest;
  for (int i = 0; i < 513; ++i) digest.add(scan_of(source_number(i)), 100s);
  digest.add(scan_of(source_number(0)), 100s);  // is known
  EXPECT_EQ(digest.pending(), 514U);
  const auto lines = digest.take(120s);
  EXPECT_EQ(sum(lines), 514U);
  EXPECT_TRUE(lines.back().text.ends_with(" +1 more"));
  EXPECT_EQ(named(lines).size(), 512U);
}

TEST(Digest, SpoofedSourcesLeaveRoomForProvenOnes) {
  Digest digest;
  for (int i = 0; i < 10000; ++i) digest.add(scan_of(source_number(i)), 100s);
  Scan proven = scan_of("192.0.2.7");
  proven.event.verdict = Verdict::proven;
  digest.add(proven, 100s);
  EXPECT_EQ(named(digest.take(120s)).count("192.0.2.7"), 1U);
}

TEST(Digest, ScansKnownByNumberOnlyAreToldOf) {
  Digest digest;
  digest.add(std::uint64_t{7}, 100s);
  EXPECT_EQ(digest.pending(), 7U);
  EXPECT_EQ(digest.take(120s).front().text, "Held back: 7 scans from 7 sources in 20 s: +7 more");
  digest.add(std::uint64_t{0}, 100s);
  EXPECT_EQ(digest.pending(), 0U);
}

TEST(Digest, NoReaderOfTheLogTakesItForAScan) {
  Digest digest;
  for (int i = 0; i < 30; ++i) digest.add(scan_of(source_number(i), {22}), 100s);
  const std::string message = "Nov 26 12:00:00 host scanlogd: " + digest.take(120s).front().text;
  for (const char* const pattern :
       {"scanlogd: [^ ]+(:[0-9]+)? to [^ ]+ ports", "scanlogd: [^ ]+ to",
        "(.+) ([^ ]+) scanlogd: (.+) to .+", "scanlogd: [0-9]"}) {
    const testing::Matcher<std::string> matches = testing::ContainsRegex(pattern);
    EXPECT_FALSE(matches.Matches(message)) << pattern;
  }
}

}  // namespace
}  // namespace scanlogd::test
