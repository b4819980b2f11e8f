// `scanlogctl selftest`, what it makes of what it saw; with a daemon in tests/live/test_control.py.
#include "ctl/selftest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "support/ctl.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

using ctl::Outcome;

/// A test in which all went well.
class Selftest : public ::testing::Test {
 protected:
  void SetUp() override {
    findings_.interface = {.name = "eth0",
                           .index = 2,
                           .is_up = true,
                           .mac = {},
                           .address = parse_address("10.0.0.1").value()};
    findings_.source = parse_address("192.0.2.7").value();
    findings_.sent = 12;
    findings_.resets = 12;
    for (auto* const status : {&findings_.before, &findings_.after}) {
      status->add("version", "3.0.0");
      status->add("profile", "full");
      status->add("capture", "bpf");
      status->add("state", "/var/lib/scanlogd");
    }
    findings_.told.add("known", "yes");
    findings_.told.add("ignored", "no");
    findings_.trace = trace(3, 17, "line", "yes", 17);
    findings_.fail2ban = 1;
  }

  static ControlAnswer trace(std::uint64_t scan, std::uint64_t sequence, const char* log,
                             const char* stored, std::uint64_t delivered) {
    ControlAnswer answer;
    answer.add("scan", scan);
    if (scan != 0) answer.add("sequence", sequence);
    if (scan != 0) answer.add("log", log);
    answer.add("stored", stored);
    answer.add("sink", "syslog sequence=" + std::to_string(delivered) +
                           " taken=9 delivered=7 waiting=2 lost=0");
    return answer;
  }

  ctl::Stage stage(const std::string& name) const {
    const auto stages = stages_of(findings_);
    const auto found = std::ranges::find(stages, name, &ctl::Stage::name);
    if (found == stages.end()) return {.name = "missing", .outcome = Outcome::failed};
    return *found;
  }
  std::string last() const { return stages_of(findings_).back().name; }
  bool passed() const { return has_passed(stages_of(findings_)); }

  ctl::SelftestFindings findings_;
};

TEST_F(Selftest, PassesWhereEveryStageDoes) {
  EXPECT_TRUE(passed());
  std::string names;
  for (const auto& each : stages_of(findings_)) names += each.name + " ";
  EXPECT_EQ(names, "daemon interface captured detected announced stored syslog fail2ban ");
}

TEST_F(Selftest, AnInterfaceThatIsDownIsTheLastStage) {
  findings_.interface.is_up = false;
  EXPECT_EQ(last(), "interface");
  EXPECT_EQ(stage("interface").text,
            "eth0 is down; nothing can be captured there: ip link set eth0 up");
  EXPECT_FALSE(passed());
}

TEST_F(Selftest, AnInterfaceThatIsNotWatchedIsNamed) {
  findings_.after.add("interface", "eth1");
  EXPECT_EQ(stage("interface").outcome, Outcome::failed);
  findings_.after.add("interface", "eth0");
  EXPECT_TRUE(passed());
}

TEST_F(Selftest, AFirewallBehindTheCaptureIsANoteOnly) {
  findings_.resets = 0;
  EXPECT_EQ(stage("captured").outcome, Outcome::note);
  EXPECT_NE(stage("captured").text.find("a firewall"), std::string::npos);
  EXPECT_TRUE(passed());
}

TEST_F(Selftest, AFirewallBeforeTheCaptureIsNamed) {
  findings_.resets = 0;
  findings_.told = ControlAnswer();
  findings_.told.add("known", "no");
  findings_.trace = trace(0, 0, "", "no", 9);
  findings_.after = ControlAnswer();
  findings_.after.add("capture", "raw");
  EXPECT_EQ(last(), "captured");
  EXPECT_NE(stage("captured").text.find("the back end raw sees only"), std::string::npos);
}

TEST_F(Selftest, AnIgnoreListIsNamed) {
  findings_.told = ControlAnswer();
  findings_.told.add("known", "no");
  findings_.told.add("ignored", "yes");
  findings_.trace = trace(0, 0, "", "no", 9);
  EXPECT_EQ(last(), "captured");
  EXPECT_NE(stage("captured").text.find("ignore list"), std::string::npos);
  findings_.told = ControlAnswer();
  findings_.told.add("known", "no");
  findings_.told.add("ignored", "no");
  findings_.told.add("excluded", "ignore_ports=10");
  EXPECT_TRUE(stage("captured").text.ends_with("leaves these probes out: ignore_ports"))
      << stage("captured").text;
}

TEST_F(Selftest, ATargetThatDoesNotCountIsNamed) {
  findings_.told = ControlAnswer();
  findings_.told.add("known", "no");
  findings_.trace = trace(0, 0, "", "no", 9);
  findings_.after.add("local", "10.0.0.0/24,2001:db8::/32");
  EXPECT_NE(stage("captured").text.find("have not come"), std::string::npos);
  findings_.after = ControlAnswer();
  findings_.after.add("local", "10.0.1.0/24,2001:db8::/32");
  EXPECT_NE(stage("captured").text.find("none of the networks that count"), std::string::npos);
}

TEST_F(Selftest, WhatWasCapturedAndNotDetectedIsExplained) {
  findings_.told.add("why", "no alarm: the nearest scale is fast, which lacks 2.0");
  findings_.trace = trace(0, 0, "", "no", 9);
  EXPECT_EQ(last(), "detected");
  EXPECT_EQ(stage("detected").text, "no alarm: the nearest scale is fast, which lacks 2.0");
}

TEST_F(Selftest, InTheClassicProfileTheAccountsTellWhatWasCaptured) {
  findings_.told = ControlAnswer();
  findings_.told.add("known", "never");
  findings_.trace = trace(0, 0, "", "no", 9);
  findings_.after.add("packets.inspected", 11);
  EXPECT_EQ(last(), "captured");
  findings_.after = ControlAnswer();
  findings_.after.add("packets.inspected", 12);
  EXPECT_EQ(last(), "detected");
}

TEST_F(Selftest, ASinkThatHasNotHadItIsDown) {
  findings_.trace = trace(3, 17, "line", "yes", 16);
  EXPECT_EQ(stage("syslog").outcome, Outcome::failed);
  EXPECT_EQ(stage("syslog").text, "down: 2 messages wait for it");
  findings_.after.add("trouble", "1790000000 syslog(/dev/log): Connection refused");
  EXPECT_EQ(stage("syslog").text,
            "down: 2 messages wait for it; syslog(/dev/log): Connection refused");
  EXPECT_FALSE(passed());
}

TEST_F(Selftest, WhatTheLimiterHoldsBackIsANote) {
  findings_.trace = trace(3, 17, "none", "yes", 17);
  EXPECT_EQ(stage("announced").outcome, Outcome::note);
  EXPECT_EQ(stage("syslog").text, "nothing to deliver");
  EXPECT_TRUE(passed());
}

TEST_F(Selftest, AFilterThatDoesNotMatchFails) {
  findings_.fail2ban = 0;
  EXPECT_FALSE(passed());
  findings_.fail2ban.reset();
  findings_.no_fail2ban = "not installed";
  EXPECT_EQ(stage("fail2ban").outcome, Outcome::note);
  EXPECT_TRUE(passed());
}

TEST(CtlSelftest, WithoutADaemonItFailsAndPrintsNothing) {
  const TemporaryDirectory home;
  ctl::Request request;
  request.control = home.file("socket");
  std::string out;
  const auto done = ctl::test_daemon(request, [&](std::string_view text) { out += text; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ENOENT);
  EXPECT_EQ(out, "");
}

TEST(CtlSelftest, TakesAnInterfaceAndASource) {
  const auto request = parse({"selftest", "--interface", "eth0", "--source", "2001:db8::1"});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->interface, "eth0");
  EXPECT_EQ(request->source, parse_address("2001:db8::1").value());
  EXPECT_FALSE(parse({"selftest", "--source", "192.0.2.0/24"}));
}

}  // namespace
}  // namespace scanlogd::test
