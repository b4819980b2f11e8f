// See ledger.h.
#include "record/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

/// A lock that is held for less is nobody's concern.
constexpr std::chrono::seconds kShortLock = 2s;

/// A store that is damaged again so soon has a disk that is.
constexpr std::chrono::minutes kReplaceInterval = 1min;

}  // namespace

bool Ledger::open(Clock::time_point now) {
  if (store_ || !is_wanted() || now < retry_) return false;
  if (!place_.directory) {
    auto directory = StateDirectory::open(place_.path);
    if (!directory) {
      fail_for_now(directory.error(), now);
      return false;
    }
    place_.directory.emplace(std::move(*directory));
  }
  auto store = Store::open(*place_.directory, limits_);
  if (!store && store.error().code == EUCLEAN) {
    replace_damaged(store.error(), now);
    if (!is_failing_ || now >= retry_) store = Store::open(*place_.directory, limits_);
  }
  if (!store) {
    fail_for_now(store.error(), now);
    return false;
  }
  store_.emplace(std::move(*store));
  return true;
}

void Ledger::add(Message message) {
  if (!is_wanted()) return;
  if (waiting_.size() == kMaxWaiting) {
    ++lost_;
    return;
  }
  waiting_.push_back(std::move(message));
}

void Ledger::raise(std::uint64_t ids, std::uint64_t sequences) noexcept {
  for (Message& message : waiting_) {
    message.stamp.sequence += sequences;
    if (auto* const scan = std::get_if<Scan>(&message.content)) scan->id += ids;
  }
}

bool Ledger::write(const ScanBook::Numbers& numbers, const std::vector<Cursor>& cursors,
                   Clock::time_point now) {
  if (!store_ || (is_failing_ && now < retry_)) return false;
  if (!store_->is_in_place()) {
    // Written to, it would be lost with the last descriptor.
    store_.reset();
    news_.push_back(fmt::format("{}/{} was removed; a new one is made", place_.path, kStoreFile));
    retry_ = now;
    return false;
  }
  if (auto done = write_all(numbers, cursors); !done) {
    fail_for_now(done.error(), now);
    return false;
  }
  const std::size_t written = waiting_.size();
  written_ += written;
  waiting_.clear();
  if (std::exchange(is_failing_, false) && std::exchange(was_told_, false)) {
    const std::uint64_t missing = lost_ - std::exchange(lost_before_, lost_);
    news_.push_back(fmt::format("{}/{} is written again: {} messages late, {} missing", place_.path,
                                kStoreFile, written, missing));
  }
  if (now >= next_prune_) prune(now);
  return true;
}

Result<void> Ledger::write_all(const ScanBook::Numbers& numbers,
                               const std::vector<Cursor>& cursors) {
  if (auto done = store_->begin(Store::Sync::disk); !done) return done;
  for (const Message& message : waiting_) {
    if (auto done = store_->add(message); !done) return done;
  }
  for (const auto& [name, value] : numbers) {
    if (auto done = store_->set(name, value); !done) return done;
  }
  for (const Cursor& cursor : cursors) {
    if (auto done = store_->set(cursor); !done) return done;
  }
  return store_->commit();
}

void Ledger::write(const Cursor& cursor, Clock::time_point now) {
  if (!store_ || is_failing_) return;
  auto done = store_->begin(Store::Sync::process);
  if (done) done = store_->set(cursor);
  if (done) done = store_->commit();
  if (!done) fail_for_now(done.error(), now);
}

KeptMessages Ledger::read(std::uint64_t sequence, std::size_t limit, Clock::time_point now) {
  KeptMessages kept{.messages = {}, .is_whole = false};
  if (store_) {
    auto messages = store_->reader().messages(sequence, limit);
    if (messages) {
      kept = {.messages = std::move(*messages), .is_whole = true};
    } else {
      fail_for_now(messages.error(), now);
    }
  }
  if (!kept.messages.empty()) sequence = kept.messages.back().stamp.sequence;
  const auto number_of = [](const Message& message) { return message.stamp.sequence; };
  for (auto next = std::ranges::upper_bound(waiting_, sequence, {}, number_of);
       next != waiting_.end() && kept.messages.size() < limit; ++next) {
    kept.messages.push_back(*next);
  }
  return kept;
}

void Ledger::prune(Clock::time_point now) {
  auto done = store_->begin(Store::Sync::process);
  if (done) {
    const auto more = store_->prune(system_clock::now(), kPruneRows);
    has_more_to_prune_ = more && *more;
    if (!more) done = std::unexpected(more.error());
  }
  if (done) done = store_->commit();
  if (!done) return fail_for_now(done.error(), now);
  if (!has_more_to_prune_) next_prune_ = now + kPruneInterval;
}

void Ledger::fail_for_now(const Error& error, Clock::time_point now) {
  if (store_) store_->rollback();
  if (!std::exchange(is_failing_, true)) failing_since_ = now;
  retry_ = now + kRetry;
  if (error.code == EUCLEAN && store_) return replace_damaged(error, now);
  // A full disk and a lock pass by, and what is there can be read meanwhile.
  if (error.code == EBUSY && store_) {
    retry_ = now + 100ms;
    if (now - failing_since_ < kShortLock) return;
  } else if (error.code != ENOSPC) {
    store_.reset();
  }
  if (std::exchange(was_told_, true)) return;
  news_.push_back(fmt::format("{}; going on without it, at most {} messages are kept", error.what,
                              kMaxWaiting));
}

void Ledger::give_up(const Error& error, Clock::time_point now) {
  fail_for_now(error, now);
  store_.reset();
}

void Ledger::replace_damaged(const Error& error, Clock::time_point now) {
  store_.reset();
  if (replaced_ && now - *replaced_ < kReplaceInterval) return;
  replaced_ = now;
  const auto moved = Store::move_aside(*place_.directory, system_clock::now());
  if (!moved) return;
  news_.push_back(
      fmt::format("{}; it is {}/{} now, and a new one is made", error.what, place_.path, *moved));
  retry_ = now;
}

}  // namespace scanlogd
