// See egress.h.
#include "detect/egress.h"

#include <algorithm>
#include <limits>

#include "detect/contact.h"
#include "detect/egress_weight.h"
#include "detect/scan_reports.h"
#include "detect/selection.h"
#include "detect/verdict.h"

namespace scanlogd {
namespace {

// As much as the heaviest ordinary failure: the walk goes down where half of all contacts succeed.
constexpr Weight kAnswered = 2 * kPoint;

std::uint32_t mark_of(FlowHash flow) noexcept { return static_cast<std::uint32_t>(flow >> 32) | 1; }

// What a datagram that came says of what we asked.
ProbeOutcome outcome_of(const Packet& packet) noexcept {
  constexpr std::uint8_t kInitAck = 2;  // RFC 9260 3.2
  constexpr std::uint8_t kAbort = 6;
  switch (packet.protocol) {
    case IpProto::tcp: {
      constexpr std::uint8_t kSynAck = tcp_flag::syn | tcp_flag::ack;
      if ((packet.flags & tcp_flag::rst) != 0) return ProbeOutcome::closed;
      return (packet.flags & kSynAck) == kSynAck ? ProbeOutcome::open : ProbeOutcome::unknown;
    }
    case IpProto::sctp:
      if (packet.flags == kAbort) return ProbeOutcome::closed;
      return packet.flags == kInitAck ? ProbeOutcome::open : ProbeOutcome::unknown;
    case IpProto::icmp:
      switch (packet.source_port) {  // RFC 792, RFC 950: replies
        case 0:
        case 14:
        case 18:
          return ProbeOutcome::open;
        default:
          return ProbeOutcome::unknown;
      }
    case IpProto::icmpv6: {
      constexpr Port kEchoReply = 129;  // RFC 4443
      return packet.source_port == kEchoReply ? ProbeOutcome::open : ProbeOutcome::unknown;
    }
    case IpProto::udp:
      break;
  }
  return ProbeOutcome::open;
}

bool is_unreachable(const Packet& packet) noexcept {
  constexpr Port kUnreachable = 3;    // RFC 792
  constexpr Port kUnreachableV6 = 1;  // RFC 4443
  return (packet.protocol == IpProto::icmp && packet.source_port == kUnreachable) ||
         (packet.protocol == IpProto::icmpv6 && packet.source_port == kUnreachableV6);
}

}  // namespace

Result<EgressOptions> EgressOptions::parse(const Section& options) {
  EgressOptions parsed;
  const auto is_on = options.boolean("egress", false);
  if (!is_on) return std::unexpected(is_on.error());
  parsed.is_on = *is_on;
  auto targets = parse_network_list(options, "egress_ignore_targets");
  if (!targets) return std::unexpected(targets.error());
  parsed.ignored_targets = std::move(*targets);
  auto ports = parse_port_list(options, "egress_ignore_ports");
  if (!ports) return std::unexpected(ports.error());
  parsed.ignored_ports = std::move(*ports);
  return parsed;
}

Result<Egress> Egress::make(HashKey key) {
  auto contacts = ReservedMemory<Contact>::make(kContacts, "outgoing contacts");
  if (!contacts) return std::unexpected(contacts.error());
  auto index = ReservedMemory<std::uint16_t>::make(kIndex, "outgoing contacts");
  if (!index) return std::unexpected(index.error());
  auto seen = ReservedMemory<Seen>::make(kSeen, "outgoing contacts");
  if (!seen) return std::unexpected(seen.error());
  auto sums = ReservedMemory<Sum>::make(kSums, "outgoing contacts");
  if (!sums) return std::unexpected(sums.error());
  return Egress(std::move(*contacts), std::move(*index), std::move(*seen), std::move(*sums), key);
}

void Egress::set(EgressOptions options, const Thresholds& thresholds) noexcept {
  options_ = std::move(options);
  thresholds_ = thresholds;
  // What was asked before answers were looked at would seem to have none.
  if (!options_.is_on) tail_ = head_;
}

// Two places for each, so that the answers of few are lost to the contact that came after them.
std::array<std::uint16_t*, 2> Egress::places_of(FlowHash flow) const noexcept {
  const std::span<std::uint16_t> all = index_.items();
  return {&all[flow >> 8 & (kIndex - 1)], &all[flow >> 40 & (kIndex - 1)]};
}

Egress::Contact* Egress::find(FlowHash flow) const noexcept {
  for (const std::uint16_t* const place : places_of(flow)) {
    Contact& found = contacts_.items()[*place];
    if (found.flow == flow) return &found;
  }
  return nullptr;
}

// False where it was made before.
bool Egress::note_seen(FlowHash flow, Tick now) noexcept {
  constexpr std::size_t kSeenWays = 4;
  const auto set = seen_.items().subspan((flow & (kSeen / kSeenWays - 1)) * kSeenWays, kSeenWays);
  const std::uint32_t mark = mark_of(flow);
  Seen* oldest = set.data();
  for (Seen& each : set) {
    if (each.mark == mark) {
      each.last = now;
      return false;
    }
    if (oldest->mark == 0) continue;
    if (each.mark == 0 || elapsed(each.last, now) > elapsed(oldest->last, now)) oldest = &each;
  }
  *oldest = {.mark = mark, .last = now};
  return true;
}

std::span<Egress::Sum> Egress::set_of(std::uint64_t key) const noexcept {
  return sums_.items().subspan((key >> 16 & (kSums / kWays - 1)) * kWays, kWays);
}

Egress::Sum* Egress::find_sum(std::uint64_t key) const noexcept {
  const auto set = set_of(key);
  const auto found = std::ranges::find(set, key, &Sum::key);
  return found == set.end() ? nullptr : &*found;
}

// Of those that share a set of places the one nearest to nothing makes room.
Egress::Sum& Egress::enter(std::uint64_t key, SourceKey own, Tick now) noexcept {
  if (Sum* const known = find_sum(key)) return *known;
  const auto worth = [now](const Sum& sum) {
    if (sum.key == 0) return std::uint64_t{0};
    LeakySums score = sum.score;
    leak(score, elapsed(sum.last, now));
    return std::uint64_t{1} + score[kGlacial] + (sum.is_alarmed ? std::uint64_t{1} << 32 : 0);
  };
  Sum& sum = *std::ranges::min_element(set_of(key), {}, worth);
  sum = {.key = key, .own = own, .score = {}, .last = now, .contacts = 0, .is_alarmed = false};
  return sum;
}

// A full ring takes no more until the oldest was answered or had its time: so what it holds is a
// fair sample of more than it can. What is loud needs no answer, and takes the place of one.
bool Egress::make_room(bool is_loud) noexcept {
  while (tail_ != head_ && contact_at(tail_).fate != Fate::waits) ++tail_;
  if (head_ - tail_ < kContacts) return true;
  if (!is_loud) return false;
  contact_at(tail_++).fate = Fate::dropped;
  return true;
}

Egress::Scanner* Egress::scanner_of(SourceKey own) noexcept {
  auto* const found = std::ranges::find(scanners_, own, &Scanner::own);
  return found == scanners_.end() ? nullptr : &*found;
}

// Where the scan of `own` is over what comes next is another.
void Egress::part_with(SourceKey own, Desk desk) noexcept {
  Scanner* const scanner = scanner_of(own);
  if (scanner != nullptr && desk.records.event(scanner->record) == nullptr) release(*scanner);
}

void Egress::release(Scanner& scanner) noexcept {
  if (scanner.own == 0) return;
  for (Sum& sum : sums_.items()) {
    if (sum.own == scanner.own) sum = {};
  }
  scanner = {};
}

// The scan that `contact` is part of, if there is one. What has nothing but its sender in common
// with the rest belongs to it where it failed.
ScanRecords::Handle Egress::scan_of(const Contact& contact, Desk desk) noexcept {
  const Scanner* const scanner = scanner_of(contact.own);
  if (scanner == nullptr || desk.records.event(scanner->record) == nullptr) {
    return ScanRecords::kNoRecord;
  }
  const auto is_alarmed = [&](std::size_t view) {
    const Sum* const sum = find_sum(contact.keys[view]);
    return sum != nullptr && sum->is_alarmed;
  };
  const bool belongs = is_alarmed(kSamePort) || is_alarmed(kSameTarget) ||
                       (contact.fate != Fate::answered && is_alarmed(kAll));
  return belongs ? scanner->record : ScanRecords::kNoRecord;
}

void Egress::record(Contact& contact, ScanRecords::Handle handle, Desk desk) noexcept {
  contact.is_recorded = true;
  const Packet& packet = contact.packet;
  const bool has_port = contact.probe.has_ports;
  desk.records.add(handle, {.time = packet.time,
                            .target = packet.target_address(),
                            .port = has_port ? packet.target_port : Port{0},
                            .has_port = has_port,
                            .prolongs = contact.fate != Fate::answered,
                            .technique = contact.probe.technique,
                            .mark = mark_of(contact.flow)});
  ScanEvent& event = *desk.records.event(handle);
  if (event.kind == ScanKind::egress) include(contact, event);  // else it has not begun
  const auto outcome = [&]() {
    if (contact.fate == Fate::answered) return ProbeOutcome::open;
    return contact.fate == Fate::refused ? ProbeOutcome::closed : ProbeOutcome::unknown;
  }();
  if (outcome != ProbeOutcome::unknown) {
    desk.records.add_outcome(handle, outcome, packet.target_port, mark_of(contact.flow));
  } else {
    ++event.filtered_total;  // until it is answered
  }
}

// It is known what came of `contact`, or that nothing did.
void Egress::follow(Contact& contact, Desk desk) noexcept {
  if (contact.is_recorded) return;
  const ScanRecords::Handle scan = scan_of(contact, desk);
  if (scan != ScanRecords::kNoRecord) record(contact, scan, desk);
}

void Egress::ask(const Packet& packet, const Side& theirs, Tick now, Desk desk) noexcept {
  const Probe probe = classify(packet);
  if (probe.role != Role::probe || is_of_traceroute(probe, packet)) return;
  if (is_group(packet.family, packet.target) || stays_on_loopback(packet)) return;
  if (options_.ignored_targets.contains(packet.family, packet.target) ||
      options_.ignored_ports.contains(packet.protocol, packet.target_port)) {
    return;
  }
  Contact made{
      .packet = packet,
      .flow = theirs.flow,
      .keys = {keyed_hash(key_, theirs.remote, 1),
               keyed_hash(key_, theirs.remote,
                          std::uint64_t{2} << 32 |
                              std::uint64_t{static_cast<std::uint8_t>(packet.protocol)} << 16 |
                              (probe.has_ports ? packet.target_port : Port{0})),
               keyed_hash(key_, theirs.remote, theirs.local)},
      .own = theirs.remote,
      .at = now,
      .fate = is_loud(probe) ? Fate::silent : Fate::waits,
      .is_loud = is_loud(probe),
      .is_recorded = false,
      .probe = probe};
  if (!make_room(made.is_loud)) {
    // Not looked at; but a scan that goes on is followed.
    const ScanRecords::Handle scan = scan_of(made, desk);
    if (scan != ScanRecords::kNoRecord && note_seen(made.flow, now)) record(made, scan, desk);
    return;
  }
  if (!note_seen(made.flow, now)) return;
  Contact& contact = contact_at(head_);
  contact = made;
  *place_for(made.flow) = static_cast<std::uint16_t>(head_ % kContacts);
  ++head_;
  if (made.is_loud) fail(contact, now, desk);
}

// The one of two that is free, or names the older contact.
std::uint16_t* Egress::place_for(FlowHash flow) const noexcept {
  const auto age = [this](const std::uint16_t* place) {
    const auto named = places_of(contacts_.items()[*place].flow);
    const bool is_free = named[0] != place && named[1] != place;
    return is_free ? kContacts : (head_ - *place) % kContacts;
  };
  const auto places = places_of(flow);
  return age(places[0]) >= age(places[1]) ? places[0] : places[1];
}

void Egress::hear(const Packet& packet, const Sides& sides, Tick now, Desk desk) noexcept {
  heard_ = now;
  if (head_ == 0) return;
  if (is_unreachable(packet)) {
    // What the message quotes is what we sent.
    const bool is_ipv4 = packet.protocol == IpProto::icmp;
    const AddressBytes asked = is_ipv4 ? ipv4_bytes(packet.acknowledgement) : packet.source;
    const Side theirs = sides.side(packet.family, IpProto{packet.flags}, asked,
                                   static_cast<Port>(packet.sequence), packet.target);
    if (Contact* const contact = find(theirs.flow)) {
      settle(*contact, ProbeOutcome::closed, now, desk);
    }
    return;
  }
  const ProbeOutcome outcome = outcome_of(packet);
  if (outcome == ProbeOutcome::unknown) return;
  const Side theirs =
      sides.side(packet.family, packet.protocol, packet.source, packet.source_port, packet.target);
  if (Contact* const contact = find(theirs.flow)) settle(*contact, outcome, now, desk);
}

void Egress::settle(Contact& contact, ProbeOutcome outcome, Tick now, Desk desk) noexcept {
  const Fate before = contact.fate;
  if (before == Fate::answered || before == Fate::refused || before == Fate::none) return;
  contact.fate = outcome == ProbeOutcome::open ? Fate::answered : Fate::refused;
  if (answers_ != std::numeric_limits<std::uint32_t>::max()) ++answers_;
  if (contact.is_recorded) {
    const Scanner* const scanner = scanner_of(contact.own);
    const auto handle = scanner == nullptr ? ScanRecords::kNoRecord : scanner->record;
    if (ScanEvent* const event = desk.records.event(handle)) {
      if (event->filtered_total > 0) --event->filtered_total;
      desk.records.add_outcome(handle, outcome, contact.packet.target_port, mark_of(contact.flow));
    }
  }
  if (contact.is_loud) return;  // whatever the answer
  if (contact.fate == Fate::answered) {
    credit(contact, before == Fate::silent, now);
    follow(contact, desk);
  } else if (before != Fate::silent) {
    fail(contact, now, desk);
  }
}

void Egress::expire(Tick now, Desk desk) noexcept {
  while (tail_ != head_) {
    Contact& oldest = contact_at(tail_);
    if (oldest.fate == Fate::waits && elapsed(oldest.at, now) < kPatience) return;
    ++tail_;
    if (oldest.fate != Fate::waits) continue;
    // While the network is away nobody is heard, and silence says nothing.
    const bool is_telling = elapsed(oldest.at, heard_) > 0 && answers_ >= kLeastAnswers;
    oldest.fate = is_telling ? Fate::silent : Fate::dropped;
    if (is_telling) fail(oldest, now, desk);
  }
}

Weight Egress::weight_in(std::size_t view, const Contact& contact) noexcept {
  return view == kAll ? weigh_among_all(contact.probe, contact.packet)
                      : weigh_outgoing(contact.probe, contact.packet);
}

void Egress::fail(Contact& contact, Tick now, Desk desk) noexcept {
  part_with(contact.own, desk);
  for (const std::size_t view : {kSamePort, kSameTarget, kAll}) {
    Sum& sum = enter(contact.keys[view], contact.own, now);
    leak(sum.score, elapsed(sum.last, now));
    sum.last = now;
    add(sum.score, weight_in(view, contact));
    if (sum.contacts != std::numeric_limits<std::uint16_t>::max()) ++sum.contacts;
    decide(contact, sum, view, desk);
  }
  follow(contact, desk);
}

void Egress::credit(const Contact& contact, bool had_failed, Tick now) noexcept {
  for (std::size_t view = 0; view < kViews; ++view) {
    Sum* const sum = find_sum(contact.keys[view]);
    if (sum == nullptr) continue;
    leak(sum->score, elapsed(sum->last, now));
    sum->last = now;
    take(sum->score, kAnswered);
    if (had_failed) take(sum->score, weight_in(view, contact));
    if (had_failed && sum->contacts > 0) --sum->contacts;
    const bool is_over = std::ranges::all_of(sum->score, [](auto score) { return score == 0; });
    if (is_over && !sum->is_alarmed) *sum = {};
  }
}

void Egress::decide(const Contact& contact, Sum& sum, std::size_t view, Desk desk) noexcept {
  if (sum.is_alarmed) return;
  // While a scan goes on that has a port or a target, the rest is not known to be part of it.
  if (view == kAll && scanner_of(contact.own) != nullptr) return;
  constexpr std::array kRules = {ScanRule::fast, ScanRule::slow, ScanRule::glacial};
  for (std::size_t scale = 0; scale < kScales; ++scale) {
    const std::uint64_t needed = std::uint64_t{thresholds_[scale]} * kFactor * kSumOne;
    if (sum.contacts < kLeastContacts[scale] * kFactor || sum.score[scale] < needed) continue;
    sum.is_alarmed = begin(contact, sum, view, kRules[scale], desk);  // else with the next one
    return;
  }
}

void Egress::describe(const Contact& contact, ScanEvent& event) noexcept {
  const Packet& packet = contact.packet;
  event.started = packet.time;
  event.source = packet.source_address();
  event.target = packet.target_address();
  event.source_port = packet.source_port;
  event.tos = packet.tos;
  event.ttl = packet.ttl;
  event.protocol = packet.protocol;
  event.technique = contact.probe.technique;
  if (packet.protocol == IpProto::tcp) event.flags_or = event.flags_and = packet.flags;
  if (!packet.is_syn()) return;
  event.syn_window = packet.window;
  event.syn_options = packet.syn_summary().bits();
}

// What did not stay as in the first contact.
void Egress::include(const Contact& contact, ScanEvent& event) noexcept {
  const Packet& packet = contact.packet;
  if (packet.target != event.target.bytes) event.varies |= varies::target;
  if (packet.source_port != event.source_port) event.varies |= varies::source_port;
  if (packet.tos != event.tos) event.varies |= varies::tos;
  if (packet.ttl != event.ttl) event.varies |= varies::ttl;
  if (packet.protocol != IpProto::tcp) return;
  event.flags_or |= packet.flags;
  event.flags_and &= packet.flags;
}

// Whatever is still known of the contacts of `sum` belongs to the scan.
bool Egress::begin(const Contact& last, const Sum& sum, std::size_t view, ScanRule rule,
                   Desk desk) noexcept {
  const Scanner* const scanner = scanner_of(last.own);
  const bool is_new = scanner == nullptr;
  const ScanRecords::Handle handle =
      is_new ? desk.records.open(idle_of(rule), desk.events) : scanner->record;
  if (handle == ScanRecords::kNoRecord) return false;
  ScanEvent event;
  describe(last, event);
  bool is_first = true;
  std::uint8_t votes = 0;
  const auto vote = [&](Tool tool) {
    if (tool == Tool::unknown || (event.tool != Tool::unknown && event.tool != tool)) return;
    event.tool = tool;
    ++votes;
  };
  const std::uint64_t oldest = head_ > kContacts ? head_ - kContacts : 0;
  for (std::uint64_t number = oldest; number < head_; ++number) {
    Contact& each = contact_at(number);
    const bool is_known = each.fate == Fate::silent || each.fate == Fate::refused ||
                          (each.fate == Fate::answered && view != kAll);
    if (each.keys[view] != sum.key || each.is_recorded || !is_known) continue;
    if (std::exchange(is_first, false)) describe(each, event);
    include(each, event);
    const std::span known{event.ports.data(), event.port_count};
    const Port port = each.packet.target_port;
    if (each.probe.has_ports && event.port_count < event.ports.size() &&
        std::ranges::find(known, port) == known.end()) {
      event.ports[event.port_count++] = port;
    }
    vote(tool_of(each.packet, each.probe));
    record(each, handle, desk);
  }
  if (!is_new) return true;
  constexpr std::uint8_t kVotes = 2;
  if (votes < kVotes) event.tool = Tool::unknown;
  event.detected = desk.time;
  event.kind = ScanKind::egress;
  event.rule = rule;
  if (!desk.records.begin(handle, event, desk.events)) return false;
  // Of more addresses than there is room for the one that began to scan first is forgotten.
  Scanner& free = scanners_[next_scanner_++ % kScanners];
  release(free);
  free = {.own = last.own, .record = handle};
  return true;
}

}  // namespace scanlogd
