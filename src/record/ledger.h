// What is to be written into the store, kept until it is: through a full disk, a directory that
// comes later, a lock, a damaged file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/scan.h"
#include "record/scan_book.h"
#include "record/state_directory.h"
#include "record/store.h"

namespace scanlogd {

/// Messages that were kept, in order.
struct KeptMessages {
  std::vector<Message> messages;
  bool is_whole = true;  ///< false: those before the first of these cannot be read now
};

/// Owns the store, where there is one to be had. Everything goes on without; what could not be
/// written waits in bounded memory, the rest is counted.
class Ledger {
 public:
  using Clock = std::chrono::steady_clock;

  /// Messages that wait to be written at most.
  static constexpr std::size_t kMaxWaiting = 10'000;

  /// How often to try again.
  static constexpr std::chrono::seconds kRetry{2};

  /// How often to look whether something is too old or too much, and how many rows go at once.
  static constexpr std::chrono::seconds kPruneInterval{1};
  static constexpr int kPruneRows = 200;

  /// Whether there is to be a store: where, and why not if it cannot be found. `directory` may be
  /// missing, and is then looked for by its path.
  struct Place {
    std::string path;  ///< empty: there is to be none
    std::optional<StateDirectory> directory;
  };

  Ledger(Place place, const StoreLimits& limits) : place_(std::move(place)), limits_(limits) {}

  /// Is there to be a store?
  [[nodiscard]] bool is_wanted() const noexcept { return !place_.path.empty(); }

  /// Its directory, as far as it is open; -1: not.
  [[nodiscard]] int directory() const noexcept {
    return place_.directory ? place_.directory->fd() : -1;
  }

  /// Opens the store if that is due. True: it is open and was not before. To be called first in the
  /// process that is to have it.
  [[nodiscard]] bool open(Clock::time_point now);

  /// The store, or nullptr.
  [[nodiscard]] Store* store() noexcept { return store_ ? &*store_ : nullptr; }

  /// Is the store open?
  [[nodiscard]] bool is_readable() const noexcept { return store_.has_value(); }

  /// Is the store open, and was the last attempt to write it a success?
  [[nodiscard]] bool is_working() const noexcept { return store_ && !is_failing_; }

  /// Keeps a message to be written. Where there is no room for it, it is lost.
  void add(Message message);

  /// What waits gets ids and sequence numbers larger by so much: a store came late.
  void raise(std::uint64_t ids, std::uint64_t sequences) noexcept;

  /// Writes all that waits, and what is to outlive the process, in one transaction that the disk
  /// has when this returns. True: done, and nothing waits any more.
  [[nodiscard]] bool write(const ScanBook::Numbers& numbers, const std::vector<Cursor>& cursors,
                           Clock::time_point now);

  /// Writes how far a sink has come, so that it outlives this process.
  void write(const Cursor& cursor, Clock::time_point now);

  /// The messages after number `sequence`, at most `limit`: those in the store, then those that
  /// wait to be written.
  [[nodiscard]] KeptMessages read(std::uint64_t sequence, std::size_t limit, Clock::time_point now);

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

  /// Is `write` to be called soon, though nothing is added?
  [[nodiscard]] bool is_busy() const noexcept {
    return is_wanted() && (!is_working() || !waiting_.empty() || has_more_to_prune_);
  }

  /// What was read from the store was not to be believed, or could not be read: it is closed, and
  /// opened again later.
  void give_up(const Error& error, Clock::time_point now);

  /// Was a damaged store replaced, so that it is not known what was in it?
  [[nodiscard]] bool was_replaced() const noexcept { return replaced_.has_value(); }

  /// Messages of this run that are in the store.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

  /// The number of the first message that waits, if any does.
  [[nodiscard]] std::optional<std::uint64_t> first_waiting() const noexcept {
    if (waiting_.empty()) return {};
    return waiting_.front().stamp.sequence;
  }

  /// What is to be told about the store, once.
  [[nodiscard]] std::vector<std::string> take_news() { return std::exchange(news_, {}); }

 private:
  [[nodiscard]] Result<void> write_all(const ScanBook::Numbers& numbers,
                                       const std::vector<Cursor>& cursors);
  void prune(Clock::time_point now);
  void fail_for_now(const Error& error, Clock::time_point now);
  void replace_damaged(const Error& error, Clock::time_point now);

  Place place_;
  StoreLimits limits_;
  std::optional<Store> store_;
  std::deque<Message> waiting_;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_before_ = 0;  ///< told
  bool is_failing_ = false;
  bool was_told_ = false;  ///< of the failure
  bool has_more_to_prune_ = false;
  Clock::time_point retry_{};
  Clock::time_point failing_since_{};
  std::optional<Clock::time_point> replaced_;
  Clock::time_point next_prune_{};
  std::vector<std::string> news_;
};

}  // namespace scanlogd
