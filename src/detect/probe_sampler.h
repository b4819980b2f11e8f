// Takes a sample of the probes of one scan as they come, in fixed memory: one out of each block of
// 2^n, n growing so that the sample stays small. No packet costs more than a comparison, but for
// those that are taken.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/probe_sample.h"

namespace scanlogd {

/// The sample of one scan, in less than 2 kB. Whatever its memory holds, `clear` makes it one.
/// Which probe of a block is taken depends on `seed` only, so that the same scan gives the same
/// sample, and no rhythm of its probes shows instead of the scan.
class ProbeSampler {
 public:
  /// Probes taken lately, among which the one that was answered is looked for.
  static constexpr std::size_t kRecent = 16;

  /// Forgets all.
  void clear(std::uint64_t seed) noexcept;

  /// A probe came: is it to be taken?
  [[nodiscard]] bool wants() noexcept { return seen_++ == next_; }
  /// Takes it; `mark` is what its answer will be known by, or 0. Times are kept in microseconds
  /// since the first, of IPv6 targets the upper 96 bits are taken to be the first one's.
  void take(const ProbePoint& point, std::uint32_t mark) noexcept;

  /// The probe of that mark was answered, if it was taken, and lately.
  void note(std::uint32_t mark, ProbeOutcome outcome) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  /// All that was taken, in order.
  void copy_to(ScanSample& sample) const noexcept;

 private:
  /// 48 bits of time in parts that need no padding.
  struct Kept {
    std::uint32_t host;
    std::uint32_t time;
    std::uint16_t time_high;
    Port port;
  };
  struct Kind {
    ProbeOutcome outcome;
    bool has_target;
  };

  void halve() noexcept;
  [[nodiscard]] std::uint64_t random(std::uint64_t block) const noexcept;
  [[nodiscard]] Address target_of(const Kept& kept) const noexcept;

  std::uint64_t seen_;
  std::uint64_t next_;  ///< the number of the probe to be taken
  std::uint64_t seed_;
  std::chrono::nanoseconds first_;
  Address target_;  ///< the first one
  std::uint8_t shift_;
  std::uint16_t count_;
  std::array<std::uint32_t, kRecent> marks_;  ///< of the point i at i % kRecent
  std::array<Kept, ScanSample::kMaxPoints> points_;
  std::array<Kind, ScanSample::kMaxPoints> kinds_;
};
static_assert(sizeof(ProbeSampler) <= 2000);

}  // namespace scanlogd
