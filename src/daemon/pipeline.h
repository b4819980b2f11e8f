// The one way a packet takes: batch -> detectors -> scan book -> sinks. Live runs, file runs and
// the tests all go through here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture.h"
#include "core/address.h"
#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/detector.h"
#include "record/scan_book.h"
#include "sink/sink.h"

namespace scanlogd {

/// A detector and the name it goes by in the accounts.
struct NamedDetector {
  std::string_view name;
  std::unique_ptr<Detector> detector;
};

/// Owns detectors, scan book and sinks. Allocates nothing per packet.
class Pipeline {
 public:
  /// `local`: targets that count, empty for all.
  Pipeline(std::vector<NamedDetector> detectors, std::vector<std::unique_ptr<Sink>> sinks,
           std::vector<Network> local);

  /// Judges the packets of `batch` (which it may reorder away: packets to foreign targets are
  /// removed) and writes the scans found.
  void process(PacketBatch& batch);

  /// Gives a notice to every sink.
  void notify(Severity severity, std::string_view text);

  /// Lets every sink deliver what waits.
  void flush(Flush how) noexcept;

  /// Is there a sink with something waiting?
  [[nodiscard]] bool waiting() const noexcept;

  /// The first failure of a sink, if any. Only sinks that were asked never to lose a line fail.
  [[nodiscard]] Result<void> failure() const;

  /// The accounts of `captures` and of everything here on one line: every `=` holds.
  [[nodiscard]] std::string accounts(const Captures& captures) const;

  /// Bytes the detectors may come to occupy.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  void keep_local_targets(PacketBatch& batch) noexcept;
  void write(const Scan& scan);
  void note_failure(const Result<void>& result);

  std::vector<NamedDetector> detectors_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<Network> local_;
  std::unique_ptr<EventList> events_;
  ScanBook book_;
  std::uint64_t not_local_ = 0;
  std::uint64_t inspected_ = 0;
  std::string failure_;
};

}  // namespace scanlogd
