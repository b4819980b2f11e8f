// See contact.h.
#include "detect/contact.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>

namespace scanlogd {
namespace {

// Weights are roughly what a contact says for a scan in nats, at the rate at which clients fail.
constexpr Weight kIllegal = 3 * kPoint;
constexpr Weight kKnownPort = 2 * kPoint;
constexpr Weight kOtherPort = kPoint + kPoint / 2;
constexpr Weight kSameFamily = kPoint / 2;
constexpr Weight kOtherHost = kOtherPort;  // the same kind of service elsewhere: sweeps do that
constexpr Weight kProtocol = kPoint + kPoint / 2;
// Six hosts make a scan although points leak between them.
constexpr Weight kHost = kPoint + 5 * kPoint / 8;
constexpr Weight kCraftedOnce = 3 * kPoint;
constexpr Weight kService = kPoint / 2;

constexpr Port kFirstUnprivileged = 1024;

// What the network of a source learns of it.
constexpr std::uint8_t kForNetwork = 3;

constexpr std::size_t kNetworkShare = 4;  // one network for so many sources

void leak_all(ContactSource& entry, Tick now) noexcept {
  leak(entry.score, elapsed(entry.last, now));
}

Weight minus(Weight from, Weight amount) noexcept {
  return from > amount ? static_cast<Weight>(from - amount) : Weight{0};
}

// The first contacts of a source are told apart by marks of 16 bits, of which the lower seven name
// the bit that stands for them when there are more: those that decide about most scans are exact.
using Bits = std::array<std::uint64_t, 2>;
constexpr std::size_t kMarks = sizeof(Bits) / sizeof(std::uint16_t);

std::uint16_t mark_of(FlowHash port) noexcept {
  constexpr std::uint16_t kSameBit = 0x80;  // as 0, which is no mark
  const auto mark = static_cast<std::uint16_t>(port);
  return mark == 0 ? kSameBit : mark;
}

// Sets the bit of `mark`. True where it was set already.
bool set_bit(Bits& bits, std::uint16_t mark) noexcept {
  std::uint64_t& word = bits[mark >> 6 & 1];
  const std::uint64_t bit = std::uint64_t{1} << (mark & 63);
  const bool was_set = (word & bit) != 0;
  word |= bit;
  return was_set;
}

// The marks are read and written one by one: whoever writes one and reads all waits until all that
// was stored before is in memory.
std::uint16_t mark_at(const Bits& bits, std::size_t at) noexcept {
  std::uint16_t mark;
  std::memcpy(&mark,
              static_cast<const std::byte*>(static_cast<const void*>(&bits)) + at * sizeof(mark),
              sizeof(mark));
  return mark;
}
void set_mark(Bits& bits, std::size_t at, std::uint16_t mark) noexcept {
  std::memcpy(static_cast<std::byte*>(static_cast<void*>(&bits)) + at * sizeof(mark), &mark,
              sizeof(mark));
}

// Notes a contact. True where it was there already.
bool set_contact(ContactSource& entry, FlowHash port) noexcept {
  const std::uint16_t mark = mark_of(port);
  if ((entry.flags & source_flag::many) != 0) return set_bit(entry.contacts_seen, mark);
  for (std::size_t at = 0; at < kMarks; ++at) {
    const std::uint16_t known = mark_at(entry.contacts_seen, at);
    if (known == mark) return true;
    if (known != 0) continue;
    set_mark(entry.contacts_seen, at, mark);
    return false;
  }
  const Bits marks = entry.contacts_seen;
  entry.flags |= source_flag::many;
  entry.contacts_seen = {};
  for (std::size_t at = 0; at < kMarks; ++at) {
    (void)set_bit(entry.contacts_seen, mark_at(marks, at));
  }
  return set_bit(entry.contacts_seen, mark);
}

void clear_contact(ContactSource& entry, FlowHash port) noexcept {
  const std::uint16_t mark = mark_of(port);
  if ((entry.flags & source_flag::many) != 0) {
    entry.contacts_seen[mark >> 6 & 1] &= ~(std::uint64_t{1} << (mark & 63));
    return;
  }
  // What stands behind moves up: the first 0 ends the list.
  std::size_t kept = 0;
  for (std::size_t at = 0; at < kMarks; ++at) {
    const std::uint16_t known = mark_at(entry.contacts_seen, at);
    if (known != mark) set_mark(entry.contacts_seen, kept++, known);
  }
  for (; kept < kMarks; ++kept) set_mark(entry.contacts_seen, kept, 0);
}

template <class Number>
void increment(Number& number) noexcept {
  if (number != std::numeric_limits<Number>::max()) ++number;
}

bool waits_for_answer(const Probe& probe) noexcept {
  return probe.has_ports && !probe.is_illegal && !probe.is_crafted;
}

constexpr std::uint16_t family_bit(PortFamily family) noexcept {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(family));
}

}  // namespace

Result<ContactDetector> ContactDetector::make(std::size_t sources, const Thresholds& thresholds,
                                              HashKey key, std::uint32_t left_out) {
  auto table = ContactTable::make(sources, key);
  if (!table) return std::unexpected(table.error());
  auto networks = ContactTable::make(sources / kNetworkShare, key);
  if (!networks) return std::unexpected(networks.error());
  auto admission = Admission::make(table->capacity());
  if (!admission) return std::unexpected(admission.error());
  auto pending = PendingContacts::make();
  if (!pending) return std::unexpected(pending.error());
  return ContactDetector(std::move(*table), std::move(*networks), std::move(*admission),
                         std::move(*pending), thresholds, key, left_out);
}

ContactSource* ContactDetector::enter(const Sighting& sighting) noexcept {
  ++newcomers_;
  if (!admission_.admit(sighting.hash, sighting.now)) return nullptr;
  ContactSource* const entry =
      sources_.insert(sources_.place_of_hash(sighting.hash), sighting.source, sighting.now);
  if (entry == nullptr) return nullptr;
  ++admitted_;
  return entry;
}

Weight ContactDetector::weigh(const Sighting& sighting, ContactSource& entry,
                              PortFamily& first_of) const noexcept {
  const Probe& probe = sighting.probe;
  if (probe.is_illegal || sighting.packet->protocol == IpProto::sctp) return kIllegal;
  if (!probe.has_ports) return probe.technique == Technique::ip_protocol ? kProtocol : kHost;
  const Port port = sighting.packet->target_port;
  const PortFamily family = family_of(port);
  const Weight full =
      port < kFirstUnprivileged || family != PortFamily::none ? kKnownPort : kOtherPort;
  if (probe.is_crafted || (entry.flags & source_flag::crafted) != 0) return full;
  if (family == PortFamily::none || !uses(left_out::families)) return full;
  if ((entry.families & family_bit(family)) == 0) {
    first_of = family;
    return full;
  }
  if (family == PortFamily::traceroute) return 0;
  const bool is_other_host = (entry.hosts_seen >> (sighting.local_bit()) & 1) == 0;
  return is_other_host ? kOtherHost : kSameFamily;
}

Counted ContactDetector::count(const Sighting& sighting, ContactSource*& entry) noexcept {
  if (entry == nullptr) entry = enter(sighting);
  if (entry == nullptr) return Counted::refused;
  PortFamily first_of = PortFamily::none;
  if (set_contact(*entry, sighting.port) && uses(left_out::repeats)) return Counted::repeated;
  Weight weight = weigh(sighting, *entry, first_of);
  if (weight == 0) return Counted::nothing;
  if (sighting.probe.is_crafted && uses(left_out::marks) &&
      (entry->flags & source_flag::crafted) == 0) {
    entry->flags |= source_flag::crafted;
    weight += kCraftedOnce;
  }
  const bool waits = waits_for_answer(sighting.probe) &&
                     (entry->flags & source_flag::crafted) == 0 && uses(left_out::waiting);
  return add(sighting, *entry, weight, waits, first_of);
}

Counted ContactDetector::count_probe(const Sighting& sighting, Weight weight,
                                     ContactSource*& entry) noexcept {
  if (entry == nullptr) entry = enter(sighting);
  if (entry == nullptr) return Counted::refused;
  if (set_contact(*entry, sighting.port)) return Counted::repeated;
  return add(sighting, *entry, weight, false, PortFamily::none);
}

void ContactDetector::credit(const Sighting& sighting, ContactSource& entry) noexcept {
  if (set_contact(entry, sighting.port)) return;
  take(entry.score, kService);
  if (is_diarist(entry.key)) write_down(DiaryStep::service, sighting, entry, kService);
}

Counted ContactDetector::count_stray(const Sighting& sighting, bool is_low,
                                     ContactSource*& entry) noexcept {
  // Answers to what others sent in our name come to all ports, so few of them to low ones.
  constexpr std::uint8_t kLeastLow = 4;
  constexpr unsigned kShare = 4;
  if (entry == nullptr) {
    if (!is_low) return Counted::nothing;
    entry = enter(sighting);
    if (entry == nullptr) return Counted::refused;
  }
  if (entry->strays == std::numeric_limits<std::uint8_t>::max()) {
    entry->strays /= 2;
    entry->low_strays /= 2;
  }
  ++entry->strays;
  if (!is_low) return Counted::nothing;
  ++entry->low_strays;
  if (entry->low_strays < kLeastLow || entry->low_strays * kShare < entry->strays) {
    return Counted::nothing;
  }
  return count_probe(sighting, kKnownPort, entry);
}

Counted ContactDetector::add(const Sighting& sighting, ContactSource& entry, Weight weight,
                             bool waits, PortFamily first_of) noexcept {
  Pending contact{.flow = sighting.flow,
                  .port = sighting.port,
                  .source = sighting.source,
                  .entry = sources_.index_of(entry),
                  .network = 0,
                  .at = sighting.now,
                  .weight = weight,
                  .network_weight = 0,
                  .target_port = sighting.packet->target_port,
                  .protocol = sighting.packet->protocol,
                  .family = first_of,
                  .waits = waits,
                  .victim = Distributed::kNone};
  network_ = nullptr;
  if (entry.contacts < kForNetwork && uses(left_out::networks) &&
      (entry.flags & source_flag::alarmed) == 0) {
    contact.victim = sighting.victim;
    contact.network = add_to_network(sighting, weight, waits, contact.network_weight);
  }
  leak_all(entry, sighting.now);
  scanlogd::add(entry.score, weight);
  increment(entry.contacts);
  entry.hosts_seen |= std::uint64_t{1} << sighting.local_bit();
  if (first_of != PortFamily::none) entry.families |= family_bit(first_of);
  if (waits) entry.provisional = static_cast<std::uint16_t>(entry.provisional + weight);
  sources_.refresh(entry, sighting.now);
  if (is_diarist(entry.key)) {
    write_down(waits ? DiaryStep::waits : DiaryStep::counted, sighting, entry, weight);
  }
  if (waits) {
    pending_.add(contact, [this](Pending& oldest) { settle(oldest, DiaryStep::silence); });
    return Counted::waits;
  }
  tell_novelty(contact);
  decide(entry, false);
  return Counted::counted;
}

std::uint32_t ContactDetector::add_to_network(const Sighting& sighting, Weight weight, bool waits,
                                              Weight& added) noexcept {
  const SourceKey key = network_key(sighting.source);
  const ContactTable::Place place = networks_.place(key);
  ContactSource* network = networks_.find(place, key);
  if (network == nullptr) network = networks_.insert(place, key, sighting.now);
  if (network == nullptr) return 0;
  const std::uint32_t index = networks_.index_of(*network);
  if (set_contact(*network, sighting.port)) return index;
  // The marks of one program are no proof against its neighbours.
  added = std::min(weight, kIllegal);
  leak_all(*network, sighting.now);
  scanlogd::add(network->score, added);
  increment(network->contacts);
  network->hosts_seen |= std::uint64_t{1} << (keyed_hash(key_, sighting.source, 2) & 63);
  if (waits) network->provisional = static_cast<std::uint16_t>(network->provisional + added);
  networks_.refresh(*network, sighting.now);
  network_ = network;
  if (!waits) decide(*network, true);
  return index;
}

ContactSource* ContactDetector::network_of(const Pending& contact) noexcept {
  if (contact.network_weight == 0) return nullptr;
  return networks_.at(contact.network, network_key(contact.source));
}

void ContactDetector::tell_novelty(const Pending& contact) noexcept {
  if (contact.victim == Distributed::kNone || novelty_count_ == kNovelties) return;
  novelties_[novelty_count_++] = {.source = contact.source,
                                  .port = contact.target_port,
                                  .protocol = contact.protocol,
                                  .victim = contact.victim};
}

void ContactDetector::settle(Pending& contact, DiaryStep step) noexcept {
  tell_novelty(contact);
  if (ContactSource* const entry = sources_.at(contact.entry, contact.source)) {
    entry->provisional = minus(entry->provisional, contact.weight);
    if (is_diarist(contact.source)) write_down(step, contact, *entry);
    decide(*entry, false);
  }
  if (ContactSource* const network = network_of(contact)) {
    network->provisional = minus(network->provisional, contact.network_weight);
    decide(*network, true);
  }
}

bool ContactDetector::take_back(Pending& contact) noexcept {
  if (!uses(left_out::waiting)) return false;
  const auto undo = [&](ContactSource& entry, Weight weight) {
    take(entry.score, weight);
    clear_contact(entry, contact.port);
    if (entry.contacts > 0) --entry.contacts;
    if (contact.waits) entry.provisional = minus(entry.provisional, weight);
  };
  if (ContactSource* const entry = sources_.at(contact.entry, contact.source)) {
    undo(*entry, contact.weight);
    if (is_diarist(contact.source)) write_down(DiaryStep::taken_back, contact, *entry);
    if (contact.family != PortFamily::none) {
      entry->families &= static_cast<std::uint16_t>(~family_bit(contact.family));
    }
  }
  if (ContactSource* const network = network_of(contact)) undo(*network, contact.network_weight);
  contact.waits = false;
  contact.flow = 0;
  return true;
}

void ContactDetector::expire(Tick now, Tick patience) noexcept {
  pending_.expire(now, patience, [this](Pending& oldest) { settle(oldest, DiaryStep::silence); });
}

void ContactDetector::set_alarmed(ContactSource& entry, bool is_network, Tick now) noexcept {
  entry.flags |= source_flag::alarmed;
  (is_network ? networks_ : sources_).refresh(entry, now);
  if (is_network) return;
  if (ContactSource* const network = find_network(entry.key)) {
    take(network->score, kForNetwork * kKnownPort);
  }
}

void ContactDetector::forget(ContactSource& entry, bool is_network) noexcept {
  (is_network ? networks_ : sources_).forget(entry);
}

std::array<double, kScales> ContactDetector::scores(const ContactSource& entry, Tick now) noexcept {
  ContactSource leaked = entry;
  leak_all(leaked, now);
  std::array<double, kScales> values{};
  std::ranges::transform(leaked.score, values.begin(),
                         [](std::uint32_t score) { return double{1} * score / kSumOne; });
  return values;
}

void ContactDetector::write_down(DiaryStep step, const Sighting& sighting,
                                 const ContactSource& entry, Weight weight) noexcept {
  const Packet& packet = *sighting.packet;
  diary_->write(
      {.step = step,
       .is_related = step != DiaryStep::service && weight == kSameFamily,
       .is_marked = step == DiaryStep::counted && sighting.probe.is_crafted && weight > kKnownPort,
       .protocol = packet.protocol,
       .technique = sighting.probe.technique,
       .port = packet.target_port,
       .target = packet.target_address(),
       .contact = sighting.flow,
       .time = {},
       .points = double{1} * weight / kPoint,
       .score = scores(entry, sighting.now),
       .waiting = double{1} * entry.provisional / kPoint,
       .contacts = entry.contacts});
}

void ContactDetector::write_down(DiaryStep step, const Pending& contact,
                                 const ContactSource& entry) noexcept {
  diary_->write({.step = step,
                 .protocol = contact.protocol,
                 .port = contact.target_port,
                 .target = {},
                 .contact = contact.flow,
                 .time = {},
                 .points = double{1} * contact.weight / kPoint,
                 .score = scores(entry, entry.last),
                 .waiting = double{1} * entry.provisional / kPoint,
                 .contacts = entry.contacts});
}

void ContactDetector::decide(ContactSource& entry, bool is_network) noexcept {
  if ((entry.flags & source_flag::alarmed) != 0 || alarm_count_ == kAlarms) return;
  if (is_network && std::popcount(entry.hosts_seen) < kNetworkSources) return;
  constexpr std::array kRules = {ScanRule::fast, ScanRule::slow, ScanRule::glacial};
  const std::uint64_t uncertain = in_sum(entry.provisional);
  const std::size_t scales = uses(left_out::slow) ? kScales : 1;
  for (std::size_t scale = 0; scale < scales; ++scale) {
    const std::uint64_t needed =
        std::uint64_t{thresholds_[scale]} * (is_network ? kNetworkFactor : 1) * kSumOne;
    if (entry.contacts < kLeastContacts[scale] || entry.score[scale] < needed + uncertain) continue;
    entry.flags |= source_flag::alarmed;
    alarms_[alarm_count_++] = {
        .index = is_network ? networks_.index_of(entry) : sources_.index_of(entry),
        .source = entry.key,
        .is_network = is_network,
        .rule = is_network ? ScanRule::prefix : kRules[scale]};
    return;
  }
}

}  // namespace scanlogd
