// See scan_rows.h.
#include "record/scan_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <utility>

#include "core/port_ranges.h"
#include "core/scan_names.h"

namespace scanlogd {
namespace {

/// The longest text of ports that is kept.
constexpr std::size_t kMaxPorts = std::size_t{64} * 1024;

/// Ports in the order given: `443,80`.
std::string join(std::span<const Port> ports) { return fmt::format("{}", fmt::join(ports, ",")); }

/// Calls `take` for each part of `text` between separators.
template <class Take>
void split(std::string_view text, char separator, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

template <std::size_t kSize>
std::uint8_t read_ports(std::string_view text, std::array<Port, kSize>& ports) {
  std::size_t count = 0;
  split(text, ',', [&](std::string_view part) {
    Port port = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), port);
    if (error == std::errc() && end == part.data() + part.size() && count < kSize) {
      ports[count++] = port;
    }
  });
  return static_cast<std::uint8_t>(count);
}

std::string join_addresses(std::span<const Address> addresses) {
  std::string text;
  for (const Address& address : addresses) {
    if (!text.empty()) text += ' ';
    text += to_string(address);
  }
  return text;
}

constexpr std::string_view kUid = "uid=";
constexpr std::string_view kCgroup = "cgroup=";
constexpr std::string_view kUnit = "unit=";

/// Of a scan by this machine: `uid=33 cgroup=4711 unit=cron.service`.
std::string join_sender(const Scan& scan) {
  const Sender& sender = scan.event.sender;
  return fmt::format("{}{} {}{} {}{}", kUid, sender.uid, kCgroup, sender.cgroup, kUnit, scan.unit);
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// Takes one part of that.
void read_sender(std::string_view part, Scan& scan) {
  Sender& sender = scan.event.sender;
  if (part.starts_with(kUid)) {
    sender.is_known = read_number(part.substr(kUid.size()), sender.uid);
  } else if (part.starts_with(kCgroup)) {
    (void)read_number(part.substr(kCgroup.size()), sender.cgroup);  // else 0: not known
  } else if (part.starts_with(kUnit)) {
    scan.unit = clean_unit(part.substr(kUnit.size()));
  }
}

template <class Value>
Value value(Row& row) noexcept {
  return value_of<Value>(row.text()).value_or(Value{});
}

void read_details(Row& row, Scan& scan) {
  ScanEvent& event = scan.event;
  event.source = row.address();
  event.source_prefix = row.number<std::uint8_t>();
  event.source_port = row.number<Port>();
  event.target = row.address();
  event.protocol = static_cast<IpProto>(row.number<std::uint8_t>());
  event.kind = value<ScanKind>(row);
  event.rule = value<ScanRule>(row);
  event.technique = value<Technique>(row);
  event.techniques = row.number<std::uint16_t>();
  event.tool = value<Tool>(row);
  event.verdict = value<Verdict>(row);
  event.reason = value<EndReason>(row);
  event.flags_or = row.number<std::uint8_t>();
  event.flags_and = row.number<std::uint8_t>();
  event.varies = row.number<std::uint8_t>();
  event.tos = row.number<std::uint8_t>();
  event.ttl = row.number<std::uint8_t>();
  event.syn_window = row.number<std::uint16_t>();
  event.syn_options = row.number<std::uint32_t>();
  event.packets = row.number<std::uint64_t>();
  event.ports_total = row.number<std::uint32_t>();
  event.hosts_total = row.number<std::uint32_t>();
  event.sources_total = row.number<std::uint32_t>();
  event.open_total = row.number<std::uint32_t>();
  event.closed_total = row.number<std::uint32_t>();
  event.filtered_total = row.number<std::uint32_t>();
  event.port_count = read_ports(row.text(), event.ports);
  const std::string_view ports = row.text();
  if (const auto ranges = parse_ranges(ports); ranges) scan.ports = ports;
  event.open_count = read_ports(row.text(), event.open);
  split(row.text(), ' ', [&](std::string_view part) {
    if (event.kind == ScanKind::egress) return read_sender(part, scan);
    const auto address = parse_address(part);
    if (!address || scan.sources.size() == ScanSources::kMost) return;
    scan.sources.push_back(*address);
    if (event.group_count < ScanEvent::kMaxGroup) event.group[event.group_count++] = *address;
  });
}

}  // namespace

DetailTexts::DetailTexts(const Scan& scan)
    : first_ports(join(std::span(scan.event.ports).first(scan.event.port_count))),
      open_ports(join(std::span(scan.event.open).first(scan.event.open_count))),
      sources(scan.event.sender.is_known ? join_sender(scan) : join_addresses(scan.group())) {}

void bind_details(Query& query, const Scan& scan, const DetailTexts& texts) {
  const ScanEvent& event = scan.event;
  query.address(event.source);
  query.number(std::int64_t{event.source_prefix});
  query.number(std::int64_t{event.source_port});
  query.address(event.target);
  query.number(std::int64_t{static_cast<std::uint8_t>(event.protocol)});
  query.text(name_of(event.kind));
  query.text(name_of(event.rule));
  query.text(name_of(event.technique));
  query.number(std::int64_t{event.techniques});
  query.text(name_of(event.tool));
  query.text(name_of(event.verdict));
  query.text(name_of(event.reason));
  query.number(std::int64_t{event.flags_or});
  query.number(std::int64_t{event.flags_and});
  query.number(std::int64_t{event.varies});
  query.number(std::int64_t{event.tos});
  query.number(std::int64_t{event.ttl});
  query.number(std::int64_t{event.syn_window});
  query.number(std::int64_t{event.syn_options});
  query.number(event.packets);
  query.number(std::int64_t{event.ports_total});
  query.number(std::int64_t{event.hosts_total});
  query.number(std::int64_t{event.sources_total});
  query.number(std::int64_t{event.open_total});
  query.number(std::int64_t{event.closed_total});
  query.number(std::int64_t{event.filtered_total});
  query.text(texts.first_ports);
  query.text(std::string_view(scan.ports).substr(0, kMaxPorts));
  query.text(texts.open_ports);
  query.text(texts.sources);
}

std::string scan_columns() {
  return fmt::format("id, started, detected, last, at, phase, announce, {}", kDetailNames);
}

Scan read_scan(const Query& query) {
  Row row(query);
  Scan scan;
  scan.id = row.number<std::uint64_t>();
  scan.started = row.time();
  scan.detected = row.time();
  scan.last = row.time();
  scan.at = row.time();
  scan.event.phase = value<Phase>(row);
  scan.announce = value<Announce>(row);
  read_details(row, scan);
  return scan;
}

std::string message_columns() {
  return fmt::format(
      "sequence, boot, at, severity, text, scan, started, detected, last, phase, announce, {}",
      kDetailNames);
}

Message read_message(const Query& query) {
  Row row(query);
  Message message;
  message.stamp.sequence = row.number<std::uint64_t>();
  message.stamp.boot = row.number<std::uint64_t>();
  const auto at = row.time();
  if (!row.is_null()) {
    const auto severity = value<Severity>(row);
    message.content =
        make_notice(severity == Severity{} ? Severity::info : severity, at, row.text());
    return message;
  }
  row = Row(query, 5);
  Scan scan;
  scan.at = at;
  scan.id = row.number<std::uint64_t>();
  scan.started = row.time();
  scan.detected = row.time();
  scan.last = row.time();
  scan.event.phase = value<Phase>(row);
  scan.announce = value<Announce>(row);
  read_details(row, scan);
  message.content = std::move(scan);
  return message;
}

std::string placeholders(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i == 0 ? "?" : ",?";
  return text;
}

std::string updates(std::string_view names) {
  std::string text;
  split(names, ',', [&](std::string_view name) {
    name.remove_prefix(name.starts_with(' ') ? 1 : 0);
    fmt::format_to(std::back_inserter(text), "{}{}=excluded.{}", text.empty() ? "" : ",", name,
                   name);
  });
  return text;
}

}  // namespace scanlogd
