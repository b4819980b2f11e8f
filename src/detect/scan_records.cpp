// See scan_records.h. HyperLogLog: Flajolet, Fusy, Gandouet, Meunier 2007, with the linear counting
// of its small range.
#include "detect/scan_records.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "detect/detector.h"
#include "detect/source_key.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// Of a record without a scan: less than any time, so that it is the first to be taken.
constexpr std::chrono::nanoseconds kFree = std::chrono::nanoseconds::min();

std::uint64_t host_hash(HashKey key, const Address& address) noexcept {
  std::array<std::uint64_t, 2> halves;
  std::memcpy(halves.data(), address.bytes.data(), sizeof(halves));
  return keyed_hash(key, halves[0] ^ static_cast<std::uint64_t>(address.family), halves[1]);
}

// Without the call that `==` is to GCC 12.
bool is_same_host(const Address& one, const Address& other) noexcept {
  return is_same(one.bytes, other.bytes) && one.family == other.family;
}

}  // namespace

bool ScanRecords::PortMap::insert(Port port) noexcept {
  const std::size_t block = port / (kWords * kWordBits);
  if ((used_ >> block & 1) == 0) {
    blocks_[block] = {};
    used_ |= std::uint64_t{1} << block;
  }
  std::uint64_t& word = blocks_[block][port / kWordBits % kWords];
  const std::uint64_t bit = std::uint64_t{1} << (port % kWordBits);
  const bool is_new = (word & bit) == 0;
  word |= bit;
  return is_new;
}

void ScanRecords::PortMap::copy_to(ScanPorts& ports) const noexcept {
  ports.count = 0;
  ports.is_cut = false;
  const auto append = [&](unsigned first, unsigned last) {
    if (ports.count > 0 && ports.ranges[ports.count - 1U].last + 1U == first) {
      ports.ranges[ports.count - 1U].last = static_cast<Port>(last);
    } else if (ports.count < ScanPorts::kMaxRanges) {
      ports.ranges[ports.count++] = {static_cast<Port>(first), static_cast<Port>(last)};
    } else {
      ports.is_cut = true;
    }
  };
  for (unsigned block = 0; block < kBlocks; ++block) {
    if ((used_ >> block & 1) == 0) continue;
    for (unsigned i = 0; i < kWords; ++i) {
      const unsigned base = (block * unsigned{kWords} + i) * kWordBits;
      std::uint64_t word = blocks_[block][i];
      while (word != 0) {
        const auto first = static_cast<unsigned>(std::countr_zero(word));
        const auto size = static_cast<unsigned>(std::countr_one(word >> first));
        append(base + first, base + first + size - 1);
        // The run taken out; adding to its lowest bit carries through it.
        word &= word + (std::uint64_t{1} << first);
      }
    }
  }
}

void ScanRecords::HostCount::clear() noexcept {
  count_ = 0;
  // What else there is is set when more than `kExactHosts` have come.
}

void ScanRecords::HostCount::insert(std::uint64_t hash) noexcept {
  if (count_ > kExactHosts) return estimate(hash);
  const std::span known{exact_.data(), count_};
  if (std::ranges::find(known, hash) != known.end()) return;
  if (count_ < kExactHosts) {
    exact_[count_++] = hash;
    return;
  }
  registers_ = {};
  zeros_ = kRegisters;
  inverse_sum_ = std::uint64_t{kRegisters} << 40;
  ++count_;
  for (const std::uint64_t each : exact_) estimate(each);
  estimate(hash);
}

void ScanRecords::HostCount::estimate(std::uint64_t hash) noexcept {
  constexpr auto kIndexBits = static_cast<unsigned>(std::countr_zero(kRegisters));
  constexpr int kHighest = 40;  // 2^-40 is the unit of the sum
  std::uint8_t& held = registers_[hash % kRegisters];
  const int rank = std::min(std::countr_zero(hash >> kIndexBits) + 1, kHighest);
  if (rank <= held) return;
  if (held == 0) --zeros_;
  inverse_sum_ -= std::uint64_t{1} << (kHighest - held);
  inverse_sum_ += std::uint64_t{1} << (kHighest - rank);
  held = static_cast<std::uint8_t>(rank);

  constexpr auto kCount = static_cast<double>(kRegisters);
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  double hosts =
      kAlpha * kCount * kCount / std::ldexp(static_cast<double>(inverse_sum_), -kHighest);
  if (hosts <= 2.5 * kCount && zeros_ > 0) hosts = kCount * std::log(kCount / zeros_);
  // It never becomes less, and there are as many as were told apart.
  count_ = std::max(count_, static_cast<std::uint32_t>(std::min(hosts, 4e9)));
}

Result<ScanRecords> ScanRecords::make(std::size_t count, HashKey key) {
  auto memory = ReservedMemory<Record>::make(std::bit_ceil(count), "scan records");
  if (!memory) return std::unexpected(memory.error());
  return ScanRecords(std::move(*memory), key);
}

ScanRecords::ScanRecords(ReservedMemory<Record> records, HashKey key)
    : records_(std::move(records)),
      handles_(records_.items().size(), kNoRecord),
      prolonged_(records_.items().size(), kFree),
      key_(key) {}

// A record's number is its index and, above, how many scans it has served. A handle is the lower
// half, so that it is right again only after four thousand million scans.
ScanRecords::Handle ScanRecords::open(std::chrono::nanoseconds idle, EventList& events) noexcept {
  const auto index =
      static_cast<std::size_t>(std::ranges::min_element(prolonged_) - prolonged_.begin());
  Record& record = records_.items()[index];
  if (prolonged_[index] != kFree) {
    if (!tell(record, Phase::end, EndReason::evicted, Lists::wanted, events)) return kNoRecord;
    release(index);
  }
  std::uint64_t number = record.number == 0 ? index : record.number;
  do {
    number += records_.items().size();
  } while (static_cast<Handle>(number) == kNoRecord);
  record.event = {};
  record.number = number;
  record.idle = idle;
  record.told = {};
  record.told_steps = 0;
  record.is_changed = false;
  record.techniques = {};
  record.latest_host = {};
  record.hosts.clear();
  record.ports.clear();
  record.sampler.clear(number);
  handles_[index] = static_cast<Handle>(number);
  prolonged_[index] = 0ns;
  ++open_scans_;
  return static_cast<Handle>(number);
}

bool ScanRecords::begin(Handle handle, ScanEvent event, EventList& events) noexcept {
  Record* const record = find(handle);
  if (record == nullptr) return false;
  const ScanEvent counted = record->event;
  event.phase = Phase::begin;
  event.reason = EndReason::none;
  // A clock may have run backwards meanwhile.
  event.detected = std::max(event.detected, event.started);
  event.packets = counted.packets;
  event.ports_total = counted.ports_total;
  event.hosts_total = counted.hosts_total;
  event.open_total = counted.open_total;
  event.closed_total = counted.closed_total;
  event.filtered_total = counted.filtered_total;
  event.open_count = counted.open_count;
  event.open = counted.open;
  record->event = event;
  complete(*record);
  record->told = event.detected;
  record->told_steps = steps(record->event);
  const std::size_t index = index_of(handle);
  prolonged_[index] = std::max(prolonged_[index], event.detected);
  if (events.push(record->event)) return true;
  release(index);
  return false;
}

void ScanRecords::add_to(Record& record, std::size_t index, const ScanContact& contact) noexcept {
  ScanEvent& event = record.event;
  event.detected = std::max(event.detected, contact.time);
  if (contact.prolongs) {
    prolonged_[index] = std::max(prolonged_[index], contact.time);
  }
  if (contact.is_packet) {
    ++event.packets;
    ++record.techniques[static_cast<std::size_t>(contact.technique)];
    if (contact.is_timed && record.sampler.wants()) [[unlikely]] {
      take_sample(record, contact);
    }
  }
  if (contact.has_port && record.ports.insert(contact.port)) ++event.ports_total;
  if (contact.target.family != Family::none && !is_same_host(contact.target, record.latest_host)) {
    add_host(record, contact.target);
  }
}

// This and the next are apart, so that the usual packet pays for none of their registers.
[[gnu::noinline]] void ScanRecords::take_sample(Record& record,
                                                const ScanContact& contact) noexcept {
  record.sampler.take({.time = contact.time, .target = contact.target, .port = contact.port},
                      contact.mark);
}

[[gnu::noinline]] void ScanRecords::add_host(Record& record, const Address& host) const noexcept {
  record.latest_host = host;
  record.hosts.insert(host_hash(key_, host));
  record.event.hosts_total = record.hosts.count();
}

void ScanRecords::add_outcome(Handle handle, ProbeOutcome outcome, Port port,
                              std::uint32_t mark) noexcept {
  Record* const record = find(handle);
  if (record == nullptr) return;
  record->sampler.note(mark, outcome);
  ScanEvent& event = record->event;
  switch (outcome) {
    case ProbeOutcome::open: {
      ++event.open_total;
      const std::span known{event.open.data(), event.open_count};
      const bool fits = event.open_count < ScanEvent::kMaxOpen;
      if (fits && std::ranges::find(known, port) == known.end()) {
        event.open[event.open_count++] = port;
      }
      break;
    }
    case ProbeOutcome::closed:
      ++event.closed_total;
      break;
    case ProbeOutcome::filtered:
      ++event.filtered_total;
      break;
    case ProbeOutcome::unknown:
      break;
  }
}

ScanEvent* ScanRecords::event(Handle handle) noexcept {
  Record* const record = find(handle);
  return record == nullptr ? nullptr : &record->event;
}

void ScanRecords::mark_changed(Handle handle) noexcept {
  if (Record* const record = find(handle)) record->is_changed = true;
}

void ScanRecords::set_idle(Handle handle, std::chrono::nanoseconds idle) noexcept {
  if (Record* const record = find(handle)) record->idle = idle;
}

void ScanRecords::advance(std::chrono::nanoseconds now, EventList& events) noexcept {
  for (std::size_t index = 0; index < prolonged_.size() && open_scans_ > 0; ++index) {
    if (prolonged_[index] == kFree) continue;
    Record& record = records_.items()[index];
    const bool is_end = now == Detector::kEndOfTime;
    // A clock that ran backwards by as much ends a scan, too.
    const std::chrono::nanoseconds pause = std::chrono::abs(now - prolonged_[index]);
    if (is_end || pause > record.idle) {
      const EndReason reason = is_end ? EndReason::shutdown : EndReason::idle;
      if (!tell(record, Phase::end, reason, Lists::needed, events)) return;
      release(index);
      continue;
    }
    const std::chrono::nanoseconds silence = now - record.told;
    const bool has_grown = record.is_changed || steps(record.event) > record.told_steps;
    if (silence < (has_grown ? kShortestSilence : std::chrono::minutes(kLongestSilence))) continue;
    if (!tell(record, Phase::update, EndReason::none, Lists::needed, events)) return;
    record.told = now;
    record.told_steps = steps(record.event);
    record.is_changed = false;
  }
}

// How many steps the totals have reached, together: it grows when one of them reaches the next.
unsigned ScanRecords::steps(const ScanEvent& event) noexcept {
  const auto reached = [](std::uint32_t total) {
    return static_cast<unsigned>(std::ranges::upper_bound(kSteps, total) - kSteps.begin());
  };
  return reached(event.ports_total) + reached(event.hosts_total);
}

// Fills in what follows from the counts.
void ScanRecords::complete(Record& record) noexcept {
  ScanEvent& event = record.event;
  event.record = record.number;
  constexpr std::size_t kBits = 16;
  event.techniques = 0;
  for (std::size_t i = 1; i <= kBits; ++i) {
    if (record.techniques[i] > 0) event.techniques |= static_cast<std::uint16_t>(1U << (i - 1));
  }
  // The first element stands for packets of which nothing is known.
  const auto* const most = std::max_element(record.techniques.begin() + 1, record.techniques.end());
  if (*most > 0) event.technique = static_cast<Technique>(most - record.techniques.begin());
}

bool ScanRecords::tell(Record& record, Phase phase, EndReason reason, Lists lists,
                       EventList& events) noexcept {
  if (events.view().size() == EventList::kCapacity) return false;
  const bool has_room = events.ports().size() < EventList::kPortsCapacity &&
                        events.samples().size() < EventList::kSamplesCapacity;
  if (!has_room && lists == Lists::needed) return false;
  ScanPorts* const list = record.event.ports_total > 0 ? events.add_ports() : nullptr;
  if (list != nullptr) {
    list->record = record.number;
    list->total = record.event.ports_total;
    record.ports.copy_to(*list);
  }
  ScanSample* const sample = record.sampler.size() > 0 ? events.add_sample() : nullptr;
  if (sample != nullptr) {
    sample->record = record.number;
    record.sampler.copy_to(*sample);
  }
  complete(record);
  ScanEvent event = record.event;
  event.phase = phase;
  event.reason = reason;
  return events.push(event);
}

void ScanRecords::release(std::size_t index) noexcept {
  handles_[index] = kNoRecord;
  prolonged_[index] = kFree;
  --open_scans_;
}

}  // namespace scanlogd
