// See scan_table.h.
#include "ctl/scan_table.h"

#include <string>

#include "core/scan_names.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

std::string answers_of(const ScanEvent& event) {
  const bool looked = event.open_total != 0 || event.closed_total != 0 || event.filtered_total != 0;
  return looked ? std::to_string(event.open_total) : "-";
}

}  // namespace

Table make_scan_table() {
  return Table({{.title = "ID", .is_number = true},
                {.title = "FOUND"},
                {.title = "SOURCE", .least = 12},
                {.title = "TARGET", .least = 9},
                {.title = "SCAN", .least = 8},
                {.title = "PORTS", .is_number = true},
                {.title = "OPEN", .is_number = true},
                {.title = "VERDICT"}});
}

void add_scan(Table& table, const Scan& scan, std::chrono::system_clock::time_point now) {
  table.add({std::to_string(scan.id), format_short_time(scan.detected, now), name_source(scan),
             name_targets(scan), summarise(scan), std::to_string(count_ports(scan)),
             answers_of(scan.event), std::string(name_of(scan.event.verdict))});
}

}  // namespace scanlogd::ctl
