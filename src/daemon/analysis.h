// The first half of a packet's way: batch -> detectors -> events.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/capture.h"
#include "core/address.h"
#include "core/packet.h"
#include "core/scan_event.h"
#include "core/source_diary.h"
#include "core/source_explanation.h"
#include "daemon/accounts.h"
#include "daemon/pressure.h"
#include "daemon/reload.h"
#include "detect/detector.h"

namespace scanlogd {

/// A detector and the name it goes by in the accounts.
struct NamedDetector {
  std::string_view name;
  std::unique_ptr<Detector> detector;
  bool wants_outgoing = false;  ///< `Interest::outgoing`
};

/// Owns the detectors of one engine. Allocates nothing per packet.
class Analysis {
 public:
  /// How often detectors are told that time goes on, at least.
  static constexpr std::chrono::seconds kAdvanceInterval{1};

  /// `local`: targets that count, empty for all. To detectors that want what is sent, too, these
  /// are our own networks, and whatever comes from there or goes there counts.
  Analysis(std::vector<NamedDetector> detectors, std::vector<Network> local);

  /// Judges the packets of `batch` (which it may reorder away: packets to foreign targets are
  /// removed) and calls `take(value)` for all that is to be said: `ScanPorts`, `ScanSources` and
  /// `ScanSample` first, then each `ScanEvent`, then a `StatePressure`.
  template <class Take>
  void process(PacketBatch& batch, Take take) {
    keep_local(batch);
    accounts_.inspected += batch.size;
    for (const NamedDetector& each : detectors_) {
      events_->clear();
      each.detector->inspect(batch.view(), *events_);
      pass_on(take);
    }
    if (batch.size == 0) return;
    const std::chrono::nanoseconds now = batch.packets[batch.size - 1].time;
    if (now - advanced_ >= kAdvanceInterval || now < advanced_) advance(now, take);
  }

  /// Time has come to `now` (`Detector::advance`); `take` as with `process`.
  template <class Take>
  void advance(std::chrono::nanoseconds now, Take take) {
    advanced_ = now;
    for (const NamedDetector& each : detectors_) {
      do {
        events_->clear();
        each.detector->advance(now, *events_);
        pass_on(take);
      } while (!events_->view().empty());
    }
    if (const auto pressure = press(now)) take(*pressure);
  }

  /// Do scans go on, or is pressure to be told, so that `advance` is to be called although no
  /// packets come?
  [[nodiscard]] bool has_open_scans() const noexcept;

  /// The addresses that this machine has: what is local to detectors as long as nothing else is
  /// said to be.
  void set_own(std::vector<Network> addresses);

  /// Where to ask who sent what this machine did; nullptr: nowhere. Not owned.
  void set_captures(const Captures* captures) noexcept { captures_ = captures; }

  /// What the first detector that keeps something of sources makes of this one.
  [[nodiscard]] SourceExplanation explain(const Address& source);

  /// `Detector::keep_diary` of each.
  void keep_diary(SourceDiary* diary) noexcept;

  /// Judges by other settings from now on; what the detectors remember stays. An error says which
  /// of them take a new start.
  [[nodiscard]] Result<void> adopt(const EngineSettings& settings);

  /// What was counted here and by `captures`; `unsent` is for whoever sends.
  [[nodiscard]] EngineAccounts accounts(const Captures& captures) const noexcept;

  /// What the counters in the accounts are called.
  [[nodiscard]] std::vector<CounterNames> names() const;

  /// Bytes the detectors may come to occupy.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  template <class Take>
  void pass_on(Take& take) {
    for (const ScanPorts& ports : events_->ports()) take(ports);
    for (const ScanSources& sources : events_->sources()) take(sources);
    for (const ScanSample& sample : events_->samples()) take(sample);
    for (const ScanEvent& event : events_->view()) {
      if (event.phase == Phase::begin) ++accounts_.found;
      if (event.kind == ScanKind::egress && event.phase == Phase::begin) [[unlikely]] {
        ScanEvent named = event;
        named.sender = sender_of(event);
        take(std::as_const(named));
        continue;
      }
      take(event);
    }
  }

  [[nodiscard]] Sender sender_of(const ScanEvent& event) const noexcept;
  void keep_local(PacketBatch& batch) noexcept;
  void tell_local();
  [[nodiscard]] std::optional<StatePressure> press(std::chrono::nanoseconds now);

  std::vector<NamedDetector> detectors_;
  std::vector<Network> local_;
  std::vector<Network> own_;
  const Captures* captures_ = nullptr;
  bool keeps_sources_;  ///< packets from local networks, too
  std::unique_ptr<EventList> events_;
  std::chrono::nanoseconds advanced_{};  ///< the latest time that detectors were told
  Pressure pressure_;
  EngineAccounts accounts_;
};

}  // namespace scanlogd
