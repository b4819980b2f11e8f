// When and why packets may pass unseen, from what the captures and the kernel say.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/blind_interval.h"
#include "core/interface.h"

namespace scanlogd {

/// Turns events into blind intervals. Reads no clock: `now` comes with each call and never runs
/// backwards by more than it was set back. Bounded by the number of interfaces.
class Blindness {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// A gap shorter than this is told of only when it is over; a longer one also when it is this
  /// old.
  static constexpr std::chrono::seconds kPatience{1};
  /// Losses without end are told of in pieces of this length.
  static constexpr std::chrono::seconds kLongestOverload{10};

  /// Something happened to an interface. The captures heard of it at `heard`, and at `now` had
  /// answered `coverage`; one that is new is not seen before that.
  void follow(const InterfaceChange& change, Coverage coverage, Time heard, Time now);

  /// The captures have lost `total` packets so far. `calm` is when everything that had come was
  /// last known to be read. To be called at least once a second while packets come, and once after.
  void lost(std::uint64_t total, Time calm, Time now);

  /// The process goes on (SIGCONT), has lost `total` packets so far, and was at work at `calm`. If
  /// some are new, it was stopped; otherwise the kernel has kept everything, and nothing was
  /// missed.
  void stopped(std::uint64_t total, Time calm, Time now);

  /// What is to be told now; each interval is told once when it begins to be long and once when it
  /// is over.
  [[nodiscard]] std::vector<BlindInterval> take(Time now);

  /// What is still to be told when nothing more will be seen.
  [[nodiscard]] std::vector<BlindInterval> finish(Time now);

  /// Will `take` have something to tell without a further event?
  [[nodiscard]] bool is_waiting() const noexcept;

 private:
  struct Open {
    BlindInterval interval;
    bool is_told = false;
  };
  void begin(BlindCause cause, const std::string& interface, Time now);
  void end(const std::string& interface, Time now);
  void end_overload();
  [[nodiscard]] std::vector<Open>::iterator find(const std::string& interface);

  std::vector<Open> open_;  ///< one for each interface that is not seen
  bool is_losing_ = false;  ///< then the next three are about it
  Time losing_since_;
  Time last_loss_;
  std::uint64_t losing_ = 0;  ///< packets
  std::uint64_t lost_ = 0;    ///< ever
  std::vector<BlindInterval> over_;
};

}  // namespace scanlogd
