// What was told lately about ourselves, for whoever asks instead of reading the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "core/scan.h"

namespace scanlogd {

/// Remembers the latest troubles, and where we are blind.
class NoticeBoard {
 public:
  static constexpr std::size_t kMostTroubles = 8;
  /// Interfaces that are blind at the same time and remembered.
  static constexpr std::size_t kMostBlind = 64;

  /// Takes note of a notice that is a warning or an error.
  void add(const Notice& notice);

  /// The latest warnings and errors, the oldest first.
  [[nodiscard]] const std::deque<Notice>& troubles() const noexcept { return troubles_; }

  /// What was said of the blind intervals that go on, by interface.
  [[nodiscard]] const std::map<std::string, std::string>& blind() const noexcept { return blind_; }

  /// Blind intervals that are over.
  [[nodiscard]] std::uint64_t blind_before() const noexcept { return blind_before_; }

 private:
  std::deque<Notice> troubles_;
  std::map<std::string, std::string> blind_;
  std::uint64_t blind_before_ = 0;
};

}  // namespace scanlogd
