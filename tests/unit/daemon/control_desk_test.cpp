// What scanlogctl is told.
#include "daemon/control_desk.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/scans.h"

namespace scanlogd::test {
namespace {

/// A loop that knows the accounts from the second question on.
class FakeLoop final : public ControlledLoop {
 public:
  std::optional<LoopCounts> count(bool is_new) override {
    if (is_new) return std::nullopt;
    LoopCounts counts{.sum = {}, .engines = 2, .silent = 1};
    counts.sum.captures.seen = 10;
    counts.sum.captures.received = 7;
    counts.sum.captures.dropped = 1;
    counts.sum.counters[1] = 4;
    return counts;
  }
  std::optional<Explained> explain(const Address& /*source*/, bool is_new) override {
    if (is_new) return std::nullopt;
    return explained;
  }
  Reloaded reload() override { return reloaded; }

  Reloaded reloaded;
  Explained explained;
};

class ControlDeskTest : public ::testing::Test {
 protected:
  ControlDeskTest() : reporter_(sinks()) {}

  std::vector<NamedSink> sinks() {
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape_)});
    return sinks;
  }
  static ControlFacts facts() {
    ControlFacts facts;
    facts.version = "3";
    facts.missing = "no Landlock";
    facts.names = {{.detector = "full", .counters = {"contact", "ignored_source"}}};
    return facts;
  }
  ControlAnswer ask(const ControlRequest& request) {
    auto answer = desk_.answer(request, true, loop_);
    if (!answer) answer = desk_.answer(request, false, loop_);
    EXPECT_TRUE(answer);
    return answer.value_or(ControlAnswer("nothing"));
  }

  RecordingSink::Tape tape_;
  Reporter reporter_;
  FakeLoop loop_;
  ControlDesk desk_{ControlServer(UniqueFd(), {}), facts(), reporter_};
};

TEST_F(ControlDeskTest, AStatusAddsUp) {
  EXPECT_FALSE(desk_.answer({}, true, loop_)) << "engines are asked first";
  const ControlAnswer status = ask({});
  EXPECT_EQ(status.find("version"), "3");
  EXPECT_EQ(status.find("sandbox"), "partly");
  EXPECT_EQ(status.find("missing"), "no Landlock");
  EXPECT_EQ(status.find("state"), "none");
  EXPECT_EQ(status.number("engines.silent"), 1U);
  EXPECT_EQ(status.number("packets.seen"), 10U);
  EXPECT_EQ(status.number("packets.waiting"), 2U);
  EXPECT_EQ(status.find("detector"), "full contact=0 ignored_source=4");
  EXPECT_FALSE(status.find("store.taken"));
}

TEST_F(ControlDeskTest, AStatusTellsOfSinksAndTroubles) {
  reporter_.notify(Severity::warning, "blind on eth0 since 2026-01-31T10:00:00.123Z: x");
  reporter_.settle();
  const ControlAnswer status = ask({});
  EXPECT_EQ(status.find("sink"), "tape sequence=1 taken=1 delivered=1 waiting=0 lost=0");
  EXPECT_EQ(status.find("blind"), "blind on eth0 since 2026-01-31T10:00:00.123Z: x");
  EXPECT_TRUE(status.find("trouble")->ends_with(": x"));
}

TEST_F(ControlDeskTest, AReloadTellsWhatCameOfIt) {
  loop_.reloaded = {.orders = {}, .is_refused = false, .said = "nothing has changed"};
  EXPECT_EQ(ask({.verb = ControlVerb::reload}).find("done"), "nothing has changed");
  loop_.reloaded = {.orders = {}, .is_refused = true, .said = "x.toml:3: wrong"};
  const ControlAnswer refused = ask({.verb = ControlVerb::reload});
  EXPECT_TRUE(refused.is_failure());
  EXPECT_EQ(refused.reason(), "x.toml:3: wrong");
}

TEST_F(ControlDeskTest, OfAllEnginesTheOneThatKnowsASourceExplainsIt) {
  const Address source = parse_address("203.0.113.7").value();
  const ControlRequest request{.verb = ControlVerb::explain, .source = source};
  EXPECT_EQ(ask(request).reason(), "explain: no engine answers");
  SourceExplanation told;
  told.source = source;
  told.knowledge = Knowledge::nothing;
  loop_.explained.answers = {told, told};
  EXPECT_EQ(ask(request).find("known"), "no");
  told.knowledge = Knowledge::some;
  told.is_scanning = true;
  loop_.explained.answers.back() = told;
  loop_.explained.silent = 1;
  const ControlAnswer answer = ask(request);
  EXPECT_EQ(answer.find("source"), "203.0.113.7");
  EXPECT_EQ(answer.find("known"), "yes");
  EXPECT_EQ(answer.find("scanning"), "yes");
  EXPECT_EQ(answer.find("why"), verdict_line(told));
  EXPECT_EQ(answer.find_all("line").size(), to_lines(told).size());
  EXPECT_EQ(answer.number("engines.silent"), 1U);
}

TEST_F(ControlDeskTest, WhatListsLeftOutIsToldOfAllEngines) {
  const Address source = parse_address("203.0.113.7").value();
  SourceExplanation told;
  told.source = source;
  told.knowledge = Knowledge::nothing;
  told.excluded = {1, 0, 0, 0, 0};
  loop_.explained.answers = {told, told};
  loop_.explained.answers.back().excluded_of_it = {0, 0, 5, 0, 0};
  const ControlAnswer answer = ask({.verb = ControlVerb::explain, .source = source});
  EXPECT_EQ(answer.find("excluded"), "ignore_ports=5");
  const auto lines = answer.find_all("line");
  EXPECT_EQ(lines.back(), "of all packets not judged: 2 by ignore_sources");
}

TEST_F(ControlDeskTest, ATraceFollowsTheFirstScanBySource) {
  const ScanEvent event = some_scan(1).event;
  const ControlRequest request{.verb = ControlVerb::trace, .source = event.source};
  reporter_.report(event, {});
  EXPECT_EQ(ask(request).number("scan"), 0U) << "it waits from now on";
  Scan other = some_scan(2);
  other.event.source = parse_address("203.0.113.77").value();
  reporter_.report(other.event, {});
  reporter_.report(event, {});
  reporter_.settle();
  const ControlAnswer trace = ask(request);
  EXPECT_EQ(trace.number("scan"), 3U);
  EXPECT_EQ(trace.number("sequence"), 3U);
  EXPECT_EQ(trace.find("log"), "line");
  EXPECT_EQ(trace.find("stored"), "none");
  EXPECT_EQ(trace.find("sink"), "tape sequence=3 taken=3 delivered=3 waiting=0 lost=0");
}

}  // namespace
}  // namespace scanlogd::test
