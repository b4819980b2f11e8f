// How scanlogctl words values for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/scan.h"

namespace scanlogd::ctl {

/// `2026-11-22 22:40:40`, local time.
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point at);

/// `11-22 22:40`, or `2025-11-22` for what is months away from `now`; local time.
[[nodiscard]] std::string format_short_time(std::chrono::system_clock::time_point at,
                                            std::chrono::system_clock::time_point now);

/// `850 ms`, `12 s`, `5 min`, `3 h 20 min`, `4 d 2 h`; nothing shorter than 0.
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds length);

/// `512 B`, `3.4 kB`, `12.0 MB`.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// `1,234,567`.
[[nodiscard]] std::string format_count(std::uint64_t count);

/// How many ports: what the detector counted, or else what is listed.
[[nodiscard]] std::uint64_t count_ports(const Scan& scan);

/// All ports as ranges, or else those listed in the order seen.
[[nodiscard]] std::string list_ports(const Scan& scan);

/// `syn vertical`, or `TCP vertical` where the technique is not known.
[[nodiscard]] std::string summarise(const Scan& scan);

/// The source; of a network of sources its prefix too: `2001:db8::/64`.
[[nodiscard]] std::string name_source(const Scan& scan);

/// The first target, and how many more there were.
[[nodiscard]] std::string name_targets(const Scan& scan);

}  // namespace scanlogd::ctl
