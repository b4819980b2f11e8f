// What other detectors of port scans miss, or raise false alarms at, one test each: raw-probe
// techniques, patience, forged sources, and the everyday traffic that looks like a scan. What is
// about bytes (fragments, VLAN tags, extension headers) is in the tests of capture and core.
#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <string>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

// Ports of no family, so that each is worth what it is worth.
Port low(int i) { return static_cast<Port>(601 + i * 3 % 420); }
Port high(int i) { return static_cast<Port>(20011 + i * 7 % 12000); }
std::string host(int i) { return "198.51.100." + std::to_string(10 + i % 200); }
std::string anybody(int i) {
  return std::to_string(20 + i / 65536 % 100) + "." + std::to_string(i / 256 % 256) + "." +
         std::to_string(i % 256) + ".7";
}

// Scans that others miss.

TEST(FullAgainstRivals, AThousandPortsByHalfOpenProbesAreOneScan) {
  FullBench bench;
  for (int i = 0; i < 1000; ++i) {
    bench.probe(kClient, static_cast<Port>(1 + i));
    bench.now += 1ms;
  }
  EXPECT_EQ(bench.found(), 1U);
}
TEST(FullAgainstRivals, AScanThatTheFirewallSwallowsIsSeen) {
  FullBench bench;
  EXPECT_LE(
      bench.until_found(40, 100ms, [&](int i) { bench.see(system_syn(kClient, kHost, low(i))); }),
      16);
}
TEST(FullAgainstRivals, AConnectScanIsSeen) {
  FullBench bench;
  EXPECT_LE(bench.until_found(20, 10ms, [&](int i) { bench.refuse(kClient, low(i)); }), 7);
}
TEST(FullAgainstRivals, NullFinAndXmasScansAreSeen) {
  for (const std::string_view flags : {"", "F", "FPU"}) {
    FullBench bench;
    EXPECT_LE(bench.until_found(10, 10ms,
                                [&](int i) {
                                  const Packet packet = segment(kClient, kHost, low(i), flags);
                                  bench.see(packet, answer_to(packet, "RA"));
                                }),
              5)
        << flags;
  }
}
TEST(FullAgainstRivals, AckWindowAndMaimonScansAreSeen) {
  for (const std::string_view flags : {"A", "FA"}) {
    FullBench bench;
    EXPECT_LE(bench.until_found(10, 10ms,
                                [&](int i) {
                                  const Packet packet = segment(kClient, kHost, low(i), flags);
                                  if (flags == "FA") bench.see(packet);  // bare ACKs are left out
                                  bench.see(answer_to(packet, "R"));
                                }),
              5)
        << flags;
  }
}
TEST(FullAgainstRivals, UdpScansOfBothFamiliesAreSeen) {
  const std::pair<std::string_view, std::string_view> pairs[] = {{kClient, kHost},
                                                                 {"2001:db8::7", "2001:db8:1::1"}};
  for (const auto& pair : pairs) {
    FullBench bench({}, "198.51.100.0/24,2001:db8:1::/64");
    EXPECT_LE(
        bench.until_found(
            20, 1s, [&](int i) { bench.see(datagram(pair.first, 45000, pair.second, low(i))); }),
        8)
        << pair.first;
  }
}
TEST(FullAgainstRivals, ProtocolAndSctpScansAreSeen) {
  constexpr std::uint8_t kInit = 1;
  FullBench protocols;
  EXPECT_LE(protocols.until_found(10, 100ms,
                                  [&](int i) {
                                    protocols.see(
                                        PacketBuilder(IpProto(static_cast<std::uint8_t>(200 + i)))
                                            .from(kClient)
                                            .to(kHost, 0));
                                  }),
            7);
  FullBench sctp;
  EXPECT_LE(sctp.until_found(10, 1s,
                             [&](int i) {
                               Packet packet =
                                   PacketBuilder(IpProto::sctp).from(kClient).to(kHost, low(i));
                               packet.flags = kInit;
                               sctp.see(packet);
                             }),
            5);
}
TEST(FullAgainstRivals, PingSweepsOfBothFamiliesAreSeen) {
  constexpr Port kEcho = 8;
  constexpr Port kEchoV6 = 128;
  FullBench bench;
  EXPECT_LE(
      bench.until_found(10, 1s, [&](int i) { bench.see(icmp_message(kClient, host(i), kEcho)); }),
      6);
  FullBench ipv6({}, "2001:db8:1::/64");
  EXPECT_LE(ipv6.until_found(10, 1s,
                             [&](int i) {
                               ipv6.see(icmp_message(
                                   "2001:db8::7", "2001:db8:1::" + std::to_string(1 + i), kEchoV6));
                             }),
            6);
}
TEST(FullAgainstRivals, EveryTimingOfNmapIsSeen) {
  for (const auto gap : {1ms, 400ms, 15'000ms, 300'000ms}) {
    FullBench bench;
    EXPECT_LE(bench.until_found(12, gap, [&](int i) { bench.probe(kClient, high(i)); }), 8)
        << gap.count() << " ms";
  }
}
TEST(FullAgainstRivals, OnePortOfManyHostsIsSeen) {
  FullBench bench;
  EXPECT_LE(bench.until_found(20, 1s, [&](int i) { bench.probe(kClient, 3389, host(i)); }), 6);
  EXPECT_EQ(bench.last().kind, ScanKind::horizontal);
}
TEST(FullAgainstRivals, ABotnetWithAPortEachIsOneDistributedScan) {
  FullBench bench;
  const int probes =
      bench.until_found(200, 300ms, [&](int i) { bench.refuse(anybody(i * 257), high(i)); });
  EXPECT_LE(probes, 80);
  EXPECT_EQ(bench.last().kind, ScanKind::distributed);
  for (int i = probes; i < probes + 200; ++i) {
    bench.refuse(anybody(i * 257), high(i));
    bench.now += 300ms;
  }
  EXPECT_EQ(bench.found(), 1U);
}
TEST(FullAgainstRivals, ASourceThatRotatesWithinItsSlash64IsOneScan) {
  FullBench bench({}, "2001:db8:1::/64");
  for (int i = 0; i < 100; ++i) {
    bench.probe("2001:db8:2::" + std::to_string(i + 1), low(i), "2001:db8:1::1");
  }
  EXPECT_EQ(bench.found(), 1U);
}
TEST(FullAgainstRivals, ADecoyScanIsOneEventWithItsSources) {
  FullBench bench;
  for (int i = 0; i < 100; ++i) {
    for (int decoy = 0; decoy < 8; ++decoy) {
      const std::string source = anybody(decoy * 300);
      Packet packet = nmap_syn(source, kHost, low(i));
      bench.see(packet, answer_to(packet, "RA"));
    }
    bench.now += 10ms;
  }
  EXPECT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::decoys);
  EXPECT_GE(bench.last().group_count, 2);
}
TEST(FullAgainstRivals, ThreeHundredForgedSourcesBetweenProbesHideNobody) {
  FullBench bench;
  const auto is_his = [](const ScanEvent& event) {
    return event.phase == Phase::begin && event.source == parse_address(kClient).value();
  };
  int forged = 0;
  int probes = 0;
  while (probes < 100 && std::ranges::none_of(bench.events, is_his)) {
    bench.probe(kClient, low(probes++));
    for (int each = 0; each < 300; ++each) {
      ++forged;
      const Packet packet = nmap_syn(anybody(forged), host(forged), high(forged));
      bench.see(packet, answer_to(packet, "RA"));
      bench.now += 300us;
    }
  }
  EXPECT_LE(probes, 12);  // as is said of any flood
}
TEST(FullAgainstRivals, AFloodOfForgedSourcesIsOneEventAndNobodysScan) {
  FullBench bench;
  for (int i = 0; i < 50'000; ++i) {
    bench.see(system_syn(anybody(i), kHost, high(i)));
    bench.now += 200us;
  }
  bench.pass(5s);
  EXPECT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::flood);
}
TEST(FullAgainstRivals, ForgedScansAreNotTakenForProven) {
  FullBench bench;
  for (int source = 0; source < 6; ++source) {
    for (int i = 0; i < 10; ++i) bench.probe(anybody(source * 70'000), low(i));
  }
  for (const ScanEvent& event : bench.events) EXPECT_NE(event.verdict, Verdict::proven);
}
TEST(FullAgainstRivals, SynsInFragmentsAreSeenAtOnce) {
  FullBench bench;
  const int probes = bench.until_found(10, 1ms, [&](int i) {
    Packet packet = nmap_syn(kClient, kHost, low(i));
    packet.traits |= trait::fragmented;
    bench.see(packet, answer_to(packet, "RA"));
  });
  EXPECT_LE(probes, 5);
}
TEST(FullAgainstRivals, SynsWithUnusualBitsAreSeen) {
  for (const std::string_view flags : {"SEW", "SU", "SP", "SUP"}) {
    FullBench bench;
    const int probes = bench.until_found(10, 1ms, [&](int i) {
      Packet packet = nmap_syn(kClient, kHost, low(i));
      packet.flags = static_cast<Packet>(tcp().flags(flags)).flags;
      bench.see(packet, answer_to(packet, "RA"));
    });
    EXPECT_LE(probes, 5) << flags;
  }
}
TEST(FullAgainstRivals, RawProbesOfOpenPortsAreSeen) {
  FullBench bench;
  for (int i = 0; i < 10; ++i) bench.serve("203.0.113.99", low(i));
  const int probes = bench.until_found(10, 1s, [&](int i) {
    const Packet packet = nmap_syn(kClient, kHost, low(i));
    bench.see(packet, answer_to(packet, "SA"));
  });
  EXPECT_LE(probes, 5);
}
TEST(FullAgainstRivals, AnIdleScanIsToldWhereWeAreTheZombie) {
  FullBench bench;
  for (int i = 0; i < 5; ++i) {
    Packet packet = segment(kClient, kHost, 80, "SA");
    packet.source_port = static_cast<Port>(40000 + i);
    packet.set_options(TcpOptions::mss_only);
    bench.see(packet, answer_to(packet, "R"));
    bench.now += 1s;
  }
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::idle_probe);
}
TEST(FullAgainstRivals, ImpossibleSourcesAreNobodysScan) {
  FullBench bench;
  for (int i = 0; i < 50; ++i) {
    bench.see(nmap_syn("0.0.0.0", kHost, low(i)));
    bench.see(nmap_syn(kHost, kHost, low(i)));
    bench.see(nmap_syn("127.0.0.1", kHost, low(i)));
  }
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_EQ(bench.counter("impossible"), 150U);
}

// Everyday traffic at which others raise false alarms.

TEST(FullAgainstRivals, PassiveFtpIsNoScan) {
  FullBench bench;
  bench.serve(kClient, 21);
  for (int i = 0; i < 200; ++i) bench.serve(kClient, high(i));
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, AMonitorThatAsksForManyServicesIsNoScan) {
  FullBench bench;
  for (int round = 0; round < 20; ++round) {
    for (const Port port : std::initializer_list<Port>{22, 25, 53, 80, 111, 389, 443, 636, 993,
                                                       2049, 3306, 5432, 6379, 8080, 9100}) {
      bench.serve(kClient, port);
    }
    bench.now += 60s;
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, BackscatterOfSynAcksIsNoScan) {
  FullBench bench;
  for (int i = 0; i < 1000; ++i) {
    Packet packet = segment(kClient, kHost, static_cast<Port>(1025 + i * 61 % 64000), "SA");
    packet.source_port = 80;
    packet.window = 29200;
    packet.set_options(TcpOptions::other);
    bench.see(packet, answer_to(packet, "R"));
    bench.now += 3ms;
  }
  EXPECT_LE(bench.found(), 1U);  // the line that tells of it
  for (const ScanEvent& event : bench.events) EXPECT_EQ(event.kind, ScanKind::backscatter);
}
TEST(FullAgainstRivals, BackscatterOfResetsIsNoScan) {
  for (const std::string_view flags : {"R", "RA"}) {
    FullBench bench;
    for (int i = 0; i < 1000; ++i) {
      bench.see(segment(kClient, kHost, static_cast<Port>(1025 + i * 61 % 64000), flags));
      bench.now += 3ms;
    }
    for (const ScanEvent& event : bench.events) EXPECT_EQ(event.kind, ScanKind::backscatter);
  }
}
TEST(FullAgainstRivals, AThousandRetransmissionsAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 1000; ++i) {
    bench.see(system_syn(kClient, kHost, 8123));
    bench.now += 500ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, QuicToAClosedPortIsNoScan) {
  FullBench bench;
  for (int i = 0; i < 500; ++i) {
    Packet packet = datagram(kClient, static_cast<Port>(33000 + i), kHost, 443);
    packet.window = 1200;
    bench.see(packet, unreachable(packet));
    bench.now += 50ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, RepliesOfResolversAndQuicServersAreNoScan) {
  for (const Port service : std::initializer_list<Port>{53, 443, 853, 3478, 51820}) {
    FullBench bench;
    for (int i = 0; i < 300; ++i) {
      const Packet question = datagram(kHost, static_cast<Port>(33000 + i), kClient, service);
      bench.see(question, answer_to(question));
    }
    EXPECT_EQ(bench.found(), 0U) << service;
  }
}
TEST(FullAgainstRivals, RepliesThatComeTooLateAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 300; ++i) {
    bench.see(datagram(kClient, 53, kHost, static_cast<Port>(33000 + i)));
    bench.now += 100ms;
  }
  bench.pass(5s);
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, ManyUsersBehindOneAddressAreNoScan) {
  FullBench bench;
  for (int hour = 0; hour < 24; ++hour) {
    for (int user = 0; user < 200; ++user) {
      bench.serve(kClient, 443);
      bench.now += 10s;
    }
    // Whoever has the wrong port in his settings tries it again and again.
    bench.refuse(kClient, 8123);
    bench.refuse(kClient, 110);
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, PeersThatLookForOneThatHasGoneAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 2000; ++i) {
    const Packet packet = datagram(anybody(i * 31), 6881, kHost, 51413);
    bench.see(packet, unreachable(packet));
    bench.now += 100ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, OurOwnPeerToPeerProgramsAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 500; ++i) {
    const std::string peer = anybody(i * 31);
    bench.see(datagram(kHost, 51413, peer, high(i)));
    const Packet syn = system_syn(kHost, peer, high(i));
    bench.see(syn, answer_to(syn, "RA"));
    bench.now += 20ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, DiscoveryOnTheLocalNetworkIsNoScan) {
  FullBench bench;
  const std::string_view neighbour = "203.0.113.8";
  for (int i = 0; i < 200; ++i) {
    for (const auto& [group, port] :
         std::initializer_list<std::pair<std::string_view, Port>>{{"224.0.0.251", Port{5353}},
                                                                  {"239.255.255.250", Port{1900}},
                                                                  {"255.255.255.255", Port{67}},
                                                                  {"198.51.100.255", Port{137}},
                                                                  {"198.51.100.255", Port{7680}}}) {
      bench.see(datagram(neighbour, static_cast<Port>(40000 + i), group, port));
    }
    bench.now += 1s;
  }
  EXPECT_EQ(bench.found(), 0U);
  EXPECT_EQ(bench.counter("to_group"), 1000U);
}
TEST(FullAgainstRivals, HealthChecksOfABalancerAreNoScan) {
  FullBench bench;
  for (int i = 0; i < 2000; ++i) {
    for (const Port port : std::initializer_list<Port>{80, 443, 8080, 8443}) {
      bench.serve(kClient, port);
    }
    bench.refuse(kClient, 9090);  // the one that is down
    bench.now += 5s;
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, PortKnockingIsNoScan) {
  FullBench bench;
  for (int day = 0; day < 30; ++day) {
    for (const Port port : std::initializer_list<Port>{7000, 8123, 9000}) {
      bench.see(system_syn(kClient, kHost, port));
      bench.now += 1s;
    }
    bench.serve(kClient, 22);
    bench.pass(24h);
  }
  EXPECT_EQ(bench.found(), 0U);
}
TEST(FullAgainstRivals, WhatThisHostItselfScansIsNoScanOfIt) {
  FullBench bench;
  for (int i = 0; i < 300; ++i) {
    const Packet syn = nmap_syn(kHost, kClient, low(i));
    bench.see(syn, answer_to(syn, "RA"));
    bench.now += 1ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}

}  // namespace
}  // namespace scanlogd::test
