// See full_state.h.
#include "detect/full_state.h"

#include <string>
#include <string_view>
#include <utility>

namespace scanlogd {
namespace {

constexpr std::uint64_t kSources = 65536;

Result<Thresholds> sensitivity(const Section& options) {
  const std::string_view text = options.text("sensitivity").value_or("normal");
  if (text == "high") return kHighSensitivity;
  if (text == "normal") return kNormalSensitivity;
  if (text == "low") return kLowSensitivity;
  return fail(options.origin("sensitivity") + ": '" + std::string(text) +
              "' is none of high, normal, low");
}

}  // namespace

Result<FullState> FullState::make(const Section& options, HashKey key) {
  if (auto known = options.reject_unknown({"sensitivity", "sources", "scans"}); !known) {
    return std::unexpected(known.error());
  }
  const auto thresholds = sensitivity(options);
  if (!thresholds) return std::unexpected(thresholds.error());
  const auto sources = options.number("sources", kSources, 256, std::uint64_t{1} << 24);
  if (!sources) return std::unexpected(sources.error());
  const auto scans = options.number("scans", ScanRecords::kDefaultCount, 1, 65536);
  if (!scans) return std::unexpected(scans.error());

  auto services = Services::make();
  if (!services) return std::unexpected(services.error());
  auto questions = Questions::make();
  if (!questions) return std::unexpected(questions.error());
  auto strays = Strays::make();
  if (!strays) return std::unexpected(strays.error());
  auto handshakes = Handshakes::make();
  if (!handshakes) return std::unexpected(handshakes.error());
  auto contacts = ContactDetector::make(*sources, *thresholds, key);
  if (!contacts) return std::unexpected(contacts.error());
  auto reports = ScanReports::make(contacts->capacity(), *scans, key);
  if (!reports) return std::unexpected(reports.error());
  return FullState{.sides = Sides(key),
                   .services = std::move(*services),
                   .questions = std::move(*questions),
                   .strays = std::move(*strays),
                   .handshakes = std::move(*handshakes),
                   .contacts = std::move(*contacts),
                   .reports = std::move(*reports)};
}

bool FullState::sees_answers() const noexcept {
  constexpr std::uint64_t kEnough = 16;
  constexpr std::uint64_t kHope = 64;
  return answers_seen >= kEnough || asked < kHope;
}

Sighting FullState::sight(const Packet& packet, const Side& side) const noexcept {
  return {.packet = &packet,
          .probe = classify(packet),
          .source = side.remote,
          .place = contacts.place(side.remote),
          .port = side.port,
          .flow = side.flow,
          .local = side.local,
          .now = now};
}

void FullState::prove(const Side& side, Proof proof) noexcept {
  if (proof == Proof::nothing) return;
  if (ContactSource* const entry = source_of(side)) reports.prove(*entry, proof);
}

bool FullState::follow(const Sighting& sighting, ContactSource& entry) noexcept {
  if ((entry.flags & source_flag::alarmed) == 0) return false;
  if (entry.record == 0) return true;  // raised, and to be told of next
  if (!reports.is_open(entry)) {
    contacts.forget(entry, false);
    return false;
  }
  reports.add(contacts.index_of(entry), entry, sighting);
  return true;
}

bool FullState::note(Counted counted, const Sighting& sighting,
                     const ContactSource* entry) noexcept {
  if (counted != Counted::waits && counted != Counted::counted) return false;
  reports.note(contacts.index_of(*entry), *entry, *sighting.packet, sighting.probe);
  if (const ContactSource* const network = contacts.network()) {
    reports.note_network(contacts.network_index(), *network, *sighting.packet, sighting.probe);
  }
  return true;
}

void FullState::raise(EventList& events) noexcept {
  contacts.take_alarms([&](const Alarm& alarm) {
    ContactSource* const entry = contacts.at(alarm.index, alarm.source, alarm.is_network);
    if (entry == nullptr) return;
    if (!reports.begin(alarm, *entry, handshakes.all(), time, events)) {
      entry->flags &= static_cast<std::uint8_t>(~source_flag::alarmed);
      return;
    }
    contacts.set_alarmed(*entry, alarm.is_network, now);
  });
}

std::size_t FullState::memory() const noexcept {
  return services.memory() + questions.memory() + strays.memory() + handshakes.memory() +
         contacts.memory() + reports.memory();
}

}  // namespace scanlogd
