// The loop: waits for packets and signals, and hands packets to the pipeline.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/interfaces.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/blindness.h"
#include "daemon/control_desk.h"
#include "daemon/notify.h"
#include "daemon/pipeline.h"
#include "daemon/reloader.h"
#include "daemon/trouble.h"

namespace scanlogd {

/// What the loop does beside handing on packets.
struct EngineOptions {
  bool is_live = false;                        ///< packets come by themselves, not from a file
  std::optional<InterfaceMonitor> interfaces;  ///< what the captures are told of
  bool tells_of_interfaces = true;             ///< or does another engine that sees the same ones?
  std::chrono::milliseconds accounts{0};       ///< how often to write the accounts; 0: never
  /// Called at SIGHUP, before the logs are opened anew; empty: nothing.
  std::move_only_function<Reloaded()> reload{};
  /// Of the service manager, who is told that all is well; nullptr: nobody is. Not owned.
  Notifier* notifier = nullptr;
  ControlDesk* desk = nullptr;  ///< where scanlogctl asks; nullptr: nowhere. Not owned.
  /// Called with the sums of all captures a few times a second; nullptr: not at all.
  void (*progress)(const CaptureStats& sum) = nullptr;
};

/// One thread, one poll(2): the captures, a signalfd, the interfaces, and a time-out only while
/// something is to be told or delivered. An idle machine wakes it up never.
class Engine final : private ControlledLoop {
 public:
  /// `signals` is a signalfd for SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGCONT, which are blocked.
  /// None of the references is owned.
  Engine(Outlet& outlet, Captures& captures, int signals, EngineOptions options);

  /// Runs until SIGTERM or SIGINT, the end of input, or a failure of the last capture, which is the
  /// error. Writes the accounts as a notice before it returns.
  [[nodiscard]] Result<void> run();

 private:
  using Clock = std::chrono::steady_clock;

  /// Waits for events, and answers those that are not packets.
  void wait();
  /// `is_there`: poll(2) says that there is one.
  void handle_signals(bool is_there);
  /// Reads the configuration again, and opens the logs anew.
  [[nodiscard]] Reloaded reload() override;
  [[nodiscard]] std::optional<LoopCounts> count(bool is_new) override;
  [[nodiscard]] std::optional<Explained> explain(const Address& source, bool is_new) override;
  /// Polls one capture until it is idle or its turn is over.
  void serve(Capture& capture);
  /// Lets sinks try again, tells of what was not seen, writes the accounts, each at its own pace.
  void keep_house();
  /// Tells the detectors the time.
  void advance(std::chrono::nanoseconds now);
  void tell(const std::vector<BlindInterval>& intervals);
  void follow_interfaces(bool is_called);
  void follow(const InterfaceChange& change);
  /// Takes what the recorder has sent; `is_called`: poll(2) says that there is something.
  void listen(bool is_called);
  /// What poll(2) called ready had nothing to give.
  void find_nothing(std::string_view what);
  /// A call has failed that may work again.
  void stumble(std::string_view what);
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  void show_progress() const;
  /// How long to wait for events at most, in milliseconds; -1: for ever.
  [[nodiscard]] int timeout() const;
  /// Takes what the kernel still holds for us, for a moment.
  void drain();

  Outlet& outlet_;
  Captures& captures_;
  int signals_;
  std::unique_ptr<PacketBatch> batch_;
  std::vector<Capture*> open_;        ///< captures that still deliver
  std::vector<Capture*> busy_;        ///< open ones that have work
  std::vector<Capture*> called_;      ///< of these: whose descriptor is readable
  std::vector<Capture*> collecting_;  ///< open ones to be polled again without waiting for them
  std::vector<pollfd> polled_;        ///< `kFixed` others, then the open captures
  bool stop_ = false;
  bool more_ = false;  ///< some capture was left before it was idle
  std::string failure_;
  EngineOptions options_;
  Blindness blindness_;
  Trouble trouble_;
  bool was_interrupted_ = false;  ///< was the last wait?
  Clock::time_point next_flush_;
  Clock::time_point next_check_;
  Clock::time_point next_accounts_;
  Clock::time_point next_progress_;
  Clock::time_point next_advance_;
  bool unchecked_ = false;  ///< packets came after the last look at what was lost
  Blindness::Time calm_;    ///< when all that had come was read
};

}  // namespace scanlogd
