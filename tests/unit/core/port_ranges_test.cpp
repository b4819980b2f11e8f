// Sets of ports as ranges and as text, and back.
#include "core/port_ranges.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

std::string text_of(std::vector<Port> ports) { return to_string(to_ranges(ports)); }

TEST(PortRanges, NeighboursBecomeOneRangeInWhateverOrder) {
  EXPECT_EQ(text_of({}), "");
  EXPECT_EQ(text_of({22}), "22");
  EXPECT_EQ(text_of({23, 22}), "22-23");
  EXPECT_EQ(text_of({80, 24, 22, 23, 22}), "22-24,80");
  EXPECT_EQ(text_of({22, 24}), "22,24");
}

TEST(PortRanges, TheFirstAndTheLastPortAreOrdinary) {
  EXPECT_EQ(text_of({0, 1}), "0-1");
  EXPECT_EQ(text_of({65535, 65534}), "65534-65535");
  EXPECT_EQ(text_of({65535, 0}), "0,65535");
}

TEST(PortRanges, AUnionJoinsWhatOverlapsOrTouches) {
  const auto one = parse_ranges("1-10,30").value();
  EXPECT_EQ(to_string(merge(one, parse_ranges("5-20").value())), "1-20,30");
  EXPECT_EQ(to_string(merge(one, parse_ranges("11-29").value())), "1-30");
  EXPECT_EQ(to_string(merge(one, parse_ranges("12").value())), "1-10,12,30");
  EXPECT_EQ(to_string(merge({}, {})), "");
}

TEST(PortRanges, AreCounted) {
  EXPECT_EQ(count(parse_ranges("1-1024,3306").value()), 1025U);
  EXPECT_EQ(count(parse_ranges("0-65535").value()), 65536U);
  EXPECT_EQ(count({}), 0U);
}

TEST(PortRanges, TextIsCutBetweenRangesOnly) {
  const auto ranges = parse_ranges("1-1024,3306,8080").value();
  EXPECT_EQ(to_string(ranges, 16), "1-1024,3306,8080");
  EXPECT_EQ(to_string(ranges, 15), "1-1024,3306,...");
  EXPECT_EQ(to_string(ranges, 14), "1-1024,...");
  EXPECT_EQ(to_string(ranges, 9), "...");
}

TEST(PortRanges, ParsingIsTheReverse) {
  for (const char* const text : {"", "22", "1-1024,3306", "0-65535", "1,3,5"}) {
    const auto ranges = parse_ranges(text);
    ASSERT_TRUE(ranges) << text;
    EXPECT_EQ(to_string(*ranges), text);
  }
  EXPECT_EQ(to_string(parse_ranges("1-1024,...").value()), "1-1024");
}

TEST(PortRanges, WhatIsNoneIsRefused) {
  for (const char* const text :
       {",", "1,", ",1", "1-", "-1", "2-1", "65536", "1 2", "1,,2", "a", "1-2-3", "...,1"}) {
    EXPECT_FALSE(parse_ranges(text)) << text;
  }
  EXPECT_TRUE(parse_ranges("65535"));
  EXPECT_FALSE(parse_ranges("4294967318"));  // 22, if it went round
}

TEST(PortRanges, ReadingLeavesRangesAsTheyStandAndForgetsThoseBefore) {
  PortRanges ranges = {{.first = 1, .last = 2}};
  ASSERT_TRUE(read_ranges("80,22-25,23,...", ranges));
  ASSERT_EQ(ranges.size(), 3U);
  EXPECT_EQ(ranges[0].first, 80);
  EXPECT_EQ(ranges[1].last, 25);
  EXPECT_EQ(ranges[2].first, 23);
  EXPECT_FALSE(read_ranges("22,", ranges));
  EXPECT_TRUE(read_ranges("", ranges));
  EXPECT_TRUE(ranges.empty());
}

}  // namespace
}  // namespace scanlogd
