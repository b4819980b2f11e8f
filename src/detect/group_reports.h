// Scans that are not of one source or network, and what is no scan: decoys, distributed scans, idle
// probes, floods, backscatter; each told as one event with its own record.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/backscatter.h"
#include "detect/decoy.h"
#include "detect/distributed.h"
#include "detect/first_contacts.h"
#include "detect/flood.h"
#include "detect/idle_probe.h"
#include "detect/scan_records.h"

namespace scanlogd {

/// A group of decoys begins to scan; `first` are the first contacts of one of them, or nullptr.
/// False where there was no room for it, as with all of these.
bool begin_decoys(ScanRecords& records, DecoyGroup& group, const FirstContacts* first,
                  std::chrono::nanoseconds now, EventList& events) noexcept;

/// Puts the members of `group` into `event`, that of its scan, and where it has no room for them
/// beside it; `group.told` says how many that were.
void list_decoys(ScanEvent& event, DecoyGroup& group, EventList& events) noexcept;

/// A distributed scan begins.
bool begin_distributed(ScanRecords& records, DistributedScan& scan, EventList& events) noexcept;
/// It goes on with `novelty`.
void add_distributed(ScanRecords& records, const DistributedScan& scan,
                     const Novelty& novelty) noexcept;

/// Somebody uses us for an idle scan, and goes on to; `packet` is his.
bool note_idle_probe(ScanRecords& records, IdleProbes::Asker& asker, const Packet& packet,
                     EventList& events) noexcept;

/// What the flood does now, by `packet`, the last one that came.
bool note_flood(ScanRecords& records, Flood& flood, Flood::Change change, std::uint32_t sources,
                const Packet& packet, std::chrono::nanoseconds now, EventList& events) noexcept;

/// The summary of an hour's backscatter: `hosts` of them, of which `host` sent most.
bool tell_backscatter(ScanRecords& records, const Backscatter::Host& host, std::uint32_t hosts,
                      std::chrono::nanoseconds now, EventList& events) noexcept;

}  // namespace scanlogd
