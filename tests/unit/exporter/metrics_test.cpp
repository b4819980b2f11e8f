// The page for Prometheus; promtool and Prometheus itself read one in tests/live/test_metrics.py.
#include "exporter/metrics.h"

#include <gtest/gtest.h>

#include <string>

#include "support/stores.h"

namespace scanlogd::exporter {
namespace {

bool has(const std::string& page, std::string_view line) {
  return ("\n" + page).find("\n" + std::string(line) + "\n") != std::string::npos;
}

TEST(Metrics, WithoutDaemonAndStoreTheyAreSaidToBeDown) {
  const std::string page = format_metrics(fail("nobody"), fail("nothing"));
  EXPECT_TRUE(has(page, "scanlogd_up 0")) << page;
  EXPECT_TRUE(has(page, "scanlogd_store_up 0"));
  EXPECT_EQ(page.find("scanlogd_sink"), std::string::npos);
}

TEST(Metrics, WhatTheDaemonAnswersIsCounted) {
  ControlAnswer answer;
  answer.add("version", "3.0.0");
  answer.add("profile", "full");
  answer.add("packets.seen", 12);
  answer.add("packets.dropped", 3);
  answer.add("scans.lost", 1);
  answer.add("detector", "full contact=12 ignored_port=3");
  answer.add("blind.before", 2);
  answer.add("blind", "blind on eth0 since ...");
  answer.add("sink", "syslog sequence=9 taken=8 delivered=5 waiting=2 lost=1");
  const std::string page = format_metrics(answer, fail("nothing"));
  for (
      const std::string_view line :
      {"scanlogd_up 1",
       R"(scanlogd_build_info{version="3.0.0",profile="full",capture="unknown",sandbox="unknown"} 1)",
       "scanlogd_packets_seen_total 12", "scanlogd_packets_dropped_total 3",
       R"(scanlogd_detector_packets_total{detector="full",outcome="contact"} 12)",
       R"(scanlogd_detector_packets_total{detector="full",outcome="ignored_port"} 3)",
       "scanlogd_scans_lost_total 1", "scanlogd_blind 1", "scanlogd_blind_intervals_total 3",
       R"(scanlogd_sink_messages_taken_total{sink="syslog"} 8)",
       R"(scanlogd_sink_messages_delivered_total{sink="syslog"} 5)",
       R"(scanlogd_sink_messages_waiting{sink="syslog"} 2)",
       R"(scanlogd_sink_messages_lost_total{sink="syslog"} 1)",
       "# TYPE scanlogd_packets_seen_total counter", "# TYPE scanlogd_blind gauge"}) {
    EXPECT_TRUE(has(page, line)) << line << "\n" << page;
  }
  EXPECT_EQ(page.find("scanlogd_uptime_seconds"), std::string::npos) << "was not in the answer";
}

TEST(Metrics, LabelsAreEscaped) {
  ControlAnswer answer;
  answer.add("version", R"(a"b\c)");
  EXPECT_NE(format_metrics(answer, fail("")).find(R"(version="a\"b\\c")"), std::string::npos);
}

class StoreMetrics : public test::StoreTest {};

TEST_F(StoreMetrics, WhatIsOnRecordIsCountedWithoutADaemonToo) {
  Store store = open();
  write(store, {message(test::some_scan(1)), message(test::some_scan(2))});
  const auto sample = sample_store(home_.path(), std::chrono::system_clock::now());
  ASSERT_TRUE(sample) << sample.error().what;
  const std::string page = format_metrics(fail("nobody"), sample);
  EXPECT_TRUE(has(page, "scanlogd_store_up 1")) << page;
  EXPECT_TRUE(has(page, "scanlogd_store_scans 2")) << page;
  EXPECT_TRUE(has(page, "scanlogd_egress_scans_recorded_total 0")) << page;
}

TEST(Metrics, AStoreThatIsNotThereIsAnError) {
  EXPECT_FALSE(sample_store("/nonexistent", std::chrono::system_clock::now()));
}

}  // namespace
}  // namespace scanlogd::exporter
