// From a broken rule to a scan on record.
#include "detect/scan_reports.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr HashKey kKey{.a = 1, .b = 2};

TEST(ScanReports, HostsAndPortsMakeTheKind) {
  EXPECT_EQ(kind_of(1, 1000), ScanKind::vertical);
  EXPECT_EQ(kind_of(2, 10), ScanKind::vertical);
  EXPECT_EQ(kind_of(3, 10), ScanKind::block);
  EXPECT_EQ(kind_of(3, 2), ScanKind::block);
  EXPECT_EQ(kind_of(4, 2), ScanKind::horizontal);
  EXPECT_EQ(kind_of(4, 3), ScanKind::block);
}

TEST(ScanReports, OnlyWhatWasAskedForIsAnsweredAndOnce) {
  constexpr FlowHash kFlow = 0x1234'5678'9abc'def0;
  auto reports = ScanReports::make(1024, 4, kKey).value();
  ContactSource entry{};
  EXPECT_FALSE(reports.answer(kFlow, entry));
  EXPECT_FALSE(reports.was_asked(kFlow, entry));
  EXPECT_TRUE(reports.ask(kFlow, entry));
  EXPECT_TRUE(reports.was_asked(kFlow, entry));
  EXPECT_TRUE(reports.answer(kFlow, entry));
  EXPECT_FALSE(reports.answer(kFlow, entry));
  EXPECT_TRUE(reports.was_asked(kFlow, entry));
  EXPECT_FALSE(reports.ask(kFlow, entry)) << "not once more";
}
TEST(ScanReports, ASourceThatBeginsAnewAsksAnew) {
  constexpr FlowHash kFlow = 0x1234'5678'9abc'def0;
  auto reports = ScanReports::make(1024, 4, kKey).value();
  ContactSource entry{};
  EXPECT_TRUE(reports.ask(kFlow, entry));
  entry.first = 1;
  EXPECT_FALSE(reports.was_asked(kFlow, entry));
  EXPECT_TRUE(reports.ask(kFlow, entry));
}

TEST(ScanReports, WithoutMemoryOfTheFirstContactsAScanIsToldAllTheSame) {
  auto reports = ScanReports::make(1024, 4, kKey).value();
  const auto events = std::make_unique<EventList>();
  ContactSource entry{};
  entry.key = 7;
  entry.contacts = 5;
  EXPECT_TRUE(reports.begin({.index = 3, .source = 7}, entry, {}, 1s, *events));
  ASSERT_EQ(events->view().size(), 1U);
  EXPECT_NE(entry.record, 0U);
  EXPECT_TRUE(reports.is_open(entry));
  EXPECT_EQ(reports.open_scans(), 1U);
}

TEST(ScanReports, WhereThereIsNoRoomNothingBegins) {
  auto reports = ScanReports::make(1024, 4, kKey).value();
  const auto events = std::make_unique<EventList>();
  while (events->push({})) {
  }
  ContactSource entry{};
  entry.key = 7;
  EXPECT_FALSE(reports.begin({.index = 3, .source = 7}, entry, {}, 1s, *events));
  EXPECT_EQ(entry.record, 0U);
  EXPECT_EQ(reports.open_scans(), 0U);
}

TEST(ScanReports, ServicesAskedBeforeAnythingFailedAreOpen) {
  auto reports = ScanReports::make(1024, 4, kKey).value();
  const auto events = std::make_unique<EventList>();
  Handshakes::Handshake handshakes[2]{};
  handshakes[0].flow = 1;
  handshakes[0].remote = 7;
  handshakes[0].local_port = 443;
  handshakes[0].is_proven = true;
  handshakes[1].flow = 2;
  handshakes[1].remote = 8;
  handshakes[1].local_port = 25;
  ContactSource entry{};
  entry.key = 7;
  entry.contacts = 1;
  const Packet packet = system_syn(kClient, kHost, 1);
  Sighting sighting;
  sighting.packet = &packet;
  sighting.probe = classify(packet);
  reports.note(3, entry, sighting);
  EXPECT_TRUE(reports.begin({.index = 3, .source = 7}, entry, handshakes, 1s, *events));
  const ScanEvent& event = events->view().front();
  EXPECT_EQ(event.open_total, 1U);
  EXPECT_EQ(event.open[0], 443);
  EXPECT_EQ(event.verdict, Verdict::proven);
}

}  // namespace
}  // namespace scanlogd::test
