// What the profiles say of one source.
#include "detect/explain.h"

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>

#include "detect/classic.h"
#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

SourceExplanation ask(FullBench& bench, std::string_view source = kClient) {
  return bench.detector().explain(parse_address(source).value());
}

TEST(Explain, ASourceThatNeverFailedIsNotKnown) {
  FullBench bench;
  bench.serve(kClient, 443);
  const SourceExplanation explanation = ask(bench);
  EXPECT_EQ(explanation.knowledge, Knowledge::nothing);
  EXPECT_FALSE(explanation.has_network);
  EXPECT_EQ(explanation.scales[0].threshold, 9);
  EXPECT_EQ(explanation.scales[2].least_contacts, 6);
}

TEST(Explain, TheSumsAreThoseOfNow) {
  FullBench bench;
  for (const Port port : std::initializer_list<Port>{601, 602, 603}) bench.refuse(kClient, port);
  SourceExplanation explanation = ask(bench);
  ASSERT_EQ(explanation.knowledge, Knowledge::some);
  EXPECT_NEAR(explanation.sums.score[0], 6, 0.01);
  EXPECT_EQ(explanation.sums.waiting, 0);
  EXPECT_EQ(explanation.sums.contacts, 3U);
  EXPECT_EQ(explanation.hosts, 1U);
  EXPECT_FALSE(explanation.is_scanning);
  ASSERT_EQ(explanation.port_count, 3);
  EXPECT_EQ(explanation.ports[0], 601);
  EXPECT_EQ(explanation.closed, 3);
  EXPECT_TRUE(explanation.has_network);
  EXPECT_EQ(explanation.network_sources, 1U);
  EXPECT_NEAR(explanation.network.score[0], 6, 0.01);
  bench.pass(2min);
  explanation = ask(bench);
  EXPECT_NEAR(explanation.sums.score[0], 4, 0.01);
  EXPECT_NEAR(explanation.sums.score[1], 5.9, 0.01);
  EXPECT_EQ(explanation.sums.last_ago, 120U);
}

TEST(Explain, WhatListsLeftOutIsTold) {
  Section options;
  options.set("ignore_sources", "203.0.113.7", "test");
  options.set("ignore_ports", "601", "test");
  FullBench bench(options);
  for (int i = 0; i < 3; ++i) bench.refuse(kClient, 602);
  bench.refuse("203.0.113.8", 601);
  const SourceExplanation ignored = ask(bench);
  EXPECT_TRUE(ignored.is_ignored);
  EXPECT_EQ(ignored.excluded_of_it[0], 3U);
  EXPECT_EQ(ignored.excluded[0], 3U);
  EXPECT_EQ(ignored.excluded[2], 1U);
  const SourceExplanation other = ask(bench, "203.0.113.8");
  EXPECT_FALSE(other.is_ignored);
  EXPECT_EQ(other.excluded_of_it[0], 0U);
  EXPECT_EQ(other.excluded_of_it[2], 1U);
}

TEST(Explain, WhatMayYetBeAnsweredWaits) {
  FullBench bench;
  bench.see(system_syn(kClient, kHost, 601));
  EXPECT_EQ(ask(bench).sums.waiting, 2);
  bench.pass(1s);
  EXPECT_EQ(ask(bench).sums.waiting, 0);
}

TEST(Explain, AnOpenScanIsNamed) {
  FullBench bench;
  for (const Port port : std::initializer_list<Port>{601, 602, 603, 604})
    bench.probe(kClient, port);
  const SourceExplanation explanation = ask(bench);
  EXPECT_TRUE(explanation.is_scanning);
  EXPECT_TRUE(explanation.is_crafted);
  EXPECT_EQ(explanation.record, bench.last().record);
  EXPECT_EQ(explanation.rule, ScanRule::fast);
  EXPECT_EQ(explanation.technique, Technique::syn);
  EXPECT_EQ(explanation.tool, Tool::nmap);
}

TEST(Explain, AskingChangesNothing) {
  FullBench bench;
  for (const Port port : std::initializer_list<Port>{601, 602, 603}) bench.refuse(kClient, port);
  const double before = ask(bench).sums.score[0];
  EXPECT_EQ(ask(bench).sums.score[0], before);
  bench.refuse(kClient, 604);
  EXPECT_EQ(bench.found(), 0U);
  bench.refuse(kClient, 605);
  EXPECT_EQ(bench.found(), 1U);
}

TEST(Explain, AnIpv6SourceIsItsSlash64) {
  FullBench bench(Section{}, "2001:db8:1::/64");
  bench.refuse("2001:db8:2::1", 601, "2001:db8:1::1");
  EXPECT_EQ(ask(bench, "2001:db8:2::2").sums.contacts, 1U);
  EXPECT_EQ(ask(bench, "2001:db8:2:1::1").knowledge, Knowledge::nothing);
}

TEST(Explain, ClassicKeepsNoSums) {
  const auto classic = make_classic({}, {.a = 1, .b = 2});
  ASSERT_TRUE(classic);
  const Address source = parse_address(kClient).value();
  EXPECT_EQ((*classic)->explain(source).knowledge, Knowledge::not_kept);
  EXPECT_EQ((*classic)->explain(source).source, source);
}

}  // namespace
}  // namespace scanlogd::test
