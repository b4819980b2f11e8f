// Who gets a place in the table of sources. As many newcomers as may come without harm are let in
// at once; beyond that a source has to come several times. So no flood, at any rate, turns the
// table over faster than in two hours, and a scanner, who comes again, still gets in.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/lanes.h"
#include "detect/source_key.h"

namespace scanlogd {

/// Tokens and a doorkeeper, who remembers of each hash the last eight sources that came, and how
/// often: at 50,000 new sources a second for a second and more.
class Admission {
 public:
  static constexpr Tick kHold = 2 * kHour;
  static constexpr std::uint32_t kBurst = 4096;

  /// For a table of `capacity`.
  [[nodiscard]] static Result<Admission> make(std::size_t capacity) {
    constexpr std::size_t kMostCallers = 131072;
    const std::size_t doors = std::bit_floor(std::min(kMostCallers, 2 * capacity)) / kCallers;
    auto memory = ReservedMemory<Door>::make(std::max<std::size_t>(doors, 1), "doorkeeper");
    if (!memory) return std::unexpected(memory.error());
    return Admission(std::move(*memory), capacity);
  }

  /// May the source with this hash enter now?
  [[nodiscard]] bool admit(std::uint64_t hash, Tick now) noexcept {
    fill(now);
    const std::uint64_t level = tokens_ / kHold;
    if (level >= burst_ / 2) {
      tokens_ -= kHold;
      return true;
    }
    // From two times when half of the tokens are left to sixteen when none are.
    constexpr std::uint32_t kLeast = 2;
    constexpr std::uint32_t kMost = 16;
    const std::uint64_t half = burst_ / 2;
    const auto needed =
        static_cast<std::uint32_t>(kLeast + (kMost - kLeast) * (half - level) / half);
    std::uint32_t& caller = call(doors_[hash & (doors_.items().size() - 1)],
                                 static_cast<std::uint32_t>(hash >> 32) & kWho);
    if ((caller & kTimes) < needed || level == 0) return false;
    caller = 0;
    tokens_ -= kHold;
    return true;
  }

  /// Asks the processor for what `admit` looks at.
  void prefetch(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&doors_[hash & (doors_.items().size() - 1)], 1);
  }

  [[nodiscard]] std::size_t memory() const noexcept { return doors_.items().size_bytes(); }

 private:
  static constexpr std::size_t kCallers = 8;
  static constexpr std::uint32_t kTimes = 0xff;
  static constexpr std::uint32_t kWho = ~kTimes;
  // The last that called first; who it was, and how often, in the lowest byte.
  using Door = std::array<std::uint32_t, kCallers>;

  Admission(ReservedMemory<Door> doors, std::size_t capacity) noexcept
      : doors_(std::move(doors)),
        rate_(capacity / 2),
        burst_(std::min<std::uint64_t>(kBurst, capacity / 2)),
        tokens_(burst_ * kHold) {}

  // Notes that `who` called, and returns where.
  static std::uint32_t& call(Door& door, std::uint32_t who) noexcept {
    const unsigned known = equal_lanes(door.data(), who, kWho);
    const auto at = known != 0 ? static_cast<std::size_t>(std::countr_zero(known)) : kCallers - 1;
    const std::uint32_t times = known != 0 ? door[at] & kTimes : 0;
    std::copy_backward(door.begin(), door.begin() + at, door.begin() + at + 1);
    door[0] = who | std::min(times + 1, kTimes);
    return door[0];
  }

  // Tokens are counted in parts of `kHold`, of which `rate_` come in a tick.
  void fill(Tick now) noexcept {
    if (!has_begun_) {
      has_begun_ = true;
      filled_ = now;
    }
    const Tick passed = elapsed(filled_, now);
    if (passed == 0) return;
    filled_ = now;
    tokens_ = std::min(burst_ * kHold, tokens_ + passed * rate_);
  }

  ReservedMemory<Door> doors_;
  std::uint64_t rate_;
  std::uint64_t burst_;
  std::uint64_t tokens_;
  Tick filled_ = 0;
  bool has_begun_ = false;
};

}  // namespace scanlogd
