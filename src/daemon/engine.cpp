// See engine.h. poll(2), signalfd(2).
#include "daemon/engine.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// How often sinks try again while something waits, and how soon a returning log daemon gets it.
constexpr std::chrono::milliseconds kFlushInterval = 200ms;

/// How often whoever watches a file being read is told.
constexpr std::chrono::milliseconds kProgressInterval = 200ms;

/// How soon somebody who waits on the control socket is looked after again.
constexpr std::chrono::milliseconds kDeskInterval = 100ms;

/// How often to look for packets that were lost.
constexpr std::chrono::seconds kCheckInterval = 1s;

/// How long to go on for what the kernel holds when the end is asked for; packet rings hand over
/// what is 10 ms old.
constexpr std::chrono::milliseconds kDrain = 30ms;

/// How long a capture that is much in use collects packets before it is polled again.
constexpr std::chrono::milliseconds kCollect = 5ms;

/// Descriptors that are polled before those of the captures.
constexpr std::size_t kFixed = 3;

/// Batches taken from one capture before the others, and signals, get their turn.
constexpr int kBatchesPerTurn = 64;

}  // namespace

Engine::Engine(Outlet& outlet, Captures& captures, int signals, EngineOptions options)
    : outlet_(outlet),
      captures_(captures),
      signals_(signals),
      batch_(std::make_unique<PacketBatch>()),
      options_(std::move(options)),
      next_accounts_(Clock::now() + options_.accounts),
      calm_(std::chrono::system_clock::now()) {
  for (const auto& capture : captures_) open_.push_back(capture.get());
  collecting_.reserve(open_.size());
  outlet_.ask_senders(captures_);
}

Result<void> Engine::run() {
  if (options_.interfaces) {
    for (const Interface& interface : options_.interfaces->interfaces()) {
      follow({.kind = InterfaceChange::Kind::appeared, .interface = interface, .old_name = {}});
    }
  }
  Result<void> failure = outlet_.failure();
  while (!stop_ && !open_.empty() && failure) {
    wait();
    more_ = false;
    collecting_.clear();
    for (Capture* const capture : busy_) serve(*capture);
    outlet_.settle();
    if (!more_) calm_ = std::chrono::system_clock::now();
    keep_house();
    trouble_.rest();
    failure = outlet_.failure();
  }
  if (stop_ && options_.is_live) drain();
  advance(Detector::kEndOfTime);
  const auto end = std::chrono::system_clock::now();
  blindness_.lost(dropped(), calm_, end);
  tell(blindness_.finish(end));
  outlet_.end(captures_);
  if (!failure_.empty()) return fail(failure_);
  return failure;
}

void Engine::drain() {
  const auto end = Clock::now() + kDrain;
  while (Clock::now() < end) {
    const std::vector<Capture*> still_open = open_;
    for (Capture* const capture : still_open) serve(*capture);
    if (::poll(nullptr, 0, static_cast<int>(kCollect.count())) < 0) return;  // only by a signal
  }
}

int Engine::timeout() const {
  if (more_ || trouble_.visits_all()) return 0;
  if (!options_.is_live && open_.front()->fd() < 0) return 0;
  if (!collecting_.empty()) return static_cast<int>(kCollect.count());
  std::chrono::milliseconds wait{-1};
  const auto limit = [&](std::chrono::milliseconds other) {
    if (wait.count() < 0 || other < wait) wait = std::max(other, 0ms);
  };
  if (outlet_.waiting()) limit(kFlushInterval);
  if (options_.desk != nullptr && options_.desk->is_waiting()) limit(kDeskInterval);
  if (options_.is_live && outlet_.has_open_scans()) limit(kCheckInterval);
  if (unchecked_ || blindness_.is_waiting()) limit(kCheckInterval);
  if (options_.accounts > 0ms) {
    limit(std::chrono::ceil<std::chrono::milliseconds>(next_accounts_ - Clock::now()));
  }
  if (options_.notifier != nullptr) {
    const auto beat = options_.notifier->until_beat(Clock::now());
    if (beat >= 0ms) limit(beat);
  }
  return static_cast<int>(wait.count());
}

void Engine::wait() {
  polled_.clear();
  polled_.push_back({.fd = signals_, .events = POLLIN, .revents = 0});
  const int interfaces = options_.interfaces ? options_.interfaces->fd() : -1;
  polled_.push_back({.fd = interfaces, .events = POLLIN, .revents = 0});
  polled_.push_back({.fd = outlet_.fd(), .events = POLLIN, .revents = 0});
  for (const Capture* const capture : open_) {
    // poll(2) leaves negative descriptors alone.
    const bool collects = std::ranges::find(collecting_, capture) != collecting_.end();
    polled_.push_back({.fd = collects ? -1 : capture->fd(), .events = POLLIN, .revents = 0});
    if (!options_.is_live) break;  // files are read one after the other
  }
  const std::size_t others = polled_.size();
  if (options_.desk != nullptr) options_.desk->watch(polled_);
  const int found = ::poll(polled_.data(), polled_.size(), timeout());
  // Once is nothing; a signal that comes again and again is a fault like others.
  const bool is_interrupted = found < 0 && errno == EINTR;
  if (found < 0 && (!is_interrupted || was_interrupted_)) stumble("poll(captures)");
  was_interrupted_ = is_interrupted;
  busy_.clear();
  called_.clear();
  for (std::size_t i = 0; i + kFixed < others; ++i) {
    const pollfd& polled = polled_[i + kFixed];
    if (polled.revents != 0 || polled.fd < 0 || trouble_.visits_all()) busy_.push_back(open_[i]);
    if (polled.revents != 0) called_.push_back(open_[i]);
  }
  if (!busy_.empty()) unchecked_ = true;
  if (polled_[0].revents != 0 || trouble_.visits_all()) handle_signals(polled_[0].revents != 0);
  if (polled_[1].revents != 0 || trouble_.visits_all()) {
    follow_interfaces(polled_[1].revents != 0);
  }
  const bool is_called = polled_[2].revents != 0 || (trouble_.visits_all() && outlet_.fd() >= 0);
  if (is_called) listen(polled_[2].revents != 0);
  if (options_.desk == nullptr) return;
  const bool is_asked =
      std::ranges::any_of(polled_.begin() + static_cast<std::ptrdiff_t>(others), polled_.end(),
                          [](const pollfd& each) { return each.revents != 0; });
  if (is_asked || options_.desk->is_waiting() || trouble_.visits_all()) options_.desk->serve(*this);
}

void Engine::handle_signals(bool is_there) {
  std::array<signalfd_siginfo, 8> arrived;
  const ssize_t size = ::read(signals_, arrived.data(), sizeof(arrived));
  if (size < 0) {
    if (is_there) stumble("read(signals)");
    return;
  }
  const std::size_t count = static_cast<std::size_t>(size) / sizeof(signalfd_siginfo);
  for (std::size_t i = 0; i < count; ++i) {
    switch (arrived[i].ssi_signo) {
      case SIGHUP:
        (void)reload();  // the log has heard
        break;
      case SIGCONT:
        blindness_.stopped(dropped(), calm_, std::chrono::system_clock::now());
        break;
      case SIGUSR1:
        outlet_.report_accounts(captures_);
        break;
      default:
        stop_ = true;
        break;
    }
  }
}

Reloaded Engine::reload() {
  Reloaded reloaded;
  if (options_.reload) {
    reloaded = options_.reload();
    if (const auto& orders = reloaded.orders) {
      if (options_.accounts != orders->accounts) next_accounts_ = Clock::now() + orders->accounts;
      options_.accounts = orders->accounts;
      if (orders->engines) outlet_.adopt(*orders->engines);
    }
  }
  outlet_.flush(Flush::reopen);
  return reloaded;
}

std::optional<LoopCounts> Engine::count(bool /*is_new*/) {
  return LoopCounts{.sum = outlet_.count(captures_), .engines = 1, .silent = 0};
}

std::optional<Explained> Engine::explain(const Address& source, bool /*is_new*/) {
  return Explained{.answers = {outlet_.explain(source)}, .silent = 0};
}

void Engine::serve(Capture& capture) {
  for (int turn = 0; turn < kBatchesPerTurn; ++turn) {
    const Result<Poll> found = capture.poll(*batch_);
    outlet_.process(*batch_);
    if (found && *found == Poll::more) continue;
    if (found && *found == Poll::idle) return;
    if (found && *found == Poll::nothing) {
      const bool is_called = std::ranges::find(called_, &capture) != called_.end();
      return is_called && turn == 0 ? find_nothing("read(capture)") : void();
    }
    if (found && *found == Poll::trouble) return stumble("read(capture)");
    if (found && *found == Poll::soon) return collecting_.push_back(&capture);
    std::erase(open_, &capture);
    if (!found) {
      failure_ = found.error().what;
      if (!open_.empty()) outlet_.notify(Severity::error, failure_);
    }
    return;
  }
  more_ = true;
}

void Engine::listen(bool is_called) {
  switch (outlet_.listen()) {
    case Heard::something:
      return;
    case Heard::nothing:
      return is_called ? find_nothing("recv(recorder)") : void();
    case Heard::trouble:
      return stumble("recv(recorder)");
  }
}

void Engine::find_nothing(std::string_view what) {
  if (!trouble_.note_vain()) return;
  errno = EAGAIN;
  stumble(what);
}

void Engine::stumble(std::string_view what) {
  const int code = errno;
  if (!trouble_.note(Clock::now())) return;
  outlet_.notify(Severity::error,
                 std::string(what) + ": " + std::strerror(code) + "; trying again");
}

std::uint64_t Engine::dropped() const noexcept { return sum_of(captures_).dropped; }

void Engine::show_progress() const { options_.progress(sum_of(captures_)); }

void Engine::follow_interfaces(bool is_called) {
  if (!options_.interfaces) return;
  auto changes = options_.interfaces->poll();
  if (!changes || options_.interfaces->is_stale()) {
    stumble("recv(interfaces)");
  } else if (is_called && options_.interfaces->was_silent()) {
    find_nothing("recv(interfaces)");
  }
  if (!changes) return;
  for (const InterfaceChange& change : *changes) follow(change);
}

void Engine::follow(const InterfaceChange& change) {
  const auto heard = std::chrono::system_clock::now();
  // Watched by one is watched.
  Coverage coverage = Coverage::no_concern;
  for (Capture* const capture : open_) {
    const Coverage one = capture->follow(change);
    if (one == Coverage::no_concern) continue;
    coverage = coverage == Coverage::no_concern ? one : std::min(coverage, one);
  }
  if (!options_.tells_of_interfaces) return;
  if (coverage == Coverage::watched_aside && change.kind == InterfaceChange::Kind::appeared) {
    outlet_.notify(Severity::info, change.interface.name +
                                       " came after the start: watched through a packet socket");
  }
  blindness_.follow(change, coverage, heard, std::chrono::system_clock::now());
}

void Engine::keep_house() {
  const auto now = Clock::now();
  if (now >= next_flush_) {
    next_flush_ = now + kFlushInterval;
    if (outlet_.waiting()) outlet_.flush(Flush::waiting);
  }
  if (options_.accounts > 0ms && now >= next_accounts_) {
    next_accounts_ = now + options_.accounts;
    outlet_.report_accounts(captures_);
  }
  if (options_.notifier != nullptr && options_.notifier->is_due(now)) {
    options_.notifier->beat(now, {});
  }
  if (options_.progress != nullptr && now >= next_progress_) {
    next_progress_ = now + kProgressInterval;
    show_progress();
  }
  if (options_.is_live && now >= next_advance_ && outlet_.has_open_scans()) {
    next_advance_ = now + kCheckInterval;
    advance(now.time_since_epoch());
  }
  if (now < next_check_) return;
  next_check_ = now + kCheckInterval;
  // Who is stopped with packets already in hand goes on with them, and asks for signals only later:
  // why packets were lost is to be known before they are judged.
  handle_signals(false);
  const auto wall = std::chrono::system_clock::now();
  blindness_.lost(dropped(), calm_, wall);
  unchecked_ = false;
  tell(blindness_.take(wall));
}

void Engine::advance(std::chrono::nanoseconds now) {
  std::chrono::nanoseconds wall_minus_monotonic{};
  if (options_.is_live) {
    wall_minus_monotonic =
        std::chrono::system_clock::now().time_since_epoch() - Clock::now().time_since_epoch();
  }
  outlet_.advance(now, wall_minus_monotonic);
}

void Engine::tell(const std::vector<BlindInterval>& intervals) {
  for (const BlindInterval& blind : intervals) {
    outlet_.notify(Severity::warning, to_string(blind));
  }
}

}  // namespace scanlogd
