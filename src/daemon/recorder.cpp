// See recorder.h. poll(2), signalfd(2), waitpid(2).
#include "daemon/recorder.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// How often sinks try again while something waits.
constexpr std::chrono::milliseconds kFlushInterval = 200ms;

/// How long engines have to answer, and to end.
constexpr std::chrono::seconds kPatience = 1s;

/// How soon an engine is asked again whether it is alive.
constexpr std::chrono::seconds kPulseInterval = 1s;

/// Records taken from one engine before the others get their turn.
constexpr int kRecordsPerTurn = 256;

}  // namespace

Recorder::Recorder(Reporter& reporter, std::vector<Child> children, std::vector<CounterNames> names,
                   int signals, RecorderOptions options)
    : reporter_(reporter),
      names_(std::move(names)),
      signals_(signals),
      options_(std::move(options)),
      next_accounts_(Clock::now() + options_.accounts) {
  for (Child& child : children)
    engines_.push_back({.child = std::move(child), .accounts = {}, .failure = {}});
}

Result<void> Recorder::run() {
  const auto is_open = [](const Engine& engine) { return engine.is_open; };
  while (std::ranges::any_of(engines_, is_open)) {
    wait();
    reporter_.settle();
    answer_when_complete();
    keep_alive();
    if (reporter_.waiting() && Clock::now() >= next_flush_) {
      next_flush_ = Clock::now() + kFlushInterval;
      reporter_.flush(Flush::waiting);
    }
    trouble_.rest();
    if (auto sound = reporter_.failure(); !sound && !stopping_) {
      failure_ = sound.error().what;
      stop();
    }
    if (!stopping_ && options_.accounts > 0ms && Clock::now() >= next_accounts_) {
      next_accounts_ = Clock::now() + options_.accounts;
      ask_for_accounts();
    }
    if (stopping_ && Clock::now() >= patience_) {
      for (const Engine& engine : engines_) {
        if (engine.is_open) (void)::kill(engine.child.pid, SIGKILL);
      }
      patience_ = Clock::now() + kPatience;
    }
  }
  reporter_.finish();
  // What ended now is to be in the accounts as written.
  reporter_.flush(Flush::waiting);
  write_accounts();
  reporter_.flush(Flush::waiting);
  if (!failure_.empty()) return fail(failure_);
  return reporter_.failure();
}

void Recorder::wait() {
  std::vector<pollfd> polled;
  polled.push_back({.fd = signals_, .events = POLLIN, .revents = 0});
  for (const Engine& engine : engines_) {
    polled.push_back(
        {.fd = engine.is_open ? engine.child.inbox.fd() : -1, .events = POLLIN, .revents = 0});
  }
  if (options_.desk != nullptr && !stopping_) options_.desk->watch(polled);
  const int patience = trouble_.visits_all() ? 0 : static_cast<int>(timeout().count());
  const int found = ::poll(polled.data(), polled.size(), patience);
  // Once is nothing; a signal that comes again and again is a fault like others.
  const bool is_interrupted = found < 0 && errno == EINTR;
  if (found < 0 && (!is_interrupted || was_interrupted_)) stumble("poll(engines)");
  was_interrupted_ = is_interrupted;
  for (std::size_t i = 0; i < engines_.size(); ++i) {
    const bool is_called = polled[i + 1].revents != 0;
    const bool is_due = is_called || trouble_.visits_all();
    if (engines_[i].is_open && is_due) serve(engines_[i], is_called);
  }
  if (polled[0].revents != 0 || trouble_.visits_all()) handle_signals(polled[0].revents != 0);
  if (options_.desk == nullptr || stopping_) return;
  const bool is_asked =
      std::ranges::any_of(polled.begin() + 1 + static_cast<std::ptrdiff_t>(engines_.size()),
                          polled.end(), [](const pollfd& each) { return each.revents != 0; });
  if (is_asked || options_.desk->is_waiting() || trouble_.visits_all()) options_.desk->serve(*this);
}

std::chrono::milliseconds Recorder::timeout() const {
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  milliseconds wait = -1ms;
  const auto limit = [&](milliseconds other) {
    if (wait < 0ms || other < wait) wait = std::max(other, 0ms);
  };
  const auto now = Clock::now();
  if (reporter_.waiting()) limit(kFlushInterval);
  const bool is_asked = options_.desk != nullptr && options_.desk->is_waiting();
  if (asked_ || stopping_ || is_asked) limit(100ms);
  if (options_.accounts > 0ms) limit(ceil<milliseconds>(next_accounts_ - now));
  if (stopping_ || options_.notifier == nullptr) return wait;
  const auto beat = options_.notifier->until_beat(now);
  if (beat >= 0ms)
    limit(options_.notifier->is_due(now) ? ceil<milliseconds>(next_pulse_ - now) : beat);
  return wait;
}

void Recorder::keep_alive() {
  const auto now = Clock::now();
  if (stopping_ || options_.notifier == nullptr || !options_.notifier->is_due(now)) return;
  const bool all_answered = std::ranges::all_of(
      engines_, [&](const Engine& engine) { return !engine.is_open || engine.pulse == pulse_; });
  if (all_answered) {
    options_.notifier->beat(now, "scans found: " + std::to_string(reporter_.book().detected));
    ++pulse_;
  } else if (now < next_pulse_) {
    return;
  }
  send_pulse();
}

void Recorder::send_pulse() {
  next_pulse_ = Clock::now() + kPulseInterval;
  for (Engine& engine : engines_) {
    if (engine.is_open) (void)engine.child.inbox.send(Pulse{.number = pulse_});
  }
}

Reloaded Recorder::reload() {
  Reloaded reloaded;
  if (options_.reload) {
    reloaded = options_.reload();
    if (const auto& orders = reloaded.orders) {
      if (options_.accounts != orders->accounts) next_accounts_ = Clock::now() + orders->accounts;
      options_.accounts = orders->accounts;
      for (Engine& engine : engines_) {
        if (!orders->engines || !engine.is_open || engine.child.inbox.send(*orders->engines)) {
          continue;
        }
        reporter_.notify(Severity::error,
                         "an engine could not be told of the new configuration; restart");
      }
    }
  }
  reporter_.flush(Flush::reopen);
  return reloaded;
}

void Recorder::stumble(std::string_view what) {
  const int code = errno;
  if (!trouble_.note(Clock::now())) return;
  reporter_.notify(Severity::error,
                   std::string(what) + ": " + std::strerror(code) + "; trying again");
}

void Recorder::handle_signals(bool is_there) {
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
      case SIGUSR1:
        ask_for_accounts();
        break;
      case SIGCONT:
        break;  // each engine hears of its own
      default:
        stop();
        break;
    }
  }
}

void Recorder::serve(Engine& engine, bool is_called) {
  EngineRecord record;
  for (int i = 0; i < kRecordsPerTurn; ++i) {
    switch (engine.child.inbox.take(record)) {
      case EngineInbox::Look::record:
        take(engine, record);
        break;
      case EngineInbox::Look::nothing:
        if (!is_called || i > 0 || !trouble_.note_vain()) return;
        errno = EAGAIN;
        return stumble("recv(engine)");
      case EngineInbox::Look::trouble:
        return stumble("recv(engine)");
      case EngineInbox::Look::closed:
        return note_end(engine);
      case EngineInbox::Look::nonsense:
        engine.failure = "engine " + std::to_string(number_of(engine)) +
                         " sent what no engine sends: it was killed";
        return note_end(engine);
    }
  }
}

void Recorder::take(Engine& engine, const EngineRecord& record) {
  if (const auto* const found = std::get_if<FoundScan>(&record)) {
    // Engines take turns in being read, so that what they found comes a little out of order.
    FoundScan scan = *found;
    if (scan.event.phase == Phase::begin) {
      ++engine.newer;
      latest_ = scan.event.detected = std::max(latest_, scan.event.detected);
    }
    reporter_.report(scan.event, scan.wall_minus_monotonic, number_of(engine));
  } else if (const auto* const ports = std::get_if<ScanPorts>(&record)) {
    reporter_.report(*ports, {}, number_of(engine));
  } else if (const auto* const sources = std::get_if<ScanSources>(&record)) {
    reporter_.report(*sources, {}, number_of(engine));
  } else if (const auto* const sample = std::get_if<ScanSample>(&record)) {
    reporter_.report(*sample, {}, number_of(engine));
  } else if (const auto* const notice = std::get_if<Notice>(&record)) {
    reporter_.notify(notice->severity, notice->view().substr(0, Notice::kCapacity));
  } else if (const auto* const accounts = std::get_if<EngineAccounts>(&record)) {
    engine.accounts = *accounts;
    engine.newer = 0;
    engine.has_answered = true;
  } else if (const auto* const state = std::get_if<EngineState>(&record)) {
    if (!state->is_running) engine.failure = state->what.view();
  } else if (const auto* const pulse = std::get_if<Pulse>(&record)) {
    engine.pulse = pulse->number;
  } else if (const auto* const told = std::get_if<SourceAnswer>(&record)) {
    if (told->number == question_.number) engine.told = told->explanation;
  }
}

bool Recorder::has_answers() const {
  return std::ranges::all_of(engines_, &Engine::has_answered) || Clock::now() >= patience_;
}

void Recorder::ask_engines() {
  patience_ = Clock::now() + kPatience;
  for (Engine& engine : engines_) {
    engine.has_answered = !engine.is_open;
    if (engine.is_open) (void)::kill(engine.child.pid, SIGUSR1);
  }
}

void Recorder::ask_for_accounts() {
  if (stopping_) return;
  asked_ = true;
  ask_engines();
}

void Recorder::ask_about(const Address& source) {
  question_ = {.number = question_.number + 1, .source = source};
  explained_until_ = Clock::now() + kPatience;
  for (Engine& engine : engines_) {
    engine.told.reset();
    if (engine.is_open) (void)engine.child.inbox.send(question_);
  }
}

std::optional<Explained> Recorder::explain(const Address& source, bool is_new) {
  const bool is_busy =
      Clock::now() < explained_until_ && std::ranges::any_of(engines_, [](const Engine& engine) {
        return engine.is_open && !engine.told;
      });
  if (is_busy) return std::nullopt;
  // One question at a time; who comes later waits for its turn.
  if (is_new || question_.source != source) {
    ask_about(source);
    return std::nullopt;
  }
  Explained explained;
  for (const Engine& engine : engines_) {
    if (engine.told) explained.answers.push_back(*engine.told);
  }
  explained.silent = engines_.size() - explained.answers.size();
  return explained;
}

std::optional<LoopCounts> Recorder::count(bool is_new) {
  // Who comes while others wait gets what they get, so that nobody puts off the answer.
  if (is_new && has_answers()) {
    ask_engines();
    return std::nullopt;
  }
  if (!has_answers()) return std::nullopt;
  LoopCounts counts;
  counts.engines = engines_.size();
  for (const Engine& engine : engines_) {
    counts.sum += engine.accounts;
    counts.silent += engine.has_answered ? 0U : 1U;
  }
  return counts;
}

void Recorder::answer_when_complete() {
  if (!asked_) return;
  std::string silent;
  for (std::size_t i = 0; i < engines_.size(); ++i) {
    if (!engines_[i].has_answered) silent += (silent.empty() ? "" : ", ") + std::to_string(i);
  }
  if (!silent.empty() && Clock::now() < patience_) return;
  asked_ = false;
  if (!silent.empty()) {
    reporter_.notify(Severity::warning,
                     "no accounts from engine " + silent + "; its last are used");
  }
  write_accounts();
}

void Recorder::write_accounts() {
  EngineAccounts sum;
  // What came after an engine's accounts is on record, and they cannot know of it.
  BookStats book = reporter_.book();
  for (const Engine& engine : engines_) {
    sum += engine.accounts;
    book.recorded -= engine.newer;
  }
  reporter_.notify(Severity::info, to_string(sum, names_, book, reporter_.sinks(),
                                             reporter_.store(), Recorded::elsewhere));
}

void Recorder::stop() {
  if (std::exchange(stopping_, true)) return;
  asked_ = false;
  patience_ = Clock::now() + kPatience;
  for (const Engine& engine : engines_) {
    if (engine.is_open) (void)::kill(engine.child.pid, SIGTERM);
  }
}

void Recorder::note_end(Engine& engine) {
  engine.is_open = false;
  engine.has_answered = true;
  // One that has closed its end and lives on would have to be waited for; one that has ended by
  // itself is not harmed.
  (void)::kill(engine.child.pid, SIGKILL);
  int status = 0;
  const bool is_known = ::waitpid(engine.child.pid, &status, 0) == engine.child.pid;
  // A service manager may tell all processes to end, and an engine may hear of it first.
  if (is_known && WIFEXITED(status) && WEXITSTATUS(status) == 0) return stop();
  std::string what = std::move(engine.failure);
  if (what.empty() && !is_known) {
    what = "engine " + std::to_string(number_of(engine)) + " ended";
  } else if (what.empty()) {
    what = "engine " + std::to_string(number_of(engine)) + " ended: " +
           (WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status)) +
                                      (WTERMSIG(status) == SIGSYS ? ", for a forbidden call" : "")
                                : "exit status " + std::to_string(WEXITSTATUS(status)));
  }
  if (failure_.empty()) {
    failure_ = std::move(what);
  } else {
    reporter_.notify(Severity::error, what);
  }
  stop();
}

}  // namespace scanlogd
