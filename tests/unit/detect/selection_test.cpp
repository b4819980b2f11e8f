// What the lists of the configuration leave out, and the counts of it.
#include "detect/selection.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

Section list(std::string_view key, std::string_view value) {
  Section section;
  section.set(key, value, "s.toml:7");
  return section;
}
Selection selection(std::string_view key, std::string_view value) {
  auto parsed = Selection::parse(list(key, value));
  EXPECT_TRUE(parsed) << parsed.error().what;
  return parsed ? std::move(*parsed) : Selection();
}
std::string complaint(std::string_view key, std::string_view value) {
  const auto parsed = Selection::parse(list(key, value));
  return parsed ? "" : parsed.error().what;
}

TEST(Selection, WithoutListsEverythingIsJudged) {
  const Packet packet = system_syn(kClient, kHost, 22);
  EXPECT_EQ(Selection().judge(packet), Exclusion::none);
  EXPECT_EQ(selection("ignore_sources", "").judge(packet), Exclusion::none);
  EXPECT_EQ(selection("watch_ports", "").judge(packet), Exclusion::none);
}
TEST(Selection, EachListLeavesOutWhatItNames) {
  const Packet packet = system_syn(kClient, kHost, 22);
  const struct {
    std::string_view key, out, in;
    Exclusion why;
  } kLists[] = {
      {"ignore_sources", "2001:db8::/32,203.0.113.0/24", "203.0.113.8", Exclusion::ignored_source},
      {"ignore_targets", "198.51.100.1", "198.51.100.2", Exclusion::ignored_target},
      {"ignore_ports", "20-22/tcp", "22/udp", Exclusion::ignored_port},
      {"watch_targets", "198.51.100.2", "198.51.100.0/24", Exclusion::unwatched_target},
      {"watch_ports", "23,icmp", "tcp", Exclusion::unwatched_port}};
  for (const auto& each : kLists) {
    EXPECT_EQ(selection(each.key, each.out).judge(packet), each.why) << each.key;
    EXPECT_EQ(selection(each.key, each.in).judge(packet), Exclusion::none) << each.key;
  }
}
TEST(Selection, SaysOfASourceThatItIsIgnored) {
  const Selection lists = selection("ignore_sources", "203.0.113.0/24");
  EXPECT_TRUE(lists.ignores(parse_address("203.0.113.255").value()));
  EXPECT_FALSE(lists.ignores(parse_address("203.0.114.0").value()));
  EXPECT_FALSE(lists.ignores(parse_address("::1").value()));
}
TEST(Selection, WhatIsWrongIsRefusedWithItsPlace) {
  EXPECT_EQ(complaint("ignore_sources", "192.0.2.1/24"),
            "s.toml:7: '192.0.2.1/24' has host bits set (did you mean '192.0.2.0/24'?)");
  EXPECT_EQ(complaint("watch_targets", "here"), "s.toml:7: 'here' is not an IPv4 or IPv6 address");
  EXPECT_TRUE(complaint("ignore_ports", "udp/53").starts_with("s.toml:7: 'udp/53' is not"));
  EXPECT_TRUE(complaint("watch_ports", "x").starts_with("s.toml:7: "));
}
TEST(Selection, MoreNetworksThanItsCostAllowsAreRefused) {
  std::string text = "192.0.2.1";
  for (std::size_t i = 1; i < Selection::kMostNetworks; ++i) text += ",192.0.2.1";
  EXPECT_EQ(complaint("ignore_targets", text), "");
  EXPECT_EQ(complaint("ignore_targets", text + ",::1"), "s.toml:7: more than 64 networks");
}
TEST(Selection, CountsOfAllAndOfEachSource) {
  constexpr SourceKey kOne = 7;
  constexpr SourceKey kOther = 8;
  ExclusionCounts counts;
  counts.add(Exclusion::ignored_port, kOne);
  counts.add(Exclusion::ignored_port, kOne);
  counts.add(Exclusion::ignored_source, kOther);
  EXPECT_EQ(counts.all(), (ExclusionCounts::Counts{1, 0, 2, 0, 0}));
  EXPECT_EQ(counts.of(kOne), (ExclusionCounts::Counts{0, 0, 2, 0, 0}));
  EXPECT_EQ(counts.of(9), ExclusionCounts::Counts{});
  for (SourceKey source = 9; source < 100'000; ++source) {
    counts.add(Exclusion::ignored_target, source);
  }
  EXPECT_EQ(counts.of(kOne), ExclusionCounts::Counts{}) << "others came in between";
}

}  // namespace
}  // namespace scanlogd::test
