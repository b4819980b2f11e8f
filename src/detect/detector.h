// The contract of a detector: what counts as a scan. One .cpp per detector (docs/extending.md).
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/counter.h"
#include "core/interest.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "core/section.h"

namespace scanlogd {

/// Judges packets. Reads no clock (time comes with the packets), no file, no global; its memory is
/// fixed when it is made.
class Detector {
 public:
  virtual ~Detector() = default;

  /// Looks at `packets` in order and adds what it finds to `events`.
  virtual void inspect(std::span<const Packet> packets, EventList& events) noexcept = 0;

  /// What became of the packets: each inspected packet is in exactly one counter.
  [[nodiscard]] virtual std::span<const Counter> counters() const noexcept = 0;

  /// Bytes its tables may come to occupy.
  [[nodiscard]] virtual std::size_t memory() const noexcept = 0;
};

/// A detector as `--list` shows it.
struct DetectorPlugin {
  std::string_view name;
  std::string_view summary;
  Interest interest;  ///< what it must be shown
  Result<std::unique_ptr<Detector>> (*make)(const Section& options);
};

/// The detectors of this build, in the order CMake lists them.
[[nodiscard]] std::span<const DetectorPlugin* const> detector_table() noexcept;

}  // namespace scanlogd
