// Floods: more new sources in a second than any scan has. One event, and the detector of
// distributed scans is silent for as long as it lasts.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "detect/scan_records.h"
#include "detect/source_key.h"

namespace scanlogd {

/// The rate of new sources, smoothed over some seconds.
class Flood {
 public:
  /// New sources a second that make one.
  static constexpr std::uint64_t kRate = 200;

  /// What a second brought.
  enum class Change : std::uint8_t { none, begins, goes_on };

  /// Time has come to `now`, and there were `newcomers` in all.
  [[nodiscard]] Change pass(Tick now, std::uint64_t newcomers) noexcept {
    const Tick passed = elapsed(second_, now);
    if (passed < kSecond) return Change::none;
    const std::uint64_t rate = (newcomers - counted_) * kSecond / passed;
    counted_ = newcomers;
    second_ = now;
    rate_ = passed > 4 * kSecond ? rate : (rate_ + rate) / 2;
    if (rate_ <= kRate) {
      is_on_ = false;
      return Change::none;
    }
    if (is_on_) return Change::goes_on;
    is_on_ = true;
    begun_ = newcomers;
    return Change::begins;
  }

  [[nodiscard]] bool is_on() const noexcept { return is_on_; }
  /// New sources a second.
  [[nodiscard]] std::uint64_t rate() const noexcept { return rate_; }
  /// New sources since it began, when there were `newcomers` in all.
  [[nodiscard]] std::uint64_t sources(std::uint64_t newcomers) const noexcept {
    return newcomers - begun_ + rate_;
  }

  /// Its event.
  [[nodiscard]] ScanRecords::Handle record() const noexcept { return record_; }
  /// Sets it.
  void set_record(ScanRecords::Handle record) noexcept { record_ = record; }

 private:
  ScanRecords::Handle record_ = ScanRecords::kNoRecord;
  Tick second_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t rate_ = 0;
  std::uint64_t begun_ = 0;
  bool is_on_ = false;
};

}  // namespace scanlogd
