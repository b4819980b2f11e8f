// A time in which packets may have passed unseen, and how the log says so.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scanlogd {

/// Why packets were not seen.
enum class BlindCause : std::uint8_t {
  overload,        ///< they came faster than they were read
  stopped,         ///< the process was stopped (SIGSTOP, a debugger, a frozen cgroup)
  interface_down,  ///< the interface was switched off
  interface_gone,  ///< the interface was removed or renamed away
  not_watched,     ///< the interface came when the right to watch it had been given up
};

/// One such time, a plain value. Times are wall clock.
struct BlindInterval {
  BlindCause cause = BlindCause::overload;
  std::string interface;  ///< its name; empty: all of them
  std::chrono::system_clock::time_point start;
  std::optional<std::chrono::system_clock::time_point> end;  ///< empty: it goes on
  std::optional<std::uint64_t> packets;                      ///< lost, where that is known

  friend bool operator==(const BlindInterval&, const BlindInterval&) = default;
};

/// `blind on eth0 since 2026-01-31T10:00:00.123Z: interface is down`, or with an end
/// `blind on eth0 from 2026-01-31T10:00:00.123Z to 2026-01-31T10:00:01.456Z (1.333 s): interface
/// was down; packets lost: unknown`. UTC, ISO 8601.
[[nodiscard]] std::string to_string(const BlindInterval& blind);

/// What `to_string` wrote, read again; nullopt for any other text. Times are to the millisecond.
[[nodiscard]] std::optional<BlindInterval> parse_blind_interval(std::string_view text);

}  // namespace scanlogd
