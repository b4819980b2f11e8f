// The original's rule for the log: more than five scans in twenty seconds, and single lines stop.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/scan.h"

namespace scanlogd {

/// Decides what each scan gets, over all sources, exactly as the man page says: scans 1 to 5 get a
/// line, the 6th becomes "More possible port scans follow", later ones nothing, until 20 seconds
/// have passed since the last counted one (1 to 6), or the clock ran backwards.
class Limiter {
 public:
  static constexpr int kLines = 5;
  static constexpr std::chrono::seconds kWindow{20};

  /// What is to outlive the process.
  struct State {
    std::int64_t last = 0;  ///< hundredths of a second
    int count = 0;
  };

  /// `now` is the monotonic time of the detection; it counts in hundredths of a second.
  [[nodiscard]] Announce admit(std::chrono::nanoseconds now) noexcept;

  /// Would `admit` give a line?
  [[nodiscard]] bool has_line(std::chrono::nanoseconds now) const noexcept;

  [[nodiscard]] const State& state() const noexcept { return state_; }
  /// Takes up what another process left.
  void restore(const State& state) noexcept { state_ = state; }

 private:
  [[nodiscard]] bool is_over(std::int64_t tick) const noexcept;

  State state_;
};

}  // namespace scanlogd
