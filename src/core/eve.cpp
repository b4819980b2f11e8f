// See eve.h. Only names of ours, numbers and addresses that we format ourselves reach an event:
// nothing is copied from a packet. The values that must never change for consumers: severity 3
// ("Detection of a Network Scan" in Suricata's classification.config), because some ban the source
// of a severity 1 at sight, and sources of scans can be forged.
#include "core/eve.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/classic_line.h"
#include "core/json_writer.h"
#include "core/scan_fields.h"
#include "core/scan_names.h"
#include "core/scan_words.h"

namespace scanlogd {
namespace {

constexpr std::uint32_t kSeverity = 3;

/// Room for the ranges of ports; leaves more than all other members together can need.
constexpr std::size_t kMaxPortsLength = 8 * 1024;

void add_tcp(JsonWriter& json, const ScanEvent& event) {
  constexpr std::array<std::string_view, 8> kNames = {"fin", "syn", "rst", "psh",
                                                      "ack", "urg", "ecn", "cwr"};
  json.open_object("tcp");
  json.member("tcp_flags", fmt::format("{:02x}", event.flags_or));
  for (std::size_t bit = 0; bit < kNames.size(); ++bit) {
    if ((event.flags_or >> bit & 1) != 0) json.member(kNames[bit], true);
  }
  json.close_object();
}

void add_ports(JsonWriter& json, std::string_view key, std::span<const Port> ports) {
  json.open_array(key);
  for (const Port port : ports) json.value(port);
  json.close_array();
}

/// All ports as ranges, or as many from the lowest on as there is room for.
void add_ranges(JsonWriter& json, std::string_view ranges) {
  if (ranges.empty()) return;
  if (ranges.size() <= kMaxPortsLength) {
    json.member("port_ranges", ranges);
    return;
  }
  json.member("port_ranges", ranges.substr(0, ranges.rfind(',', kMaxPortsLength)));
  json.member("port_ranges_cut", true);
}

/// A detector that does not keep a total says 0, which is not worth a member.
void add_total(JsonWriter& json, std::string_view key, std::uint64_t total) {
  if (total != 0) json.member(key, total);
}

void add_techniques(JsonWriter& json, const ScanEvent& event) {
  json.member("technique", name_of(event.technique));
  if (event.techniques == 0) return;
  json.open_array("techniques");
  for (unsigned bit = 0; bit < 16; ++bit) {
    if ((event.techniques >> bit & 1) != 0) json.value(name_of(static_cast<Technique>(bit + 1)));
  }
  json.close_array();
}

/// What the probed ports answered; left out where nobody looked.
void add_answers(JsonWriter& json, const ScanEvent& event) {
  if (event.open_total == 0 && event.closed_total == 0 && event.filtered_total == 0) return;
  json.member("open_total", event.open_total);
  json.member("closed_total", event.closed_total);
  json.member("filtered_total", event.filtered_total);
  add_ports(json, "open_ports", std::span(event.open).first(event.open_count));
}

void add_sources(JsonWriter& json, const Scan& scan) {
  const ScanEvent& event = scan.event;
  add_total(json, "sources_total", event.sources_total);
  if (event.source_prefix != 0) {
    json.member("source_network",
                fmt::format("{}/{}", to_string(event.source), event.source_prefix));
  }
  if (scan.group().empty()) return;
  json.open_array("sources");
  for (const Address& source : scan.group()) {
    json.value(to_string(source));
  }
  json.close_array();
}

/// Who scans from here.
void add_sender(JsonWriter& json, const Scan& scan) {
  const Sender& sender = scan.event.sender;
  if (!sender.is_known) return;
  json.open_object("sender");
  json.member("uid", sender.uid);
  add_total(json, "cgroup", sender.cgroup);
  if (!scan.unit.empty()) json.member("unit", scan.unit);
  json.close_object();
}

void add_scan(JsonWriter& json, const Scan& scan, const Stamp& stamp) {
  const ScanEvent& event = scan.event;
  json.open_object("scan");
  json.member("id", scan.id);
  if (stamp.boot != 0) {
    json.member("boot", fmt::format("{:016x}", stamp.boot));
    json.member("sequence", stamp.sequence);
  }
  json.member("phase", name_of(event.phase));
  if (event.phase == Phase::end) json.member("end_reason", name_of(event.reason));
  json.member("kind", name_of(event.kind));
  json.member("rule", name_of(event.rule));
  add_techniques(json, event);
  json.member("tool", name_of(event.tool));
  json.member("verdict", name_of(event.verdict));
  json.member("verdict_reason", reason_of(event.verdict));
  json.member("announce", name_of(scan.announce));
  json.member("first", format_iso_time(scan.started));
  json.member("detected", format_iso_time(scan.detected));
  add_total(json, "packets", event.packets);
  add_total(json, "hosts_total", event.hosts_total);
  add_total(json, "ports_total", event.ports_total);
  add_ports(json, "ports", std::span(event.ports).first(event.port_count));
  add_ranges(json, scan.ports);
  add_answers(json, event);
  add_sources(json, scan);
  add_sender(json, scan);
  if (event.protocol == IpProto::tcp) {
    const auto flags = format_flags(event.flags_or, event.flags_and);
    json.member("tcp_flags", std::string_view(flags.data(), flags.size()));
    const std::string fingerprint = syn_fingerprint(event);
    if (!fingerprint.empty()) json.member("syn_fingerprint", fingerprint);
  }
  if ((event.varies & varies::tos) == 0) json.member("tos", event.tos);
  if ((event.varies & varies::ttl) == 0) json.member("ttl", event.ttl);
  json.member("log", line_of(scan));
  json.close_object();
}

/// The members that every kind of EVE event has, about the first packet.
void add_tuple(JsonWriter& json, const ScanEvent& event) {
  json.member("src_ip", to_string(event.source));
  if (has_source_port(event)) json.member("src_port", event.source_port);
  json.member("dest_ip", to_string(event.target));
  if (has_ports(event) && event.port_count != 0) json.member("dest_port", event.ports[0]);
  json.member("proto", protocol_name(event.protocol));
}

std::string_view log_level(Severity severity) noexcept {
  switch (severity) {
    case Severity::alert:
      return "Notice";
    case Severity::error:
      return "Error";
    case Severity::warning:
      return "Warning";
    case Severity::info:
      break;
  }
  return "Info";
}

}  // namespace

void append_eve(std::string& out, const Scan& scan, const Stamp& stamp) {
  const ScanEvent& event = scan.event;
  const Classification filed = classify(event);
  JsonWriter json(out);
  json.open_object();
  json.member("timestamp", format_iso_time(scan.at));
  json.member("event_type", "alert");
  add_tuple(json, event);
  json.open_object("alert");
  json.member("action", "allowed");
  json.member("gid", Classification::kGenerator);
  json.member("signature_id", filed.signature);
  json.member("rev", 1U);
  json.member("signature", "scanlogd: " + filed.title);
  json.member("category", filed.is_scan ? "Detection of a Network Scan" : "Misc activity");
  json.member("severity", kSeverity);
  json.open_object("source");
  json.member("ip", to_string(event.source));
  json.close_object();
  json.open_object("target");
  json.member("ip", to_string(event.target));
  json.close_object();
  json.open_object("context");
  add_scan(json, scan, stamp);
  json.close_object();
  json.close_object();
  if (event.protocol == IpProto::tcp) add_tcp(json, event);
  json.close_object();
}

void append_eve(std::string& out, const Notice& notice, const Stamp& stamp) {
  JsonWriter json(out);
  json.open_object();
  json.member("timestamp", format_iso_time(notice.at));
  json.member("event_type", "engine");
  json.member("log_level", log_level(notice.severity));
  json.open_object("engine");
  json.member("message", notice.view());
  json.close_object();
  if (stamp.boot != 0) {
    // The one place that Suricata's schema leaves in such an event for what it does not know.
    json.open_object("metadata");
    json.open_object("flowints");
    json.member("scanlogd.sequence", stamp.sequence);
    json.close_object();
    json.close_object();
  }
  json.close_object();
}

}  // namespace scanlogd
