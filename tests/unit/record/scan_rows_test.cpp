// A scan read from a row is the scan that was written there.
#include "record/scan_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

using ScanRowsTest = StoreTest;

/// Compares all that is kept; `record` and the monotonic times are the engine's alone.
void expect_equal(const ScanEvent& read, const ScanEvent& written) {
  const auto all = [](const ScanEvent& event) {
    return std::tuple(event.packets, event.source, event.target, event.ports_total,
                      event.hosts_total, event.sources_total, event.open_total, event.closed_total,
                      event.filtered_total, event.source_port, event.techniques, event.syn_window,
                      event.syn_options, event.flags_or, event.flags_and, event.varies, event.tos,
                      event.ttl);
  };
  const auto rest = [](const ScanEvent& event) {
    return std::tuple(event.phase, event.reason, event.kind, event.rule, event.technique,
                      event.tool, event.verdict, event.protocol, event.source_prefix,
                      event.port_count, event.open_count, event.group_count, event.ports,
                      event.open, event.group);
  };
  EXPECT_TRUE(all(read) == all(written));
  EXPECT_TRUE(rest(read) == rest(written));
}

TEST_F(ScanRowsTest, KeepsAllOfAScan) {
  Scan written = scan(1, "2001:db8::7");
  written.last = kNoon + 2h;
  written.at = kNoon + 3h;
  written.announce = Announce::digest;
  written.ports = "1-1024,3306";
  ScanEvent& event = written.event;
  event.phase = Phase::end;
  event.reason = EndReason::evicted;
  event.kind = ScanKind::block;
  event.rule = ScanRule::glacial;
  event.technique = Technique::icmp_mask;
  event.tool = Tool::mirai;
  event.verdict = Verdict::impossible;
  event.protocol = IpProto::sctp;
  event.techniques = 0x8001;
  event.packets = 1ull << 40;
  event.ports_total = 65536;
  event.hosts_total = 7;
  event.sources_total = 8;
  event.open_total = 2;
  event.closed_total = 3;
  event.filtered_total = 4;
  event.source_prefix = 64;
  event.flags_or = 0xff;
  event.flags_and = 0x12;
  event.varies = varies::target | varies::ttl;
  event.tos = 0xb8;
  event.ttl = 255;
  event.syn_window = 1024;
  event.syn_options = 0xffffffff;
  event.open_count = 2;
  event.open = {22, 443};
  event.group_count = 2;
  event.group = {parse_address("192.0.2.1").value(), parse_address("2001:db8::1").value()};
  {
    Store store = open();
    write(store, {message(written)});
  }
  const StoreReader reader = this->reader();
  const auto found = reader.find(1);
  ASSERT_TRUE(found && *found);
  const auto history = reader.history(1);
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 1U);
  EXPECT_EQ(history->front().stamp, (Stamp{.boot = 7, .sequence = 1}));
  for (const Scan& read : {**found, std::get<Scan>(history->front().content)}) {
    EXPECT_EQ(read.id, 1U);
    EXPECT_EQ(read.started, written.started);
    EXPECT_EQ(read.detected, written.detected);
    EXPECT_EQ(read.last, written.last);
    EXPECT_EQ(read.at, written.at);
    EXPECT_EQ(read.announce, written.announce);
    EXPECT_EQ(read.ports, written.ports);
    expect_equal(read.event, event);
  }
}

TEST_F(ScanRowsTest, KeepsAsManySourcesOfAGroupAsMayBe) {
  for (const std::size_t count :
       {ScanEvent::kMaxGroup, ScanEvent::kMaxGroup + 1, ScanSources::kMost}) {
    Scan written = scan(count);
    written.event.kind = ScanKind::decoys;
    for (std::size_t i = 0; i < count; ++i) {
      written.sources.push_back(
          {Family::ipv4, ipv4_bytes(0xc6336400 + static_cast<std::uint32_t>(i))});
    }
    {
      Store store = open();
      write(store, {message(written, count)});
    }
    const auto found = reader().find(count);
    ASSERT_TRUE(found && *found) << count;
    EXPECT_TRUE(std::ranges::equal((*found)->group(), written.sources)) << count;
  }
}

TEST(ScanRows, AnUpsertNamesEachColumnTwice) {
  EXPECT_EQ(updates("a, b"), "a=excluded.a,b=excluded.b");
  EXPECT_EQ(placeholders(3), "?,?,?");
  EXPECT_EQ(placeholders(0), "");
}

TEST_F(ScanRowsTest, KeepsWhoScansFromHere) {
  Scan written = scan(1);
  written.event.kind = ScanKind::egress;
  written.event.sender = {.cgroup = 1ULL << 40, .uid = 4'000'000'000, .is_known = true};
  written.unit = "foo@bar.service";
  Scan unknown = scan(2);
  unknown.event.kind = ScanKind::egress;
  Store store = open();
  write(store, {message(written), message(unknown)});
  const Scan read = store.reader().find(1).value().value();
  EXPECT_EQ(read.event.sender, written.event.sender);
  EXPECT_EQ(read.unit, written.unit);
  EXPECT_EQ(read.event.group_count, 0);
  EXPECT_EQ(store.reader().find(2).value()->event.sender, Sender{});
  const auto messages = store.reader().messages(0, 10).value();
  EXPECT_EQ(std::get<Scan>(messages.front().content).unit, written.unit);
}

}  // namespace
}  // namespace scanlogd::test
