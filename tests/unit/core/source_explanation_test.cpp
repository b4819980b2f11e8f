// What is known of a source, in words.
#include "core/source_explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

SourceExplanation known() {
  SourceExplanation explanation;
  explanation.knowledge = Knowledge::some;
  explanation.source = parse_address("203.0.113.7").value();
  explanation.prefix = 32;
  explanation.scales = {
      {{ScanRule::fast, 4, 9, 60}, {ScanRule::slow, 5, 12, 3}, {ScanRule::glacial, 6, 20, 0.25}}};
  return explanation;
}

TEST(SourceExplanation, SaysThatTheProfileKeepsNothing) {
  SourceExplanation explanation;
  explanation.source = parse_address("203.0.113.7").value();
  const auto lines = to_lines(explanation);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "203.0.113.7: the profile keeps no sums of sources to explain; full does");
}

TEST(SourceExplanation, SaysThatNothingFailed) {
  SourceExplanation explanation = known();
  explanation.knowledge = Knowledge::nothing;
  EXPECT_THAT(to_lines(explanation).at(0), HasSubstr("no contact of it has failed"));
}

TEST(SourceExplanation, SaysWhatTheNearestScaleLacks) {
  SourceExplanation explanation = known();
  explanation.sums = {.score = {7.5, 7.5, 7.5}, .contacts = 3};
  EXPECT_EQ(nearest_scale(explanation), 0U);
  EXPECT_EQ(verdict_line(explanation),
            "no alarm: the nearest scale is fast, which lacks 1.50 points and 1 contact");
  explanation.sums.contacts = 4;
  EXPECT_EQ(verdict_line(explanation),
            "no alarm: the nearest scale is fast, which lacks 1.50 points");
}

TEST(SourceExplanation, WhatWaitsIsLackingToo) {
  SourceExplanation explanation = known();
  explanation.sums = {.score = {10, 10, 10}, .waiting = 2, .contacts = 5};
  EXPECT_EQ(verdict_line(explanation),
            "no alarm: the nearest scale is fast, which lacks 1.00 points");
  EXPECT_THAT(to_lines(explanation), Contains(HasSubstr("2 points of them wait for an answer")));
}

TEST(SourceExplanation, ALongerScaleMayBeTheNearest) {
  SourceExplanation explanation = known();
  explanation.sums = {.score = {1.5, 11, 13}, .contacts = 9};
  EXPECT_EQ(nearest_scale(explanation), 1U);
}

TEST(SourceExplanation, SaysHowTheScanWasFound) {
  SourceExplanation explanation = known();
  explanation.is_scanning = true;
  explanation.rule = ScanRule::slow;
  EXPECT_EQ(verdict_line(explanation), "alarm: it scans, found by the rule slow (vertical)");
}

TEST(SourceExplanation, SaysThatItIsIgnored) {
  SourceExplanation explanation = known();
  explanation.is_ignored = true;
  EXPECT_THAT(verdict_line(explanation), HasSubstr("ignore"));
}

TEST(SourceExplanation, SaysWhichListsKeptPacketsFromBeingJudged) {
  SourceExplanation explanation = known();
  explanation.knowledge = Knowledge::nothing;
  explanation.excluded = {0, 0, 100, 2, 0};
  EXPECT_THAT(verdict_line(explanation), HasSubstr("as far as is remembered"));
  EXPECT_THAT(to_lines(explanation),
              Contains("of all packets not judged: 100 by ignore_ports, 2 by watch_targets"));
  explanation.excluded_of_it = {0, 0, 3, 0, 0};
  EXPECT_THAT(verdict_line(explanation), HasSubstr("were not judged: 3 by ignore_ports"));
  EXPECT_THAT(to_lines(explanation),
              Contains("of its packets not judged lately: 3 by ignore_ports"));
}

TEST(SourceExplanation, ListsPortsAnswersAndTheNetwork) {
  SourceExplanation explanation = known();
  explanation.sums = {.score = {4, 4, 4}, .contacts = 2, .first_ago = 119, .last_ago = 7200};
  explanation.hosts = 1;
  explanation.port_count = 2;
  explanation.ports = {22, 23};
  explanation.open_count = 1;
  explanation.open = {22};
  explanation.has_network = true;
  explanation.network_prefix = 24;
  explanation.network_factor = 2;
  const auto lines = to_lines(explanation);
  EXPECT_THAT(lines, Contains("2 contacts counted, the first 119 s ago, the last 2 h ago, on about "
                              "1 host"));
  EXPECT_THAT(lines, Contains("ports: 22 23"));
  EXPECT_THAT(lines, Contains("answered as open: 22"));
  EXPECT_THAT(lines, Contains("  fast       4.00 of 9 points, 2 of 4 contacts, loses 60 an hour"));
  EXPECT_THAT(lines, Contains("  fast       0.00 of 18 points, 0 of 4 contacts, loses 60 an hour"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("is not seen"))));
}

TEST(SourceExplanation, NamesTheNetworkThatIsKeptAsOneSource) {
  SourceExplanation explanation = known();
  explanation.source = parse_address("2001:db8::7").value();
  explanation.prefix = 64;
  EXPECT_THAT(to_lines(explanation).at(0), HasSubstr("2001:db8::7/64: "));
}

}  // namespace
}  // namespace scanlogd
