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
#include "daemon/pipeline.h"
#include "daemon/scan_comparison.h"

namespace scanlogd {

/// Takes the place of the pipeline; reports nothing and keeps what each of two ways to judge finds.
class WhatIf final : public Outlet {
 public:
  /// `as_is` judges as configured, `other` as is asked.
  WhatIf(Analysis as_is, Analysis other)
      : as_is_(std::move(as_is)),
        other_(std::move(other)),
        copy_(std::make_unique<PacketBatch>()) {}

  /// Judges twice.
  void process(PacketBatch& batch) override;
  /// For both.
  void advance(std::chrono::nanoseconds now,
               std::chrono::nanoseconds wall_minus_monotonic) override;
  [[nodiscard]] bool has_open_scans() const noexcept override { return false; }
  void settle() override {}
  /// A file does not know.
  void ask_senders(const Captures& /*captures*/) noexcept override {}
  /// Kept for `notices`.
  void notify(Severity severity, std::string_view text) override;
  /// For `accounts`.
  void report_accounts(const Captures& captures) override {
    accounts_ = packets_to_string(as_is_.accounts(captures), as_is_.names());
  }
  /// Those of the analysis as configured, and the captures.
  [[nodiscard]] EngineAccounts count(const Captures& captures) const override {
    return as_is_.accounts(captures);
  }
  /// Asks the detectors as configured.
  [[nodiscard]] SourceExplanation explain(const Address& source) override {
    return as_is_.explain(source);
  }
  /// Nobody asks for that.
  void adopt(const EngineSettings& /*settings*/) override {}
  /// There is no other side.
  [[nodiscard]] int fd() const noexcept override { return -1; }
  [[nodiscard]] Heard listen() override { return Heard::something; }
  /// Nothing waits.
  void flush(Flush /*how*/) noexcept override {}
  [[nodiscard]] bool waiting() const noexcept override { return false; }
  /// Leaves the accounts.
  void end(const Captures& captures) override { report_accounts(captures); }
  [[nodiscard]] Result<void> failure() const override { return {}; }

  /// What became of all packets as configured, after the end.
  [[nodiscard]] const std::string& accounts() const noexcept { return accounts_; }
  /// What there is to know besides, such as a file that breaks off.
  [[nodiscard]] const std::vector<std::string>& notices() const noexcept { return notices_; }
  /// The scans, after the end.
  [[nodiscard]] ScanComparison comparison() const {
    return compare(found_as_is_.scans(), found_other_.scans());
  }
  /// Scans that there was no room for, of both.
  [[nodiscard]] std::uint64_t left_out() const noexcept {
    return found_as_is_.left_out() + found_other_.left_out();
  }

 private:
  Analysis as_is_;
  Analysis other_;
  std::unique_ptr<PacketBatch> copy_;
  ScanFindings found_as_is_;
  ScanFindings found_other_;
  std::vector<std::string> notices_;
  std::string accounts_;
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
