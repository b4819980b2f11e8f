// The probes that the store keeps of each scan, as packets again, so that other settings can be
// tried on them. A store keeps a sample (core/probe_sample.h) of what was found to be a scan, and
// nothing of what was not: so this tells mainly which scans would not be found. Scans of which more
// than one source sent the probes are left out, because a sample does not say which sent which.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/packet.h"
#include "core/result.h"
#include "core/scan.h"
#include "daemon/pipeline.h"
#include "daemon/scan_comparison.h"
#include "record/store_reader.h"

namespace scanlogd {

/// What the store has to judge by.
struct RecordedProbes {
  std::vector<Packet> packets;     ///< probes and their answers, in order; times since the epoch
  std::vector<ScanFinding> scans;  ///< whose they are, as they are on record
  std::uint64_t thinned = 0;       ///< of these: with more probes than were kept
  std::uint64_t left_out = 0;      ///< scans without a sample, or of several sources
  bool is_cut = false;             ///< there are older ones that were not read
};

/// The latest scans, at most this many, are read.
inline constexpr std::size_t kMostReplayed = 4096;

/// Adds the probes of `scan`, of which `sample` was kept, with the answers that are known of. What
/// came before the alarm is not in a sample but for the first: its ports are known, their times are
/// taken to be even.
/// False, and nothing is added, where they cannot be sent again.
bool append_probes(const Scan& scan, const ProbeSample& sample, std::vector<Packet>& packets);

/// Those of the scans found since `since`, at most `most`.
[[nodiscard]] Result<RecordedProbes> read_probes(
    const StoreReader& store, std::optional<std::chrono::system_clock::time_point> since,
    std::size_t most = kMostReplayed);

/// Shows them to `outlet`, up to the end of time.
void replay(const RecordedProbes& probes, Outlet& outlet);

/// What the answer `comparison`, which came of `probes`, does not tell; a line each.
[[nodiscard]] std::vector<std::string> notes_on(const RecordedProbes& probes,
                                                const ScanComparison& comparison);

}  // namespace scanlogd
