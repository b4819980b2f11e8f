// What the loop says of packets that were lost, with a capture and signals made up.
#include "daemon/engine.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace scanlogd::test {
namespace {

/// Always readable, never has a packet; each poll does the next of `steps`.
class ScriptedCapture final : public Capture {
 public:
  using Step = std::function<void(CaptureStats&)>;
  ScriptedCapture(std::vector<Step> steps, Poll answer)
      : steps_(std::move(steps)), answer_(answer) {}

  int fd() const noexcept override { return readable_.get(); }
  Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    if (next_ < steps_.size()) steps_[next_++](stats_);
    return answer_;
  }
  CaptureStats stats() const noexcept override { return stats_; }
  Coverage follow(const InterfaceChange&) override { return Coverage::watched; }
  Sender sender_of(const SentFrom&) const noexcept override { return {}; }
  std::vector<AllowedCall> calls() const override { return {}; }

 private:
  UniqueFd readable_{::eventfd(1, EFD_CLOEXEC)};
  std::vector<Step> steps_;
  Poll answer_;
  std::size_t next_ = 0;
  CaptureStats stats_;
};

/// Keeps what the loop says of itself.
class NoticeOutlet final : public Outlet {
 public:
  void process(PacketBatch&) override {}
  void advance(std::chrono::nanoseconds, std::chrono::nanoseconds) override {}
  bool has_open_scans() const noexcept override { return false; }
  void settle() override {}
  void ask_senders(const Captures&) noexcept override {}
  void notify(Severity, std::string_view text) override { notices.emplace_back(text); }
  void report_accounts(const Captures&) override { notices.emplace_back("accounts"); }
  EngineAccounts count(const Captures&) const override { return {}; }
  SourceExplanation explain(const Address&) override { return {}; }
  void adopt(const EngineSettings&) override {}
  int fd() const noexcept override { return -1; }
  Heard listen() override { return Heard::something; }
  void flush(Flush) override {}
  bool waiting() const noexcept override { return false; }
  void end(const Captures&) override { notices.emplace_back("accounts"); }
  Result<void> failure() const override { return {}; }

  std::vector<std::string> notices;
};

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sigset_t known;
    ::sigemptyset(&known);
    for (const int number : {SIGTERM, SIGCONT}) ::sigaddset(&known, number);
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &known, &before_), 0);
    signals_ = UniqueFd(::signalfd(-1, &known, SFD_NONBLOCK | SFD_CLOEXEC));
    ASSERT_TRUE(signals_);
  }
  void TearDown() override { ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before_, nullptr), 0); }

  std::vector<std::string> run(std::vector<ScriptedCapture::Step> steps, Poll answer = Poll::idle) {
    Captures captures;
    captures.push_back(std::make_unique<ScriptedCapture>(std::move(steps), answer));
    NoticeOutlet outlet;
    EngineOptions options;
    options.is_live = true;
    Engine engine(outlet, captures, signals_.get(), std::move(options));
    EXPECT_TRUE(engine.run());
    return outlet.notices;
  }

 private:
  UniqueFd signals_;
  sigset_t before_{};
};

void lose_thousand(CaptureStats& stats) { stats.dropped = 1000; }
void ask_for_end(CaptureStats&) { (void)::raise(SIGTERM); }

TEST_F(EngineTest, WhoIsStoppedWithPacketsInHandSaysThatItWasStopped) {
  const auto notices = run({[](CaptureStats& stats) {
                              lose_thousand(stats);
                              (void)::raise(SIGCONT);
                            },
                            ask_for_end});
  ASSERT_EQ(notices.size(), 2U);
  EXPECT_NE(notices[0].find("the process was stopped; packets lost: 1000"), std::string::npos)
      << notices[0];
}

TEST_F(EngineTest, LossesShortlyBeforeTheEndAreToldBeforeTheAccounts) {
  const auto notices = run({[](CaptureStats& stats) {
    lose_thousand(stats);
    ask_for_end(stats);
  }});
  ASSERT_EQ(notices.size(), 2U);
  EXPECT_NE(notices[0].find("faster than they were read; packets lost: 1000"), std::string::npos)
      << notices[0];
  EXPECT_EQ(notices[1], "accounts");
}

TEST_F(EngineTest, AnEndWithoutLossesSaysTheAccountsOnly) {
  EXPECT_EQ(run({ask_for_end}), std::vector<std::string>{"accounts"});
}

void do_nothing(CaptureStats& /*stats*/) {}

// The signal of the one round is read in the next.
TEST_F(EngineTest, ACaptureThatIsReadableInVainTwiceIsNotWorthAWord) {
  EXPECT_EQ(run({ask_for_end}, Poll::nothing), std::vector<std::string>{"accounts"});
}

TEST_F(EngineTest, ACaptureThatIsReadableInVainThreeTimesIsRestedFromAndToldOf) {
  const auto before = Trouble::Clock::now();
  const auto notices = run({do_nothing, ask_for_end}, Poll::nothing);
  EXPECT_GE(Trouble::Clock::now() - before, Trouble::kRest);
  ASSERT_EQ(notices.size(), 2U);
  EXPECT_EQ(notices[0], "read(capture): Resource temporarily unavailable; trying again");
}

}  // namespace
}  // namespace scanlogd::test
