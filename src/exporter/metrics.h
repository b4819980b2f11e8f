// What scanlogd counts, in the text format of Prometheus (prometheus.io, exposition formats,
// 0.0.4). docs/formats.md lists the names.
#pragma once

#include <string>
#include <vector>

#include "core/control.h"
#include "core/result.h"
#include "record/store_reader.h"

namespace scanlogd::exporter {

/// What the store says.
struct StoreSample {
  StoreSummary summary;
  std::vector<Cursor> cursors;
  std::uint64_t last_id = 0;         ///< scans ever found
  std::uint64_t egress = 0;          ///< of these, by this machine
  std::vector<TopEntry> techniques;  ///< of the scans found within the last hour
};

/// Reads it from the store in the directory `path`.
[[nodiscard]] Result<StoreSample> sample_store(const std::string& path,
                                               std::chrono::system_clock::time_point now);

/// The page for Prometheus. What could not be read is left out, and `scanlogd_up` or
/// `scanlogd_store_up` is 0.
[[nodiscard]] std::string format_metrics(const Result<ControlAnswer>& daemon,
                                         const Result<StoreSample>& store);

}  // namespace scanlogd::exporter
