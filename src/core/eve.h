// Scans and notices as events of Suricata's EVE JSON, one line each: what its consumers already
// read. docs/formats.md has the mapping, tests/support/eve_schema.json what is allowed.
#pragma once

#include <cstddef>
#include <string>

#include "core/scan.h"

namespace scanlogd {

/// No event is longer; of a scan with very many ranges of ports the highest are left off.
inline constexpr std::size_t kMaxEveLength = 16 * 1024;

/// Appends the `alert` event of `scan`, with all we know in `alert.context.scan`; no line end.
/// Also for a scan that has no line of its own in the log. `stamp.boot` 0: without a stamp.
void append_eve(std::string& out, const Scan& scan, const Stamp& stamp);

/// Appends the `engine` event of `notice`; no line end. `stamp.boot` 0: without a stamp.
void append_eve(std::string& out, const Notice& notice, const Stamp& stamp);

}  // namespace scanlogd
