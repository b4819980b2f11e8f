// The first half of a packet's way: batch -> detectors -> events.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/packet.h"
#include "core/scan_event.h"
#include "daemon/accounts.h"
#include "detect/detector.h"

namespace scanlogd {

/// A detector and the name it goes by in the accounts.
struct NamedDetector {
  std::string_view name;
  std::unique_ptr<Detector> detector;
};

/// Owns the detectors of one engine. Allocates nothing per packet.
class Analysis {
 public:
  /// `local`: targets that count, empty for all.
  Analysis(std::vector<NamedDetector> detectors, std::vector<Network> local);

  /// Judges the packets of `batch` (which it may reorder away: packets to foreign targets are
  /// removed) and calls `take(event)` for each scan found.
  template <class Take>
  void process(PacketBatch& batch, Take take) {
    keep_local_targets(batch);
    accounts_.inspected += batch.size;
    for (const NamedDetector& each : detectors_) {
      events_->clear();
      each.detector->inspect(batch.view(), *events_);
      accounts_.found += events_->view().size();
      for (const ScanEvent& event : events_->view()) take(event);
    }
  }

  /// What was counted here and by `captures`; `unsent` is for whoever sends.
  [[nodiscard]] EngineAccounts accounts(const Captures& captures) const noexcept;

  /// What the counters in the accounts are called.
  [[nodiscard]] std::vector<CounterNames> names() const;

  /// Bytes the detectors may come to occupy.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  void keep_local_targets(PacketBatch& batch) noexcept;

  std::vector<NamedDetector> detectors_;
  std::vector<Network> local_;
  std::unique_ptr<EventList> events_;
  EngineAccounts accounts_;
};

}  // namespace scanlogd
