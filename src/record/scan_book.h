// Every detection becomes a scan with an id here, before any decision about the log.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/scan.h"
#include "record/limiter.h"

namespace scanlogd {

/// How many scans were found, and what the limiter made of them:
/// detected = lines + more_follow + held_back.
struct BookStats {
  std::uint64_t detected = 0;
  std::uint64_t lines = 0;
  std::uint64_t more_follow = 0;
  std::uint64_t held_back = 0;
};

/// Turns events into scans.
class ScanBook {
 public:
  /// Enters `event`; `wall_minus_monotonic` is that of the batch it came from.
  [[nodiscard]] Scan enter(const ScanEvent& event,
                           std::chrono::nanoseconds wall_minus_monotonic) noexcept;

  [[nodiscard]] const BookStats& stats() const noexcept { return stats_; }

 private:
  Limiter limiter_;
  BookStats stats_;
};

}  // namespace scanlogd
