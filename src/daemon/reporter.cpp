// See reporter.h.
#include "daemon/reporter.h"

#include <sys/random.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace scanlogd {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::system_clock;

/// What is entered without `settle` at most.
constexpr std::size_t kMaxUnsettled = 256;

/// The longest that a scan may have been silent and still goes on (scan_book.cpp).
constexpr std::chrono::hours kLongestIdle{48};

/// Scans of which a digest is to tell that are taken up by name.
constexpr std::size_t kMaxUndigested = 4 * Digest::kMaxSources;

// Names of numbers in the store, beside those of the book.
constexpr std::string_view kBoot = "boot";
constexpr std::string_view kCleanEnd = "clean_end";

std::uint64_t random_boot() noexcept {
  std::uint64_t number = 0;
  // Fails only where there is no such call; the time does then.
  if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
    number = static_cast<std::uint64_t>(system_clock::now().time_since_epoch().count());
  }
  // Positive as a signed number, which is what the store keeps; and not 0, which means none.
  return number >> 1 | 1;
}

}  // namespace

Reporter::Reporter(std::vector<NamedSink> sinks, ReporterOptions options)
    : book_(options.style, std::move(options.units)),
      ledger_(std::move(options.place), options.limits),
      dispatcher_(std::move(sinks), ledger_.is_wanted() ? this : nullptr),
      style_(options.style),
      is_live_(options.is_live),
      boot_(random_boot()) {}

void Reporter::open() {
  if (ledger_.open(Clock::now())) restore();
  take_news();
}

ScanBook::Now Reporter::now() const noexcept {
  if (!is_live_) return latest_;
  return {.monotonic = Clock::now().time_since_epoch(), .wall = system_clock::now()};
}

void Reporter::report(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic,
                      std::size_t engine) {
  latest_ = {.monotonic = event.detected,
             .wall = system_clock::time_point(event.detected + wall_minus_monotonic)};
  const ScanBook::Now said = now();
  if (!is_live_) book_.advance(said, entries_);
  book_.enter(event, engine, said, wall_minus_monotonic, entries_);
  take_entries();
}

void Reporter::report(const ScanPorts& ports, std::chrono::nanoseconds /*wall_minus_monotonic*/,
                      std::size_t engine) {
  book_.keep(ports, engine);
}

void Reporter::report(const ScanSources& sources, std::chrono::nanoseconds /*wall_minus_monotonic*/,
                      std::size_t engine) {
  book_.keep(sources, engine);
}

void Reporter::report(const ScanSample& sample, std::chrono::nanoseconds /*wall_minus_monotonic*/,
                      std::size_t engine) {
  book_.keep(sample, engine);
}

void Reporter::notify(Severity severity, std::string_view text) {
  const Notice notice = make_notice(severity, system_clock::now(), text);
  board_.add(notice);
  add({.stamp = {}, .content = notice});
}

const ScanTrace& Reporter::trace(const Address& source) {
  if (trace_.source != source) trace_ = {.source = source};
  return trace_;
}

void Reporter::add(Message message) {
  put(std::move(message));
  // What nobody asks to be settled settles itself, so that memory stays bounded.
  if (unsettled_ >= kMaxUnsettled) settle();
}

void Reporter::put(Message message) {
  message.stamp = {.boot = boot_, .sequence = ++sequence_};
  if (const auto* const scan = std::get_if<Scan>(&message.content);
      scan != nullptr && trace_.id == 0 && scan->event.source == trace_.source &&
      scan->event.phase == Phase::begin) {
    trace_.id = scan->id;
    trace_.sequence = sequence_;
    trace_.announce = scan->announce;
  }
  dispatcher_.add(message);
  ledger_.add(std::move(message));
  ++unsettled_;
}

void Reporter::put_notice(Severity severity, std::string_view text) {
  put({.stamp = {}, .content = make_notice(severity, system_clock::now(), text)});
}

void Reporter::take_entries() {
  for (BookEntry& entry : std::exchange(entries_, {})) {
    Message message;
    if (auto* const scan = std::get_if<Scan>(&entry)) {
      message.content = std::move(*scan);
    } else {
      message.content = std::get<Notice>(entry);
    }
    add(std::move(message));
  }
}

void Reporter::take_news() {
  for (const std::string& text : ledger_.take_news()) put_notice(Severity::warning, text);
  for (const std::string& text : dispatcher_.take_news()) put_notice(Severity::warning, text);
}

void Reporter::settle() {
  const auto moment = Clock::now();
  if (ledger_.open(moment)) restore();
  if (std::exchange(unsettled_, 0) > 0 || ledger_.is_busy()) {
    (void)ledger_.write(numbers(), dispatcher_.cursors(), moment);  // what fails is told as news
  }
  dispatcher_.deliver();
  take_news();
}

void Reporter::flush(Flush how) {
  if (is_live_) {
    book_.advance(now(), entries_);
    take_entries();
  }
  if (how == Flush::reopen) dispatcher_.reopen();
  settle();
  // News of this very turn.
  if (unsettled_ > 0) settle();
}

void Reporter::finish() {
  book_.finish(now(), entries_);
  take_entries();
  is_finished_ = true;
}

bool Reporter::waiting() const noexcept {
  return unsettled_ > 0 || dispatcher_.is_waiting() || ledger_.is_busy() ||
         (is_live_ && book_.is_waiting());
}

BookStats Reporter::book() const noexcept {
  BookStats stats = book_.stats();
  const std::uint64_t told = stats.lines + stats.more_follow;
  stats.delivered = std::min(dispatcher_.scans_delivered(), told);
  stats.lost = std::min(dispatcher_.scans_lost(), told - stats.delivered);
  stats.waiting = told - stats.delivered - stats.lost;
  return stats;
}

std::optional<StoreStats> Reporter::store() const noexcept {
  if (!ledger_.is_wanted()) return {};
  StoreStats stats{.taken = 0,
                   .written = ledger_.written(),
                   .waiting = ledger_.waiting(),
                   .lost = ledger_.lost()};
  stats.taken = stats.written + stats.waiting + stats.lost;
  return stats;
}

Needs Reporter::needs() const {
  Needs needs = dispatcher_.needs();
  if (ledger_.directory() >= 0) needs.writable.push_back(ledger_.directory());
  if (book_.units().directory() >= 0) {
    needs.listable.push_back(book_.units().directory());
    needs.calls.push_back({"getdents64"});
  }
  return needs;
}

KeptMessages Reporter::read(std::uint64_t sequence, std::size_t limit) {
  return ledger_.read(sequence, limit, Clock::now());
}

bool Reporter::is_readable() const { return ledger_.is_readable(); }

void Reporter::note(const Cursor& cursor) { ledger_.write(cursor, Clock::now()); }

ScanBook::Numbers Reporter::numbers() const {
  ScanBook::Numbers numbers = book_.numbers(now());
  const auto put = [&](std::string_view name, std::uint64_t value) {
    numbers.emplace(name, static_cast<std::int64_t>(value));
  };
  put(Store::kLastId, book_.last_id());
  put(Store::kLastSequence, sequence_);
  put(kBoot, boot_);
  put(kCleanEnd, is_finished_ ? 1 : 0);
  return numbers;
}

void Reporter::restore() {
  Store& store = *ledger_.store();
  const auto done = is_restored_ ? catch_up_with(store) : restore_from(store);
  if (!done) return ledger_.give_up(done.error(), Clock::now());
  is_restored_ = true;
}

Result<void> Reporter::restore_from(Store& store) {
  // All is read before anything is changed.
  auto last_id = store.last_id();
  if (!last_id) return std::unexpected(last_id.error());
  auto last_sequence = store.last_sequence();
  if (!last_sequence) return std::unexpected(last_sequence.error());
  const auto numbers = store.reader().numbers();
  if (!numbers) return std::unexpected(numbers.error());
  const auto cursors = store.reader().cursors();
  if (!cursors) return std::unexpected(cursors.error());
  auto unfinished = store.unfinished(system_clock::now() - kLongestIdle, ScanBook::kMaxOpen);
  if (!unfinished) return std::unexpected(unfinished.error());
  const auto first = numbers->find(ScanBook::kFirstPending);
  auto undigested =
      store.undigested(first == numbers->end()
                           ? 0
                           : static_cast<std::uint64_t>(std::max<std::int64_t>(first->second, 0)),
                       style_ == LogStyle::digest ? kMaxUndigested : 0);
  if (!undigested) return std::unexpected(undigested.error());

  if (ledger_.was_replaced() && *last_id == 0) {
    // What a damaged store had given cannot be known: more than one a second it was not.
    *last_id = *last_sequence = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch())
            .count());
  }
  const ScanBook::Now moment = now();
  const BookStats before = book_.stats();
  book_.restore(moment, *last_id, *numbers);
  for (Scan& scan : *unfinished) book_.restore_open(std::move(scan));
  for (const Scan& scan : *undigested) book_.restore_digest(scan, moment.monotonic);
  book_.end_restore(moment.monotonic);
  const BookStats after = book_.stats();
  ledger_.raise(*last_id, *last_sequence);
  dispatcher_.restore(*cursors, *last_sequence, *last_id,
                      after.lines + after.more_follow - before.lines - before.more_follow);
  sequence_ += *last_sequence;
  return {};
}

Result<void> Reporter::catch_up_with(Store& store) {
  // The same store as before, or a new one in its place; or somebody else has had it meanwhile.
  const auto last_id = store.last_id();
  if (!last_id) return std::unexpected(last_id.error());
  const auto last_sequence = store.last_sequence();
  if (!last_sequence) return std::unexpected(last_sequence.error());
  book_.raise_ids(*last_id);
  const auto first = ledger_.first_waiting();
  if (first && *last_sequence >= *first) {
    const std::uint64_t rise = *last_sequence - *first + 1;
    ledger_.raise(0, rise);
    sequence_ += rise;
  }
  sequence_ = std::max(sequence_, *last_sequence);
  return {};
}

}  // namespace scanlogd
