// See port_ranges.h.
#include "core/port_ranges.h"

#include <algorithm>
#include <charconv>

namespace scanlogd {
namespace {

constexpr std::string_view kCut = "...";

std::optional<Port> take_port(std::string_view& text) noexcept {
  Port port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc()) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return port;
}

}  // namespace

PortRanges to_ranges(std::span<const Port> ports) {
  PortRanges ranges;
  ranges.reserve(ports.size());
  for (const Port port : ports) ranges.push_back({.first = port, .last = port});
  return merge(ranges, {});
}

PortRanges merge(std::span<const PortRange> one, std::span<const PortRange> other) {
  PortRanges all(one.begin(), one.end());
  all.insert(all.end(), other.begin(), other.end());
  std::ranges::sort(all, {}, &PortRange::first);
  PortRanges merged;
  for (const PortRange& range : all) {
    // Wider than a port, so that 65535 has a successor.
    const std::uint32_t next = merged.empty() ? 0 : std::uint32_t{merged.back().last} + 1;
    if (!merged.empty() && range.first <= next) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

std::uint32_t count(std::span<const PortRange> ranges) noexcept {
  std::uint32_t sum = 0;
  for (const PortRange& range : ranges) sum += std::uint32_t{range.last} - range.first + 1;
  return sum;
}

std::string to_string(std::span<const PortRange> ranges, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    std::string one = text.empty() ? "" : ",";
    one += std::to_string(ranges[i].first);
    if (ranges[i].last != ranges[i].first) one += "-" + std::to_string(ranges[i].last);
    // What follows may turn out to be one mark of its absence.
    const std::size_t mark = i + 1 == ranges.size() ? 0 : 1 + kCut.size();
    if (text.size() + one.size() + mark > most) {
      text += text.empty() ? "" : ",";
      return text.append(kCut);
    }
    text += one;
  }
  return text;
}

std::optional<PortRanges> parse_ranges(std::string_view text) {
  PortRanges ranges;
  while (!text.empty() && text != kCut) {
    const auto first = take_port(text);
    if (!first) return {};
    PortRange range{.first = *first, .last = *first};
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      const auto last = take_port(text);
      if (!last || *last < *first) return {};
      range.last = *last;
    }
    ranges.push_back(range);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return {};
    text.remove_prefix(1);
  }
  return merge(ranges, {});
}

}  // namespace scanlogd
