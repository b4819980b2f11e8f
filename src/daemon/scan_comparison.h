// Two lists of the scans that were found in the same packets, by two ways to judge, and what one
// has that the other has not. Knows no detector and no file.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/address.h"
#include "core/scan_event.h"

namespace scanlogd {

/// A scan as one way to judge has found it.
struct ScanFinding {
  std::chrono::nanoseconds started{};   ///< first packet, since the epoch; likewise below
  std::chrono::nanoseconds detected{};  ///< when it was found
  std::chrono::nanoseconds last{};      ///< its latest packet
  Address source{};
  Address target{};                  ///< the first
  std::uint64_t probes_to_find = 0;  ///< how many it had sent when it was found
  std::uint64_t probes = 0;          ///< all
  std::uint32_t ports = 0;
  std::uint32_t hosts = 0;
  std::uint8_t source_prefix = 0;  ///< of a network of sources: its length; else 0
  ScanKind kind = ScanKind::vertical;
  ScanRule rule = ScanRule::classic;
  Technique technique = Technique::unknown;
};

/// Gathers the scans of one way to judge.
class ScanFindings {
 public:
  /// More are counted only.
  static constexpr std::size_t kMost = 100'000;

  /// Takes what a detector says; what is no scan (a flood, backscatter) is left out.
  /// `wall_minus_monotonic` as in `PacketBatch`.
  void take(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic);

  /// In the order they were found.
  [[nodiscard]] const std::vector<ScanFinding>& scans() const noexcept { return scans_; }
  /// Scans that there was no room for.
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

 private:
  std::vector<ScanFinding> scans_;
  std::unordered_map<std::uint64_t, std::size_t> open_;  ///< by `ScanEvent::record`
  std::uint64_t left_out_ = 0;
};

/// One scan as both have found it.
struct FoundByBoth {
  ScanFinding one;
  ScanFinding other;

  [[nodiscard]] bool is_earlier() const noexcept { return other.detected < one.detected; }
  [[nodiscard]] bool is_later() const noexcept { return one.detected < other.detected; }
};

/// What the other has that the one has not, and so on; each in the order it was found.
struct ScanComparison {
  std::vector<ScanFinding> more;   ///< only the other has found it
  std::vector<ScanFinding> fewer;  ///< only the one
  std::vector<FoundByBoth> same;
};

/// Compares. Two scans are the same if they come from one source (network; if of many sources: go
/// to one target) and overlap in time; where several do, first those of the same technique and
/// target.
[[nodiscard]] ScanComparison compare(const std::vector<ScanFinding>& one,
                                     const std::vector<ScanFinding>& other);

/// Do both come from one source and overlap in time, as `compare` has it?
[[nodiscard]] bool is_same(const ScanFinding& one, const ScanFinding& other) noexcept;

}  // namespace scanlogd
