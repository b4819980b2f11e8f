// Reads scans a page at a time (subcommands.h).
#include <algorithm>

#include "ctl/subcommands.h"

namespace scanlogd::ctl {

Result<void> for_each_scan(const StoreReader& store, ScanFilter filter, std::size_t limit,
                           const std::function<void(const Scan&)>& take) {
  constexpr std::size_t kPage = 1000;
  while (limit > 0) {
    filter.limit = std::min(limit, kPage);
    const auto page = store.list(filter);
    if (!page) return std::unexpected(page.error());
    for (const Scan& scan : *page) take(scan);
    if (page->size() < filter.limit) break;
    filter.before_id = page->back().id;
    limit -= page->size();
  }
  return {};
}

}  // namespace scanlogd::ctl
