// See distributed.h.
#include "detect/distributed.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

constexpr double kRatio = 4;                     // of the rate that is looked for to the usual one
constexpr double kGain = 2 * std::numbers::ln2;  // of one novelty: log(kRatio)
constexpr double kThreshold = 20;
constexpr std::uint32_t kLeastPorts = 30;
constexpr std::uint32_t kLeastPortsAtFirst = 75;  // when everybody who comes often is new, too
constexpr Tick kFirstMinute = 60 * kSecond;
constexpr int kLeastSources = 10;
constexpr std::chrono::nanoseconds kLeastAge = 5s;

constexpr double kMemory = 6;       // hours, of the usual rate
constexpr double kLeastRate = 5;    // an hour
constexpr double kFirstRate = 300;  // of a host of which nothing is known yet
constexpr Tick kTurn = 12 * kHour;  // a port is new when nobody asked for half a day, or a day

constexpr double hours(Tick ticks) noexcept { return double{1} * ticks / kHour; }

}  // namespace

Result<Distributed> Distributed::make() {
  auto maps = ReservedMemory<PortMap>::make(2 * kVictims, "victims");
  if (!maps) return std::unexpected(maps.error());
  return Distributed(std::move(*maps));
}

std::uint8_t Distributed::victim_of(std::uint64_t local, const Address& target) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (victims_[i].local == local) return static_cast<std::uint8_t>(i);
  }
  if (count_ == kVictims) return kNone;
  victims_[count_].local = local;
  victims_[count_].run.target = target;
  return static_cast<std::uint8_t>(count_++);
}

bool Distributed::is_new_port(std::size_t index, const Novelty& novelty, Tick now) noexcept {
  Victim& victim = victims_[index];
  const Tick age = elapsed(victim.turned, now);
  if (age >= kTurn) {
    victim.current = 1 - victim.current;
    maps_.items()[2 * index + victim.current] = {};
    if (age >= 2 * kTurn) maps_.items()[2 * index + 1 - victim.current] = {};
    victim.turned = now;
  }
  // Both protocols share the maps; the ports that matter do not meet.
  constexpr Port kShift = 0x5555;
  const auto place = static_cast<Port>(novelty.protocol == IpProto::udp ? novelty.port ^ kShift
                                                                        : unsigned{novelty.port});
  const std::uint64_t bit = std::uint64_t{1} << (place & 63);
  std::uint64_t& younger = maps_.items()[2 * index + victim.current].words[place >> 6];
  const std::uint64_t older = maps_.items()[2 * index + 1 - victim.current].words[place >> 6];
  const bool is_new = ((younger | older) & bit) == 0;
  younger |= bit;
  return is_new;
}

DistributedScan* Distributed::note(const Novelty& novelty, std::chrono::nanoseconds time,
                                   Tick now) noexcept {
  Victim& victim = victims_[novelty.victim];
  if (!victim.is_begun) {
    victim.is_begun = true;
    victim.rate = kFirstRate;
    victim.updated = victim.turned = victim.begun = now;
  }
  if (!is_new_port(novelty.victim, novelty, now)) return nullptr;
  const double passed = hours(elapsed(victim.updated, now));
  const double usual = std::max(victim.rate, kLeastRate);
  const bool is_early = elapsed(victim.begun, now) <= kFirstMinute;
  // What was usual is counted anew, but for a scan that was found already: that goes on.
  const bool grew_up = victim.is_early && !is_early && !victim.run.is_scan;
  victim.is_early = is_early;
  const double leaked = grew_up ? 0 : victim.score - usual * (kRatio - 1) * passed;
  victim.updated = now;
  victim.rate = victim.rate * std::exp(-passed / kMemory) + 1 / kMemory;
  DistributedScan& run = victim.run;
  if (leaked <= 0) run = {.started = time, .target = run.target};
  victim.score = std::max(0.0, leaked) + kGain;
  run.last = time;
  ++run.ports;
  run.sources_seen |= std::uint64_t{1} << (novelty.source * 0x9e3779b97f4a7c15 >> 58);
  if (run.port_count < run.first_ports.size()) run.first_ports[run.port_count++] = novelty.port;
  const std::span known{run.sources.data(), run.source_count};
  if (run.source_count < run.sources.size() &&
      std::ranges::find(known, novelty.source) == known.end()) {
    run.sources[run.source_count++] = novelty.source;
  }
  run.is_scan = victim.score >= kThreshold &&
                run.ports >= (is_early ? kLeastPortsAtFirst : kLeastPorts) &&
                std::popcount(run.sources_seen) >= kLeastSources && time - run.started >= kLeastAge;
  return &run;
}

}  // namespace scanlogd
