// Who gets a line in the log, and when: the man page's rule, or that rule with three things added
// so that it cannot be used to hide a scan.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/scan_event.h"
#include "record/limiter.h"

namespace scanlogd {

/// How the log is written.
enum class LogStyle : std::uint8_t {
  classic,  ///< exactly as the man page says; what is held back is on record only
  digest,   ///< what is held back is named in digest lines
};

/// Decides about lines. In style `digest`, sources whose address is proven have five lines in 20
/// seconds of their own, which spoofed ones cannot use up; a scan that got no line and goes on gets
/// one when there is one to be had; long scans get one at their end, also five in 20 seconds.
class Announcer {
 public:
  /// A scan that took longer, or asked for at least so many ports, gets a line at its end.
  static constexpr std::chrono::seconds kLongScan{60};
  static constexpr std::uint32_t kManyPorts = 100;

  /// What is to outlive the process.
  struct State {
    Limiter::State all, proven, ends, egress;
  };

  /// What a new scan gets, and whether "More possible port scans follow" is to be said besides.
  struct Decision {
    Announce announce = Announce::line;
    bool says_more_follow = false;
  };

  explicit Announcer(LogStyle style) noexcept : style_(style) {}

  [[nodiscard]] LogStyle style() const noexcept { return style_; }

  /// `now` is monotonic, as in all below.
  [[nodiscard]] Decision begin(Verdict verdict, std::chrono::nanoseconds now) noexcept;

  /// The same of a scan by this machine, which has five lines in 20 seconds of its own: nobody
  /// outside can use them up.
  [[nodiscard]] Decision begin_egress(std::chrono::nanoseconds now) noexcept;

  /// May a scan that was to be named in a digest and goes on have a line of its own now?
  [[nodiscard]] bool admit_late(Verdict verdict, std::chrono::nanoseconds now) noexcept;

  /// May this scan, which has ended, have a line?
  [[nodiscard]] bool admit_end(const ScanEvent& event, std::chrono::nanoseconds now) noexcept;

  [[nodiscard]] State state() const noexcept;
  /// Takes up what another process left.
  void restore(const State& state) noexcept;

 private:
  LogStyle style_;
  Limiter all_;
  Limiter proven_;
  Limiter ends_;
  Limiter egress_;
};

}  // namespace scanlogd
