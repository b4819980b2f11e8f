// The second half of a packet's way: events -> scan book -> store -> sinks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/scan.h"
#include "core/scan_event.h"
#include "daemon/accounts.h"
#include "daemon/dispatcher.h"
#include "daemon/notice_board.h"
#include "record/ledger.h"
#include "record/scan_book.h"
#include "sink/sink.h"

namespace scanlogd {

/// How what was found is recorded and told.
struct ReporterOptions {
  LogStyle style = LogStyle::classic;
  Ledger::Place place = {};
  StoreLimits limits = {};
  bool is_live = false;  ///< time goes on without packets, too
  Units units = {};      ///< to name who scans from here
};

/// How far the scan by a source has come that somebody waits for.
struct ScanTrace {
  Address source;
  std::uint64_t id = 0;        ///< 0: none was found yet
  std::uint64_t sequence = 0;  ///< of the message that says that it began
  Announce announce = Announce::line;
};

/// Owns scan book, store and sinks. What is found in one turn of the loop is written in one
/// transaction, which the disk has before a sink hears of it.
class Reporter final : private Backlog {
 public:
  explicit Reporter(std::vector<NamedSink> sinks, ReporterOptions options = {});

  /// Opens the store and takes up what was left there. To be called first in the process that is to
  /// report, and no other.
  void open();

  /// Enters an event of engine number `engine`; `wall_minus_monotonic` is that of the batch it came
  /// from. It is told of by `settle`.
  void report(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic,
              std::size_t engine = 0);

  /// Takes the ports of a scan, of which the next event of that engine will tell.
  void report(const ScanPorts& ports, std::chrono::nanoseconds wall_minus_monotonic,
              std::size_t engine = 0);

  /// The same for a sample of its probes.
  void report(const ScanSample& sample, std::chrono::nanoseconds wall_minus_monotonic,
              std::size_t engine = 0);

  /// Keeps the sources of a group for the same.
  void report(const ScanSources& sources, std::chrono::nanoseconds wall_minus_monotonic,
              std::size_t engine = 0);

  /// Gives a notice to the store and to every sink.
  void notify(Severity severity, std::string_view text);

  /// Writes what was entered, and delivers it. To be called after each turn of the loop.
  void settle();

  /// Tells what is due, lets every sink deliver what waits, and tries again what failed.
  void flush(Flush how);

  /// No event comes any more: tells what was to be told later.
  void finish();

  /// Is `flush` to be called a few times a second?
  [[nodiscard]] bool waiting() const noexcept;

  /// The first failure of a sink, if any. Only sinks that were asked never to lose a line fail.
  [[nodiscard]] Result<void> failure() const { return dispatcher_.failure(); }

  [[nodiscard]] BookStats book() const noexcept;

  /// The sum over all sinks.
  [[nodiscard]] SinkStats sinks() const noexcept { return dispatcher_.stats(); }

  /// Nothing where there is to be no store.
  [[nodiscard]] std::optional<StoreStats> store() const noexcept;

  /// How far each sink has come.
  [[nodiscard]] std::vector<Cursor> cursors() const { return dispatcher_.cursors(); }

  /// What was told lately.
  [[nodiscard]] const NoticeBoard& board() const noexcept { return board_; }

  /// Waits for a scan by `source`, unless it does already, and says what has come of that; what it
  /// waited for before is forgotten.
  const ScanTrace& trace(const Address& source);

  /// What sinks and store have to go on asking of the kernel.
  [[nodiscard]] Needs needs() const;

 private:
  [[nodiscard]] KeptMessages read(std::uint64_t sequence, std::size_t limit) override;
  [[nodiscard]] bool is_readable() const override;
  void note(const Cursor& cursor) override;

  [[nodiscard]] ScanBook::Now now() const noexcept;
  /// Numbers a message and passes it on, and settles where too many have not been.
  void add(Message message);
  void put(Message message);
  void put_notice(Severity severity, std::string_view text);
  void take_entries();
  void take_news();
  void restore();
  [[nodiscard]] Result<void> restore_from(Store& store);
  [[nodiscard]] Result<void> catch_up_with(Store& store);
  [[nodiscard]] ScanBook::Numbers numbers() const;

  ScanBook book_;
  Ledger ledger_;
  Dispatcher dispatcher_;
  LogStyle style_;
  bool is_live_;
  std::uint64_t boot_;
  std::uint64_t sequence_ = 0;
  std::size_t unsettled_ = 0;
  bool is_restored_ = false;
  bool is_finished_ = false;
  ScanBook::Now latest_;  ///< of events
  std::vector<BookEntry> entries_;
  NoticeBoard board_;
  ScanTrace trace_;  ///< of nobody at first
};

}  // namespace scanlogd
