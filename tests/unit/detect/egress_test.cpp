// The egress alarm, by what goes out and what comes back.
#include "detect/egress.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/full_bench.h"
#include "support/outgoing_model.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kFriend = "203.0.113.80";

Section with_egress(std::string_view key = "", std::string_view value = "") {
  Section section;
  section.set("egress", "true", "test");
  if (!key.empty()) section.set(key, value, "test");
  return section;
}

std::string other(int i) {
  return "192.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
}

/// A machine of ours that has been answered before, as all have.
class EgressAlarm : public ::testing::Test {
 protected:
  explicit EgressAlarm(const Section& options = with_egress()) : bench_(options) {}

  void SetUp() override {
    for (Port port = 1; port <= 8; ++port) reach(kFriend, port);
  }

  /// We connect to a service.
  void reach(std::string_view to, Port port, std::string_view from = kHost) {
    const Packet syn = system_syn(from, to, port);
    bench_.see(syn, answer_to(syn, "SA"));
  }
  /// We are refused.
  void knock(std::string_view to, Port port, std::string_view from = kHost) {
    const Packet syn = system_syn(from, to, port);
    bench_.see(syn, answer_to(syn, "RA"));
  }
  /// Nobody answers `packet`, and something else comes meanwhile.
  void shout(const Packet& packet) {
    bench_.see(packet);
    bench_.now += 100ms;
    bench_.see(answer_to(system_syn(kHost, kFriend, 443), "FA"));
  }
  /// Time enough for answers.
  void wait() {
    bench_.pass(5s);
    bench_.see(answer_to(system_syn(kHost, kFriend, 443), "FA"));
  }
  [[nodiscard]] std::size_t found() const { return bench_.found(); }

  FullBench bench_;
};

class EgressAlarmOff : public EgressAlarm {
 protected:
  EgressAlarmOff() : EgressAlarm(Section()) {}
};

TEST_F(EgressAlarmOff, IsSilent) {
  for (int i = 0; i < 2000; ++i) knock(other(i), 22);
  EXPECT_EQ(found(), 0U);
}

// 90 points are 45 failures of two points each in one moment.
TEST_F(EgressAlarm, FortyFivePrivilegedPortsOfAHostAreAScanAndFortyFourAreNot) {
  for (Port port = 601; port < 645; ++port) knock(kClient, port);
  EXPECT_EQ(found(), 0U);
  knock(kClient, 645);
  ASSERT_EQ(found(), 1U);
  const ScanEvent event = bench_.last();
  EXPECT_EQ(event.kind, ScanKind::egress);
  EXPECT_EQ(event.rule, ScanRule::fast);
  EXPECT_EQ(to_string(event.source), kHost);
  EXPECT_EQ(to_string(event.target), kClient);
  EXPECT_EQ(event.verdict, Verdict::unverified);
  EXPECT_EQ(event.ports_total, 45U);
  EXPECT_EQ(event.hosts_total, 1U);
  EXPECT_EQ(event.closed_total, 45U);
  EXPECT_EQ(event.filtered_total, 0U);
  EXPECT_EQ(event.ports[0], 601);
  EXPECT_EQ(event.varies & varies::target, 0);
  knock(kClient, 646);
  EXPECT_EQ(found(), 1U);
}

TEST_F(EgressAlarm, OnePortOfFortyFiveHostsIsASweep) {
  for (int i = 0; i < 44; ++i) knock(other(i), 22);
  EXPECT_EQ(found(), 0U);
  knock(other(44), 22);
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().hosts_total, 45U);
  EXPECT_EQ(bench_.last().ports_total, 1U);
  EXPECT_NE(bench_.last().varies & varies::target, 0);
}

TEST_F(EgressAlarm, IsTenTimesAsPatientAtEachSensitivity) {
  const auto needed = [](std::string_view sensitivity) {
    FullBench bench(with_egress("sensitivity", sensitivity));
    for (Port port = 1; port <= 8; ++port) {
      const Packet syn = system_syn(kHost, kFriend, port);
      bench.see(syn, answer_to(syn, "SA"));
    }
    return bench.until_found(200, 1us, [&](int i) {
      const Packet syn = system_syn(kHost, kClient, static_cast<Port>(601 + i));
      bench.see(syn, answer_to(syn, "RA"));
    });
  };
  EXPECT_EQ(needed("high"), 40);  // 35 would do, but for the least number of contacts
  EXPECT_EQ(needed("normal"), 45);
  EXPECT_EQ(needed("low"), 60);
}

TEST_F(EgressAlarm, FindsASlowScan) {
  const int probes = bench_.until_found(200, 60s, [&](int i) { knock(other(i), 23); });
  EXPECT_LE(probes, 65);  // two points a minute less what leaks
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().rule, ScanRule::slow);
}

TEST_F(EgressAlarm, FindsAGlacialScan) {
  const int probes = bench_.until_found(200, 1h, [&](int i) { knock(other(i), 23); });
  EXPECT_LE(probes, 115);  // two points an hour less a quarter
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().rule, ScanRule::glacial);
}

TEST_F(EgressAlarm, TheSameContactCountsOnce) {
  for (int i = 0; i < 1000; ++i) {
    knock(kClient, static_cast<Port>(601 + i % 44));
    bench_.now += 1s;
  }
  EXPECT_EQ(found(), 0U);
}

TEST_F(EgressAlarm, SilenceIsAFailureOnceTheTimeForAnAnswerIsOver) {
  for (int i = 0; i < 60; ++i) bench_.see(system_syn(kHost, other(i), 23));
  EXPECT_EQ(found(), 0U);
  bench_.now += 1s;
  bench_.see(answer_to(system_syn(kHost, kFriend, 443), "FA"));
  EXPECT_EQ(found(), 0U);
  wait();
  ASSERT_EQ(found(), 1U);
  bench_.finish();
  EXPECT_EQ(bench_.last(Phase::end).hosts_total, 60U);
  EXPECT_EQ(bench_.last(Phase::end).filtered_total, 60U);
}

TEST_F(EgressAlarm, WhileTheNetworkIsAwaySilenceSaysNothing) {
  for (int i = 0; i < 500; ++i) {
    bench_.see(system_syn(kHost, other(i), 25));
    bench_.pass(100ms);
  }
  bench_.pass(10s);
  EXPECT_EQ(found(), 0U);
}

TEST_F(EgressAlarm, SilenceSaysNothingWhereAnswersAreNotSeen) {
  FullBench bench(with_egress());
  for (int i = 0; i < 500; ++i) {
    bench.see(system_syn(kHost, other(i), 25));
    bench.now += 100ms;
    bench.see(system_syn(kClient, kHost, 22));
  }
  bench.pass(10s);
  EXPECT_EQ(bench.found(), 0U);
}

TEST_F(EgressAlarm, FindsNmapAndMasscanByTheirSynsAlone) {
  for (Port port = 1; port <= 45; ++port) bench_.see(nmap_syn(kHost, kClient, port));
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().tool, Tool::nmap);
  EXPECT_EQ(bench_.last().technique, Technique::syn);
}

TEST_F(EgressAlarm, FindsARawScanOfRandomPortsOfRandomHosts) {
  const int probes = bench_.until_found(200, 1ms, [&](int i) {
    Packet syn = nmap_syn(kHost, other(i), static_cast<Port>(1024 + i * 613));
    syn.set_options(TcpOptions::none);
    bench_.see(syn);
  });
  EXPECT_LE(probes, 61);
}

TEST_F(EgressAlarm, FindsStealthScans) {
  for (Port port = 1; port <= 40; ++port) bench_.see(segment(kHost, kClient, port, "FPU"));
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().technique, Technique::xmas);
}

TEST_F(EgressAlarm, FindsAUdpScan) {
  for (Port port = 1; port <= 45; ++port) {
    const Packet asked = datagram(kHost, 40000, kClient, port);
    bench_.see(asked, unreachable(asked));
  }
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().protocol, IpProto::udp);
  EXPECT_EQ(bench_.last().closed_total, 45U);
}

TEST_F(EgressAlarm, FindsAPingSweep) {
  for (int i = 0; i < 60; ++i) shout(icmp_message(kHost, other(i), 8));
  wait();
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(bench_.last().technique, Technique::icmp_echo);
  EXPECT_EQ(bench_.last().ports_total, 0U);
}

TEST_F(EgressAlarm, APingSweepOfHostsThatAnswerIsNone) {
  for (int i = 0; i < 200; ++i) {
    const Packet asked = icmp_message(kHost, other(i), 8);
    bench_.see(asked, icmp_message(other(i), kHost, 0));
  }
  wait();
  EXPECT_EQ(found(), 0U);
}

TEST(EgressAlarmOfIPv6, FindsAScanAndTellsOfItsTargetInBrackets) {
  constexpr std::string_view kOur = "2001:db8:1::5";
  FullBench bench(with_egress(), "2001:db8:1::5/128");
  for (int i = 0; i < 80; ++i) {
    const Packet syn =
        system_syn(kOur, "2001:db8:2::" + std::to_string(1 + i), static_cast<Port>(22));
    bench.see(syn, answer_to(syn, "RA"));
  }
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(to_string(bench.last().source), kOur);
}

TEST(EgressAlarmOfIPv6, IsTheSameForUdpAndIcmp) {
  constexpr std::string_view kOur = "2001:db8:1::5";
  FullBench bench(with_egress(), "2001:db8:1::5/128");
  for (Port port = 1; port <= 45; ++port) {
    const Packet asked = datagram(kOur, 40000, "2001:db8:2::1", port);
    bench.see(asked, unreachable(asked));
  }
  EXPECT_EQ(bench.found(), 1U);
}

TEST_F(EgressAlarm, OurAnswersAreNoContacts) {
  for (int i = 0; i < 500; ++i) {
    const std::string client = other(i);
    const auto port = static_cast<Port>(1 + i);
    bench_.see(answer_to(system_syn(client, kHost, port), "SA"));
    bench_.see(answer_to(system_syn(client, kHost, port), "RA"));
    bench_.see(answer_to(segment(client, kHost, port, "A"), "R"));
    bench_.see(icmp_message(kHost, client, 0));
    bench_.see(unreachable(datagram(client, 40000, kHost, port)));
    const Packet question = datagram(client, static_cast<Port>(20000 + i), kHost, 53);
    bench_.see(question, answer_to(question));
  }
  wait();
  EXPECT_EQ(std::ranges::count(bench_.events, ScanKind::egress, &ScanEvent::kind), 0);
}

TEST_F(EgressAlarm, WhatIsForwardedForOthersIsNotOurs) {
  for (int i = 0; i < 500; ++i) {
    Packet syn = system_syn("10.9.9.9", other(i), 22);
    syn.traits |= trait::outgoing;
    bench_.see(syn);
  }
  wait();
  EXPECT_EQ(found(), 0U);
}

TEST_F(EgressAlarm, WhatStaysAmongUsIsJudgedAsWhatComesIn) {
  for (Port port = 601; port < 700; ++port) knock("198.51.100.2", port);
  EXPECT_EQ(std::ranges::count(bench_.events, ScanKind::egress, &ScanEvent::kind), 0);
}

TEST_F(EgressAlarm, GroupsAndBroadcastsAreNobody) {
  for (int i = 0; i < 200; ++i) {
    shout(datagram(kHost, 5353, "224.0.0." + std::to_string(i), 5353));
    shout(datagram(kHost, 137, "10.0." + std::to_string(i) + ".255", 137));
  }
  wait();
  EXPECT_EQ(found(), 0U);
}

TEST_F(EgressAlarm, TracerouteIsNone) {
  for (Port port = 33434; port <= 33534; ++port) shout(datagram(kHost, 40000, kClient, port));
  wait();
  EXPECT_EQ(found(), 0U);
}

TEST_F(EgressAlarm, EachAddressOfOursIsJudgedByItself) {
  for (int i = 0; i < 44; ++i) {
    knock(other(i), 22, kHost);
    knock(other(i), 22, "198.51.100.2");
  }
  EXPECT_EQ(found(), 0U);
  knock(other(44), 22, kHost);
  knock(other(44), 22, "198.51.100.2");
  EXPECT_EQ(found(), 2U);
}

TEST_F(EgressAlarm, OfMoreAddressesThanThereIsRoomForEachIsTold) {
  for (int own = 2; own < 42; ++own) {
    const std::string from = "198.51.100." + std::to_string(own);
    for (int i = 0; i < 45; ++i) knock(other(i), 22, from);
  }
  EXPECT_EQ(found(), 40U);
}

TEST_F(EgressAlarm, OneScanOfManyPortsAndHostsIsToldOnceAndEnds) {
  for (int host = 0; host < 30; ++host) {
    for (Port port = 601; port < 701; ++port) knock(other(host), port);
    bench_.pass(1s);
  }
  reach(other(5), 750);
  EXPECT_EQ(found(), 1U);
  bench_.pass(9min);
  EXPECT_EQ(std::ranges::count(bench_.events, Phase::end, &ScanEvent::phase), 0);
  bench_.pass(2min);
  ASSERT_EQ(std::ranges::count(bench_.events, Phase::end, &ScanEvent::phase), 1);
  const ScanEvent end = bench_.last(Phase::end);
  EXPECT_EQ(end.kind, ScanKind::egress);
  EXPECT_EQ(end.ports_total, 101U);
  EXPECT_EQ(end.hosts_total, 30U);
  EXPECT_EQ(end.packets, 3001U);
  EXPECT_EQ(end.open_total, 1U);
  EXPECT_EQ(end.closed_total, 3000U);
}

TEST_F(EgressAlarm, TheNextScanIsAnother) {
  for (Port port = 601; port <= 645; ++port) knock(kClient, port);
  bench_.pass(11min);
  for (Port port = 601; port <= 699; ++port) knock(kClient, port);  // most were seen before
  EXPECT_EQ(found(), 2U);
  bench_.finish();
  EXPECT_EQ(std::ranges::count(bench_.events, Phase::end, &ScanEvent::phase), 2);
}

TEST_F(EgressAlarm, AServiceThatWasFoundIsToldOf) {
  for (Port port = 601; port <= 645; ++port) knock(kClient, port);
  reach(kClient, 22);
  bench_.finish();
  const ScanEvent end = bench_.last(Phase::end);
  EXPECT_EQ(end.open_total, 1U);
  EXPECT_EQ(end.open[0], 22);
}

TEST_F(EgressAlarm, AScannerAmongManyGoodContactsOfOtherPortsIsFound) {
  const int probes = bench_.until_found(100, 10ms, [&](int i) {
    knock(other(i), 23);
    for (int good = 0; good < 20; ++good) reach(other(1000 + 20 * i + good), 443);
  });
  EXPECT_LE(probes, 46);
}

TEST_F(EgressAlarm, AScanFasterThanThereIsRoomForIsFound) {
  for (int i = 0; i < 20'000; ++i) {
    bench_.see(system_syn(kHost, other(i), 23));
    bench_.now += 10us;
  }
  bench_.now += 100ms;
  bench_.see(answer_to(system_syn(kHost, kFriend, 443), "FA"));
  wait();
  EXPECT_EQ(found(), 1U);
}

TEST_F(EgressAlarm, ScansOfUsAreStillFoundMeanwhile) {
  for (Port port = 601; port <= 645; ++port) {
    knock(kClient, port);
    if (port < 606) bench_.refuse("203.0.113.99", port);
  }
  bench_.pass(2s);
  EXPECT_EQ(found(), 2U);
}

TEST_F(EgressAlarm, IsSwitchedAndTunedWhileItRuns) {
  ASSERT_TRUE(bench_.detector().tune(Section()));
  for (int i = 0; i < 100; ++i) knock(other(i), 22);
  EXPECT_EQ(found(), 0U);
  ASSERT_TRUE(bench_.detector().tune(with_egress("sensitivity", "low")));
  for (int i = 100; i < 159; ++i) knock(other(i), 22);
  EXPECT_EQ(found(), 0U);
  knock(other(159), 22);
  EXPECT_EQ(found(), 1U);
}

TEST(EgressOptions, TakeHalfAMebibyteAtMostBesideTwelveOfAllOtherTables) {
  FullBench on(with_egress());
  EXPECT_LE(FullBench().detector().stats().memory, std::size_t{12} << 20);
  EXPECT_LE(on.detector().stats().memory, FullBench().detector().stats().memory + (512U << 10));
}

TEST(EgressOptions, WhatIsIgnoredIsNotJudged) {
  for (const auto& [key, value] : {std::pair("egress_ignore_targets", "192.0.0.0/16"),
                                   std::pair("egress_ignore_ports", "22,icmp")}) {
    FullBench bench(with_egress(key, value));
    for (int i = 0; i < 100; ++i) {
      const Packet syn = system_syn(kHost, other(i), 22);
      bench.see(syn, answer_to(syn, "RA"));
    }
    EXPECT_EQ(bench.found(), 0U) << key;
    for (int i = 0; i < 100; ++i) {
      const Packet syn = system_syn(kHost, "10.0.0." + std::to_string(i), 23);
      bench.see(syn, answer_to(syn, "RA"));
    }
    EXPECT_EQ(bench.found(), 1U) << key;
  }
}

TEST(EgressOptions, AreRefusedWithTheirPlaceWhereTheyAreWrong) {
  const auto refuse = [](std::string_view key, std::string_view value) {
    Section options;
    options.set(key, value, "s.toml:7");
    const auto made = make_full(options, {});
    EXPECT_FALSE(made) << key;
    return made ? "" : made.error().what;
  };
  EXPECT_TRUE(refuse("egress", "maybe").starts_with("s.toml:7"));
  EXPECT_TRUE(refuse("egress_ignore_ports", "65536").starts_with("s.toml:7"));
  EXPECT_TRUE(refuse("egress_ignore_targets", "10.0.0.0/33").starts_with("s.toml:7"));
}

class Busy : public ::testing::TestWithParam<Asker> {};

TEST_P(Busy, IsNoScannerNotEvenWhenItsNetworkIsAway) {
  FullBench bench(with_egress());
  const AddressBytes source = parse_address(kHost)->bytes;
  OutgoingModel model(GetParam());
  for (int hour = 0; hour < 6; ++hour) {
    std::vector<Packet> packets;
    for (const AskedContact& contact : model.hour()) {
      const Packet asked = asked_packet(contact, source);
      packets.push_back(asked);
      // For ten minutes of the fourth hour nothing comes.
      const bool is_away =
          hour == 3 && contact.time % std::chrono::hours(1) < std::chrono::minutes(10);
      const Packet answer = asked_answer(contact, asked);
      if (!is_away && answer.family != Family::none) packets.push_back(answer);
    }
    std::ranges::stable_sort(packets, {}, &Packet::time);
    for (const Packet& packet : packets) {
      bench.now = std::chrono::hours(1000) + packet.time;
      bench.see(packet);
    }
  }
  bench.pass(10s);
  EXPECT_EQ(bench.found(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Machines, Busy, ::testing::ValuesIn(kAskers));

}  // namespace
}  // namespace scanlogd::test
