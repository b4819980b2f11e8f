// What became of a source's packets, as a table.
#include "core/source_diary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Address address(std::string_view text) { return parse_address(text).value(); }

SourceExplanation thresholds() {
  SourceExplanation explanation;
  explanation.scales = {
      {{ScanRule::fast, 4, 9, 60}, {ScanRule::slow, 5, 12, 3}, {ScanRule::glacial, 6, 20, 0.25}}};
  return explanation;
}

DiaryEntry contact(DiaryStep step, Port port, double points) {
  DiaryEntry entry;
  entry.step = step;
  entry.protocol = IpProto::tcp;
  entry.port = port;
  entry.contact = port;
  entry.points = points;
  if (step == DiaryStep::counted || step == DiaryStep::waits) {
    entry.target = address("198.51.100.1");
  }
  return entry;
}

TEST(SourceDiary, WithoutAStepThereIsNoTable) {
  EXPECT_TRUE(to_lines(SourceDiary(address("203.0.113.7")), thresholds(), {}).empty());
}
TEST(SourceDiary, EachStepIsALineWithPointsAndSums) {
  SourceDiary diary(address("203.0.113.7"));
  diary.set_time(1s);
  DiaryEntry first = contact(DiaryStep::counted, 22, 5);
  first.is_marked = true;
  first.technique = Technique::syn;
  first.score = {5, 5, 5};
  diary.write(first);
  DiaryEntry second = contact(DiaryStep::waits, 8080, 1.5);
  second.waiting = 3;
  second.is_related = true;
  diary.write(second);
  diary.write(contact(DiaryStep::taken_back, 8080, 1.5));
  diary.write(contact(DiaryStep::refused, 22, 5));
  diary.write(contact(DiaryStep::silence, 22, 5));
  diary.write(contact(DiaryStep::service, 443, 0.5));
  const std::string row = "198.51.100.1 8080/tcp";
  EXPECT_THAT(
      to_lines(diary, thresholds(), {}),
      ElementsAre(
          HasSubstr("CONTACT"),
          HasSubstr("198.51.100.1 22/tcp     +5.00     5.00    5.00    5.00  counted; syn, "
                    "the marks of a raw-packet tool"),
          HasSubstr(row + "   +1.50     0.00    0.00    0.00  counted, waits for an answer, "
                          "the same kind of service as before; 3 points wait"),
          HasSubstr(row + "   -1.50     0.00    0.00    0.00  taken back: a service "
                          "answered"),
          HasSubstr("198.51.100.1 22/tcp               0.00    0.00    0.00  was refused"),
          HasSubstr("nobody answered"), HasSubstr("-0.50"),
          HasSubstr("   9.00   12.00   20.00  and 4, 5, 6 contacts")));
}
TEST(SourceDiary, ScansStandWhereTheyBeganAndEnded) {
  SourceDiary diary(address("203.0.113.7"));
  diary.set_time(1s);
  diary.write(contact(DiaryStep::counted, 22, 5));
  diary.set_time(9s);
  diary.write(contact(DiaryStep::counted, 23, 5));
  ScanEvent begin;
  begin.detected = 5s;
  begin.rule = ScanRule::fast;
  ScanEvent end = begin;
  end.detected = 10s;
  end.phase = Phase::end;
  end.reason = EndReason::idle;
  const ScanEvent events[] = {begin, end};
  EXPECT_THAT(
      to_lines(diary, thresholds(), events),
      ElementsAre(HasSubstr("TIME"), HasSubstr(" 22/tcp"),
                  HasSubstr("ALARM: vertical scan, found by the rule fast"), HasSubstr(" 23/tcp"),
                  HasSubstr("END of the scan (idle)"), HasSubstr("a scan has")));
}
TEST(SourceDiary, SaysWhoseScanItWasPartOf) {
  ScanEvent network;
  network.source = address("203.0.113.0");
  network.source_prefix = 24;
  ScanEvent group;
  group.kind = ScanKind::decoys;
  group.group_count = 2;
  group.sources_total = 9;
  const ScanEvent events[] = {network, group};
  EXPECT_THAT(to_lines(SourceDiary(address("203.0.113.7")), thresholds(), events),
              ElementsAre(HasSubstr("scan by its network 203.0.113.0/24"),
                          HasSubstr("decoys scan by it and others, 9 sources")));
}
TEST(SourceDiary, WhatHasNoRoomIsCounted) {
  SourceDiary diary(address("203.0.113.7"));
  for (std::size_t i = 0; i < SourceDiary::kMostEntries + 3; ++i) {
    diary.write(contact(DiaryStep::counted, 22, 5));
  }
  EXPECT_EQ(diary.entries().size(), SourceDiary::kMostEntries);
  EXPECT_EQ(diary.omitted(), 3U);
}
TEST(SourceDiary, PacketsAreTalliedByWhatBecameOfThem) {
  static constexpr std::string_view kOne = "contact";
  static constexpr std::string_view kOther = "repeated";
  SourceDiary diary(address("203.0.113.7"));
  for (const std::string_view outcome : {kOne, kOther, kOther}) diary.tally(outcome);
  ASSERT_EQ(diary.outcomes().size(), 2U);
  EXPECT_EQ(diary.outcomes()[0].value, 1U);
  EXPECT_EQ(diary.outcomes()[1].value, 2U);
}

}  // namespace
}  // namespace scanlogd
