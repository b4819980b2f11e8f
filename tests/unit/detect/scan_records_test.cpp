// What is kept of scans that go on: exact totals, and when a scan is told to begin, go on and end.
#include "detect/scan_records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "support/packet_builder.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using Handle = ScanRecords::Handle;

constexpr HashKey kKey{0x0123456789abcdef, 0xfedcba9876543210};
constexpr std::chrono::nanoseconds kIdle = 3s;

ScanRecords make(std::size_t count) {
  auto records = ScanRecords::make(count, kKey);
  EXPECT_TRUE(records);
  return std::move(*records);
}

Address host(std::uint32_t number) { return {Family::ipv4, ipv4_bytes(0xc6330000 + number)}; }

class Records : public ::testing::Test {
 protected:
  /// Opens a record and tells that a scan begins at `time`.
  Handle begin(std::chrono::nanoseconds time, const std::string& source = "192.0.2.1") {
    const Handle handle = records_.open(kIdle, *events_);
    ScanEvent event;
    event.started = event.detected = time;
    event.source = *parse_address(source);
    EXPECT_TRUE(records_.begin(handle, event, *events_));
    return handle;
  }
  void probe(Handle handle, std::chrono::nanoseconds time, Port port, std::uint32_t number = 1) {
    records_.add(handle, {.time = time, .target = host(number), .port = port});
  }
  /// What is told when the time comes to `now`.
  std::vector<ScanEvent> advance(std::chrono::nanoseconds now) {
    events_->clear();
    records_.advance(now, *events_);
    const auto told = events_->view();
    return {told.begin(), told.end()};
  }
  /// The one event that is told then.
  ScanEvent only(std::chrono::nanoseconds now) {
    const auto told = advance(now);
    EXPECT_EQ(told.size(), 1U);
    return told.empty() ? ScanEvent{} : told.front();
  }
  /// The ports told last, as the log would show them.
  std::string ranges() const {
    std::string text;
    for (const PortRange& range : events_->ports().back().view()) {
      if (!text.empty()) text += ',';
      text += std::to_string(range.first);
      if (range.last != range.first) text += '-' + std::to_string(range.last);
    }
    return text;
  }

  ScanRecords records_ = make(4);
  std::unique_ptr<EventList> events_ = std::make_unique<EventList>();
};

TEST_F(Records, AScanBeginsWithWhatTheDetectorSays) {
  const Handle handle = records_.open(kIdle, *events_);
  probe(handle, 1s, 22);
  probe(handle, 2s, 23, 2);
  ScanEvent event;
  event.detected = 2s;
  event.source = *parse_address("192.0.2.1");
  event.port_count = 2;
  event.ports = {22, 23};
  EXPECT_TRUE(records_.begin(handle, event, *events_));
  ASSERT_EQ(events_->view().size(), 1U);
  const ScanEvent& told = events_->view().front();
  EXPECT_EQ(told.phase, Phase::begin);
  EXPECT_EQ(told.reason, EndReason::none);
  EXPECT_EQ(to_string(told.source), "192.0.2.1");
  EXPECT_EQ(told.port_count, 2);
  EXPECT_EQ(told.ports[1], 23);
  EXPECT_NE(told.record, 0U);
  EXPECT_EQ(told.packets, 2U);
  EXPECT_EQ(told.ports_total, 2U);
  EXPECT_EQ(told.hosts_total, 2U);
  EXPECT_TRUE(events_->ports().empty());
}

TEST_F(Records, AScanEndsWhenItWasNotProlongedForLongerThanItsRuleWaits) {
  probe(begin(10s), 12s, 80);
  EXPECT_TRUE(advance(15s).empty());
  const ScanEvent end = only(15s + 1ns);
  EXPECT_EQ(end.phase, Phase::end);
  EXPECT_EQ(end.reason, EndReason::idle);
  EXPECT_EQ(end.detected, 12s) << "its last packet";
  EXPECT_EQ(records_.open_scans(), 0U);
  EXPECT_TRUE(advance(20s).empty());
}

TEST_F(Records, PacketsThatDoNotProlongItCountAllTheSame) {
  const Handle handle = begin(10s);
  records_.add(handle, {.time = 12s, .target = host(1), .port = 80, .prolongs = false});
  const ScanEvent end = only(13s + 1ns);
  EXPECT_EQ(end.packets, 1U);
  EXPECT_EQ(end.detected, 12s);
}

TEST_F(Records, AClockThatRanBackwardsFarEndsAScan) {
  begin(10s);
  EXPECT_TRUE(advance(7s).empty());
  EXPECT_EQ(only(7s - 1ns).reason, EndReason::idle);
}

TEST_F(Records, NoScanIsFoundBeforeItsFirstPacketHoweverTheClockRan) {
  for (const auto late : {-1ns, 0ns, 1ns}) {
    events_->clear();
    const Handle handle = records_.open(kIdle, *events_);
    ScanEvent event;
    event.started = 10s;
    event.detected = 10s + late;
    ASSERT_TRUE(records_.begin(handle, event, *events_));
    EXPECT_EQ(events_->view().front().detected, 10s + std::max(late, 0ns));
  }
}

TEST_F(Records, EveryScanHasANumberOfItsOwn) {
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 100; ++i) {
    events_->clear();
    begin(i * 1s);
    numbers.insert(events_->view().back().record);
  }
  EXPECT_EQ(numbers.size(), 100U);
}

TEST_F(Records, AllEventsOfAScanHaveItsNumber) {
  begin(10s);
  const std::uint64_t number = events_->view().front().record;
  EXPECT_EQ(only(20s).record, number);
}

TEST_F(Records, TheHandleOfAnEndedScanIsGoodForNothing) {
  const Handle old = begin(10s);
  only(20s);
  EXPECT_EQ(records_.event(old), nullptr);
  probe(old, 21s, 80);
  for (int i = 0; i < 4; ++i) begin(21s);
  probe(old, 22s, 80);
  records_.add_outcome(old, ProbeOutcome::open, 80);
  for (const ScanEvent& end : advance(Detector::kEndOfTime)) EXPECT_EQ(end.ports_total, 0U);
  EXPECT_EQ(records_.event(ScanRecords::kNoRecord), nullptr);
}

TEST_F(Records, ThePortsOfAnEndAreToldAsRanges) {
  const Handle handle = begin(10s);
  for (Port port = 1; port <= 1024; ++port) probe(handle, 10s, port);
  for (const Port port : std::initializer_list<Port>{3306, 65535, 3306, 0, 62, 4032, 4031})
    probe(handle, 10s, port);
  const ScanEvent end = only(20s);
  EXPECT_EQ(end.ports_total, 1029U);
  EXPECT_EQ(end.packets, 1031U);
  ASSERT_EQ(events_->ports().size(), 1U);
  EXPECT_EQ(events_->ports()[0].record, end.record);
  EXPECT_EQ(events_->ports()[0].total, 1029U);
  EXPECT_FALSE(events_->ports()[0].is_cut);
  EXPECT_EQ(ranges(), "0-1024,3306,4031-4032,65535");
}

TEST_F(Records, AllPortsAreOneRange) {
  const Handle handle = begin(10s);
  for (unsigned port = 65536; port > 0; --port) probe(handle, 10s, static_cast<Port>(port - 1));
  EXPECT_EQ(only(20s).ports_total, 65536U);
  EXPECT_EQ(ranges(), "0-65535");
}

TEST_F(Records, RandomPortsAreToldExactly) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    const Handle handle = begin(10s);
    std::set<Port> expected;
    for (int i = 0; i < 600; ++i) {
      const auto port = static_cast<Port>(random() % (round < 10 ? 65536 : 700));
      expected.insert(port);
      probe(handle, 10s, port);
    }
    EXPECT_EQ(only(20s).ports_total, expected.size());
    std::set<Port> told;
    for (const PortRange& range : events_->ports()[0].view()) {
      for (unsigned port = range.first; port <= range.last; ++port) {
        EXPECT_TRUE(told.insert(static_cast<Port>(port)).second);
      }
    }
    EXPECT_EQ(told, expected);
  }
}

TEST_F(Records, RangesThatDoNotFitAreLeftOffFromTheEnd) {
  for (const unsigned count : {1023U, 1024U, 1025U}) {
    const Handle handle = begin(10s);
    for (unsigned i = 0; i < count; ++i) probe(handle, 10s, static_cast<Port>(2 * i));
    EXPECT_EQ(only(20s).ports_total, count);
    const ScanPorts& ports = events_->ports()[0];
    EXPECT_EQ(ports.count, std::min(count, 1024U));
    EXPECT_EQ(ports.is_cut, count > 1024);
    EXPECT_EQ(ports.total, count);
    EXPECT_EQ(ports.ranges[0].last, 0);
  }
}

TEST_F(Records, ProtocolsWithoutPortsHaveNone) {
  const Handle handle = begin(10s);
  records_.add(handle, {.time = 11s, .target = host(1), .has_port = false});
  const ScanEvent end = only(20s);
  EXPECT_EQ(end.ports_total, 0U);
  EXPECT_EQ(end.hosts_total, 1U);
  EXPECT_TRUE(events_->ports().empty());
}

TEST_F(Records, ASampleOfTheProbesIsToldWithTheEnd) {
  const Handle handle = begin(10s);
  for (unsigned i = 1; i <= 1000; ++i) probe(handle, 10s + i * 1ms, static_cast<Port>(i));
  records_.add(handle,
               {.time = 11s, .target = host(1), .port = 2000, .is_timed = false, .mark = 7});
  const ScanEvent end = only(20s);
  EXPECT_EQ(end.packets, 1001U);
  ASSERT_EQ(events_->samples().size(), 1U);
  const ScanSample& sample = events_->samples()[0];
  EXPECT_EQ(sample.record, end.record);
  EXPECT_EQ(sample.shift, 3U) << "one of eight";
  EXPECT_EQ(sample.count, 125U);
  for (const ProbePoint& each : sample.view()) {
    EXPECT_EQ(each.time, 10s + each.port * 1ms);
    EXPECT_EQ(each.target, host(1));
    EXPECT_EQ(each.outcome, ProbeOutcome::unknown);
  }
}

TEST_F(Records, AnAnswerIsToldWithItsProbe) {
  const Handle handle = begin(10s);
  records_.add(handle, {.time = 10s, .target = host(1), .port = 22, .mark = 22});
  records_.add(handle, {.time = 10s, .target = host(2), .port = 22, .mark = 23});
  records_.add_outcome(handle, ProbeOutcome::open, 22, 22);
  (void)only(20s);
  ASSERT_EQ(events_->samples().size(), 1U);
  EXPECT_EQ(events_->samples()[0].points[0].outcome, ProbeOutcome::open);
  EXPECT_EQ(events_->samples()[0].points[1].outcome, ProbeOutcome::unknown);
}

TEST_F(Records, WhatEarlierPacketsWereAboutIsNoPacket) {
  const Handle handle = begin(10s);
  records_.add(handle, {.time = 10s, .target = {}, .port = 22, .is_packet = false});
  const ScanEvent end = only(20s);
  EXPECT_EQ(end.packets, 0U);
  EXPECT_EQ(end.ports_total, 1U);
  EXPECT_EQ(end.hosts_total, 0U);
}

TEST_F(Records, HostsAreCountedExactlyUpTo64) {
  for (const std::uint32_t count : {1U, 2U, 63U, 64U}) {
    const Handle handle = begin(10s);
    for (int round = 0; round < 3; ++round) {
      for (std::uint32_t i = 0; i < count; ++i) probe(handle, 10s, 22, i);
    }
    EXPECT_EQ(only(20s).hosts_total, count);
  }
}

TEST_F(Records, AddressesOfTheTwoFamiliesAreDifferentHosts) {
  const Handle handle = begin(10s);
  records_.add(handle, {.time = 10s, .target = {Family::ipv4, ipv4_bytes(0x20010db8)}});
  records_.add(handle, {.time = 10s, .target = {Family::ipv6, ipv4_bytes(0x20010db8)}});
  EXPECT_EQ(only(20s).hosts_total, 2U);
}

TEST_F(Records, MoreHostsAreEstimatedToAFifth) {
  for (const std::uint32_t count : {65U, 100U, 256U, 640U, 1000U, 10000U, 100000U}) {
    const Handle handle = begin(10s);
    std::uint32_t before = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      probe(handle, 10s, 22, i);
      ASSERT_GE(records_.event(handle)->hosts_total, before) << "totals never shrink";
      before = records_.event(handle)->hosts_total;
    }
    const ScanEvent end = only(20s);
    EXPECT_GT(end.hosts_total, count * 4 / 5);
    EXPECT_LT(end.hosts_total, count * 6 / 5);
  }
}

TEST_F(Records, OutcomesAreCounted) {
  const Handle handle = begin(10s);
  for (Port port = 1; port <= 20; ++port) records_.add_outcome(handle, ProbeOutcome::open, port);
  records_.add_outcome(handle, ProbeOutcome::open, 3);
  records_.add_outcome(handle, ProbeOutcome::closed, 100);
  records_.add_outcome(handle, ProbeOutcome::filtered, 101);
  records_.add_outcome(handle, ProbeOutcome::filtered, 102);
  const ScanEvent end = only(20s);
  EXPECT_EQ(end.open_total, 21U);
  EXPECT_EQ(end.closed_total, 1U);
  EXPECT_EQ(end.filtered_total, 2U);
  EXPECT_EQ(end.open_count, ScanEvent::kMaxOpen);
  EXPECT_EQ(end.open[15], 16);
}

TEST_F(Records, ThePrevailingTechniqueAndAllOthersAreTold) {
  const Handle handle = begin(10s);
  for (const Technique each : {Technique::syn, Technique::fin, Technique::fin, Technique::unknown,
                               Technique::unknown, Technique::unknown}) {
    records_.add(handle, {.time = 10s, .target = host(1), .port = 1, .technique = each});
  }
  const ScanEvent end = only(20s);
  EXPECT_EQ(end.technique, Technique::fin);
  EXPECT_EQ(end.techniques, 0b1001) << "SYN is bit 0, FIN bit 3";
}

TEST_F(Records, ARecordThatServesAgainKnowsNothingOfTheScanBefore) {
  records_ = make(1);
  const Handle before = begin(10s);
  for (Port port = 1; port <= 300; ++port) {
    records_.add(before, {.time = 10s,
                          .target = host(port),
                          .port = port,
                          .technique = Technique::fin,
                          .mark = port});
    records_.add_outcome(before, ProbeOutcome::open, port, port);
  }
  EXPECT_EQ(only(20s).ports_total, 300U);
  const Handle after = begin(30s);
  EXPECT_EQ(events_->view().back().packets, 0U);
  records_.add(
      after,
      {.time = 30s, .target = host(300), .port = 300, .technique = Technique::syn, .mark = 300});
  const ScanEvent end = only(40s);
  EXPECT_EQ(end.packets, 1U);
  EXPECT_EQ(end.ports_total, 1U);
  EXPECT_EQ(ranges(), "300");
  EXPECT_EQ(end.hosts_total, 1U);
  EXPECT_EQ(end.open_total, 0U);
  EXPECT_EQ(end.technique, Technique::syn);
  EXPECT_EQ(end.techniques, 0b1) << "SYN is bit 0";
  ASSERT_EQ(events_->samples().size(), 1U);
  const ScanSample& sample = events_->samples()[0];
  EXPECT_EQ(sample.shift, 0U);
  ASSERT_EQ(sample.count, 1U);
  EXPECT_EQ(sample.points[0].outcome, ProbeOutcome::unknown);
}

TEST_F(Records, WhatTheDetectorLearnsLaterIsTold) {
  const Handle handle = begin(10s);
  records_.event(handle)->verdict = Verdict::proven;
  EXPECT_EQ(only(20s).verdict, Verdict::proven);
}

TEST_F(Records, AnotherRuleMayWaitLonger) {
  const Handle handle = begin(10s);
  records_.set_idle(handle, 10s);
  EXPECT_TRUE(advance(20s).empty());
  EXPECT_EQ(only(20s + 1ns).phase, Phase::end);
}

TEST_F(Records, ATotalThatReachesAStepIsToldAMinuteAfterTheLastEvent) {
  const Handle handle = begin(10s);
  for (Port port = 0; port < 9; ++port) probe(handle, 70s, port);
  EXPECT_TRUE(advance(70s).empty()) << "nine ports";
  probe(handle, 70s - 1ns, 9);
  EXPECT_TRUE(advance(70s - 1ns).empty()) << "less than a minute";
  const ScanEvent update = only(70s);
  EXPECT_EQ(update.phase, Phase::update);
  EXPECT_EQ(update.ports_total, 10U);
  EXPECT_EQ(ranges(), "0-9");
  EXPECT_EQ(records_.open_scans(), 1U);
  probe(handle, 129s, 10);
  EXPECT_TRUE(advance(131s).empty()) << "eleven ports are no step";
}

TEST_F(Records, EachStepOfPortsAndHostsIsToldOnce) {
  const Handle handle = begin(10s);
  std::chrono::nanoseconds now = 10s;
  for (const std::uint32_t step : ScanRecords::kSteps) {
    for (std::uint32_t i = 0; i < step; ++i) {
      records_.add(handle, {.time = now + 1min, .port = static_cast<Port>(i)});
    }
    now += 1min;
    EXPECT_EQ(only(now).ports_total, step);
    probe(handle, now + 1min, 0);
    EXPECT_TRUE(advance(now += 1min).empty());
  }
  for (std::uint32_t i = 0; i < 10; ++i) probe(handle, now + 1min, 0, i);
  EXPECT_EQ(only(now + 1min).hosts_total, 10U);
}

TEST_F(Records, ChangesAreToldAMinuteAfterTheLastEvent) {
  const Handle handle = begin(10s);
  records_.mark_changed(handle);
  probe(handle, 69s, 1);
  EXPECT_TRUE(advance(69s).empty());
  EXPECT_EQ(only(70s).phase, Phase::update);
  probe(handle, 131s, 1);
  EXPECT_TRUE(advance(131s).empty());
}

TEST_F(Records, AScanThatGoesOnIsToldOnceAnHour) {
  const Handle handle = begin(10s);
  probe(handle, 1h + 10s, 1);
  EXPECT_TRUE(advance(1h + 10s - 1ns).empty());
  EXPECT_EQ(only(1h + 10s).phase, Phase::update);
  probe(handle, 2h, 1);
  EXPECT_TRUE(advance(2h).empty());
}

TEST_F(Records, WhereNoneIsFreeTheOneIdleForLongestEnds) {
  begin(10s, "192.0.2.1");
  const Handle second = begin(11s, "192.0.2.2");
  begin(12s, "192.0.2.3");
  begin(13s, "192.0.2.4");
  EXPECT_EQ(events_->view().size(), 4U);
  events_->clear();
  begin(12500ms, "192.0.2.5");
  ASSERT_EQ(events_->view().size(), 2U);
  EXPECT_EQ(events_->view()[0].phase, Phase::end);
  EXPECT_EQ(events_->view()[0].reason, EndReason::evicted);
  EXPECT_EQ(to_string(events_->view()[0].source), "192.0.2.1");
  EXPECT_EQ(to_string(events_->view()[1].source), "192.0.2.5");
  EXPECT_EQ(records_.open_scans(), 4U);
  probe(second, 14s, 1);
  events_->clear();
  begin(14s, "192.0.2.6");
  EXPECT_EQ(to_string(events_->view()[0].source), "192.0.2.3") << "the second was prolonged";
}

TEST_F(Records, AtTheEndOfTimeAllScansEnd) {
  for (int i = 0; i < 4; ++i) begin(10s);
  const auto ends = advance(Detector::kEndOfTime);
  ASSERT_EQ(ends.size(), 4U);
  for (const ScanEvent& end : ends) {
    EXPECT_EQ(end.phase, Phase::end);
    EXPECT_EQ(end.reason, EndReason::shutdown);
    EXPECT_EQ(end.detected, 10s);
  }
  EXPECT_TRUE(advance(Detector::kEndOfTime).empty());
}

TEST_F(Records, EndsWhosePortsDoNotFitAreToldAtTheNextCall) {
  records_ = make(64);
  for (int i = 0; i < 40; ++i) probe(begin(10s), 10s, 80);
  EXPECT_EQ(advance(20s).size(), 16U);
  EXPECT_EQ(records_.open_scans(), 24U);
  EXPECT_EQ(advance(20s).size(), 16U);
  EXPECT_EQ(advance(20s).size(), 8U);
  EXPECT_TRUE(advance(20s).empty());
}

TEST_F(Records, WithoutRoomForItsPortsAnEvictedScanIsToldWithTheirNumber) {
  while (events_->add_ports() != nullptr) continue;
  for (int i = 0; i < 4; ++i) probe(begin(10s), 10s, 80);
  begin(11s);
  const ScanEvent& end = events_->view()[4];
  EXPECT_EQ(end.reason, EndReason::evicted);
  EXPECT_EQ(end.ports_total, 1U);
}

TEST_F(Records, AFullListIsToldNothing) {
  begin(10s);
  while (events_->push({})) continue;
  const Handle handle = records_.open(kIdle, *events_);
  EXPECT_FALSE(records_.begin(handle, {}, *events_));
  EXPECT_EQ(records_.event(handle), nullptr) << "its record is free again";
  records_.advance(20s, *events_);
  EXPECT_EQ(records_.open_scans(), 1U) << "its end is told when there is room";
  EXPECT_EQ(only(20s).phase, Phase::end);
}

TEST_F(Records, AFullListAndAFullPoolLeaveEverythingAsItIs) {
  for (int i = 0; i < 4; ++i) begin(10s);
  while (events_->push({})) continue;
  EXPECT_EQ(records_.open(kIdle, *events_), ScanRecords::kNoRecord);
  EXPECT_EQ(records_.open_scans(), 4U);
}

TEST_F(Records, MemoryIsSome10KilobytesARecord) {
  EXPECT_GT(make(256).memory(), 256U * 8192);
  EXPECT_LT(make(256).memory(), 256U * 12288);
  EXPECT_EQ(make(200).memory(), make(256).memory()) << "a power of two";
}

}  // namespace
}  // namespace scanlogd::test
