// Three sums of points that leak at different rates, for scans of three paces (docs/detection.md).
// 16.16 fixed point; they leak only when something is added, which comes to the same as leaking all
// the time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "detect/pending.h"
#include "detect/source_key.h"

namespace scanlogd {

/// One point in `Weight`.
inline constexpr Weight kPoint = 16;

/// The time scales.
using Scale = std::size_t;
/// The first: seconds.
inline constexpr Scale kFast = 0;
/// The second: minutes.
inline constexpr Scale kSlow = 1;
/// The third: hours.
inline constexpr Scale kGlacial = 2;
/// How many.
inline constexpr std::size_t kScales = 3;

/// Points that a scale loses in an hour.
inline constexpr std::array<double, kScales> kLeakPerHour = {60, 3, 0.25};

/// Thresholds of the scales, in points.
using Thresholds = std::array<std::uint32_t, kScales>;

/// One sum for each scale.
using LeakySums = std::array<std::uint32_t, kScales>;

/// One point in a sum.
inline constexpr std::uint32_t kSumOne = 1U << 16;

/// `weight` as a sum has it.
[[nodiscard]] constexpr std::uint32_t in_sum(Weight weight) noexcept {
  return std::uint32_t{weight} * (kSumOne / kPoint);
}

/// `sum` less `amount`, never below 0.
[[nodiscard]] constexpr std::uint32_t less(std::uint32_t sum, std::uint64_t amount) noexcept {
  return sum > amount ? sum - static_cast<std::uint32_t>(amount) : 0;
}

/// `passed` went by.
inline void leak(LeakySums& sums, Tick passed) noexcept {
  // Two shifted by 16 bits and divided by 57600 ticks, in 64 bits.
  const auto lost = [passed]<Scale kScale>() {
    constexpr auto kPerHour = static_cast<std::uint64_t>(kLeakPerHour[kScale] * kSumOne);
    return std::uint64_t{passed} * kPerHour / kHour;
  };
  sums[kFast] = less(sums[kFast], lost.template operator()<kFast>());
  sums[kSlow] = less(sums[kSlow], lost.template operator()<kSlow>());
  sums[kGlacial] = less(sums[kGlacial], lost.template operator()<kGlacial>());
}

/// Adds `weight` to all of them.
inline void add(LeakySums& sums, Weight weight) noexcept {
  constexpr std::uint32_t kMost = 4096 * kSumOne;
  for (std::uint32_t& sum : sums) sum = std::min(sum + in_sum(weight), kMost);
}

/// Takes `weight` from all of them.
inline void take(LeakySums& sums, Weight weight) noexcept {
  for (std::uint32_t& sum : sums) sum = less(sum, in_sum(weight));
}

}  // namespace scanlogd
