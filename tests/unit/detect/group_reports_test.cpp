// Events that are not of one source: idle probes, floods, backscatter.
#include "detect/group_reports.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

Packet idle_probe(int i, Port port) {
  Packet packet = segment(kClient, kHost, port, "SA");
  packet.source_port = static_cast<Port>(40000 + i);
  packet.sequence += static_cast<std::uint32_t>(i);
  packet.set_options(TcpOptions::mss_only);
  return packet;
}

TEST(IdleProbes, TwoAreNothing) {
  FullBench bench;
  for (int i = 0; i < 2; ++i) bench.see(idle_probe(i, 8080), answer_to(idle_probe(i, 8080), "R"));
  EXPECT_EQ(bench.found(), 0U);
}
TEST(IdleProbes, ThreeAreAnIdleScan) {
  FullBench bench;
  for (int i = 0; i < 30; ++i) bench.see(idle_probe(i, 8080), answer_to(idle_probe(i, 8080), "R"));
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::idle_probe);
  EXPECT_EQ(bench.last().ports[0], 8080);
}
TEST(IdleProbes, ToAServiceAreTheSame) {
  FullBench bench;
  bench.serve("203.0.113.99", 443);
  for (int i = 0; i < 3; ++i) bench.see(idle_probe(i, 443), answer_to(idle_probe(i, 443), "R"));
  EXPECT_EQ(bench.found(), 1U);
}
TEST(IdleProbes, AnswersOfSystemsAreNone) {
  FullBench bench;
  for (int i = 0; i < 30; ++i) {
    Packet packet = idle_probe(i, 8080);
    packet.window = 64240;
    packet.set_options(TcpOptions::other);
    bench.see(packet, answer_to(packet, "R"));
  }
  EXPECT_EQ(bench.found(), 0U);
}

TEST(DistributedScans, OnlyPortsOfPacketsThatWereSeenAsOneHaveATime) {
  auto records = ScanRecords::make(4, {.a = 1, .b = 2}).value();
  auto events = std::make_unique<EventList>();
  DistributedScan scan{.started = 10s,
                       .last = 20s,
                       .target = parse_address(kHost).value(),
                       .ports = 3,
                       .port_count = 3,
                       .source_count = 1,
                       .first_ports = {21, 22, 23},
                       .sources = {source_key(Family::ipv4, parse_address(kClient)->bytes)}};
  ASSERT_TRUE(begin_distributed(records, scan, *events));
  scan.last = 21s;
  add_distributed(records, scan, {.port = 25});
  events->clear();
  records.advance(Detector::kEndOfTime, *events);
  ASSERT_EQ(events->view().size(), 1U);
  EXPECT_EQ(events->view()[0].ports_total, 4U);
  ASSERT_EQ(events->samples().size(), 1U);
  ASSERT_EQ(events->samples()[0].count, 1U);
  EXPECT_EQ(events->samples()[0].points[0].port, 25);
  EXPECT_EQ(events->samples()[0].points[0].time, 21s);
}

// Number `i` of sources that are spread over a /8.
std::string source(int i) {
  const unsigned host = static_cast<unsigned>(i) * 0x9e3779U & 0xff'ffffU;
  return "100." + std::to_string(host >> 16) + "." + std::to_string(host >> 8 & 0xff) + "." +
         std::to_string(host & 0xff);
}

TEST(Floods, ThousandsOfNewSourcesAreOneEvent) {
  FullBench bench;
  for (int i = 0; i < 20000; ++i) {
    bench.see(system_syn(source(i), kHost, static_cast<Port>(i * 31 % 65536)));
    bench.now += 1ms;
  }
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::flood);
  bench.pass(11min);
  EXPECT_EQ(bench.last(Phase::end).kind, ScanKind::flood);
  EXPECT_GT(bench.last(Phase::end).sources_total, 10000U);
}
TEST(Floods, AHundredNewSourcesASecondAreNone) {
  FullBench bench;
  for (int i = 0; i < 2000; ++i) {
    bench.see(system_syn(source(i), kHost, 8123));
    bench.now += 10ms;
  }
  EXPECT_EQ(bench.found(), 0U);
}

TEST(Backscatter, IsToldOnceAnHour) {
  FullBench bench;
  for (int i = 0; i < 4000; ++i) {
    Packet packet = segment(kClient, kHost, static_cast<Port>(1025 + i * 31 % 60000), "SA");
    packet.source_port = 443;
    packet.window = 65535;
    bench.see(packet, answer_to(packet, "R"));
    bench.now += 1s;
  }
  ASSERT_EQ(bench.found(), 1U);
  EXPECT_EQ(bench.last().kind, ScanKind::backscatter);
  EXPECT_EQ(bench.last().source, parse_address(kClient).value());
  EXPECT_EQ(bench.last().sources_total, 1U);
}
TEST(Backscatter, FromFewPortsIsNotWorthALine) {
  FullBench bench;
  for (int i = 0; i < 4000; ++i) {
    Packet packet = segment(kClient, kHost, static_cast<Port>(2000 + i % 9), "SA");
    packet.window = 65535;
    bench.see(packet);
    bench.now += 1s;
  }
  EXPECT_EQ(bench.found(), 0U);
}

}  // namespace
}  // namespace scanlogd::test
