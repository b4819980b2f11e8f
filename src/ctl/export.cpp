// `scanlogctl export`: scans for other programs. CSV is RFC 4180's; the set for nftables holds only
// sources that are proven, because any other address can be somebody else's, put there by the
// scanner to have that one shut out.
#include <fmt/format.h>

#include <limits>
#include <set>
#include <string>

#include "core/eve.h"
#include "core/scan_names.h"
#include "core/scan_words.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::string_view kCsvHeader =
    "id,first,detected,last,phase,source,source_port,target,hosts,protocol,kind,technique,tool,"
    "verdict,packets,ports_total,ports,open_total,closed_total,filtered_total,open_ports\r\n";

constexpr std::string_view kNftHeader =
    "# Sources of scans that scanlogd has proven: each completed a handshake, so it holds its\n"
    "# address. Before you block anything, make sure that none of them is your own: a monitoring\n"
    "# server, a gateway that many share, yourself. Addresses change hands; flush the sets often.\n"
    "# Load with: nft -f FILE; then refer to @scanlogd4 and @scanlogd6 in a rule of this table.\n";

std::string csv_line(const Scan& scan) {
  const ScanEvent& event = scan.event;
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},\"{}\",{},{},{},\"{}\"\r\n",
                     scan.id, format_iso_time(scan.started), format_iso_time(scan.detected),
                     format_iso_time(scan.at), name_of(event.phase), to_string(event.source),
                     has_source_port(event) ? std::to_string(event.source_port) : "",
                     to_string(event.target), event.hosts_total, protocol_name(event.protocol),
                     name_of(event.kind), name_of(event.technique), name_of(event.tool),
                     name_of(event.verdict), event.packets, count_ports(scan), list_ports(scan),
                     event.open_total, event.closed_total, event.filtered_total,
                     fmt::join(std::span(event.open).first(event.open_count), ","));
}

void put_set(std::string& out, std::string_view name, std::string_view type,
             const std::set<Address>& addresses) {
  out += fmt::format("  set {} {{\n    type {}\n", name, type);
  if (!addresses.empty()) {
    out += "    elements = {";
    std::string_view separator = "\n      ";
    for (const Address& address : addresses) {
      out.append(separator).append(to_string(address));
      separator = ",\n      ";
    }
    out += "\n    }\n";
  }
  out += "  }\n";
}

Result<void> export_nft(const StoreReader& store, const Request& request, std::size_t limit,
                        const Emit& emit) {
  ScanFilter filter = request.filter;
  if (filter.verdict && *filter.verdict != Verdict::proven) {
    return fail("export(nft): only sources that are proven can be exported");
  }
  filter.verdict = Verdict::proven;
  std::set<Address> ipv4;
  std::set<Address> ipv6;
  auto read = for_each_scan(store, filter, limit, [&](const Scan& scan) {
    // Of a group or a network one address is proven at best, and it is not said which.
    if (scan.event.source_prefix != 0 || scan.event.sources_total > 1) return;
    (scan.event.source.family == Family::ipv4 ? ipv4 : ipv6).insert(scan.event.source);
  });
  if (!read) return read;
  std::string out(kNftHeader);
  out += "table inet scanlogd {\n";
  put_set(out, "scanlogd4", "ipv4_addr", ipv4);
  put_set(out, "scanlogd6", "ipv6_addr", ipv6);
  out += "}\n";
  emit(out);
  return {};
}

}  // namespace

Result<void> export_scans(const StoreReader& store, const Request& request, const Emit& emit) {
  const std::size_t limit = request.limit.value_or(std::numeric_limits<std::size_t>::max());
  switch (request.format) {
    case ExportFormat::nft:
      return export_nft(store, request, limit, emit);
    case ExportFormat::csv:
      emit(kCsvHeader);
      return for_each_scan(store, request.filter, limit,
                           [&](const Scan& scan) { emit(csv_line(scan)); });
    case ExportFormat::json:
      break;
  }
  return for_each_scan(store, request.filter, limit, [&](const Scan& scan) {
    std::string event;
    append_eve(event, scan, {});
    emit(event += '\n');
  });
}

}  // namespace scanlogd::ctl
