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
  CaptureRequest request;
  request.options.set("interfaec", "eth0", "scanlogd.toml:12");
  for (const CapturePlugin* const plugin : capture_table()) {
    const auto captures = plugin->open(request);
    ASSERT_FALSE(captures.has_value()) << plugin->name;
    EXPECT_NE(captures.error().what.find("interfaec"), std::string::npos) << captures.error().what;
  }
}

}  // namespace
}  // namespace scanlogd
