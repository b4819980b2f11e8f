// See scan_reports.h.
#include "detect/scan_reports.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "detect/verdict.h"

namespace scanlogd {
namespace {

constexpr std::size_t kNetworkShare = 4;  // as the contact detector has it
constexpr std::uint8_t kVotes = 2;        // for a tool

Tool voted(const FirstContacts& first) noexcept {
  return first.tool_votes >= kVotes ? first.tool : Tool::unknown;
}

// What an answer in that flow is known by.
std::uint32_t probe_mark(FlowHash flow) noexcept {
  return static_cast<std::uint32_t>(flow >> 32) | 1U;
}

// A SYN as systems send it is that of connect(2) once a connection came of it.
Technique known(Technique technique, const ContactSource& entry) noexcept {
  const bool is_connect =
      technique == Technique::syn_or_connect && (entry.flags & source_flag::proven) != 0;
  return is_connect ? Technique::connect : technique;
}

constexpr std::uint32_t kIsAsked = 1;
constexpr std::uint32_t kIsAnswered = 2;

// Of a flow; another one when its source begins anew.
std::uint32_t mark_of(FlowHash flow, const ContactSource& entry, std::uint32_t state) noexcept {
  constexpr std::uint32_t kGolden = 0x9e37'79b9;
  constexpr std::uint32_t kStates = 3;
  return ((static_cast<std::uint32_t>(flow >> 32) ^ entry.first * kGolden) & ~kStates) | state;
}

}  // namespace

std::uint32_t linear_count(std::uint64_t seen) noexcept {
  constexpr double kBits = 64;
  const int clear = 64 - std::popcount(seen);
  if (clear == 0) return 4 * 64;
  return static_cast<std::uint32_t>(std::lround(kBits * std::log(kBits / clear)));
}

void describe(const FirstContacts& first, ScanEvent& event) noexcept {
  event.started = first.started;
  event.source = {first.family, first.source};
  event.target = {first.family, first.target};
  event.source_port = first.source_port;
  event.syn_window = first.syn_window;
  event.syn_options = first.syn_options;
  event.flags_or = first.flags_or;
  event.flags_and = first.flags_and;
  event.varies = first.varies;
  event.tos = first.tos;
  event.ttl = first.ttl;
  event.protocol = first.protocol;
  event.technique = first.technique;
  event.tool = voted(first);
  event.port_count = first.port_count;
  std::ranges::copy(first.port_view(), event.ports.begin());
}

ScanKind kind_of(std::uint32_t hosts, std::uint32_t ports) noexcept {
  if (hosts >= 4 && ports <= 2) return ScanKind::horizontal;
  return hosts <= 2 ? ScanKind::vertical : ScanKind::block;
}

Result<ScanReports> ScanReports::make(std::size_t sources, std::size_t scans, HashKey key) {
  auto firsts = FirstContactsTable::make(sources);
  if (!firsts) return std::unexpected(firsts.error());
  auto network_firsts = FirstContactsTable::make(sources / kNetworkShare);
  if (!network_firsts) return std::unexpected(network_firsts.error());
  auto records = ScanRecords::make(scans, key);
  if (!records) return std::unexpected(records.error());
  auto asked = ReservedMemory<std::uint32_t>::make(kAsked, "outcomes");
  if (!asked) return std::unexpected(asked.error());
  return ScanReports(std::move(*firsts), std::move(*network_firsts), std::move(*records),
                     std::move(*asked));
}

void ScanReports::note(std::uint32_t index, const ContactSource& entry,
                       const Sighting& sighting) noexcept {
  const Packet& packet = *sighting.packet;
  firsts_.note(index, entry.key, entry.contacts, packet, sighting.probe.technique,
               tool_of(packet, sighting.probe));
  (void)ask(sighting.flow, entry);
}

void ScanReports::note_network(std::uint32_t index, const ContactSource& network,
                               const Packet& packet, const Probe& probe) noexcept {
  network_firsts_.note(index, network.key, network.contacts, packet, probe.technique,
                       tool_of(packet, probe));
}

bool ScanReports::ask(FlowHash flow, const ContactSource& entry) noexcept {
  if (was_asked(flow, entry)) return false;
  asked_at(flow) = mark_of(flow, entry, kIsAsked);
  return true;
}

bool ScanReports::was_asked(FlowHash flow, const ContactSource& entry) const noexcept {
  const std::uint32_t known = asked_at(flow);
  return known == mark_of(flow, entry, kIsAsked) || known == mark_of(flow, entry, kIsAnswered);
}

bool ScanReports::answer(FlowHash flow, const ContactSource& entry) noexcept {
  if (asked_at(flow) != mark_of(flow, entry, kIsAsked)) return false;
  asked_at(flow) = mark_of(flow, entry, kIsAnswered);
  return true;
}

void ScanReports::add(std::uint32_t index, ContactSource& entry,
                      const Sighting& sighting) noexcept {
  ScanEvent* const event = records_.event(entry.record);
  if (event == nullptr) return;
  const Packet& packet = *sighting.packet;
  records_.add(entry.record, {.time = packet.time,
                              .target = packet.target_address(),
                              .port = packet.target_port,
                              .has_port = has_ports(packet.protocol),
                              .technique = known(sighting.probe.technique, entry),
                              .mark = probe_mark(sighting.flow)});
  if (ask(sighting.flow, entry)) ++event->filtered_total;
  if (event->kind <= ScanKind::block) {
    event->kind = kind_of(event->hosts_total, event->ports_total);
  }
  FirstContacts* const first = firsts_.find(index, entry.key);
  if (first == nullptr || event->source_prefix != 0) return;
  FirstContactsTable::add(*first, packet, sighting.probe.technique,
                          tool_of(packet, sighting.probe));
  event->flags_or = first->flags_or;
  event->flags_and = first->flags_and;
  event->varies = first->varies;
  if (event->tool == Tool::unknown) event->tool = voted(*first);
}

void ScanReports::add_to_network(const ContactSource& network, const Sighting& sighting) noexcept {
  const Packet& packet = *sighting.packet;
  records_.add(network.record, {.time = packet.time,
                                .target = packet.target_address(),
                                .port = packet.target_port,
                                .has_port = has_ports(packet.protocol),
                                .technique = sighting.probe.technique});
  ScanEvent* const event = records_.event(network.record);
  ++event->filtered_total;
  event->sources_total = std::max(event->sources_total, linear_count(network.hosts_seen));
}

void ScanReports::add_outcome(std::uint32_t index, const ContactSource& entry, FlowHash flow,
                              ProbeOutcome outcome, Port port) noexcept {
  if ((entry.flags & source_flag::alarmed) == 0) {
    FirstContacts* const first = firsts_.find(index, entry.key);
    if (first == nullptr) return;
    if (outcome == ProbeOutcome::open) {
      first->add_open(port);
    } else if (answer(flow, entry) && first->closed < first->contacts) {
      ++first->closed;
    }
    return;
  }
  ScanEvent* const event = records_.event(entry.record);
  if (event == nullptr || !answer(flow, entry)) return;
  if (event->filtered_total > 0) --event->filtered_total;
  records_.add_outcome(entry.record, outcome, port, probe_mark(flow));
}

void ScanReports::prove(ContactSource& entry, Proof proof) noexcept {
  const std::uint8_t before = entry.flags;
  if (proof == Proof::proven) entry.flags |= source_flag::proven;
  if (proof == Proof::answered) entry.flags |= source_flag::answered;
  if (entry.flags == before) return;
  ScanEvent* const event = records_.event(entry.record);
  if (event == nullptr || event->source_prefix != 0) return;
  // Of a group of decoys, whoever answers is the likeliest.
  if (event->kind == ScanKind::decoys) event->source = address_of(entry.key);
  const Verdict verdict = verdict_of(entry, nullptr);
  if (verdict == event->verdict && event->kind != ScanKind::decoys) return;
  event->verdict = verdict;
  records_.mark_changed(entry.record);
}

// Puts what came before an alarm on record. Returns how many services there are among the ports
// that were open, which are no contacts.
std::uint32_t ScanReports::keep(ScanRecords::Handle handle, const FirstContacts& first,
                                Technique technique, std::chrono::nanoseconds now) noexcept {
  // Every port once, every host once; the rest of the contacts is known by number only.
  const std::size_t contacts = std::max<std::size_t>(first.port_count, first.host_count);
  for (std::size_t i = 0; i < contacts; ++i) {
    const bool has_port = i < first.port_count;
    records_.add(handle, {.time = i == 0 ? first.started : now,
                          .target = i < first.host_count ? first.host(i) : Address{},
                          .port = has_port ? first.ports[i] : Port{0},
                          .has_port = has_port,
                          .is_timed = i == 0,
                          .technique = technique});
  }
  std::uint32_t services = 0;
  for (const Port port : first.open_view()) {
    if (std::ranges::find(first.port_view(), port) == first.port_view().end()) ++services;
    records_.add(handle, {.time = now, .port = port, .is_packet = false});
    records_.add_outcome(handle, ProbeOutcome::open, port);
  }
  for (std::uint8_t i = 0; i < first.closed; ++i) {
    records_.add_outcome(handle, ProbeOutcome::closed, 0);
  }
  return services;
}

bool ScanReports::begin(const Alarm& alarm, ContactSource& entry,
                        std::span<const Handshakes::Handshake> handshakes,
                        std::chrono::nanoseconds now, EventList& events) noexcept {
  const ScanRecords::Handle handle = records_.open(idle_of(alarm.rule), events);
  if (handle == ScanRecords::kNoRecord) return false;
  std::uint32_t asked = entry.contacts;  // and services, which are no contacts
  ScanEvent event;
  event.started = now;
  event.source = address_of(alarm.source);
  FirstContactsTable& table = alarm.is_network ? network_firsts_ : firsts_;
  FirstContacts* const first = table.find(alarm.index, alarm.source);
  // Services that were asked before anything failed.
  for (const Handshakes::Handshake& each : handshakes) {
    if (alarm.is_network || each.flow == 0 || each.remote != alarm.source) continue;
    if (each.is_proven) entry.flags |= source_flag::proven;
    if (each.is_answered) entry.flags |= source_flag::answered;
    if (first != nullptr) first->add_open(each.local_port);
  }
  if (first != nullptr) {
    describe(*first, event);
    asked += keep(handle, *first, known(first->technique, entry), now);
  }
  ScanEvent* const counted = records_.event(handle);
  const std::uint32_t answered = counted->open_total + counted->closed_total;
  counted->filtered_total = asked > answered ? asked - answered : 0;
  event.detected = now;
  event.rule = alarm.rule;
  event.kind = kind_of(counted->hosts_total, counted->ports_total);
  if (alarm.is_network) {
    event.source.bytes = network_base(event.source.family, event.source.bytes);
    event.source_prefix = network_prefix(event.source.family);
    event.sources_total = linear_count(entry.hosts_seen);
  } else {
    event.verdict = verdict_of(entry, first);
    if (first != nullptr && is_ftp_bounce(*first)) {
      event.kind = ScanKind::ftp_bounce;
      event.technique = Technique::ftp_bounce;
    }
  }
  if (!records_.begin(handle, event, events)) return false;
  entry.record = handle;
  return true;
}

}  // namespace scanlogd
