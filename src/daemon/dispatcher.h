// Delivery: each sink gets every message in order and at least once, at its own pace. What a sink
// cannot take now waits in memory, or, where there is a store, is read again from there. While the
// store cannot be read, a sink gets what can be had, and the rest as soon as it can be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/scan.h"
#include "daemon/sandbox.h"
#include "record/ledger.h"
#include "record/store.h"
#include "sink/sink.h"

namespace scanlogd {

/// A sink, and the name under which the store knows how far it has come.
struct NamedSink {
  std::string name;
  std::unique_ptr<Sink> sink;
};

/// How messages that do not fit into memory come back.
class Backlog {
 public:
  virtual ~Backlog() = default;

  /// The messages after number `sequence`, in order, at most `limit`. Fewer than that: there are no
  /// more.
  [[nodiscard]] virtual KeptMessages read(std::uint64_t sequence, std::size_t limit) = 0;

  /// Can those be read that are in no memory any more?
  [[nodiscard]] virtual bool is_readable() const = 0;

  /// A sink has come so far: this is to outlive the process before the next message is given to it.
  virtual void note(const Cursor& cursor) = 0;
};

/// Owns the sinks. One message at a time is given to each; the next when that is delivered.
class Dispatcher {
 public:
  /// Messages for one sink that wait at most, in memory or in the store; beyond, the oldest of
  /// those in the store, or the newest where there is none, are lost and counted.
  static constexpr std::size_t kMaxWaiting = 10'000;

  /// Of these, in memory, where there is a store.
  static constexpr std::size_t kInMemory = 256;

  /// Messages given to one sink in one turn.
  static constexpr int kPerTurn = 256;

  /// Gaps that wait for the store; what is in later ones is lost to the sink and counted.
  static constexpr std::size_t kMaxGaps = 16;

  /// `backlog` is not owned; nullptr: there is no store.
  Dispatcher(std::vector<NamedSink> sinks, Backlog* backlog);

  /// Puts a message into every queue it is for.
  void add(const Message& message);

  /// Gives sinks what waits, as far as they take it.
  void deliver();

  /// The same, after each sink has opened its file or connection anew.
  void reopen();

  /// What is in the store; a sink that is not there has come as far as `last`. What waits here gets
  /// ids and numbers larger by so much.
  void restore(const std::vector<Cursor>& cursors, std::uint64_t last, std::uint64_t ids,
               std::uint64_t scans_before);

  [[nodiscard]] std::vector<Cursor> cursors() const;

  /// Is there a sink with something waiting?
  [[nodiscard]] bool is_waiting() const noexcept;

  /// What became of messages, the sum over all sinks.
  [[nodiscard]] SinkStats stats() const noexcept;

  /// Of the scans that were to get a line: how many every sink has delivered, and how many some
  /// sink has lost.
  [[nodiscard]] std::uint64_t scans_delivered() const noexcept;
  [[nodiscard]] std::uint64_t scans_lost() const noexcept;

  /// What sinks have to go on asking of the kernel.
  [[nodiscard]] Needs needs() const;

  /// The first failure of a sink that was asked never to lose a line.
  [[nodiscard]] Result<void> failure() const;

  /// What is to be told about losses, once.
  [[nodiscard]] std::vector<std::string> take_news() { return std::exchange(news_, {}); }

 private:
  /// Messages that come later, because the store could not be read when it was their turn.
  struct Gap {
    std::uint64_t after = 0;  ///< the number before the first
    std::uint64_t last = 0;
  };

  struct Outlet {
    NamedSink named;
    Cursor cursor;
    std::deque<Message> queue;
    std::uint64_t read = 0;       ///< number of the last message in the queue, or read before
    bool is_behind = false;       ///< more waits in the store
    std::deque<Gap> gaps;         ///< in order; nothing before the first waits in the store
    bool is_in_hand = false;      ///< the sink has the first of the queue, but not delivered it
    std::uint64_t untold = 0;     ///< lost scans that were not told of
    std::uint64_t delivered = 0;  ///< by the sink itself, when the message was given to it
    std::uint64_t lost = 0;
  };

  [[nodiscard]] static bool is_for(const Outlet& outlet, const Message& message) noexcept;
  void deliver(Outlet& outlet);
  [[nodiscard]] bool give_first(Outlet& outlet);
  void settle_first(Outlet& outlet, bool is_delivered);
  void read_more(Outlet& outlet);
  void read_next(Outlet& outlet);
  void fill_gap(Outlet& outlet);
  static void leave_gap(Outlet& outlet, std::uint64_t last);
  static void set_cursor(Outlet& outlet) noexcept;
  static void lose(Outlet& outlet, std::uint64_t messages, std::uint64_t scans);

  std::vector<Outlet> outlets_;
  Backlog* backlog_;
  std::uint64_t last_ = 0;  ///< number of the last message added
  std::string failure_;
  std::vector<std::string> news_;
};

}  // namespace scanlogd
