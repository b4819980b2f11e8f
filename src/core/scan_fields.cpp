// See scan_fields.h. Only names of ours, numbers and addresses that we format ourselves: nothing is
// copied from a packet.
#include "core/scan_fields.h"

#include <fmt/format.h>

#include <span>

#include "core/classic_line.h"
#include "core/scan_names.h"
#include "core/scan_words.h"

namespace scanlogd {
namespace {

/// Of ports in a field: a log daemon that cuts messages at 2 KiB (RFC 5424 6.1) gets all else
/// whole.
constexpr std::size_t kMostPorts = 1000;

class Fields {
 public:
  void add(std::string_view name, std::string value) {
    if (!value.empty()) fields_.push_back({.name = name, .value = std::move(value)});
  }
  void add(std::string_view name, std::string_view value) { add(name, std::string(value)); }
  void add_number(std::string_view name, std::uint64_t value) { add(name, std::to_string(value)); }
  /// A detector that does not keep a total says 0.
  void add_total(std::string_view name, std::uint64_t value) {
    if (value != 0) add_number(name, value);
  }
  [[nodiscard]] std::vector<ScanField> take() { return std::move(fields_); }

 private:
  std::vector<ScanField> fields_;
};

void add_ends(Fields& fields, const ScanEvent& event) {
  std::string source = to_string(event.source);
  if (event.source_prefix != 0) source += fmt::format("/{}", event.source_prefix);
  fields.add("src", std::move(source));
  if (has_source_port(event)) fields.add_number("src_port", event.source_port);
  fields.add("dst", to_string(event.target));
  fields.add("proto", protocol_name(event.protocol));
}

}  // namespace

std::string ports_text(const Scan& scan, std::size_t most) {
  std::string text = scan.ports;
  if (text.empty()) {
    text =
        fmt::format("{}", fmt::join(std::span(scan.event.ports).first(scan.event.port_count), ","));
  }
  if (text.size() > most) text.resize(text.rfind(',', most));
  return text;
}

std::string line_of(const Scan& scan) {
  LineBuffer buffer;
  if (scan.announce == Announce::line) return std::string(format_classic_line(scan, buffer));
  Scan shown = scan;
  shown.announce = Announce::line;
  return std::string(format_classic_line(shown, buffer));
}

std::vector<ScanField> stamp_fields(const Stamp& stamp) {
  if (stamp.boot == 0) return {};
  return {{.name = "boot", .value = fmt::format("{:016x}", stamp.boot)},
          {.name = "sequence", .value = std::to_string(stamp.sequence)}};
}

std::vector<ScanField> scan_fields(const Scan& scan, const Stamp& stamp) {
  const ScanEvent& event = scan.event;
  Fields fields;
  fields.add_number("id", scan.id);
  for (ScanField& field : stamp_fields(stamp)) fields.add(field.name, std::move(field.value));
  fields.add("phase", name_of(event.phase));
  if (event.phase == Phase::end) fields.add("end_reason", name_of(event.reason));
  const Classification filed = classify(event);
  fields.add("sid", fmt::format("{}:{}", Classification::kGenerator, filed.signature));
  fields.add("kind", name_of(event.kind));
  fields.add("rule", name_of(event.rule));
  fields.add("technique", name_of(event.technique));
  fields.add("tool", name_of(event.tool));
  fields.add("verdict", name_of(event.verdict));
  fields.add("announce", name_of(scan.announce));
  add_ends(fields, event);
  fields.add("ports", ports_text(scan, kMostPorts));
  fields.add_total("ports_total", event.ports_total);
  fields.add_total("hosts_total", event.hosts_total);
  fields.add_total("sources_total", event.sources_total);
  fields.add_total("packets", event.packets);
  fields.add("open_ports",
             fmt::format("{}", fmt::join(std::span(event.open).first(event.open_count), ",")));
  if (event.protocol == IpProto::tcp) {
    const auto flags = format_flags(event.flags_or, event.flags_and);
    fields.add("tcp_flags", std::string_view(flags.data(), flags.size()));
  }
  if ((event.varies & varies::tos) == 0) fields.add_number("tos", event.tos);
  if ((event.varies & varies::ttl) == 0) fields.add_number("ttl", event.ttl);
  if (event.sender.is_known) {
    fields.add_number("uid", event.sender.uid);
    fields.add_total("cgroup", event.sender.cgroup);
    fields.add("unit", scan.unit);
  }
  fields.add("first", format_iso_time(scan.started));
  fields.add("last", format_iso_time(scan.last));
  return fields.take();
}

}  // namespace scanlogd
