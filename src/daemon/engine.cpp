// See engine.h. poll(2), signalfd(2).
#include "daemon/engine.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// How often sinks try again while something waits, and how soon a returning log daemon gets it.
constexpr std::chrono::milliseconds kFlushInterval = 200ms;

/// Longest silence about packets that the kernel dropped.
constexpr std::chrono::seconds kDropInterval = 10s;

/// How long a capture that is much in use collects packets before it is polled again.
constexpr std::chrono::milliseconds kCollect = 5ms;

/// Batches taken from one capture before the others, and signals, get their turn.
constexpr int kBatchesPerTurn = 64;

}  // namespace

Engine::Engine(Pipeline& pipeline, Captures& captures, int signals)
    : pipeline_(pipeline),
      captures_(captures),
      signals_(signals),
      batch_(std::make_unique<PacketBatch>()) {
  for (const auto& capture : captures_) open_.push_back(capture.get());
  collecting_.reserve(open_.size());
}

Result<void> Engine::run() {
  Result<void> failure = pipeline_.failure();
  while (!stop_ && !open_.empty() && failure) {
    if (auto waited = wait(); !waited) return waited;
    more_ = false;
    collecting_.clear();
    for (Capture* const capture : busy_) serve(*capture);
    keep_house();
    failure = pipeline_.failure();
  }
  pipeline_.notify(Severity::info, pipeline_.accounts(captures_));
  pipeline_.flush(Flush::waiting);  // what cannot be delivered now is in the accounts as waiting
  if (!failure_.empty()) return fail(failure_);
  return failure;
}

Result<void> Engine::wait() {
  polled_.clear();
  polled_.push_back({.fd = signals_, .events = POLLIN, .revents = 0});
  for (const Capture* const capture : open_) {
    // poll(2) leaves negative descriptors alone.
    const bool collects = std::ranges::find(collecting_, capture) != collecting_.end();
    polled_.push_back({.fd = collects ? -1 : capture->fd(), .events = POLLIN, .revents = 0});
  }
  int timeout = -1;
  if (pipeline_.waiting()) timeout = static_cast<int>(kFlushInterval.count());
  if (!collecting_.empty()) timeout = static_cast<int>(kCollect.count());
  if (more_) timeout = 0;
  if (::poll(polled_.data(), polled_.size(), timeout) < 0 && errno != EINTR) {
    return fail_errno("poll", "captures", errno);
  }
  busy_.clear();
  for (std::size_t i = 0; i < open_.size(); ++i) {
    if (polled_[i + 1].revents != 0 || polled_[i + 1].fd < 0) busy_.push_back(open_[i]);
  }
  if (polled_[0].revents != 0) handle_signals();
  return {};
}

void Engine::handle_signals() {
  std::array<signalfd_siginfo, 8> arrived;
  const ssize_t size = ::read(signals_, arrived.data(), sizeof(arrived));
  if (size < 0) return;  // somebody else's poll error; the next round looks again
  const std::size_t count = static_cast<std::size_t>(size) / sizeof(signalfd_siginfo);
  for (std::size_t i = 0; i < count; ++i) {
    switch (arrived[i].ssi_signo) {
      case SIGHUP:
        pipeline_.flush(Flush::reopen);
        break;
      case SIGUSR1:
        pipeline_.notify(Severity::info, pipeline_.accounts(captures_));
        break;
      default:
        stop_ = true;
        break;
    }
  }
}

void Engine::serve(Capture& capture) {
  for (int turn = 0; turn < kBatchesPerTurn; ++turn) {
    const Result<Poll> found = capture.poll(*batch_);
    pipeline_.process(*batch_);
    if (found && *found == Poll::more) continue;
    if (found && *found == Poll::idle) return;
    if (found && *found == Poll::soon) return collecting_.push_back(&capture);
    std::erase(open_, &capture);
    if (!found) {
      failure_ = found.error().what;
      if (!open_.empty()) pipeline_.notify(Severity::error, failure_);
    }
    return;
  }
  more_ = true;
}

void Engine::keep_house() {
  const auto now = Clock::now();
  if (now >= next_flush_) {
    next_flush_ = now + kFlushInterval;
    if (pipeline_.waiting()) pipeline_.flush(Flush::waiting);
  }
  if (now < next_drop_check_) return;
  next_drop_check_ = now + kDropInterval;
  std::uint64_t dropped = 0;
  for (const auto& capture : captures_) dropped += capture->stats().dropped;
  if (dropped == reported_drops_) return;
  pipeline_.notify(Severity::warning, "the kernel dropped " +
                                          std::to_string(dropped - reported_drops_) +
                                          " packets before they were seen");
  reported_drops_ = dropped;
}

}  // namespace scanlogd
