// What sinks get: a scan on record, or a notice about ourselves. Sinks never see packets.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/scan_event.h"

namespace scanlogd {

/// What the log limiter decided for a scan (man page: more than 5 scans in 20 seconds).
enum class Announce : std::uint8_t {
  line,         ///< gets its own line
  more_follow,  ///< its place is taken by "More possible port scans follow"
  held_back,    ///< no line; on record all the same
  digest,       ///< no line of its own; a digest line names it
};

/// Where a message stands among all that ever went to sinks. Numbers rise by one from message to
/// message, across restarts too as long as the store is the same; `boot` tells one run from
/// another.
struct Stamp {
  std::uint64_t boot = 0;
  std::uint64_t sequence = 0;

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// One scan on record, as it stands at `event.phase`.
struct Scan {
  /// Given before any limit, larger than all before. Without a store 1, 2, 3 ... since start.
  std::uint64_t id = 0;
  std::chrono::system_clock::time_point started;   ///< first packet, wall clock
  std::chrono::system_clock::time_point detected;  ///< when it was found, wall clock
  std::chrono::system_clock::time_point last;      ///< latest packet, wall clock
  std::chrono::system_clock::time_point at;        ///< when this was said, wall clock
  Announce announce = Announce::line;
  ScanEvent event;
  std::string unit;   ///< of `event.sender`, cleaned (`clean_unit`); empty: not known
  std::string ports;  ///< every port known, as ranges: `1-1024,3306` (core/port_ranges.h)
  std::vector<Address> sources;  ///< of a group, `ScanSources::kMost` of them; empty: see the event
  std::string sample;            ///< of its probes, packed (core/probe_sample.h); empty: as it was

  /// The sources of a group, as far as they are known.
  [[nodiscard]] std::span<const Address> group() const noexcept {
    if (!sources.empty()) return sources;
    return std::span(event.group).first(event.group_count);
  }

  [[nodiscard]] bool has_ended() const noexcept { return event.phase == Phase::end; }
};

/// How urgent a notice is; the values are the syslog severities (RFC 5424 6.2.1). `alert` is what
/// scan lines are.
enum class Severity : std::uint8_t { alert = 1, error = 3, warning = 4, info = 6 };

/// Something the administrator should know about the daemon itself, such as lost packets; or, with
/// severity `alert`, about scans that get no line of their own.
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

/// One message to sinks.
struct Message {
  Stamp stamp;
  std::variant<Scan, Notice> content;
};

}  // namespace scanlogd
