// What engines send arrives as it was, or is counted as not sent.
#include "daemon/engine_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "support/detector_bench.h"
#include "support/packet_builder.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

class EngineLink : public ::testing::Test {
 protected:
  void SetUp() override {
    auto link = make_engine_link();
    ASSERT_TRUE(link) << link.error().what;
    inbox_.emplace(std::move(link->first));
    std::vector<NamedDetector> detectors;
    detectors.push_back({"classic", make_detector("classic").value()});
    outlet_.emplace(Analysis(std::move(detectors), {}), std::move(link->second));
  }
  // A scan of one source to seven ports.
  void scan(unsigned source) {
    batch_->size = 0;
    batch_->wall_minus_monotonic = 100s;
    for (unsigned port = 1; port <= 7; ++port) {
      Packet packet = tcp().to("10.9.0.1", static_cast<Port>(port)).at(5s);
      packet.source = ipv4_bytes(0x0a000000 + source);
      batch_->push(packet);
    }
    outlet_->process(*batch_);
  }

  std::optional<EngineInbox> inbox_;
  std::optional<LinkedOutlet> outlet_;
  std::unique_ptr<PacketBatch> batch_ = std::make_unique<PacketBatch>();
  Captures no_captures_;
  EngineRecord record_;
};

TEST_F(EngineLink, AScanArrivesWithItsClock) {
  scan(1);
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const found = std::get_if<FoundScan>(&record_);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->event.source, parse_address("10.0.0.1").value());
  EXPECT_EQ(found->event.port_count, 6);
  EXPECT_EQ(found->wall_minus_monotonic, 100s);
  EXPECT_EQ(inbox_->take(record_), EngineInbox::Look::nothing);
}

TEST_F(EngineLink, ANoticeArrives) {
  outlet_->notify(Severity::warning, "eth0 is gone");
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const notice = std::get_if<Notice>(&record_);
  ASSERT_NE(notice, nullptr);
  EXPECT_EQ(notice->severity, Severity::warning);
  EXPECT_EQ(notice->view(), "eth0 is gone");
}

TEST_F(EngineLink, APulseComesBackOnceTheEngineListens) {
  ASSERT_TRUE(inbox_->send(Pulse{.number = 7}));
  EXPECT_EQ(inbox_->take(record_), EngineInbox::Look::nothing);
  EXPECT_EQ(outlet_->listen(), Heard::something);
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const pulse = std::get_if<Pulse>(&record_);
  ASSERT_NE(pulse, nullptr);
  EXPECT_EQ(pulse->number, 7U);
}

TEST_F(EngineLink, WhereNothingWasSaidNothingIsHeard) {
  EXPECT_EQ(outlet_->listen(), Heard::nothing);
}

TEST_F(EngineLink, AQuestionAboutASourceIsAnsweredOnceTheEngineListens) {
  ASSERT_TRUE(inbox_->send(SourceQuestion{.number = 7, .source = {}}));
  EXPECT_EQ(inbox_->take(record_), EngineInbox::Look::nothing);
  EXPECT_EQ(outlet_->listen(), Heard::something);
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const answer = std::get_if<SourceAnswer>(&record_);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->number, 7U);
  EXPECT_EQ(answer->explanation.knowledge, Knowledge::not_kept) << "by the classic rule";
}

TEST_F(EngineLink, OtherSettingsAreAdopted) {
  Options options;
  options.detector_options.set("low_weight", "1", "x.toml:1");
  ASSERT_TRUE(inbox_->send(EngineSettings::pack(options).value()));
  EXPECT_EQ(outlet_->listen(), Heard::something);
  scan(1);
  EXPECT_EQ(inbox_->take(record_), EngineInbox::Look::nothing) << "7 ports make 7 points";
}

TEST_F(EngineLink, WhatTakesANewStartIsANotice) {
  Options options;
  options.detector_options.set("threshold", "100", "x.toml:1");
  ASSERT_TRUE(inbox_->send(EngineSettings::pack(options).value()));
  EXPECT_EQ(outlet_->listen(), Heard::something);
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const notice = std::get_if<Notice>(&record_);
  ASSERT_NE(notice, nullptr);
  EXPECT_EQ(notice->view(),
            "configuration: 100 takes more ports than are remembered of a source until the next "
            "start");
}

TEST_F(EngineLink, AnEngineThatListensHearsOfTheEndOfItsRecorder) {
  EXPECT_TRUE(outlet_->failure());
  inbox_.reset();
  EXPECT_EQ(outlet_->listen(), Heard::something);
  EXPECT_FALSE(outlet_->failure());
}

TEST_F(EngineLink, AFullPipeIsCountedAndNeverWaitedFor) {
  constexpr unsigned kScans = 20'000;
  for (unsigned source = 1; source <= kScans; ++source) scan(source);
  unsigned arrived = 0;
  while (inbox_->take(record_) == EngineInbox::Look::record) {
    const auto* const found = std::get_if<FoundScan>(&record_);
    if (found != nullptr && found->event.phase == Phase::begin) ++arrived;
  }
  EXPECT_LT(arrived, kScans) << "the pipe took all of them";
  outlet_->report_accounts(no_captures_);
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const told = std::get_if<Notice>(&record_);
  ASSERT_NE(told, nullptr);
  EXPECT_TRUE(told->view().starts_with("the recorder did not keep up: ")) << told->view();
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const accounts = std::get_if<EngineAccounts>(&record_);
  ASSERT_NE(accounts, nullptr);
  EXPECT_EQ(accounts->found, kScans);
  EXPECT_EQ(accounts->found, arrived + accounts->unsent);
  EXPECT_EQ(accounts->inspected, 7u * kScans);
}

TEST_F(EngineLink, AccountsThatHadToWaitKnowOfWhatWasFoundMeanwhile) {
  constexpr unsigned kScans = 20'000;
  for (unsigned source = 1; source <= kScans; ++source) scan(source);
  outlet_->report_accounts(no_captures_);
  unsigned arrived = 0;
  const auto take_all = [&] {
    while (inbox_->take(record_) == EngineInbox::Look::record) {
      const auto* const found = std::get_if<FoundScan>(&record_);
      if (found != nullptr && found->event.phase == Phase::begin) ++arrived;
    }
  };
  scan(kScans + 1);  // there is no room for it
  take_all();
  scan(kScans + 2);  // for this there is
  outlet_->flush(Flush::waiting);
  take_all();
  const auto* const accounts = std::get_if<EngineAccounts>(&record_);
  ASSERT_NE(accounts, nullptr);
  EXPECT_EQ(accounts->found, kScans + 2);
  EXPECT_EQ(accounts->found, arrived + accounts->unsent);
}

TEST_F(EngineLink, WhatWasKeptArrivesInOrderAsSoonAsThereIsRoom) {
  for (unsigned source = 1; source <= 20'000; ++source) scan(source);
  outlet_->notify(Severity::warning, "first");
  outlet_->notify(Severity::warning, "second");
  outlet_->report_accounts(no_captures_);
  EXPECT_TRUE(outlet_->waiting());
  while (inbox_->take(record_) == EngineInbox::Look::record) {
  }
  outlet_->flush(Flush::waiting);
  EXPECT_FALSE(outlet_->waiting());
  std::vector<std::string> notices;
  while (inbox_->take(record_) == EngineInbox::Look::record) {
    if (const auto* const notice = std::get_if<Notice>(&record_)) {
      notices.emplace_back(notice->view());
    }
  }
  ASSERT_EQ(notices.size(), 3U);
  EXPECT_EQ(notices[0], "first");
  EXPECT_EQ(notices[1], "second");
  EXPECT_TRUE(std::holds_alternative<EngineAccounts>(record_));
}

TEST_F(EngineLink, AnEngineThatCannotGoOnSaysWhy) {
  outlet_->tell_state(false, "read(eth0): No such device");
  ASSERT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  const auto* const state = std::get_if<EngineState>(&record_);
  ASSERT_NE(state, nullptr);
  EXPECT_FALSE(state->is_running);
  EXPECT_EQ(state->what.view(), "read(eth0): No such device");
}

TEST_F(EngineLink, AnEngineWithoutARecorderHasFailed) {
  EXPECT_TRUE(outlet_->failure());
  inbox_.reset();
  outlet_->notify(Severity::info, "is anybody there?");
  EXPECT_FALSE(outlet_->failure());
}

TEST_F(EngineLink, TheEndOfAnEngineIsSeen) {
  outlet_->notify(Severity::info, "the last words");
  outlet_.reset();
  EXPECT_EQ(inbox_->take(record_), EngineInbox::Look::record);
  EXPECT_EQ(inbox_->take(record_), EngineInbox::Look::closed);
}

/// What a process that was taken over may send instead of records.
class HostileEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    auto link = make_engine_link();
    ASSERT_TRUE(link);
    inbox_.emplace(std::move(link->first));
    socket_ = std::move(link->second);
  }
  template <class Record>
  EngineInbox::Look take(std::uint32_t kind, const Record& record) {
    std::vector<char> bytes(sizeof(kind) + sizeof(record));
    std::memcpy(bytes.data(), &kind, sizeof(kind));
    std::memcpy(bytes.data() + sizeof(kind), &record, sizeof(record));
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    return inbox_->take(record_);
  }
  template <class Change>
  EngineInbox::Look take_found(Change change) {
    FoundScan found{};
    change(found);
    return take(1, found);
  }

  static constexpr auto kNonsense = EngineInbox::Look::nonsense;
  static constexpr auto kRecord = EngineInbox::Look::record;
  std::optional<EngineInbox> inbox_;
  UniqueFd socket_;
  EngineRecord record_;
};

TEST_F(HostileEngine, WhatIsNoRecordIsNonsense) {
  for (const std::size_t size : {1u, 3u, 4u, 5u, 100u, 5000u}) {
    const std::vector<char> bytes(size, 'x');
    ASSERT_EQ(::send(socket_.get(), bytes.data(), size, 0), static_cast<ssize_t>(size));
    EXPECT_EQ(inbox_->take(record_), kNonsense) << size;
  }
}

TEST_F(HostileEngine, CountsAreWithinTheirArrays) {
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.port_count = ScanEvent::kMaxPorts; }), kRecord);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.port_count = ScanEvent::kMaxPorts + 1; }),
            kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.open_count = ScanEvent::kMaxOpen; }), kRecord);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.open_count = ScanEvent::kMaxOpen + 1; }),
            kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.group_count = ScanEvent::kMaxGroup; }),
            kRecord);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.group_count = ScanEvent::kMaxGroup + 1; }),
            kNonsense);
  ScanPorts ports{.count = ScanPorts::kMaxRanges};
  EXPECT_EQ(take(4, ports), kRecord);
  ports.count = ScanPorts::kMaxRanges + 1;
  EXPECT_EQ(take(4, ports), kNonsense);
  ScanSources sources{.count = ScanSources::kMost};
  EXPECT_EQ(take(11, sources), kRecord);
  sources.count = ScanSources::kMost + 1;
  EXPECT_EQ(take(11, sources), kNonsense);
  ScanSample sample{.count = ScanSample::kMaxPoints, .shift = ScanSample::kMaxShift};
  EXPECT_EQ(take(10, sample), kRecord);
  sample.count = ScanSample::kMaxPoints + 1;
  EXPECT_EQ(take(10, sample), kNonsense);
  sample = {.shift = ScanSample::kMaxShift + 1};
  EXPECT_EQ(take(10, sample), kNonsense);
  Notice notice{.at = {}, .length = Notice::kCapacity};
  EXPECT_EQ(take(2, notice), kRecord);
  notice.length = Notice::kCapacity + 1;
  EXPECT_EQ(take(2, notice), kNonsense);
}

TEST_F(HostileEngine, EnumeratorsAreSome) {
  EXPECT_EQ(take_found([](FoundScan&) {}), kRecord);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.kind = ScanKind{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.rule = ScanRule{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.phase = Phase{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.reason = EndReason{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.technique = Technique{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.tool = Tool{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.verdict = Verdict{200}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.source.family = Family{5}; }), kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.group[15].family = Family{5}; }), kNonsense);
  EXPECT_EQ(take(2, Notice{.severity = Severity{0}, .at = {}}), kNonsense);
  ScanSample sample{.count = 2};
  EXPECT_EQ(take(10, sample), kRecord);
  sample.points[1].outcome = ProbeOutcome{200};
  EXPECT_EQ(take(10, sample), kNonsense);
  sample.points[1] = {.target = {.family = Family{5}}};
  EXPECT_EQ(take(10, sample), kNonsense);
}

TEST_F(HostileEngine, TimesHaveADate) {
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.started = std::chrono::nanoseconds::max(); }),
            kNonsense);
  EXPECT_EQ(take_found([](FoundScan& it) { it.event.detected = std::chrono::nanoseconds::min(); }),
            kNonsense);
  EXPECT_EQ(
      take_found([](FoundScan& it) { it.wall_minus_monotonic = std::chrono::nanoseconds::max(); }),
      kNonsense);
}

TEST_F(HostileEngine, TimesOfASampleHaveADate) {
  ScanSample sample{.count = 1};
  sample.points[0].time = std::chrono::nanoseconds::max();
  EXPECT_EQ(take(10, sample), kNonsense);
}

TEST_F(HostileEngine, AnExplanationCanBeWorded) {
  const auto take_told = [&](auto change) {
    SourceAnswer answer{};
    change(answer.explanation);
    return take(9, answer);
  };
  using Told = SourceExplanation;
  EXPECT_EQ(take_told([](Told&) {}), kRecord);
  EXPECT_EQ(take_told([](Told& it) { it.port_count = Told::kMaxPorts; }), kRecord);
  EXPECT_EQ(take_told([](Told& it) { it.port_count = Told::kMaxPorts + 1; }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.open_count = Told::kMaxOpen + 1; }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.knowledge = Knowledge{200}; }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.scales[2].rule = ScanRule{200}; }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.verdict = Verdict{200}; }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.prefix = 129; }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.sums.score[0] = std::nan(""); }), kNonsense);
  EXPECT_EQ(take_told([](Told& it) { it.network.waiting = HUGE_VAL; }), kNonsense);
}

TEST_F(HostileEngine, ATruthValueIsTrueOrFalse) {
  ScanPorts ports{};
  const unsigned char neither = 7;
  std::memcpy(&ports.is_cut, &neither, 1);
  EXPECT_EQ(take(4, ports), kNonsense);
}

}  // namespace
}  // namespace scanlogd::test
