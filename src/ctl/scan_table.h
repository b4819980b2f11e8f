// Scans as lines of a table, wherever they are listed.
#pragma once

#include <chrono>

#include "core/scan.h"
#include "core/table.h"

namespace scanlogd::ctl {

/// The table, empty.
[[nodiscard]] Table make_scan_table();

/// Appends a scan. Times are told as seen from `now`; where the answers were not looked at, nothing
/// is said of open ports.
void add_scan(Table& table, const Scan& scan, std::chrono::system_clock::time_point now);

}  // namespace scanlogd::ctl
