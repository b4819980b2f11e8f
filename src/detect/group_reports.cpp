// See group_reports.h.
#include "detect/group_reports.h"

#include <algorithm>
#include <bit>
#include <span>

#include "detect/scan_reports.h"
#include "detect/technique.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kIdle = 10min;

void list_first(const DecoyGroup& group, ScanEvent& event) noexcept {
  event.group_count =
      static_cast<std::uint8_t>(std::min<std::size_t>(group.count, ScanEvent::kMaxGroup));
  std::copy_n(group.addresses.begin(), event.group_count, event.group.begin());
}

}  // namespace

bool begin_decoys(ScanRecords& records, DecoyGroup& group, const FirstContacts* first,
                  std::chrono::nanoseconds now, EventList& events) noexcept {
  const ScanRecords::Handle handle = records.open(kIdle, events);
  if (handle == ScanRecords::kNoRecord) return false;
  ScanEvent event;
  event.started = now;
  if (first != nullptr) {
    describe(*first, event);
    event.varies |= varies::ttl;
    for (const Port port : first->port_view()) {
      records.add(handle, {.time = now,
                           .target = event.target,
                           .port = port,
                           .is_timed = false,
                           .technique = first->technique});
    }
    records.event(handle)->filtered_total = first->port_count;
  }
  event.detected = now;
  event.source = group.addresses.front();
  event.kind = ScanKind::decoys;
  event.rule = ScanRule::same_probe;
  event.verdict = Verdict::suspect;
  event.sources_total = group.count;
  list_first(group, event);
  if (!records.begin(handle, event, events)) return false;
  group.record = handle;
  return true;
}

void list_decoys(ScanEvent& event, DecoyGroup& group, EventList& events) noexcept {
  event.sources_total = group.count;
  list_first(group, event);
  if (group.count > ScanEvent::kMaxGroup) {
    ScanSources* const list = events.add_sources();
    if (list == nullptr) return;  // then with its next packet
    list->record = event.record;
    list->count = group.count;
    list->sources = group.addresses;
  }
  group.told = group.count;
}

bool begin_distributed(ScanRecords& records, DistributedScan& scan, EventList& events) noexcept {
  const ScanRecords::Handle handle = records.open(kIdle, events);
  if (handle == ScanRecords::kNoRecord) return false;
  ScanEvent event;
  event.port_count = scan.port_count;
  event.ports = scan.first_ports;
  for (std::size_t i = 0; i < scan.port_count; ++i) {
    records.add(handle, {.time = scan.last,
                         .target = scan.target,
                         .port = event.ports[i],
                         .is_timed = false,
                         .technique = Technique::syn_or_connect});
  }
  event.started = scan.started;
  event.detected = scan.last;
  event.target = scan.target;
  event.kind = ScanKind::distributed;
  event.rule = ScanRule::novelty;
  event.varies = varies::source_port | varies::tos | varies::ttl;
  event.flags_or = event.flags_and = tcp_flag::syn;
  event.sources_total = linear_count(scan.sources_seen);
  event.group_count = scan.source_count;
  for (std::size_t i = 0; i < scan.source_count; ++i) event.group[i] = address_of(scan.sources[i]);
  event.source = event.group.front();
  if (!records.begin(handle, event, events)) return false;
  scan.record = handle;
  return true;
}

void add_distributed(ScanRecords& records, const DistributedScan& scan,
                     const Novelty& novelty) noexcept {
  records.add(scan.record, {.time = scan.last,
                            .target = scan.target,
                            .port = novelty.port,
                            .technique = Technique::syn_or_connect});
  if (ScanEvent* const event = records.event(scan.record)) {
    event->sources_total = std::max(event->sources_total, linear_count(scan.sources_seen));
  }
}

bool note_idle_probe(ScanRecords& records, IdleProbes::Asker& asker, const Packet& packet,
                     EventList& events) noexcept {
  const ScanContact contact{.time = packet.time,
                            .target = packet.target_address(),
                            .port = packet.target_port,
                            .technique = Technique::syn_ack};
  if (records.event(asker.record) != nullptr) {
    records.add(asker.record, contact);
    return true;
  }
  const ScanRecords::Handle handle = records.open(kIdle, events);
  if (handle == ScanRecords::kNoRecord) return false;
  records.add(handle, contact);
  ScanEvent event;
  event.started = asker.started;
  event.detected = packet.time;
  event.source = packet.source_address();
  event.target = packet.target_address();
  event.source_port = packet.source_port;
  event.varies = varies::source_port | varies::ttl;
  event.flags_or = event.flags_and = packet.flags;
  event.tos = packet.tos;
  event.kind = ScanKind::idle_probe;
  event.rule = ScanRule::answers;
  event.tool = Tool::nmap;
  event.port_count = 1;
  event.ports[0] = packet.target_port;
  if (!records.begin(handle, event, events)) return false;
  asker.record = handle;
  return true;
}

bool note_flood(ScanRecords& records, Flood& flood, Flood::Change change, std::uint32_t sources,
                const Packet& packet, std::chrono::nanoseconds now, EventList& events) noexcept {
  if (change == Flood::Change::none) return true;
  if (ScanEvent* const event = records.event(flood.record())) {
    event->sources_total = std::max(event->sources_total, sources);
    records.add(flood.record(), {.time = now, .has_port = false, .is_packet = false});
    return true;
  }
  const ScanRecords::Handle handle = records.open(kIdle, events);
  if (handle == ScanRecords::kNoRecord) return false;
  ScanEvent event;
  event.started = now;
  event.detected = now;
  event.source = packet.source_address();
  event.target = packet.target_address();
  event.protocol = packet.protocol;
  event.kind = ScanKind::flood;
  event.rule = ScanRule::new_sources;
  event.sources_total = sources;
  if (!records.begin(handle, event, events)) return false;
  flood.set_record(handle);
  return true;
}

bool tell_backscatter(ScanRecords& records, const Backscatter::Host& host, std::uint32_t hosts,
                      std::chrono::nanoseconds now, EventList& events) noexcept {
  const ScanRecords::Handle handle = records.open(kIdle, events);
  if (handle == ScanRecords::kNoRecord) return false;
  records.event(handle)->packets = host.packets;
  ScanEvent event;
  event.started = host.started;
  event.detected = now;
  event.source = host.address;
  event.target = host.target;
  event.source_port = host.source_port;
  event.kind = ScanKind::backscatter;
  event.rule = ScanRule::answers;
  event.sources_total = hosts;
  return records.begin(handle, event, events);
}

}  // namespace scanlogd
