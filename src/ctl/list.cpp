// `scanlogctl list`: scans, the newest first.
#include <string>

#include "core/eve.h"
#include "core/scan_names.h"
#include "ctl/subcommands.h"
#include "ctl/table.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kDefaultLimit = 20;

std::string answers_of(const ScanEvent& event) {
  const bool looked = event.open_total != 0 || event.closed_total != 0 || event.filtered_total != 0;
  return looked ? std::to_string(event.open_total) : "-";
}

}  // namespace

Result<void> list_scans(const StoreReader& store, const Request& request, const Emit& emit) {
  Table table({{.title = "ID", .is_number = true},
               {.title = "FOUND"},
               {.title = "SOURCE", .least = 12},
               {.title = "TARGET", .least = 9},
               {.title = "SCAN", .least = 8},
               {.title = "PORTS", .is_number = true},
               {.title = "OPEN", .is_number = true},
               {.title = "VERDICT"}});
  auto read = for_each_scan(
      store, request.filter, request.limit.value_or(kDefaultLimit), [&](const Scan& scan) {
        if (request.json) {
          std::string event;
          append_eve(event, scan, {});
          emit(event += '\n');
          return;
        }
        table.add({std::to_string(scan.id), format_short_time(scan.detected, request.now),
                   name_source(scan), name_targets(scan), summarise(scan),
                   std::to_string(count_ports(scan)), answers_of(scan.event),
                   std::string(name_of(scan.event.verdict))});
      });
  if (!read || request.json) return read;
  emit(table.empty() ? "no scans\n" : table.format(request.width));
  return {};
}

}  // namespace scanlogd::ctl
