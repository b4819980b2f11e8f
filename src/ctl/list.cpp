// `scanlogctl list`: scans, the newest first.
#include <string>

#include "core/eve.h"
#include "ctl/scan_table.h"
#include "ctl/subcommands.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kDefaultLimit = 20;

}  // namespace

Result<void> list_scans(const StoreReader& store, const Request& request, const Emit& emit) {
  Table table = make_scan_table();
  auto read = for_each_scan(store, request.filter, request.limit.value_or(kDefaultLimit),
                            [&](const Scan& scan) {
                              if (request.json) {
                                std::string event;
                                append_eve(event, scan, {});
                                emit(event += '\n');
                                return;
                              }
                              add_scan(table, scan, request.now);
                            });
  if (!read || request.json) return read;
  emit(table.empty() ? "no scans\n" : table.format(request.width));
  return {};
}

}  // namespace scanlogd::ctl
