// Tests the accounts that all back ends share, and that the table of back ends is complete.
#include "capture/capture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace scanlogd {
namespace {

std::uint64_t sum(const CaptureStats& stats) {
  return stats.not_ip + stats.truncated + stats.bad_header + stats.filtered + stats.fragments;
}

TEST(CaptureStats, CountsEachReasonInItsOwnPlace) {
  CaptureStats stats;
  stats.count(Decoded::fragment);
  EXPECT_EQ(stats.fragments, 1u);
  stats.count(Decoded::not_ip);
  EXPECT_EQ(stats.not_ip, 1u);
  stats.count(Decoded::truncated);
  EXPECT_EQ(stats.truncated, 1u);
  stats.count(Decoded::bad_header);
  EXPECT_EQ(stats.bad_header, 1u);
  EXPECT_EQ(sum(stats), 4u);
}

TEST(CaptureStats, APacketIsNoReason) {
  CaptureStats stats;
  stats.count(Decoded::packet);
  EXPECT_EQ(sum(stats), 0u);
}

TEST(CaptureTable, BeginsWithTheBackEndOfTheOriginal) {
  ASSERT_FALSE(capture_table().empty());
  EXPECT_EQ(capture_table().front()->name, "raw");
}

TEST(CaptureTable, NamesAreUniqueAndEverythingIsExplained) {
  std::set<std::string_view> names;
  for (const CapturePlugin* const plugin : capture_table()) {
    EXPECT_TRUE(names.insert(plugin->name).second) << plugin->name;
    EXPECT_FALSE(plugin->summary.empty()) << plugin->name;
    EXPECT_FALSE(plugin->privilege.empty()) << plugin->name;
  }
  EXPECT_TRUE(names.contains("pcap"));
  EXPECT_TRUE(names.contains("file"));
}

TEST(CaptureTable, EveryBackEndRejectsAnUnknownOption) {
  Section options;
  options.set("interfaec", "eth0", "scanlogd.toml:12");
  for (const CapturePlugin* const plugin : capture_table()) {
    const auto capture = plugin->open(options);
    ASSERT_FALSE(capture.has_value()) << plugin->name;
    EXPECT_NE(capture.error().what.find("interfaec"), std::string::npos) << capture.error().what;
  }
}

}  // namespace
}  // namespace scanlogd
