// The second half of a packet's way: events -> scan book -> sinks.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/scan.h"
#include "core/scan_event.h"
#include "record/scan_book.h"
#include "sink/sink.h"

namespace scanlogd {

/// Owns scan book and sinks.
class Reporter {
 public:
  explicit Reporter(std::vector<std::unique_ptr<Sink>> sinks) noexcept;

  /// Enters the event into the book and writes the scan; `wall_minus_monotonic` is that of the
  /// batch it came from.
  void report(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic);

  /// Takes the ports of a scan, of which the next event will tell.
  void report(const ScanPorts& ports, std::chrono::nanoseconds wall_minus_monotonic);

  /// Gives a notice to every sink.
  void notify(Severity severity, std::string_view text);

  /// Lets every sink deliver what waits.
  void flush(Flush how) noexcept;

  /// Is there a sink with something waiting?
  [[nodiscard]] bool waiting() const noexcept;

  /// The first failure of a sink, if any. Only sinks that were asked never to lose a line fail.
  [[nodiscard]] Result<void> failure() const;

  [[nodiscard]] const BookStats& book() const noexcept { return book_.stats(); }

  /// The directories, held open, in which sinks open files anew.
  [[nodiscard]] std::vector<int> directories() const;

  /// The sum over all sinks.
  [[nodiscard]] SinkStats sinks() const noexcept;

 private:
  void note_failure(const Result<void>& result);

  std::vector<std::unique_ptr<Sink>> sinks_;
  ScanBook book_;
  std::string failure_;
};

}  // namespace scanlogd
