// One scan as a picture: what was probed, over time, from the sample that the store has of it. An
// SVG element (SVG 2) to stand in a page, without script and without style of its own; its classes
// are in html.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/probe_sample.h"
#include "core/scan.h"

namespace scanlogd::ctl {

/// In which order a scanner went through its ports, or hosts where it asked each for few ports.
enum class ProbeOrder : std::uint8_t { unclear, ascending, descending, mixed };

/// What a picture shows upwards.
enum class PictureAxis : std::uint8_t { ports, hosts };

/// Ports, or hosts if there are more of these and two ports at most.
[[nodiscard]] PictureAxis axis_of(const ProbeSample& sample);

/// The order; `unclear` for fewer than six points or for what is always the same.
[[nodiscard]] ProbeOrder order_of(const ProbeSample& sample);

/// Time from one probe to the next, on average; nothing for fewer than two.
[[nodiscard]] std::optional<std::chrono::nanoseconds> pace_of(const ProbeSample& sample);

/// `ports in ascending order, fast: a probe every 1.2 ms`; empty where nothing can be said.
[[nodiscard]] std::string describe_course(const ProbeSample& sample);

/// The picture of a scan whose sample has points. A point is a circle, what was found open a
/// diamond. Its title and description have the id of the scan in theirs.
[[nodiscard]] std::string draw_scan(const Scan& scan, const ProbeSample& sample);

/// The same for a scan that has no sample: its ports in the order in which they were first seen.
[[nodiscard]] std::string draw_first_ports(const Scan& scan);

/// The points as a table.
[[nodiscard]] std::string list_points(const ProbeSample& sample);

}  // namespace scanlogd::ctl
