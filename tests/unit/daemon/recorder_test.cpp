// What engines send, added up. How the recorder speaks to live processes, tests/live shows.
#include "daemon/recorder.h"

#include <gtest/gtest.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/engine_link.h"
#include "support/detector_bench.h"
#include "support/packet_builder.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

/// A process that has ended, and waits to be asked how.
pid_t ended_process() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  return pid;
}

/// An engine that has said all it will before the recorder listens.
class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto link = make_engine_link();
    ASSERT_TRUE(link) << link.error().what;
    std::vector<NamedDetector> detectors;
    detectors.push_back({"classic", make_detector("classic").value()});
    outlet_.emplace(Analysis(std::move(detectors), {}), std::move(link->second));
    children_.push_back({.pid = ended_process(), .inbox = EngineInbox(std::move(link->first))});
  }

  void find_scan(unsigned source) {
    const auto batch = std::make_unique<PacketBatch>();
    for (Port port = 1; port <= 7; ++port) {
      Packet packet = tcp().to("10.9.0.1", port).at(5s);
      packet.source = ipv4_bytes(0x0a000000 + source);
      batch->push(packet);
    }
    outlet_->process(*batch);
  }

  /// The accounts that the recorder writes at the end of the engine.
  std::string accounts_at_the_end() {
    outlet_.reset();
    RecordingSink::Tape tape;
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape)});
    Reporter reporter(std::move(sinks), {});
    sigset_t none;
    (void)::sigemptyset(&none);
    const UniqueFd signals(::signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC));
    Recorder recorder(reporter, std::move(children_), {}, signals.get(), {});
    EXPECT_TRUE(recorder.run());
    return tape.notices.empty() ? "" : tape.notices.back();
  }

  std::optional<LinkedOutlet> outlet_;
  Captures no_captures_;

 private:
  std::vector<Recorder::Child> children_;
};

TEST_F(RecorderTest, WhatAnEngineFoundIsOnRecord) {
  find_scan(1);
  find_scan(2);
  outlet_->report_accounts(no_captures_);
  const std::string accounts = accounts_at_the_end();
  EXPECT_NE(accounts.find("; found 2 = recorded 2 + unsent 0; detected 2 ="), std::string::npos)
      << accounts;
}

TEST_F(RecorderTest, AScanThatCameAfterTheAccountsOfItsEngineIsNotHeldAgainstThem) {
  find_scan(1);
  outlet_->report_accounts(no_captures_);
  find_scan(2);
  const std::string accounts = accounts_at_the_end();
  EXPECT_NE(accounts.find("; found 1 = recorded 1 + unsent 0; detected 2 ="), std::string::npos)
      << accounts;
}

}  // namespace
}  // namespace scanlogd::test
