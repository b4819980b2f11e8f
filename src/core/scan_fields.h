// What is known of a scan as names and values, for outputs that have nothing else: structured data
// of RFC 5424, fields of the journal. docs/formats.md lists them; EVE (core/eve.h) says more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/scan.h"

namespace scanlogd {

/// One thing that is known; the value is printable ASCII.
struct ScanField {
  std::string_view name;  ///< lower case, words joined by `_`
  std::string value;
};

/// All fields of `scan` that say something, in a fixed order. `stamp.boot` 0: without a stamp.
[[nodiscard]] std::vector<ScanField> scan_fields(const Scan& scan, const Stamp& stamp);

/// `boot` and `sequence`, which every message has; none where `stamp.boot` is 0.
[[nodiscard]] std::vector<ScanField> stamp_fields(const Stamp& stamp);

/// The ports of `scan`: all as ranges, or those first seen where that is all that is known; at most
/// `most` bytes, cut between two ports.
[[nodiscard]] std::string ports_text(const Scan& scan, std::size_t most);

/// The line of `scan`; where it has none of its own, the one that it would have had.
[[nodiscard]] std::string line_of(const Scan& scan);

}  // namespace scanlogd
