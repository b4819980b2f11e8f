// The log line of scanlogd(8), byte for byte as the original prints it; docs/formats.md has the
// EBNF.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "core/scan.h"

namespace scanlogd {

/// The longest line: 160 bytes of syslog less 40 for its header, as the original counts.
inline constexpr std::size_t kMaxLineLength = 120;

/// The longest line of a scan that another rule than the original's found, or that has ended.
inline constexpr std::size_t kMaxLongLineLength = 240;

/// What takes the place of the sixth line in 20 seconds.
inline constexpr std::string_view kMoreFollow = "More possible port scans follow";

/// Where a line is formatted; large enough for every line.
using LineBuffer = std::array<char, 512>;

/// Has this scan, as it stands, a line?
[[nodiscard]] constexpr bool has_line(const Scan& scan) noexcept {
  return scan.announce == Announce::line || scan.announce == Announce::more_follow;
}

/// The line of `scan` according to its `announce`: the scan line, that of its end, the limiter's
/// last word, or an empty view. Where another rule than the original's found it, what it is and
/// what else is known stands before the `@`. Local time is that of the loaded time zone. An IPv6
/// source or target stands in brackets. No line end.
[[nodiscard]] std::string_view format_classic_line(const Scan& scan, LineBuffer& buffer);

/// `Mon DD HH:MM:SS` of `at` in local time, as RFC 3164 4.1.2 wants it (day padded with a space).
[[nodiscard]] std::string_view format_syslog_time(std::chrono::system_clock::time_point at,
                                                  std::array<char, 16>& buffer) noexcept;

/// The eight flag characters "fsrpauxy": upper case always set, lower case never, '?' both seen.
[[nodiscard]] std::array<char, 8> format_flags(std::uint8_t flags_or,
                                               std::uint8_t flags_and) noexcept;

}  // namespace scanlogd
