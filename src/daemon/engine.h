// The loop: waits for packets and signals, and hands packets to the pipeline.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/pipeline.h"

namespace scanlogd {

/// One thread, one poll(2): the captures, a signalfd, and a time-out only while a sink has
/// something waiting. An idle machine wakes it up never.
class Engine {
 public:
  /// `signals` is a signalfd for SIGTERM, SIGINT, SIGHUP and SIGUSR1, which are blocked.
  /// None of the arguments is owned.
  Engine(Pipeline& pipeline, Captures& captures, int signals);

  /// Runs until SIGTERM or SIGINT, the end of input, or a failure of the last capture, which is the
  /// error. Writes the accounts as a notice before it returns.
  [[nodiscard]] Result<void> run();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Result<void> wait();
  void handle_signals();
  /// Polls one capture until it is idle or its turn is over.
  void serve(Capture& capture);
  /// Lets sinks try again, and tells of packets lost in the kernel, each at its own pace.
  void keep_house();

  Pipeline& pipeline_;
  Captures& captures_;
  int signals_;
  std::unique_ptr<PacketBatch> batch_;
  std::vector<Capture*> open_;        ///< captures that still deliver
  std::vector<Capture*> busy_;        ///< open ones that have work
  std::vector<Capture*> collecting_;  ///< open ones to be polled again without waiting for them
  std::vector<pollfd> polled_;        ///< signals, then the open captures
  bool stop_ = false;
  bool more_ = false;  ///< some capture was left before it was idle
  std::string failure_;
  Clock::time_point next_flush_;
  Clock::time_point next_drop_check_;
  std::uint64_t reported_drops_ = 0;
};

}  // namespace scanlogd
