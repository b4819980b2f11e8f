// What `--what-if` says: the same packets, judged as configured and by other settings, and which
// scans are found by one of the two only. Packets come from the loop over capture files or from the
// probes on record (probe_replay.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/packet.h"
#include "core/scan_event.h"
#include "daemon/analysis.h"
#include "daemon/quiet_outlet.h"
#include "daemon/scan_comparison.h"

namespace scanlogd {

/// Keeps what each of two ways to judge finds; the accounts are those of the first.
class WhatIf final : public QuietOutlet {
 public:
  /// `as_is` judges as configured, `other` as is asked.
  WhatIf(Analysis as_is, Analysis other)
      : QuietOutlet(std::move(as_is)),
        other_(std::move(other)),
        copy_(std::make_unique<PacketBatch>()) {}

  /// Judges twice.
  void process(PacketBatch& batch) override;
  /// For both.
  void advance(std::chrono::nanoseconds now,
               std::chrono::nanoseconds wall_minus_monotonic) override;
  [[nodiscard]] Result<void> failure() const override { return {}; }

  /// The scans, after the end.
  [[nodiscard]] ScanComparison comparison() const {
    return compare(found_as_is_.scans(), found_other_.scans());
  }
  /// Scans that there was no room for, of both.
  [[nodiscard]] std::uint64_t left_out() const noexcept {
    return found_as_is_.left_out() + found_other_.left_out();
  }

 private:
  Analysis other_;
  std::unique_ptr<PacketBatch> copy_;
  ScanFindings found_as_is_;
  ScanFindings found_other_;
};

/// What was compared, to be said beside the result.
struct WhatIfFacts {
  std::string settings;            ///< `threshold=10, delay=5s`
  std::vector<std::string> notes;  ///< what limits the result, a line each
};

/// How many scans of each kind are listed in text; the rest is counted.
inline constexpr std::size_t kMostListed = 20;
/// And how many in JSON.
inline constexpr std::size_t kMostInJson = 1000;

/// `3 more, 12 fewer, 40 the same`, then which, and those of the same that are found earlier or
/// later.
[[nodiscard]] std::string to_text(const ScanComparison& comparison, const WhatIfFacts& facts);

/// The same as one JSON object on a line (docs/formats.md).
[[nodiscard]] std::string to_json(const ScanComparison& comparison, const WhatIfFacts& facts);

}  // namespace scanlogd
