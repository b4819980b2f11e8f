// What `--explain` says of a source.
#include "daemon/explainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>

#include "support/detector_bench.h"
#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Analysis analysis(std::string_view profile, const Section& options = {}) {
  std::vector<NamedDetector> detectors;
  auto made = make_detector(profile, options);
  EXPECT_TRUE(made) << made.error().what;
  if (made) detectors.push_back({profile, std::move(*made), true});
  return Analysis(std::move(detectors), parse_networks(kOurs).value());
}

class ExplainerTest : public ::testing::Test {
 protected:
  explicit ExplainerTest(const Section& options = {})
      : explainer_(analysis("full", options), parse_address(kClient).value()) {}

  void see(Packet packet) {
    now_ += 1ms;
    packet.time = now_;
    auto batch = std::make_unique<PacketBatch>();
    batch->push(packet);
    explainer_.process(*batch);
  }
  void refuse(Port port, std::string_view from = kClient) {
    const Packet syn = system_syn(from, kHost, port);
    see(syn);
    see(answer_to(syn, "RA"));
  }
  std::vector<std::string> finish() {
    explainer_.advance(Detector::kEndOfTime, {});
    explainer_.end({});
    return explainer_.lines();
  }

  Explainer explainer_;
  std::chrono::nanoseconds now_ = 1000h;
};

TEST_F(ExplainerTest, TellsAnAlarmContactByContact) {
  for (Port port = 601; port <= 605; ++port) refuse(port);
  const auto lines = finish();
  EXPECT_EQ(lines.at(0), "203.0.113.7: alarm: it scans, found by the rule fast (vertical)");
  EXPECT_EQ(lines.at(1), "5 packets of it came: 5 contact");
  EXPECT_THAT(lines, Contains(HasSubstr("198.51.100.1 605/tcp   +2.00")));
  EXPECT_THAT(lines, Contains(HasSubstr("198.51.100.1 605/tcp            10.00")));
  EXPECT_THAT(lines, Contains(HasSubstr("ALARM: vertical scan, found by the rule fast")));
  EXPECT_THAT(lines, Contains(HasSubstr("END of the scan (shutdown)")));
}
TEST_F(ExplainerTest, TellsWhatIsLackingWhereThereIsNoAlarm) {
  refuse(601);
  const Packet syn = system_syn(kClient, kHost, 602);
  see(syn);
  see(answer_to(syn, "SA"));
  see(system_syn(kClient, kHost, 602));
  const auto lines = finish();
  EXPECT_THAT(lines.at(0), HasSubstr("no alarm: the nearest scale is fast, which lacks 7.50"));
  EXPECT_EQ(lines.at(1), "3 packets of it came: 2 contact, 1 service");
  EXPECT_THAT(lines, Contains(HasSubstr("taken back: a service answered")));
  EXPECT_THAT(lines, Contains(HasSubstr("-0.50     1.50    1.50    1.50  a known service")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("ALARM"))));
}
TEST_F(ExplainerTest, TheMarksOfARawPacketToolAreNamedWhereTheyGivePoints) {
  refuse(601);
  see(nmap_syn(kClient, kHost, 602));
  see(nmap_syn(kClient, kHost, 603));
  const auto lines = finish();
  EXPECT_THAT(lines, Contains(HasSubstr(", the marks")).Times(1));
  EXPECT_THAT(lines, Contains(AllOf(HasSubstr("602/tcp   +5.00"), HasSubstr("the marks"))));
}
TEST_F(ExplainerTest, AnAlarmIsToldAfterItsScanHasEnded) {
  for (Port port = 601; port <= 605; ++port) refuse(port);
  now_ += 3h;
  refuse(443, "203.0.114.8");
  const auto lines = finish();
  EXPECT_THAT(lines.at(0), HasSubstr("alarm: it scans, found by the rule fast"));
  EXPECT_THAT(lines, Contains(HasSubstr("END of the scan (idle)")));
}
TEST_F(ExplainerTest, WhatWaitsAtTheEndIsDecided) {
  for (Port port = 601; port <= 605; ++port) see(system_syn(kClient, kHost, port));
  const auto lines = finish();
  EXPECT_THAT(lines, Contains(HasSubstr("nobody answered: it stays")));
  EXPECT_THAT(lines.at(0), HasSubstr("alarm: it scans"));
}
TEST_F(ExplainerTest, OfOthersNothingIsTold) {
  for (Port port = 601; port <= 605; ++port) refuse(port, "203.0.114.8");
  const auto lines = finish();
  EXPECT_THAT(lines.at(0), HasSubstr("no alarm: no contact of it has failed"));
  EXPECT_EQ(lines.at(1), "0 packets of it came");
  EXPECT_THAT(lines, Not(Contains(HasSubstr("ALARM"))));
  EXPECT_THAT(explainer_.accounts(), HasSubstr("inspected 10"));
}
TEST_F(ExplainerTest, TheScanOfItsNetworkIsToldToo) {
  for (int i = 0; i < 30; ++i) {
    refuse(static_cast<Port>(601 + i), "203.0.113." + std::to_string(1 + i % 15));
  }
  EXPECT_THAT(finish(), Contains(HasSubstr("scan by its network 203.0.113.0/24")));
}

Section ignoring() {
  Section options;
  options.set("ignore_ports", "601-605", "test");
  return options;
}
class ExplainerWithLists : public ExplainerTest {
 protected:
  ExplainerWithLists() : ExplainerTest(ignoring()) {}
};
TEST_F(ExplainerWithLists, WhatListsLeftOutIsTheReason) {
  for (Port port = 601; port <= 605; ++port) refuse(port);
  const auto lines = finish();
  EXPECT_THAT(lines.at(0), HasSubstr("were not judged: 5 by ignore_ports"));
  EXPECT_EQ(lines.at(1), "5 packets of it came: 5 ignored_port");
}

TEST(Explainer, TheClassicProfileHasNothingToExplain) {
  const Explainer explainer(analysis("classic"), parse_address(kClient).value());
  const auto able = explainer.failure();
  ASSERT_FALSE(able);
  EXPECT_THAT(able.error().what, HasSubstr("--profile full"));
}

}  // namespace
}  // namespace scanlogd::test
