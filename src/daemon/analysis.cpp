// See analysis.h.
#include "daemon/analysis.h"

#include <algorithm>

namespace scanlogd {

Analysis::Analysis(std::vector<NamedDetector> detectors, std::vector<Network> local)
    : detectors_(std::move(detectors)),
      local_(std::move(local)),
      keeps_sources_(std::ranges::any_of(detectors_, &NamedDetector::wants_outgoing)),
      events_(std::make_unique<EventList>()) {
  tell_local();
}

void Analysis::keep_local(PacketBatch& batch) noexcept {
  if (local_.empty()) return;
  const auto is_local = [this](const Address& address) {
    return std::ranges::any_of(local_,
                               [&](const Network& network) { return network.contains(address); });
  };
  const auto foreign = [&](const Packet& packet) {
    return !is_local(packet.target_address()) &&
           !(keeps_sources_ && is_local(packet.source_address()));
  };
  Packet* const first = batch.packets.data();
  auto* const kept = std::remove_if(first, first + batch.size, foreign);
  const auto size = static_cast<std::size_t>(kept - first);
  accounts_.not_local += batch.size - size;
  batch.size = size;
}

// A program that begins to scan with a port may be followed by another on that port: what was sent
// much later is not taken for its own.
Sender Analysis::sender_of(const ScanEvent& event) const noexcept {
  constexpr std::chrono::minutes kSame{1};
  if (captures_ == nullptr) return {};
  for (const auto& capture : *captures_) {
    const Sender sender = capture->sender_of({.protocol = event.protocol,
                                              .port = event.source_port,
                                              .since = event.started,
                                              .until = event.started + kSame});
    if (sender.is_known) return sender;
  }
  return {};
}

std::optional<StatePressure> Analysis::press(std::chrono::nanoseconds now) {
  std::uint64_t new_sources = 0;
  std::uint64_t evicted = 0;
  for (const NamedDetector& each : detectors_) {
    const DetectorStats stats = each.detector->stats();
    new_sources += stats.new_sources;
    evicted += stats.evicted;
  }
  if (now == Detector::kEndOfTime) return pressure_.finish(evicted);
  return pressure_.look(new_sources, evicted, now);
}

bool Analysis::has_open_scans() const noexcept {
  std::uint64_t evicted = 0;
  for (const NamedDetector& each : detectors_) {
    const DetectorStats stats = each.detector->stats();
    if (stats.open_scans > 0) return true;
    evicted += stats.evicted;
  }
  return pressure_.is_waiting(evicted);
}

void Analysis::set_own(std::vector<Network> addresses) {
  own_ = std::move(addresses);
  tell_local();
}

SourceExplanation Analysis::explain(const Address& source) {
  SourceExplanation told;
  for (const NamedDetector& each : detectors_) {
    told = each.detector->explain(source);
    if (told.knowledge != Knowledge::not_kept) break;
  }
  return told;
}

void Analysis::keep_diary(SourceDiary* diary) noexcept {
  for (const NamedDetector& each : detectors_) each.detector->keep_diary(diary);
}

Result<void> Analysis::adopt(const EngineSettings& settings) {
  local_.assign(settings.local().begin(), settings.local().end());
  tell_local();
  const Section options = settings.detector();
  for (const NamedDetector& each : detectors_) {
    if (auto done = each.detector->tune(options); !done) return done;
  }
  return {};
}

void Analysis::tell_local() {
  for (const NamedDetector& each : detectors_) {
    each.detector->set_local(local_.empty() ? own_ : local_);
  }
}

EngineAccounts Analysis::accounts(const Captures& captures) const noexcept {
  EngineAccounts accounts = accounts_;
  accounts.captures = sum_of(captures);
  std::size_t at = 0;
  for (const NamedDetector& each : detectors_) {
    for (const Counter& counter : each.detector->stats().counters) {
      if (at < EngineAccounts::kMaxCounters) accounts.counters[at++] = counter.value;
    }
  }
  return accounts;
}

std::vector<CounterNames> Analysis::names() const {
  std::vector<CounterNames> names;
  for (const NamedDetector& each : detectors_) {
    names.push_back({each.name, {}});
    for (const Counter& counter : each.detector->stats().counters) {
      names.back().counters.push_back(counter.name);
    }
  }
  return names;
}

std::size_t Analysis::memory() const noexcept {
  std::size_t bytes = 0;
  for (const NamedDetector& each : detectors_) bytes += each.detector->stats().memory;
  return bytes;
}

}  // namespace scanlogd
