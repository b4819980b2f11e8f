// What `scanlogd -r FILE --explain ADDRESS` says: the loop over the captures feeds the detectors as
// ever, but what they find is told of one source only, step by step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/scan_event.h"
#include "core/source_diary.h"
#include "core/source_explanation.h"
#include "daemon/analysis.h"
#include "daemon/pipeline.h"

namespace scanlogd {

/// Keeps the diary of a source through capture files.
class Explainer final : public Outlet {
 public:
  Explainer(Analysis analysis, const Address& source);
  Explainer(const Explainer&) = delete;
  Explainer& operator=(const Explainer&) = delete;
  ~Explainer() override { analysis_.keep_diary(nullptr); }

  /// Judges; of what is found only the scans are kept that the source has a part in.
  void process(PacketBatch& batch) override;
  /// At the end of time the sums are taken down before the scans end.
  void advance(std::chrono::nanoseconds now,
               std::chrono::nanoseconds wall_minus_monotonic) override;
  [[nodiscard]] bool has_open_scans() const noexcept override { return false; }
  void settle() override {}
  /// A file does not know.
  void ask_senders(const Captures& /*captures*/) noexcept override {}
  /// Kept for `lines`.
  void notify(Severity severity, std::string_view text) override;
  /// For `accounts`.
  void report_accounts(const Captures& captures) override {
    accounts_ = packets_to_string(analysis_.accounts(captures), analysis_.names());
  }
  /// Those of the analysis and the captures.
  [[nodiscard]] EngineAccounts count(const Captures& captures) const override {
    return analysis_.accounts(captures);
  }
  /// Asks the detectors.
  [[nodiscard]] SourceExplanation explain(const Address& source) override {
    return analysis_.explain(source);
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
  /// The profile keeps no sums.
  [[nodiscard]] Result<void> failure() const override { return failure_; }

  /// What became of all packets of the captures, after the end.
  [[nodiscard]] const std::string& accounts() const noexcept { return accounts_; }
  /// All that is to be said, after the end.
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  template <class Found>
  void take(const Found& /*found*/) {}
  void take(const ScanEvent& event);
  [[nodiscard]] bool concerns(const ScanEvent& event) const noexcept;
  [[nodiscard]] std::string conclusion() const;
  [[nodiscard]] std::string packets_line() const;

  Address source_;
  Analysis analysis_;
  SourceDiary diary_;
  std::vector<ScanEvent> events_;  ///< begins and ends of its scans
  std::vector<std::string> notices_;
  SourceExplanation last_;
  std::string accounts_;
  std::uint64_t packets_ = 0;  ///< of the source, as they came
  Result<void> failure_;
};

}  // namespace scanlogd
