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
#include "daemon/quiet_outlet.h"

namespace scanlogd {

/// Keeps the diary of a source through capture files.
class Explainer final : public QuietOutlet {
 public:
  Explainer(Analysis all, const Address& source);
  Explainer(const Explainer&) = delete;
  Explainer& operator=(const Explainer&) = delete;
  ~Explainer() override { analysis().keep_diary(nullptr); }

  /// Judges; of what is found only the scans are kept that the source has a part in.
  void process(PacketBatch& batch) override;
  /// At the end of time the sums are taken down before the scans end.
  void advance(std::chrono::nanoseconds now,
               std::chrono::nanoseconds wall_minus_monotonic) override;
  /// The profile keeps no sums.
  [[nodiscard]] Result<void> failure() const override { return failure_; }

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
  SourceDiary diary_;
  std::vector<ScanEvent> events_;  ///< begins and ends of its scans
  SourceExplanation last_;
  std::uint64_t packets_ = 0;  ///< of the source, as they came
  Result<void> failure_;
};

}  // namespace scanlogd
