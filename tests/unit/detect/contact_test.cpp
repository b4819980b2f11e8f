// The contact CUSUM by itself: weights, leaks, what is taken back, what a network adds up to.
#include "detect/contact.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

constexpr HashKey kKey{.a = 0x0123'4567'89ab'cdef, .b = 0xfedc'ba98'7654'3210};

class Contacts : public ::testing::Test {
 protected:
  Sighting sighting(const Packet& packet) {
    Sighting made{.packet = &packet, .probe = classify(packet), .now = now_};
    made.source = source_key(packet.family, packet.source);
    made.hash = keyed_hash(kKey, made.source);
    made.local = address_word(kKey, packet.family, packet.target);
    made.port = port_hash(kKey, made.local, packet.protocol, packet.target_port);
    made.flow = flow_hash(kKey, made.port, made.source);
    return made;
  }
  Counted count(const Packet& packet) {
    const Sighting made = sighting(packet);
    entry_ = contacts_.find(contacts_.place_of_hash(made.hash), made.source);
    return contacts_.count(made, entry_);
  }
  Counted refuse(Port port) {
    const Packet packet = system_syn(kClient, kHost, port);
    const Counted counted = count(packet);
    contacts_.confirm(sighting(packet).flow);
    return counted;
  }
  double score(Scale scale) const { return ContactDetector::scores(*entry_, now_)[scale]; }
  std::vector<Alarm> alarms() {
    std::vector<Alarm> taken;
    contacts_.take_alarms([&](const Alarm& alarm) { taken.push_back(alarm); });
    return taken;
  }

  ContactDetector contacts_ = ContactDetector::make(1024, kNormalSensitivity, kKey).value();
  ContactSource* entry_ = nullptr;
  Tick now_ = 1000 * kHour;
};

TEST_F(Contacts, WeighWhatTheySay) {
  EXPECT_EQ(refuse(1023), Counted::waits);
  EXPECT_DOUBLE_EQ(score(kFast), 2);
  (void)refuse(1024);
  EXPECT_DOUBLE_EQ(score(kFast), 3.5);
  (void)refuse(8080);
  EXPECT_DOUBLE_EQ(score(kFast), 5.5);
  (void)refuse(8443);  // likewise of the web
  EXPECT_DOUBLE_EQ(score(kFast), 6);
  EXPECT_EQ(refuse(8443), Counted::repeated);
  EXPECT_DOUBLE_EQ(score(kFast), 6);
}

TEST_F(Contacts, ACraftedSynAddsThreeOnceAndKnowsNoFamilies) {
  EXPECT_EQ(count(nmap_syn(kClient, kHost, 80)), Counted::counted);
  EXPECT_DOUBLE_EQ(score(kFast), 5);
  (void)count(nmap_syn(kClient, kHost, 443));
  EXPECT_DOUBLE_EQ(score(kFast), 7);
}

TEST_F(Contacts, TraceroutePortsWeighOnce) {
  (void)count(datagram(kClient, 40000, kHost, 33434));
  EXPECT_EQ(count(datagram(kClient, 40000, kHost, 33435)), Counted::nothing);
  EXPECT_DOUBLE_EQ(score(kFast), 2);
}

TEST_F(Contacts, LeakAtThreeRates) {
  (void)refuse(1);
  now_ += kHour / 60;
  EXPECT_NEAR(score(kFast), 1, 1e-3);
  EXPECT_NEAR(score(kSlow), 2 - 0.05, 1e-3);
  EXPECT_NEAR(score(kGlacial), 2 - 0.25 / 60, 1e-3);
  now_ += kHour;
  EXPECT_DOUBLE_EQ(score(kFast), 0);
  EXPECT_DOUBLE_EQ(score(kSlow), 0);
  EXPECT_NEAR(score(kGlacial), 1.75 - 0.25 / 60, 1e-3);
}

TEST_F(Contacts, LeakTheSameInManySteps) {
  // As long as nothing is added, nothing is rounded.
  (void)refuse(2001);
  for (int i = 1; i <= 9; ++i) {
    now_ += 300 * kSecond;
    (void)refuse(static_cast<Port>(2001 + 7 * i));
  }
  EXPECT_NEAR(score(kSlow), 10 * 1.5 - 9 * 0.25, 2e-3);
}

TEST_F(Contacts, AreTakenBackWhenTheyTurnOutToBeServices) {
  const Packet packet = system_syn(kClient, kHost, 25);
  EXPECT_EQ(count(packet), Counted::waits);
  EXPECT_TRUE(contacts_.revoke(sighting(packet).flow));
  EXPECT_FALSE(contacts_.revoke(sighting(packet).flow));
  EXPECT_DOUBLE_EQ(score(kFast), 0);
  EXPECT_EQ(entry_->contacts, 0);
  EXPECT_EQ(entry_->provisional, 0);
  (void)refuse(587);  // the first of its family, now
  EXPECT_DOUBLE_EQ(score(kFast), 2);
}

TEST_F(Contacts, AreTakenBackLate) {
  const Packet packet = system_syn(kClient, kHost, 25);
  (void)count(packet);
  now_ += 3 * kSecond;
  contacts_.expire(now_, kSecond);
  EXPECT_TRUE(contacts_.revoke(sighting(packet).flow));
  EXPECT_DOUBLE_EQ(score(kFast), 0);
}

TEST_F(Contacts, OfASourceWithManyAreTakenBackOneByOne) {
  for (Port port = 2001; port <= 2020; ++port) (void)refuse(port);
  ASSERT_NE(entry_->flags & source_flag::many, 0);
  const int others = entry_->contacts;
  const Packet packet = system_syn(kClient, kHost, 25);
  ASSERT_EQ(count(packet), Counted::waits);
  ASSERT_EQ(count(packet), Counted::repeated);
  EXPECT_TRUE(contacts_.revoke(sighting(packet).flow));
  EXPECT_EQ(entry_->contacts, others);
  EXPECT_EQ(count(packet), Counted::waits) << "as if it had not been there";
  EXPECT_EQ(refuse(2007), Counted::repeated) << "the others are";
}

TEST_F(Contacts, WaitForTheirAnswer) {
  for (Port port = 1; port <= 8; ++port) {
    (void)count(system_syn(kClient, kHost, static_cast<Port>(port * 3)));
  }
  EXPECT_EQ(alarms().size(), 0U);
  contacts_.expire(now_ + kSecond - 1, kSecond);
  EXPECT_EQ(alarms().size(), 0U);
  contacts_.expire(now_ + kSecond, kSecond);
  EXPECT_EQ(alarms().size(), 1U);
}

TEST_F(Contacts, ServicesTakeHalfAPointOnce) {
  (void)refuse(1);
  const Packet packet = system_syn(kClient, kHost, 443);
  contacts_.credit(sighting(packet), *entry_);
  EXPECT_DOUBLE_EQ(score(kFast), 1.5);
  contacts_.credit(sighting(packet), *entry_);
  EXPECT_DOUBLE_EQ(score(kFast), 1.5);
}

TEST_F(Contacts, NoCreditIsBanked) {
  (void)refuse(1);
  for (Port port = 3000; port < 3020; ++port) {
    contacts_.credit(sighting(system_syn(kClient, kHost, port)), *entry_);
  }
  EXPECT_DOUBLE_EQ(score(kFast), 0);
}

TEST_F(Contacts, StraysToLowPortsCountFromTheFourthIfTheyAreAQuarter) {
  const auto stray = [&](Port port) {
    const Packet packet = segment(kClient, kHost, port, "SA");
    const Sighting made = sighting(packet);
    entry_ = contacts_.find(contacts_.place_of_hash(made.hash), made.source);
    return contacts_.count_stray(made, port < 1024, entry_);
  };
  EXPECT_EQ(stray(5000), Counted::nothing);
  EXPECT_EQ(entry_, nullptr);
  for (Port port = 1; port <= 3; ++port) EXPECT_EQ(stray(port), Counted::nothing);
  for (Port port = 5000; port < 5013; ++port) (void)stray(port);
  EXPECT_EQ(stray(4), Counted::nothing);  // 4 of 17
  EXPECT_EQ(stray(5), Counted::counted);  // 5 of 18
}

TEST_F(Contacts, ANetworkNeedsThreeSourcesAndTwiceThePoints) {
  const auto refuse_from = [&](int host, Port port) {
    const Packet packet = system_syn("203.0.113." + std::to_string(host), kHost, port);
    (void)count(packet);
    contacts_.confirm(sighting(packet).flow);
  };
  for (int i = 0; i < 8; ++i) refuse_from(1 + i, static_cast<Port>(1 + 3 * i));
  EXPECT_EQ(alarms().size(), 0U);
  refuse_from(9, 100);
  const auto raised = alarms();
  ASSERT_EQ(raised.size(), 1U);
  EXPECT_TRUE(raised[0].is_network);
  EXPECT_EQ(raised[0].rule, ScanRule::prefix);
}

TEST_F(Contacts, OneSourceMakesNoNetwork) {
  for (int i = 0; i < 30; ++i) (void)refuse(static_cast<Port>(1 + 3 * i));
  const auto raised = alarms();
  ASSERT_EQ(raised.size(), 1U);
  EXPECT_FALSE(raised[0].is_network);
}

TEST_F(Contacts, AnAlarmIsRaisedOnce) {
  for (int i = 0; i < 5; ++i) (void)refuse(static_cast<Port>(1 + 3 * i));
  EXPECT_EQ(alarms().size(), 1U);
  for (int i = 5; i < 50; ++i) (void)refuse(static_cast<Port>(1 + 3 * i));
  EXPECT_EQ(alarms().size(), 0U);
}

}  // namespace
}  // namespace scanlogd::test
