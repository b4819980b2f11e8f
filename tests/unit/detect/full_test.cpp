// The full profile from packets to events: what is a scan, after how many probes, and what is none.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/detector_bench.h"
#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

Port high(int i) { return static_cast<Port>(20011 + i * 7); }
Port low(int i) { return static_cast<Port>(601 + i * 3); }

// Weights, thresholds and least contacts: each at n - 1, n, n + 1.

TEST(Full, ThreeRawProbesAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 3; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, FourRawProbesOfPrivilegedPortsAreAScan) {
  FullBench bench;
  for (int i = 0; i < 4; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.found(), 1U);
}
TEST(Full, FiveRawProbesAreOneScan) {
  FullBench bench;
  for (int i = 0; i < 5; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.found(), 1U);
}
TEST(Full, FourRefusedPrivilegedPortsAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 4; ++i) bench.refuse(kClient, low(i));
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, FiveRefusedPrivilegedPortsAreAScan) {
  FullBench bench;
  for (int i = 0; i < 5; ++i) bench.refuse(kClient, low(i));
  EXPECT_EQ(bench.found(), 1U);
}
TEST(Full, SixRefusedHighPortsAreNoScan) {
  // Nine points, less what leaked.
  FullBench bench;
  EXPECT_EQ(bench.until_found(6, 1s, [&](int i) { bench.refuse(kClient, high(i)); }), 7);
}
TEST(Full, SevenRefusedHighPortsAreAScan) {
  FullBench bench;
  EXPECT_EQ(bench.until_found(7, 1s, [&](int i) { bench.refuse(kClient, high(i)); }), 7);
}

TEST(Full, AnotherSensitivityCountsFromTheNextContactOn) {
  FullBench bench;
  const auto tune = [&](std::string_view sensitivity) {
    Section options;
    options.set("sensitivity", sensitivity, "test");
    return bench.detector().tune(options);
  };
  for (int i = 0; i < 4; ++i) bench.refuse(kClient, low(i));
  ASSERT_TRUE(tune("low"));
  bench.refuse(kClient, low(4));
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_FALSE(tune("some"));
  ASSERT_TRUE(tune("normal"));
  bench.refuse(kClient, low(5));
  EXPECT_EQ(bench.found(), 1U);
}

TEST(Full, SensitivityMovesTheThresholds) {
  const auto probes = [](std::string_view sensitivity) {
    Section options;
    options.set("sensitivity", sensitivity, "test");
    FullBench bench(options);
    return bench.until_found(20, 1ms, [&](int i) { bench.refuse(kClient, low(i)); });
  };
  EXPECT_EQ(probes("high"), 4);
  EXPECT_EQ(probes("normal"), 5);
  EXPECT_EQ(probes("low"), 6);
}

TEST(Full, AnUnknownSensitivityIsRefused) {
  Section options;
  options.set("sensitivity", "higher", "test");
  EXPECT_FALSE(make_detector("full", options));
}

// What is to be left out.

Section lists(std::string_view key, std::string_view value) {
  Section options;
  options.set(key, value, "test");
  return options;
}

TEST(Full, NothingOfAnIgnoredSourceIsJudged) {
  FullBench bench(lists("ignore_sources", "203.0.113.7"));
  for (int i = 0; i < 100; ++i) {
    bench.probe(kClient, low(i));
    bench.see(answer_to(segment(kClient, kHost, high(i), "A"), "R"));
  }
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_EQ(bench.counter("ignored_source"), 100U);
  EXPECT_EQ(bench.counter("contact"), 0U);
  for (int i = 0; i < 5; ++i) bench.probe("203.0.113.8", low(i));
  EXPECT_EQ(bench.found(), 1U);
}
TEST(Full, AnIgnoredPortCountsForNobody) {
  FullBench bench(lists("ignore_ports", "601-650,icmp"));
  for (int i = 0; i < 17; ++i) bench.refuse(kClient, low(i));  // 601, 604 ... 649
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_EQ(bench.counter("ignored_port"), 17U);
  for (int i = 17; i < 22; ++i) bench.refuse(kClient, low(i));
  EXPECT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().ports_total, 5U);
}
TEST(Full, OnlyWhatIsWatchedIsJudged) {
  FullBench ports(lists("watch_ports", "601-650"));
  for (int i = 17; i < 60; ++i) ports.refuse(kClient, low(i));
  ports.see(icmp_message(kClient, kHost, 8));
  EXPECT_EQ(ports.found(), 0U);
  EXPECT_EQ(ports.counter("unwatched_port"), 44U);
  for (int i = 0; i < 5; ++i) ports.refuse(kClient, low(i));
  EXPECT_EQ(ports.found(), 1U);
  FullBench targets(lists("watch_targets", "198.51.100.2"));
  for (int i = 0; i < 9; ++i) targets.refuse(kClient, low(i));
  EXPECT_EQ(targets.found(), 0U);
  EXPECT_EQ(targets.counter("unwatched_target"), 9U);
  for (int i = 0; i < 5; ++i) targets.refuse(kClient, low(i), "198.51.100.2");
  EXPECT_EQ(targets.found(), 1U);
}
TEST(Full, AnswersToWhatIsLeftOutStillTeachServices) {
  FullBench bench(lists("ignore_sources", "203.0.113.7"));
  bench.serve(kClient, 443);
  const Packet syn = system_syn("203.0.113.9", kHost, 443);
  bench.see(syn);
  EXPECT_EQ(bench.counter("service"), 1U);
}
TEST(Full, OtherListsCountFromTheNextPacketOn) {
  FullBench bench;
  ASSERT_TRUE(bench.detector().tune(lists("ignore_targets", "198.51.100.1")));
  for (int i = 0; i < 9; ++i) bench.refuse(kClient, low(i));
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_FALSE(bench.detector().tune(lists("ignore_targets", "x")));
  bench.refuse(kClient, low(9));
  EXPECT_EQ(bench.counter("ignored_target"), 10U) << "a mistake changes nothing";
  ASSERT_TRUE(bench.detector().tune({}));
  for (int i = 0; i < 5; ++i) bench.refuse(kClient, low(i));
  EXPECT_EQ(bench.found(), 1U);
}

// Slow scans.

TEST(Full, OneRefusedHighPortInFiveMinutesIsAScanAtTheTenth) {
  FullBench bench;
  EXPECT_EQ(bench.until_found(20, 300s, [&](int i) { bench.refuse(kClient, high(i)); }), 10);
  EXPECT_EQ(bench.last().rule, ScanRule::slow);
}
TEST(Full, OneRawProbeInFiveMinutesIsAScanAtTheSeventh) {
  FullBench bench;
  const int probes = bench.until_found(20, 300s, [&](int i) { bench.probe(kClient, high(i)); });
  EXPECT_EQ(probes, 7);
}
TEST(Full, OneInFifteenMinutesIsFoundWithinSeventeen) {
  FullBench bench;
  EXPECT_LE(bench.until_found(30, 15min, [&](int i) { bench.refuse(kClient, high(i)); }), 17);
}
TEST(Full, OneAnHourIsFoundWithinTwenty) {
  FullBench bench;
  const int probes = bench.until_found(30, 1h, [&](int i) { bench.refuse(kClient, high(i)); });
  EXPECT_LE(probes, 20);
  EXPECT_EQ(bench.last().rule, ScanRule::glacial);
}
TEST(Full, OneInTenHoursIsNot) {
  FullBench bench;
  EXPECT_EQ(bench.until_found(40, 10h, [&](int i) { bench.refuse(kClient, high(i)); }), 41);
}

// Only first contacts that failed count.

TEST(Full, TheSamePortAgainAndAgainIsNoScan) {
  FullBench bench;
  for (int i = 0; i < 1000; ++i) bench.refuse(kClient, 8123);
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_EQ(bench.counter("repeated"), 999U);
}
TEST(Full, ServicesAreNoScanHoweverMany) {
  FullBench bench;
  for (int i = 0; i < 300; ++i) bench.serve(kClient, static_cast<Port>(20000 + i));
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, MailClientsTryAllMailPorts) {
  FullBench bench;
  for (const Port port :
       std::initializer_list<Port>{25, 110, 143, 465, 587, 993, 995, 2525, 4190}) {
    bench.refuse(kClient, port);
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, WithoutAnswersContactsCountAfterASecond) {
  FullBench bench;
  for (int i = 0; i < 8; ++i) bench.see(system_syn(kClient, kHost, low(i)));
  EXPECT_EQ(bench.found(), 0U);
  bench.pass(900ms);
  EXPECT_EQ(bench.found(), 0U);
  bench.pass(200ms);
  EXPECT_EQ(bench.found(), 1U);
}
TEST(Full, SilentPortsAskedForWithoutPauseAreAScan) {
  FullBench bench;
  const int probes =
      bench.until_found(60, 100ms, [&](int i) { bench.see(system_syn(kClient, kHost, low(i))); });
  EXPECT_LE(probes, 16);  // five, and what was under way for a second
}
TEST(Full, OurOwnConnectionsAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 100; ++i) {
    const Packet syn = system_syn(kHost, kClient, high(i));
    bench.see(syn, answer_to(syn, "RA"));
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, ThreeKnocksAreNoScan) {
  FullBench bench;
  for (const Port port : std::initializer_list<Port>{7000, 8123, 9000})
    bench.see(system_syn(kClient, kHost, port));
  bench.serve(kClient, 22);
  bench.pass(5s);
  EXPECT_EQ(bench.found(), 0U);
}

// Techniques.

TEST(Full, FlagsThatNoSystemSendsAreAScanAtTheFourth) {
  const std::pair<std::string_view, Technique> kinds[] = {{"", Technique::null},
                                                          {"F", Technique::fin},
                                                          {"FPU", Technique::xmas},
                                                          {"SF", Technique::odd_flags}};
  for (const auto& [flags, technique] : kinds) {
    FullBench bench;
    const int probes = bench.until_found(10, 1ms, [&](int i) {
      const Packet packet = segment(kClient, kHost, low(i), flags);
      bench.see(packet, answer_to(packet, "RA"));
    });
    EXPECT_EQ(probes, 4) << flags;
    EXPECT_EQ(bench.last().technique, technique) << flags;
  }
}

TEST(Full, AckScansAreSeenByOurResets) {
  // What asks is part of the bulk that captures leave out.
  FullBench bench;
  const int probes = bench.until_found(
      10, 1ms, [&](int i) { bench.see(answer_to(segment(kClient, kHost, low(i), "A"), "R")); });
  EXPECT_EQ(probes, 4);
  EXPECT_EQ(bench.last().technique, Technique::ack_or_window);
}
TEST(Full, MaimonScansAreSeenByOurResets) {
  FullBench bench;
  const int probes = bench.until_found(10, 1ms, [&](int i) {
    const Packet packet = segment(kClient, kHost, low(i), "FA");
    bench.see(packet, answer_to(packet, "R"));
  });
  EXPECT_EQ(probes, 4);
  EXPECT_EQ(bench.last().technique, Technique::maimon);
}
TEST(Full, AnswersToWhatOthersSentInOurNameAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 2000; ++i) {
    const auto port = static_cast<Port>(1025 + i * 31 % 64000);
    Packet packet = segment(kClient, kHost, port, "SA");
    packet.source_port = 443;
    packet.window = 65535;
    bench.see(packet, answer_to(packet, "R"));
    bench.now += 1ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}

TEST(Full, TheToolIsNamed) {
  FullBench bench;
  for (int i = 0; i < 4; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.last().tool, Tool::nmap);
  EXPECT_EQ(bench.last().technique, Technique::syn);
}

// Other protocols.

TEST(Full, RefusedDatagramsAreAScanAtTheFifth) {
  FullBench bench;
  const int probes = bench.until_found(10, 1ms, [&](int i) {
    const Packet packet = datagram(kClient, 40000, kHost, low(i));
    bench.see(packet, unreachable(packet));
  });
  EXPECT_EQ(probes, 5);
  EXPECT_EQ(bench.last().technique, Technique::udp);
}
TEST(Full, SilentDatagramsAreAScanWithinEight) {
  FullBench bench;
  const int probes =
      bench.until_found(10, 1s, [&](int i) { bench.see(datagram(kClient, 40000, kHost, low(i))); });
  EXPECT_LE(probes, 8);
}
TEST(Full, DatagramsThatAreAnsweredAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 100; ++i) {
    const Packet packet = datagram(kClient, 40000, kHost, static_cast<Port>(16384 + 2 * i));
    bench.see(packet, answer_to(packet));
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, AnswersToOurQuestionsAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 100; ++i) {
    const Packet question = datagram(kHost, static_cast<Port>(33000 + i), kClient, 4433);
    bench.see(question, answer_to(question));
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(Full, SctpIsAScanAtTheFourth) {
  constexpr std::uint8_t kInit = 1;
  constexpr std::uint8_t kAbort = 6;
  FullBench bench;
  const int probes = bench.until_found(10, 1ms, [&](int i) {
    Packet init = PacketBuilder(IpProto::sctp).from(kClient, 40000).to(kHost, low(i));
    init.flags = kInit;
    Packet abort = answer_to(init);
    abort.flags = kAbort;
    bench.see(init, abort);
  });
  EXPECT_EQ(probes, 4);
  EXPECT_EQ(bench.last().technique, Technique::sctp_init);
}
TEST(Full, ProtocolsAreAScanWithinSeven) {
  FullBench bench;
  const int probes = bench.until_found(10, 1ms, [&](int i) {
    Packet packet = PacketBuilder(IpProto(static_cast<std::uint8_t>(200 + i)));
    bench.see(packet);
  });
  EXPECT_LE(probes, 7);
  EXPECT_EQ(bench.last().technique, Technique::ip_protocol);
}

// Many hosts.

std::string host(int i) { return "198.51.100." + std::to_string(10 + i); }

TEST(Full, APingSweepIsAScanAtTheSixthHost) {
  constexpr Port kEcho = 8;
  FullBench bench;
  const int probes =
      bench.until_found(10, 1s, [&](int i) { bench.see(icmp_message(kClient, host(i), kEcho)); });
  EXPECT_EQ(probes, 6);
  EXPECT_EQ(bench.last().kind, ScanKind::horizontal);
}
TEST(Full, OnePortOfManyHostsIsAScanWithinSix) {
  for (const Port port : std::initializer_list<Port>{22, 445, 8123}) {
    FullBench bench;
    const int probes =
        bench.until_found(10, 1ms, [&](int i) { bench.refuse(kClient, port, host(i)); });
    EXPECT_LE(probes, 6) << port;
    EXPECT_EQ(bench.last().kind, ScanKind::horizontal) << port;
    EXPECT_EQ(bench.last().hosts_total, static_cast<std::uint32_t>(probes)) << port;
  }
}
TEST(Full, ASourceThatChangesItsAddressWithinASlash64IsOne) {
  FullBench bench({}, "2001:db8:1::/64");
  const int probes = bench.until_found(10, 1ms, [&](int i) {
    bench.probe("2001:db8:2::" + std::to_string(i + 1), low(i), "2001:db8:1::1");
  });
  EXPECT_EQ(probes, 4);
}
TEST(Full, TheScanOfANetworkGoesOnWithWhatItsAddressesDo) {
  FullBench bench;
  const auto take_turn = [&](int i) {
    bench.refuse("203.0.113." + std::to_string(1 + i % 15), static_cast<Port>(601 + i));
  };
  const int probes = bench.until_found(40, 1s, take_turn);
  const ScanEvent begun = bench.last();
  ASSERT_EQ(begun.rule, ScanRule::prefix);
  constexpr int kMore = 15;
  for (int i = probes; i < probes + kMore; ++i) {
    take_turn(i);
    bench.pass(1s);
  }
  EXPECT_EQ(bench.found(), 1U) << "it is still the same";
  bench.finish();
  const ScanEvent ended = bench.last(Phase::end);
  EXPECT_EQ(ended.record, begun.record);
  EXPECT_EQ(ended.ports_total, begun.ports_total + kMore);
}
TEST(Full, ANetworkWhoseAddressesTakeTurnsIsFound) {
  FullBench bench;
  const int probes = bench.until_found(
      40, 1ms, [&](int i) { bench.refuse("203.0.113." + std::to_string(1 + i), low(i)); });
  EXPECT_LE(probes, 12);
  EXPECT_EQ(bench.last().rule, ScanRule::prefix);
  EXPECT_EQ(bench.last().source_prefix, 24);
}

// The life of a scan.

TEST(Full, WhatTheScannerLearntIsTold) {
  FullBench bench;
  bench.serve("203.0.113.99", 22);
  bench.serve("203.0.113.99", 443);
  const auto open = [&](Port port) {
    const Packet syn = nmap_syn(kClient, kHost, port);
    bench.see(syn, answer_to(syn, "SA"));
  };
  open(22);
  for (int i = 0; i < 6; ++i) bench.probe(kClient, low(i));
  open(443);
  bench.see(nmap_syn(kClient, kHost, 9999));
  bench.pass(11min);
  ASSERT_EQ(bench.found(), 1U);
  const ScanEvent end = bench.last(Phase::end);
  EXPECT_EQ(end.reason, EndReason::idle);
  EXPECT_EQ(end.ports_total, 9U);
  EXPECT_EQ(end.open_total, 2U);
  EXPECT_EQ(end.open_count, 2U);
  EXPECT_EQ(end.open[0], 22);
  EXPECT_EQ(end.open[1], 443);
  EXPECT_EQ(end.closed_total, 6U);
  EXPECT_EQ(end.filtered_total, 1U);
}
TEST(Full, OverLoopbackTheScannersOwnPortsAreNotAmongTheOpenOnes) {
  constexpr std::string_view kLoopback = "127.0.0.1";
  FullBench bench;
  for (int i = 0; i < 6; ++i) {
    const Packet packet = datagram(kLoopback, 45724, kLoopback, low(i));
    bench.see(packet, unreachable(packet));
  }
  ASSERT_EQ(bench.found(), 1U);
  // What nmap repeats it sends from another port, to which the answer goes.
  const Packet again = datagram(kLoopback, 61702, kLoopback, 53);
  bench.see(again, answer_to(again));
  bench.see(unreachable(answer_to(again)));  // and nobody listens there any more
  bench.pass(11min);
  const ScanEvent end = bench.last(Phase::end);
  EXPECT_EQ(end.ports_total, 7U);
  EXPECT_EQ(end.closed_total, 6U);
  EXPECT_EQ(end.filtered_total, 0U);
  ASSERT_EQ(end.open_total, 1U);
  EXPECT_EQ(end.open[0], 53);
}
TEST(Full, OverLoopbackTheEndOfTheScannersConnectionsIsNoClosedPort) {
  FullBench bench;
  const auto open = [&](Port port) {
    const Packet syn = system_syn("127.0.0.1", "127.0.0.1", port);
    const Packet syn_ack = answer_to(syn, "SA");
    bench.see(syn, syn_ack);
    bench.see(answer_to(syn_ack, "RA"));
  };
  open(22);
  for (int i = 0; i < 6; ++i) bench.refuse("127.0.0.1", low(i), "127.0.0.1");
  open(80);
  bench.pass(11min);
  const ScanEvent end = bench.last(Phase::end);
  EXPECT_EQ(end.open_total, 2U);
  EXPECT_EQ(end.closed_total, 6U);
}
TEST(Full, WhatWeAskAScannerIsNoAnswerToIt) {
  FullBench bench;
  for (int i = 0; i < 6; ++i) bench.probe(kClient, low(i));
  const Packet question = datagram(kHost, 61702, kClient, 53);
  bench.see(question, answer_to(question));
  bench.pass(11min);
  EXPECT_EQ(bench.last(Phase::end).open_total, 0U);
}
TEST(Full, APortThatIsAskedTwiceIsClosedOnce) {
  FullBench bench;
  for (int i = 0; i < 8; ++i) {
    for (int payload = 0; payload < 2; ++payload) {
      const Packet packet = datagram(kClient, 45724, kHost, low(i));
      bench.see(packet, unreachable(packet));
    }
  }
  bench.pass(11min);
  EXPECT_EQ(bench.last(Phase::end).closed_total, 8U);
  EXPECT_EQ(bench.last(Phase::end).filtered_total, 0U);
}
TEST(Full, ASampleOfTheProbesHasTheirTimesAndAnswers) {
  FullBench bench;
  const std::chrono::nanoseconds start = bench.now;
  for (int i = 0; i < 20; ++i) {
    bench.probe(kClient, low(i));
    bench.pass(1s);
  }
  bench.see(nmap_syn(kClient, kHost, 9999));
  bench.pass(11min);
  ASSERT_EQ(bench.samples.size(), 1U);
  const ScanSample& sample = bench.samples[0];
  EXPECT_EQ(sample.record, bench.last(Phase::end).record);
  EXPECT_EQ(sample.points[0].time, start) << "of those before it was found only the first";
  EXPECT_EQ(sample.points[0].port, low(0));
  ASSERT_GT(sample.count, 10U);
  for (std::size_t i = 1; i + 1 < sample.count; ++i) {
    EXPECT_EQ(sample.points[i].outcome, ProbeOutcome::closed) << i;
    EXPECT_EQ(sample.points[i].target, parse_address(kHost).value());
  }
  EXPECT_EQ(sample.points[sample.count - 1U].port, 9999);
  EXPECT_EQ(sample.points[sample.count - 1U].outcome, ProbeOutcome::unknown);
}
TEST(Full, AScanThatGoesOnAfterItsEndIsAnother) {
  FullBench bench;
  for (int i = 0; i < 10; ++i) bench.probe(kClient, low(i));
  bench.pass(11min);
  for (int i = 10; i < 20; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.found(), 2U);
}
TEST(Full, ASecondScanOfTheSamePortsHasTotalsOfItsOwn) {
  FullBench bench;
  for (int scan = 0; scan < 2; ++scan) {
    for (int i = 0; i < 10; ++i) bench.probe(kClient, low(i));
    bench.pass(11min);
    EXPECT_EQ(bench.last(Phase::end).closed_total, 10U);
  }
  EXPECT_EQ(bench.found(), 2U);
}
TEST(Full, EveryPacketIsInOneCounter) {
  FullBench bench;
  for (int i = 0; i < 10; ++i) bench.probe(kClient, low(i));
  for (int i = 0; i < 10; ++i) bench.serve("203.0.113.99", 443);
  std::uint64_t sum = 0;
  for (const Counter& counter : bench.detector().stats().counters) sum += counter.value;
  EXPECT_EQ(sum, 10U * 2 + 10 * 4);
}

// The verdict.

TEST(Full, AClosedPortProvesNothing) {
  FullBench bench;
  for (int i = 0; i < 5; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.last().verdict, Verdict::unverified);
}
TEST(Full, AConnectionProvesTheAddress) {
  FullBench bench;
  bench.serve(kClient, 443);
  for (int i = 0; i < 5; ++i) bench.refuse(kClient, low(i));
  EXPECT_EQ(bench.last().verdict, Verdict::proven);
  EXPECT_EQ(bench.last().technique, Technique::connect);
}
TEST(Full, AResetWithANumberThatASpooferKnowsIsOnlyAnAnswer) {
  FullBench bench;
  const Packet syn = nmap_syn(kClient, kHost, 443);
  bench.see(syn, answer_to(syn, "SA"));
  Packet reset = segment(kClient, kHost, 443, "R");
  reset.sequence = syn.sequence + 1;
  bench.see(reset);
  for (int i = 0; i < 5; ++i) bench.probe(kClient, low(i));
  EXPECT_EQ(bench.last().verdict, Verdict::answered);
}

}  // namespace
}  // namespace scanlogd::test
