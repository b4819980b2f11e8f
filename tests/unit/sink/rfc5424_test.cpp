// RFC 5424 as a sink; tests/live/test_sinks.py has it read by rsyslog.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <string>

#include "support/collector.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

class Rfc5424Sink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "CET-1", 1), 0);
    ::tzset();
  }

  std::unique_ptr<Sink> open(const std::string& enterprise = "32473") const {
    Section options;
    options.set("to", "unix:" + collector_.path(), "test");
    options.set("enterprise", enterprise, "test");
    auto sink = open_sink("rfc5424", options);
    EXPECT_TRUE(sink) << sink.error().what;
    return std::move(*sink);
  }

  Collector collector_;
};

TEST_F(Rfc5424Sink, TellsOfAScanWithAllThatIsKnownAndItsLine) {
  const auto sink = open();
  EXPECT_TRUE(sink->write(some_scan(), {.boot = 1, .sequence = 9}));
  const std::string message = collector_.read();
  EXPECT_TRUE(message.starts_with("<25>1 1970-01-01T01:00:00.000000+01:00 ")) << message;
  EXPECT_NE(message.find(" scanlogd - scan [scan@32473 id=\"1\" boot=\"0000000000000001\" "
                         "sequence=\"9\" phase=\"begin\" "),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("\"] 192.0.2.8:1 to 10.9.0.1 ports 21, 22, ..., "), std::string::npos);
  EXPECT_EQ(sink->stats().delivered, 1U);
}

TEST_F(Rfc5424Sink, AScanWithoutALineIsInformational) {
  const auto sink = open();
  Scan scan = some_scan();
  scan.announce = Announce::held_back;
  EXPECT_TRUE(sink->takes(scan));
  EXPECT_TRUE(sink->write(scan, {}));
  EXPECT_TRUE(collector_.read().starts_with("<30>1 "));
}

TEST_F(Rfc5424Sink, ANoticeWithoutAStampHasNoStructuredData) {
  const auto sink = open();
  EXPECT_TRUE(sink->write(make_notice(Severity::warning, {}, "blind"), {}));
  const std::string message = collector_.read();
  EXPECT_TRUE(message.starts_with("<28>1 "));
  EXPECT_TRUE(message.ends_with(" scanlogd - notice - blind")) << message;
}

TEST_F(Rfc5424Sink, TheEnterpriseNumberCanBeOnesOwn) {
  const auto sink = open("99999");
  EXPECT_TRUE(sink->write(make_notice(Severity::info, {}, "x"), {.boot = 1, .sequence = 2}));
  EXPECT_NE(collector_.read().find(" [scan@99999 boot=\"0000000000000001\" sequence=\"2\"] x"),
            std::string::npos);
}

TEST_F(Rfc5424Sink, ScansWaitForACollectorThatIsAway) {
  Section options;
  TemporaryDirectory folder;
  options.set("to", "unix:" + folder.file("nobody"), "test");
  auto sink = open_sink("rfc5424", options);
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write(some_scan(), {}));
  EXPECT_EQ((*sink)->stats().waiting, 1U);
}

TEST_F(Rfc5424Sink, SaysWhatIsWrongWithItsOptions) {
  Section options;
  options.set("to", "tcp:nowhere", "FILE:7");
  EXPECT_TRUE(open_sink("rfc5424", options).error().what.starts_with("FILE:7: "));
  Section number;
  number.set("enterprise", "0", "FILE:8");
  EXPECT_FALSE(open_sink("rfc5424", number));
  Section unknown;
  unknown.set("host", "x", "FILE:9");
  EXPECT_FALSE(open_sink("rfc5424", unknown));
}

}  // namespace
}  // namespace scanlogd::test
