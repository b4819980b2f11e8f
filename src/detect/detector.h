// The contract of a detector: what counts as a scan. One .cpp per detector (docs/extending.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/address.h"
#include "core/counter.h"
#include "core/interest.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "core/section.h"
#include "core/source_diary.h"
#include "core/source_explanation.h"

namespace scanlogd {

/// How a detector fares.
struct DetectorStats {
  std::span<const Counter> counters;  ///< each inspected packet is in exactly one
  std::size_t memory = 0;             ///< bytes its tables may come to occupy
  std::uint64_t new_sources = 0;      ///< that took a place in a table
  std::uint64_t evicted = 0;          ///< live ones that lost theirs to another
  std::size_t open_scans = 0;         ///< as long as there are any, `advance` has work
};

/// Judges packets. Reads no clock (time comes with the packets), no file, no global; its memory is
/// fixed when it is made.
class Detector {
 public:
  virtual ~Detector() = default;

  /// Looks at `packets` in order and adds what it finds to `events`.
  virtual void inspect(std::span<const Packet> packets, EventList& events) noexcept = 0;

  /// Time has come to `now`, without packets: adds what is to be said because of that, such as the
  /// end of a scan. Called about once a second, and again at once as long as it adds something. At
  /// the end `now` is `kEndOfTime`: everything is over.
  virtual void advance(std::chrono::nanoseconds now, EventList& events) noexcept = 0;
  static constexpr std::chrono::nanoseconds kEndOfTime = std::chrono::nanoseconds::max();

  /// The networks that are this machine's own, or that it watches over; none: not known.
  virtual void set_local(std::span<const Network> networks) = 0;

  /// Judges by `options` from now on, which `make` would take; what it remembers stays. Only the
  /// keys of `DetectorPlugin::tunable` are looked at. An error says what takes a new start; then
  /// nothing has changed.
  [[nodiscard]] virtual Result<void> tune(const Section& options) = 0;

  [[nodiscard]] virtual DetectorStats stats() const noexcept = 0;

  /// What it makes of `source` at the time it was last told. Changes nothing; not for each packet.
  [[nodiscard]] virtual SourceExplanation explain(const Address& source) noexcept = 0;

  /// From now on writes into `diary` what becomes of its source; nullptr: of nobody. Not owned. For
  /// capture files: it may take longer then.
  virtual void keep_diary(SourceDiary* diary) noexcept = 0;
};

/// A detector as `--list` shows it.
struct DetectorPlugin {
  std::string_view name;
  std::string_view summary;
  Interest interest;                          ///< what it must be shown
  std::span<const std::string_view> tunable;  ///< keys of options that `tune` takes
  Result<std::unique_ptr<Detector>> (*make)(const Section& options);
};

/// The detectors of this build, in the order CMake lists them.
[[nodiscard]] std::span<const DetectorPlugin* const> detector_table() noexcept;

}  // namespace scanlogd
