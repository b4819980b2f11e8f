// System calls of a loop that fail although they should not: want of memory, a fault of the kernel.
// Most of it passes, so nobody gives up; but nobody may spin over it either.
#pragma once

#include <chrono>
#include <optional>

namespace scanlogd {

/// What a loop does about calls that fail: goes on, ten times a second.
class Trouble {
 public:
  using Clock = std::chrono::steady_clock;

  /// How long a loop rests after a round in which something failed.
  static constexpr std::chrono::milliseconds kRest{100};
  /// How often it is told of as long as it goes on.
  static constexpr std::chrono::minutes kRepeat{1};
  /// Rounds in which something was ready in vain.
  static constexpr unsigned kMostVain = 3;

  /// Something has failed in this round. True if it is to be told.
  [[nodiscard]] bool note(Clock::time_point now) noexcept;

  /// A descriptor that poll(2) called ready had nothing to give. That happens; in the last of
  /// `kMostVain` rounds in succession it is a fault, and true.
  [[nodiscard]] bool note_vain() noexcept;

  /// At the end of a round: rests if something has failed. What poll(2) would have said cannot be
  /// relied upon then: the next round has to visit everybody, which `visits_all` says.
  void rest() noexcept;

  [[nodiscard]] bool visits_all() const noexcept { return visits_all_; }

 private:
  bool is_noted_ = false;
  bool visits_all_ = false;
  bool is_vain_ = false;      ///< this round
  unsigned vain_rounds_ = 0;  ///< before it, in succession
  std::optional<Clock::time_point> told_;
};

}  // namespace scanlogd
