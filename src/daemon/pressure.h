// Whether the tables of sources are too small for what comes: said aloud, because a scan may then
// be missed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace scanlogd {

/// Sources that had to be given up although they were fresh.
struct StatePressure {
  std::uint64_t new_sources = 0;  ///< a second
  std::uint64_t given_up = 0;     ///< in the last second; once it is over: in all
  std::chrono::seconds lasted{};  ///< once it is over
  bool is_over = false;
};

/// What is told of it, without a line end.
[[nodiscard]] std::string to_string(const StatePressure& pressure);

/// Turns the counts of detectors into what is to be told. Reads no clock.
class Pressure {
 public:
  /// Counts are compared this often; live sources given up are told of within this time.
  static constexpr std::chrono::seconds kInterval{1};
  /// As long as it lasts it is told of again after this time; and it lasts until nobody was given
  /// up for as long.
  static constexpr std::chrono::seconds kRepeat{10};

  /// By `now` detectors have given places to `new_sources`, and have taken away those of `evicted`
  /// live ones, ever. What is to be told now, if anything.
  [[nodiscard]] std::optional<StatePressure> look(std::uint64_t new_sources, std::uint64_t evicted,
                                                  std::chrono::nanoseconds now);

  /// Nothing more comes: the end of what is going on, if anything is. `evicted` as with `look`.
  [[nodiscard]] std::optional<StatePressure> finish(std::uint64_t evicted);

  /// Will there be something to tell although nothing new comes? `evicted` as with `look`.
  [[nodiscard]] bool is_waiting(std::uint64_t evicted) const noexcept {
    return is_on_ || evicted != evicted_;
  }

 private:
  std::optional<std::chrono::nanoseconds> looked_;
  std::uint64_t new_sources_ = 0;
  std::uint64_t evicted_ = 0;
  bool is_on_ = false;  ///< then the next four are about it
  std::chrono::nanoseconds since_{};
  std::chrono::nanoseconds latest_{};  ///< when live sources were last given up
  std::chrono::nanoseconds told_{};
  std::uint64_t given_up_ = 0;
};

}  // namespace scanlogd
