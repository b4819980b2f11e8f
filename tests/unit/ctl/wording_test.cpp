// Values in words.
#include "ctl/wording.h"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <cstdlib>

#include "support/scans.h"

namespace scanlogd::ctl {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point kNoon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 26) + 12h;

class Wording : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }
};

TEST_F(Wording, TimesAreShortUntilTheYearMatters) {
  EXPECT_EQ(format_time(kNoon), "2026-11-26 12:00:00");
  EXPECT_EQ(format_short_time(kNoon, kNoon + std::chrono::days(300)), "11-26 12:00");
  EXPECT_EQ(format_short_time(kNoon, kNoon + std::chrono::days(300) + 1s), "2026-11-26");
  EXPECT_EQ(format_short_time(kNoon, kNoon - std::chrono::days(301)), "2026-11-26");
}

TEST_F(Wording, DurationsHaveTheUnitThatSaysMost) {
  EXPECT_EQ(format_duration(-1s), "0 ms");
  EXPECT_EQ(format_duration(999ms), "999 ms");
  EXPECT_EQ(format_duration(1s), "1 s");
  EXPECT_EQ(format_duration(59s), "59 s");
  EXPECT_EQ(format_duration(60s), "1 min");
  EXPECT_EQ(format_duration(59min + 59s), "59 min");
  EXPECT_EQ(format_duration(3h + 20min), "3 h 20 min");
  EXPECT_EQ(format_duration(24h), "1 d 0 h");
  EXPECT_EQ(format_duration(100h), "4 d 4 h");
}

TEST_F(Wording, SizesAndCountsAreRead) {
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(999'949), "999.9 kB");
  EXPECT_EQ(format_bytes(999'950), "1.0 MB");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
}

TEST_F(Wording, PortsAreThoseCountedOrElseThoseListed) {
  Scan scan = test::some_scan();
  EXPECT_EQ(count_ports(scan), 2U);
  EXPECT_EQ(list_ports(scan), "21,22");
  scan.ports = "1-10,20";
  EXPECT_EQ(count_ports(scan), 11U);
  EXPECT_EQ(list_ports(scan), "1-10,20");
  scan.event.ports_total = 3000;
  EXPECT_EQ(count_ports(scan), 3000U);
}

TEST_F(Wording, NamesWhoAndWhomAndHow) {
  Scan scan = test::some_scan();
  EXPECT_EQ(name_source(scan), "192.0.2.8");
  EXPECT_EQ(name_targets(scan), "10.9.0.1");
  EXPECT_EQ(summarise(scan), "TCP vertical");
  scan.event.technique = Technique::syn;
  scan.event.varies = varies::target;
  EXPECT_EQ(summarise(scan), "syn vertical");
  EXPECT_EQ(name_targets(scan), "10.9.0.1 +");
  scan.event.hosts_total = 4;
  scan.event.sources_total = 10;
  scan.event.source_prefix = 24;
  EXPECT_EQ(name_targets(scan), "10.9.0.1 +3");
  EXPECT_EQ(name_source(scan), "192.0.2.8/24 +9");
}

}  // namespace
}  // namespace scanlogd::ctl
