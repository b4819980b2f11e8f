// Sets of ports as ascending ranges, and their text: `1-1024,3306`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/scan_event.h"

namespace scanlogd {

/// Ascending, not overlapping, not adjacent.
using PortRanges = std::vector<PortRange>;

/// `ports`, in any order and with repetitions, as ranges.
[[nodiscard]] PortRanges to_ranges(std::span<const Port> ports);

/// The union of two sets; each may also be in any order.
[[nodiscard]] PortRanges merge(std::span<const PortRange> one, std::span<const PortRange> other);

/// How many ports these are.
[[nodiscard]] std::uint32_t count(std::span<const PortRange> ranges) noexcept;

/// `1-1024,3306`; empty for none. Where more than `most` bytes would be needed, as many ranges as
/// fit and `...`.
[[nodiscard]] std::string to_string(std::span<const PortRange> ranges,
                                    std::size_t most = std::string::npos);

/// Parses what `to_string` makes (a `...` at the end is passed over); nullopt for anything else.
[[nodiscard]] std::optional<PortRanges> parse_ranges(std::string_view text);

/// The same into `ranges`, whose memory is used again, and as they stand there; false where
/// `parse_ranges` gives nothing.
[[nodiscard]] bool read_ranges(std::string_view text, PortRanges& ranges);

}  // namespace scanlogd
