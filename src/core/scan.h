// What sinks get: a scan on record, or a notice about ourselves. Sinks never see packets.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/scan_event.h"

namespace scanlogd {

/// What the log limiter decided for a scan (man page: more than 5 scans in 20 seconds).
enum class Announce : std::uint8_t {
  line,         ///< gets its own line
  more_follow,  ///< its place is taken by "More possible port scans follow"
  held_back,    ///< no line; on record all the same
};

/// One scan on record.
struct Scan {
  std::uint64_t id = 0;  ///< 1, 2, 3 ... since start, given before any limit
  std::chrono::system_clock::time_point started;   ///< wall clock
  std::chrono::system_clock::time_point detected;  ///< wall clock
  Announce announce = Announce::line;
  ScanEvent event;
};

/// How urgent a notice is; the values are the syslog severities (RFC 5424 6.2.1).
enum class Severity : std::uint8_t { error = 3, warning = 4, info = 6 };

/// Something the administrator should know about the daemon itself, such as lost packets.
struct Notice {
  static constexpr std::size_t kCapacity = 1536;

  Severity severity = Severity::info;
  std::chrono::system_clock::time_point at;
  std::uint16_t length = 0;
  std::array<char, kCapacity> text{};  ///< printable ASCII, no line end

  [[nodiscard]] std::string_view view() const noexcept { return {text.data(), length}; }
};

/// A notice with `text` cut to capacity; bytes outside 0x20-0x7e become '?'.
[[nodiscard]] Notice make_notice(Severity severity, std::chrono::system_clock::time_point at,
                                 std::string_view text) noexcept;

}  // namespace scanlogd
