// CEF as a sink; tests/live/test_sinks.py takes one apart by the format's rules.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <string>

#include "core/address.h"
#include "support/collector.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

class CefSink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
    Section options;
    options.set("to", "unix:" + collector_.path(), "test");
    auto sink = open_sink("cef", options);
    ASSERT_TRUE(sink) << sink.error().what;
    sink_ = std::move(*sink);
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  Collector collector_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(CefSink, TellsOfAScan) {
  EXPECT_TRUE(sink_->write(some_scan(), {.boot = 1, .sequence = 9}));
  const std::string event = collector_.read();
  EXPECT_TRUE(event.starts_with("<25>Jan  1 00:00:00 ")) << event;
  EXPECT_TRUE(has(event, " CEF:0|scanlogd|scanlogd|")) << event;
  EXPECT_TRUE(has(event,
                  "|122:1|TCP port scan|5|rt=0 start=0 end=0 externalId=1 cat=begin "
                  "src=192.0.2.8 dst=10.9.0.1 proto=TCP spt=1 dpt=21 "))
      << event;
  EXPECT_TRUE(has(event, " cs1=21,22 cs1Label=ports ")) << event;
  EXPECT_TRUE(has(event, " flexNumber1=9 flexNumber1Label=sequence ")) << event;
  EXPECT_TRUE(event.ends_with("msg=" + some_line())) << event;
}

TEST_F(CefSink, AddressesOfIpv6HaveFieldsOfTheirOwn) {
  Scan scan = some_scan();
  scan.event.source = parse_address("2001:db8::7").value();
  scan.event.target = parse_address("2001:db8::1").value();
  EXPECT_TRUE(sink_->write(scan, {}));
  const std::string event = collector_.read();
  EXPECT_TRUE(has(event, " c6a2=2001:db8::7 c6a2Label=source IPv6 address ")) << event;
  EXPECT_TRUE(has(event, " c6a3=2001:db8::1 ")) << event;
  EXPECT_FALSE(has(event, " src=")) << event;
}

TEST_F(CefSink, WhatWouldEndAValueIsEscaped) {
  EXPECT_TRUE(sink_->write(make_notice(Severity::error, {}, "a = b \\ c"), {}));
  const std::string event = collector_.read();
  EXPECT_TRUE(event.starts_with("<27>")) << event;
  EXPECT_TRUE(has(event, "|notice|notice|7|")) << event;
  EXPECT_TRUE(event.ends_with("msg=a \\= b \\\\ c")) << event;
}

TEST_F(CefSink, HasToBeToldWhereTo) {
  EXPECT_EQ(open_sink("cef").error().what, "log.cef.to: must be given, such as udp:192.0.2.1:514");
}

}  // namespace
}  // namespace scanlogd::test
