// See wording.h.
#include "ctl/wording.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <span>

#include "core/port_ranges.h"
#include "core/scan_names.h"
#include "core/scan_words.h"

namespace scanlogd::ctl {

std::string format_time(std::chrono::system_clock::time_point at) {
  const time_t clock = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  tm parts{};
  (void)::localtime_r(&clock, &parts);  // fails only past the year 2^31; zeros are printed then
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_short_time(std::chrono::system_clock::time_point at,
                              std::chrono::system_clock::time_point now) {
  constexpr std::chrono::days kLong{300};
  const std::string whole = format_time(at);
  constexpr std::size_t kDate = 10;
  if (now - at > kLong || at - now > kLong) return whole.substr(0, kDate);
  constexpr std::size_t kMonth = 5;
  constexpr std::size_t kMinute = 16;
  return whole.substr(kMonth, kMinute - kMonth);
}

std::string format_duration(std::chrono::nanoseconds length) {
  using namespace std::chrono_literals;
  length = std::max(length, 0ns);
  if (length < 1s) return fmt::format("{} ms", length / 1ms);
  if (length < 1min) return fmt::format("{} s", length / 1s);
  if (length < 1h) return fmt::format("{} min", length / 1min);
  if (length < 24h) return fmt::format("{} h {} min", length / 1h, length % 1h / 1min);
  return fmt::format("{} d {} h", length / 24h, length % 24h / 1h);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kStep = 1000;
  if (bytes < kStep) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 4> kUnits = {"kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes) / kStep;
  std::size_t unit = 0;
  // 999.95 would be printed as 1000.0.
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= kStep;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  constexpr std::size_t kGroup = 3;
  for (std::size_t at = text.size(); at > kGroup;) text.insert(at -= kGroup, 1, ',');
  return text;
}

std::uint64_t count_ports(const Scan& scan) {
  if (scan.event.ports_total != 0) return scan.event.ports_total;
  if (const auto ranges = parse_ranges(scan.ports); ranges && !ranges->empty()) {
    return count(*ranges);
  }
  return scan.event.port_count;
}

std::string list_ports(const Scan& scan) {
  if (!scan.ports.empty()) return scan.ports;
  return fmt::format("{}",
                     fmt::join(std::span(scan.event.ports).first(scan.event.port_count), ","));
}

std::string summarise(const Scan& scan) {
  const ScanEvent& event = scan.event;
  const std::string_view how = name_of(event.technique);
  std::string text =
      event.technique == Technique::unknown ? protocol_name(event.protocol) : std::string(how);
  return text.append(" ").append(name_of(event.kind));
}

std::string name_source(const Scan& scan) {
  std::string text = to_string(scan.event.source);
  if (scan.event.source_prefix != 0) text += fmt::format("/{}", scan.event.source_prefix);
  if (scan.event.sources_total > 1) text += fmt::format(" +{}", scan.event.sources_total - 1);
  return text;
}

std::string name_targets(const Scan& scan) {
  std::string text = to_string(scan.event.target);
  if (scan.event.hosts_total > 1) {
    text += fmt::format(" +{}", scan.event.hosts_total - 1);
  } else if ((scan.event.varies & varies::target) != 0) {
    text += " +";
  }
  return text;
}

}  // namespace scanlogd::ctl
