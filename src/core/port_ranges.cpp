// See port_ranges.h.
#include "core/port_ranges.h"

#include <algorithm>

namespace scanlogd {
namespace {

constexpr std::string_view kCut = "...";

/// Takes a number off the front of `text`. By hand: of millions of scans each has a dozen.
bool take_port(std::string_view& text, Port& port) noexcept {
  constexpr std::uint32_t kHighest = 65535;
  constexpr std::uint32_t kBase = 10;
  std::uint32_t value = 0;
  std::size_t digits = 0;
  for (; digits < text.size(); ++digits) {
    const auto digit = static_cast<std::uint32_t>(static_cast<unsigned char>(text[digits])) - '0';
    if (digit >= kBase) break;
    value = value * kBase + digit;
    if (value > kHighest) return false;
  }
  text.remove_prefix(digits);
  port = static_cast<Port>(value);
  return digits > 0;
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

bool read_ranges(std::string_view text, PortRanges& ranges) {
  ranges.clear();
  while (!text.empty() && text != kCut) {
    PortRange range;
    if (!take_port(text, range.first)) return false;
    range.last = range.first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      if (!take_port(text, range.last) || range.last < range.first) return false;
    }
    ranges.push_back(range);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return false;
    text.remove_prefix(1);
  }
  return true;
}

std::optional<PortRanges> parse_ranges(std::string_view text) {
  PortRanges ranges;
  if (!read_ranges(text, ranges)) return {};
  return merge(ranges, {});
}

}  // namespace scanlogd
