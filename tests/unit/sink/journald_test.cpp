// The journal as a sink; tests/live/test_sinks.py has it read by journald.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "support/collector.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

class JournaldSink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
    Section options;
    options.set("socket", collector_.path(), "test");
    auto sink = open_sink("journald", options);
    ASSERT_TRUE(sink) << sink.error().what;
    sink_ = std::move(*sink);
  }
  static bool has(const std::string& message, const std::string& line) {
    return ("\n" + message).find("\n" + line + "\n") != std::string::npos;
  }

  Collector collector_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(JournaldSink, AScanHasAFieldForEachFact) {
  EXPECT_TRUE(sink_->write(some_scan(), {.boot = 1, .sequence = 9}));
  const std::string message = collector_.read();
  for (const std::string& line :
       {"MESSAGE=" + some_line(), std::string("PRIORITY=1"), std::string("SYSLOG_FACILITY=3"),
        std::string("SYSLOG_IDENTIFIER=scanlogd"), std::string("SCAN_SRC=192.0.2.8"),
        std::string("SCAN_SRC_PORT=1"), std::string("SCAN_PORTS=21,22"),
        std::string("SCAN_SEQUENCE=9")}) {
    EXPECT_TRUE(has(message, line)) << line << "\n" << message;
  }
}

TEST_F(JournaldSink, EachPhaseHasAMessageIdOfItsOwn) {
  std::vector<std::string> ids;
  for (const Phase phase : {Phase::begin, Phase::update, Phase::end}) {
    Scan scan = some_scan();
    scan.event.phase = phase;
    EXPECT_TRUE(sink_->write(scan, {}));
    const std::string message = collector_.read();
    ids.push_back(message.substr(message.find("MESSAGE_ID="), 43));
  }
  EXPECT_TRUE(sink_->write(make_notice(Severity::info, {}, "x"), {}));
  const std::string message = collector_.read();
  ids.push_back(message.substr(message.find("MESSAGE_ID="), 43));
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

TEST_F(JournaldSink, AScanWithoutALineIsInformational) {
  Scan scan = some_scan();
  scan.announce = Announce::digest;
  EXPECT_TRUE(sink_->write(scan, {}));
  EXPECT_TRUE(has(collector_.read(), "PRIORITY=6"));
}

TEST_F(JournaldSink, CannotStandBesideSyslog) {
  const auto found = std::ranges::find(sink_table(), "journald", &SinkPlugin::name);
  ASSERT_NE(found, sink_table().end());
  EXPECT_EQ((*found)->excludes, "syslog");
}

TEST_F(JournaldSink, ADirectoryThatIsMissingIsAnError) {
  Section options;
  options.set("socket", "/nonexistent/socket", "test");
  EXPECT_EQ(open_sink("journald", options).error().what,
            "open(/nonexistent): No such file or directory");
}

}  // namespace
}  // namespace scanlogd::test
