// The process beside the engines: enters what they find, speaks for all.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/control_desk.h"
#include "daemon/engine_link.h"
#include "daemon/notify.h"
#include "daemon/reloader.h"
#include "daemon/reporter.h"
#include "daemon/trouble.h"

namespace scanlogd {

/// What the recorder does beside recording.
struct RecorderOptions {
  std::chrono::milliseconds accounts{0};  ///< how often to write them; 0: at the end only
  /// Called at SIGHUP, before the logs are opened anew; empty: nothing.
  std::move_only_function<Reloaded()> reload{};
  /// Of the service manager, who is told that all is well as long as every engine answers; nullptr:
  /// nobody is. Not owned.
  Notifier* notifier = nullptr;
  ControlDesk* desk = nullptr;  ///< where scanlogctl asks; nullptr: nowhere. Not owned.
};

/// Reads what engines send until they have ended, and passes signals on to them. No packet comes
/// here. One that ends unasked ends all, so that a service manager starts all anew.
class Recorder final : private ControlledLoop {
 public:
  /// An engine in a process of its own.
  struct Child {
    pid_t pid = 0;
    EngineInbox inbox;
  };

  /// `signals` is a signalfd, not owned; `names` are those of the counters in every engine's
  /// accounts.
  Recorder(Reporter& reporter, std::vector<Child> children, std::vector<CounterNames> names,
           int signals, RecorderOptions options);

  /// Runs until SIGTERM or SIGINT, or the end of an engine, which is an error unless that was asked
  /// to. Writes the accounts as a notice before it returns.
  [[nodiscard]] Result<void> run();

 private:
  using Clock = std::chrono::steady_clock;

  struct Engine {
    Child child;
    EngineAccounts accounts;
    std::uint64_t newer = 0;                  ///< scans that it sent after its accounts
    bool is_open = true;                      ///< may still send
    bool has_answered = true;                 ///< to the latest question for its accounts
    std::uint64_t pulse = 0;                  ///< the latest that it returned
    std::optional<SourceExplanation> told{};  ///< what it made of the source last asked about
    std::string failure;                      ///< why it cannot go on, in its own words
  };

  [[nodiscard]] std::size_t number_of(const Engine& engine) const noexcept {
    return static_cast<std::size_t>(&engine - engines_.data());
  }
  void wait();
  [[nodiscard]] std::chrono::milliseconds timeout() const;
  /// `is_there`: poll(2) says that there is one.
  void handle_signals(bool is_there);
  /// A call has failed that may work again.
  void stumble(std::string_view what);
  [[nodiscard]] std::optional<LoopCounts> count(bool is_new) override;
  [[nodiscard]] std::optional<Explained> explain(const Address& source, bool is_new) override;
  [[nodiscard]] Reloaded reload() override;
  /// Feeds the watchdog, if every engine has returned the latest pulse; else asks for it again.
  void keep_alive();
  void send_pulse();
  void serve(Engine& engine, bool is_called);
  void take(Engine& engine, const EngineRecord& record);
  void ask_about(const Address& source);
  void ask_engines();
  [[nodiscard]] bool has_answers() const;
  void ask_for_accounts();
  void answer_when_complete();
  void write_accounts();
  void stop();
  void note_end(Engine& engine);

  Reporter& reporter_;
  std::vector<Engine> engines_;
  std::vector<CounterNames> names_;
  int signals_;
  RecorderOptions options_;
  Clock::time_point next_accounts_;
  Clock::time_point patience_;    ///< when to answer without those that are silent
  std::uint64_t pulse_ = 0;       ///< the latest sent
  Clock::time_point next_pulse_;  ///< when to send it again
  Clock::time_point next_flush_;
  Trouble trouble_;
  SourceQuestion question_;            ///< the last
  Clock::time_point explained_until_;  ///< when to go on without those that are silent
  bool was_interrupted_ = false;       ///< was the last wait?
  bool asked_ = false;
  bool stopping_ = false;
  std::chrono::nanoseconds latest_{};  ///< detection; the limiter's clock must not run backwards
  std::string failure_;
};

}  // namespace scanlogd
