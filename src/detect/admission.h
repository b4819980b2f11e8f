// Who gets a place in the table of sources. As many newcomers as may come without harm are let in
// at once; beyond that a source has to come several times. So no flood, at any rate, turns the
// table over faster than in two hours, and a scanner, who comes again, still gets in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/source_key.h"

namespace scanlogd {

/// Tokens and a doorkeeper: a cell for each hash, with the last source that came and how often.
class Admission {
 public:
  static constexpr Tick kHold = 2 * kHour;
  static constexpr std::uint32_t kBurst = 4096;

  /// For a table of `capacity`.
  [[nodiscard]] static Result<Admission> make(std::size_t capacity) {
    constexpr std::size_t kMostCells = 131072;
    auto cells =
        ReservedMemory<std::uint32_t>::make(std::min(kMostCells, 2 * capacity), "doorkeeper");
    if (!cells) return std::unexpected(cells.error());
    return Admission(std::move(*cells), capacity);
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
    std::uint32_t& cell = cells_.items()[hash & (cells_.items().size() - 1)];
    const auto tag = static_cast<std::uint32_t>(hash >> 40);
    const std::uint32_t times = cell >> 8 == tag ? (cell & 0xff) + 1 : 1;
    if (times >= needed && level > 0) {
      cell = 0;
      tokens_ -= kHold;
      return true;
    }
    cell = tag << 8 | std::min<std::uint32_t>(times, 0xff);
    return false;
  }

  [[nodiscard]] std::size_t memory() const noexcept { return cells_.items().size_bytes(); }

 private:
  Admission(ReservedMemory<std::uint32_t> cells, std::size_t capacity) noexcept
      : cells_(std::move(cells)),
        rate_(capacity / 2),
        burst_(std::min<std::uint64_t>(kBurst, capacity / 2)),
        tokens_(burst_ * kHold) {}

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

  ReservedMemory<std::uint32_t> cells_;
  std::uint64_t rate_;
  std::uint64_t burst_;
  std::uint64_t tokens_;
  Tick filled_ = 0;
  bool has_begun_ = false;
};

}  // namespace scanlogd
