// What is known of a scan as names and values.
#include "core/scan_fields.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "support/scans.h"

namespace scanlogd::test {
namespace {

class ScanFields : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }

  static std::string value(const Scan& scan, std::string_view name) {
    const auto fields = scan_fields(scan, {.boot = 0xab, .sequence = 42});
    const auto found = std::ranges::find(fields, name, &ScanField::name);
    return found == fields.end() ? "absent" : found->value;
  }
};

TEST_F(ScanFields, SayWhoProbedWhatAndHow) {
  const Scan scan = some_scan(7);
  EXPECT_EQ(value(scan, "id"), "7");
  EXPECT_EQ(value(scan, "boot"), "00000000000000ab");
  EXPECT_EQ(value(scan, "sequence"), "42");
  EXPECT_EQ(value(scan, "src"), "192.0.2.8");
  EXPECT_EQ(value(scan, "src_port"), "7");
  EXPECT_EQ(value(scan, "dst"), "10.9.0.1");
  EXPECT_EQ(value(scan, "proto"), "TCP");
  EXPECT_EQ(value(scan, "ports"), "21,22");
  EXPECT_EQ(value(scan, "tcp_flags"), "fSrpauxy");
  EXPECT_EQ(value(scan, "ttl"), "64");
  EXPECT_EQ(value(scan, "sid"), "122:1");
  EXPECT_EQ(value(scan, "first"), "1970-01-01T00:00:00.000000+0000");
}

TEST_F(ScanFields, WhatIsNotKnownIsLeftOut) {
  Scan scan = some_scan();
  scan.event.varies = varies::source_port | varies::ttl | varies::tos;
  for (const std::string_view name :
       {"src_port", "ttl", "tos", "packets", "hosts_total", "open_ports", "end_reason"}) {
    EXPECT_EQ(value(scan, name), "absent") << name;
  }
  EXPECT_TRUE(stamp_fields({}).empty());
}

TEST_F(ScanFields, ANetworkOfSourcesHasItsPrefix) {
  Scan scan = some_scan();
  scan.event.source_prefix = 24;
  EXPECT_EQ(value(scan, "src"), "192.0.2.8/24");
}

TEST_F(ScanFields, PortsAreAllAsRangesAndCutBetweenTwo) {
  Scan scan = some_scan();
  EXPECT_EQ(ports_text(scan, 100), "21,22");
  scan.ports = "1-1024,3306,8080";
  EXPECT_EQ(ports_text(scan, 16), "1-1024,3306,8080");
  EXPECT_EQ(ports_text(scan, 15), "1-1024,3306");
  EXPECT_EQ(ports_text(scan, 10), "1-1024");
}

TEST_F(ScanFields, TheLineIsThereAlsoWhereTheLogHasNone) {
  Scan scan = some_scan();
  scan.announce = Announce::held_back;
  EXPECT_EQ(line_of(scan), some_line());
}

}  // namespace
}  // namespace scanlogd::test
