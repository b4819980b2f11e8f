// The detector of scanlogd(8), rule for rule: IPv4 TCP, distinct ports of one source, each at most
// three seconds after the one before, 3 points for a port below 1024 and 1 for the others, a scan
// at 21 points. Its quirks are the contract: a port seen again does not prolong anything, the port
// that crosses the threshold is not listed, and a source that was reported is not reported again
// until it pauses. Only the table differs: large, keyed, and not to be flushed by 256 other
// sources. Does not look at answers, other protocols or IPv6.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "core/keyed_hash.h"
#include "detect/detector.h"
#include "detect/source_table.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// The original's clock: hundredths of a second (times(2)).
constexpr std::chrono::nanoseconds kTick = 10ms;

/// First port that needs no privilege to listen on; those below weigh more.
constexpr Port kFirstUnprivilegedPort = 1024;

// Defaults as scanlogd 2.2.8: seven privileged ports (7 x 3) or twenty-one others (21 x 1).
constexpr std::uint64_t kThreshold = 21;
constexpr std::chrono::milliseconds kDelay = 3s;
constexpr std::uint64_t kLowWeight = 3;
constexpr std::uint64_t kHighWeight = 1;
constexpr std::uint64_t kSources = 65536;

struct Rule {
  std::uint32_t threshold;  ///< points that make a scan
  std::uint32_t delay;      ///< longest pause between two new ports, in ticks, inclusive
  std::uint16_t low_weight;
  std::uint16_t high_weight;

  [[nodiscard]] std::uint16_t weight(Port port) const noexcept {
    return port < kFirstUnprivilegedPort ? low_weight : high_weight;
  }
};

/// What is kept of a source; exactly one cache line with the default twenty ports.
template <std::size_t kPorts>
struct Source {
  std::chrono::nanoseconds started;
  std::uint32_t target;
  std::uint32_t last;  ///< tick of the last new port
  Port source_port;
  std::uint8_t tos;
  std::uint8_t ttl;
  std::uint8_t flags_or;
  std::uint8_t flags_and;
  std::uint8_t varies;
  std::uint8_t count;
  std::array<Port, kPorts> ports;

  [[nodiscard]] bool knows(Port port) const noexcept {
    if (port == 0)
      return std::find(ports.begin(), ports.begin() + count, port) != ports.begin() + count;
    // Four ports at a time: the highest bit of a lane that is 0 after the exclusive or gets set,
    // and possibly some above it. What is not in use is 0, which `port` is not.
    constexpr std::uint64_t kOnes = 0x0001'0001'0001'0001;
    constexpr std::size_t kPerWord = sizeof(std::uint64_t) / sizeof(Port);
    static_assert(kPorts % kPerWord == 0);
    std::uint64_t known = 0;
    for (std::size_t i = 0; i < kPorts; i += kPerWord) {
      std::uint64_t word;
      std::memcpy(&word, &ports[i], sizeof(word));
      word ^= kOnes * port;
      known |= (word - kOnes) & ~word;
    }
    return (known & kOnes << 15) != 0;
  }
};
static_assert(sizeof(Source<20>) == 64);

enum Outcome : std::size_t {
  not_ipv4_tcp,
  no_source,
  ack_from_unknown,
  ack_or_rst,
  known_port,
  new_source,
  new_source_evicting,
  new_port,
  after_report,
  scan,
};
constexpr std::size_t kOutcomes = scan + 1;

template <std::size_t kPorts>
class ClassicDetector final : public Detector {
 public:
  ClassicDetector(const Rule& rule, SourceTable<Source<kPorts>> table) noexcept
      : rule_(rule), table_(std::move(table)) {}

  void inspect(std::span<const Packet> packets, EventList& events) noexcept override {
    // Far enough ahead for a line to arrive from memory, near enough to be still there: first the
    // bucket, then, when that can be read, the entry that it names.
    constexpr std::size_t kBucketAhead = 16;
    constexpr std::size_t kEntryAhead = 8;
    for (std::size_t begin = 0; begin < packets.size(); begin += places_.size()) {
      const auto chunk = packets.subspan(begin, std::min(places_.size(), packets.size() - begin));
      const auto place = [&](std::size_t i) {
        places_[i] = table_.place(ipv4_value(chunk[i].source));
        table_.prefetch(places_[i]);
      };
      for (std::size_t i = 0; i < std::min(kBucketAhead, chunk.size()); ++i) place(i);
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        if (i + kBucketAhead < chunk.size()) place(i + kBucketAhead);
        if (const std::size_t next = i + kEntryAhead; next < chunk.size() && enters(chunk[next])) {
          table_.prefetch_entry(places_[next], ipv4_value(chunk[next].source), tick(chunk[next]));
        }
        ++counters_[judge(chunk[i], places_[i], events)].value;
      }
    }
  }

  void advance(std::chrono::nanoseconds /*now*/, EventList& /*events*/) noexcept override {}
  void set_local(std::span<const Network> /*networks*/) noexcept override {}

  [[nodiscard]] DetectorStats stats() const noexcept override {
    return {.counters = counters_,
            .memory = table_.memory(),
            .new_sources = counters_[new_source].value + counters_[new_source_evicting].value,
            .evicted = counters_[new_source_evicting].value};
  }

 private:
  using Slot = typename SourceTable<Source<kPorts>>::Slot;
  using Place = typename SourceTable<Source<kPorts>>::Place;

  [[nodiscard]] static bool watched(const Packet& packet) noexcept {
    return packet.family == Family::ipv4 && packet.protocol == IpProto::tcp;
  }

  // May it have to do with an entry? ACK from sources that are not known has not.
  [[nodiscard]] static bool enters(const Packet& packet) noexcept {
    return (packet.flags & tcp_flag::ack) == 0;
  }

  [[nodiscard]] static std::uint32_t tick(const Packet& packet) noexcept {
    return static_cast<std::uint32_t>(packet.time / kTick);
  }

  [[nodiscard]] Outcome judge(const Packet& packet, Place place, EventList& events) noexcept {
    if (!watched(packet)) return not_ipv4_tcp;
    const std::uint32_t address = ipv4_value(packet.source);
    if (address == 0) return no_source;
    const std::uint32_t now = tick(packet);
    if (const Slot slot = table_.find(place, address)) {
      // Unsigned: a clock that ran backwards makes the difference huge and the source stale.
      if (now - slot.entry->last <= rule_.delay) return judge_fresh(packet, now, slot, events);
      table_.forget(slot);
    }
    if ((packet.flags & tcp_flag::ack) != 0) return ack_from_unknown;
    return enter(packet, place, address, now);
  }

  [[nodiscard]] Outcome judge_fresh(const Packet& packet, std::uint32_t now, const Slot& slot,
                                    EventList& events) noexcept {
    Source<kPorts>& source = *slot.entry;
    if (source.knows(packet.target_port)) {
      source.flags_or |= packet.flags;
      source.flags_and &= packet.flags;
      return known_port;
    }
    if ((packet.flags & (tcp_flag::ack | tcp_flag::rst)) != 0) return ack_or_rst;
    table_.touch(slot, now);
    if (*slot.weight >= rule_.threshold) return after_report;

    source.flags_or |= packet.flags;
    source.flags_and &= packet.flags;
    source.varies |= changed(source, packet);
    *slot.weight = static_cast<std::uint16_t>(*slot.weight + rule_.weight(packet.target_port));
    if (*slot.weight >= rule_.threshold) {
      // The list holds one event for each packet of a batch, so there is always room.
      (void)events.push(report(packet, source));
      return scan;
    }
    source.ports[source.count++] = packet.target_port;
    return new_port;
  }

  [[nodiscard]] Outcome enter(const Packet& packet, Place place, std::uint32_t address,
                              std::uint32_t now) noexcept {
    bool evicted = false;
    const Slot slot = table_.insert(place, address, now, evicted);
    *slot.weight = rule_.weight(packet.target_port);
    Source<kPorts>& source = *slot.entry;
    source.started = packet.time;
    source.target = ipv4_value(packet.target);
    source.source_port = packet.source_port;
    source.tos = packet.tos;
    source.ttl = packet.ttl;
    source.flags_or = packet.flags;
    source.flags_and = packet.flags;
    source.count = 1;
    source.ports[0] = packet.target_port;
    return evicted ? new_source_evicting : new_source;
  }

  [[nodiscard]] static std::uint8_t changed(const Source<kPorts>& source,
                                            const Packet& packet) noexcept {
    std::uint8_t bits = 0;
    if (source.target != ipv4_value(packet.target)) bits |= varies::target;
    if (source.source_port != packet.source_port) bits |= varies::source_port;
    if (source.tos != packet.tos) bits |= varies::tos;
    if (source.ttl != packet.ttl) bits |= varies::ttl;
    return bits;
  }

  [[nodiscard]] static ScanEvent report(const Packet& packet,
                                        const Source<kPorts>& source) noexcept {
    ScanEvent event;
    event.started = source.started;
    event.detected = packet.time;
    event.source = packet.source_address();
    event.target = {Family::ipv4, ipv4_bytes(source.target)};
    event.source_port = source.source_port;
    event.flags_or = source.flags_or;
    event.flags_and = source.flags_and;
    event.varies = source.varies;
    event.tos = source.tos;
    event.ttl = source.ttl;
    event.port_count =
        static_cast<std::uint8_t>(std::min<std::size_t>(source.count, ScanEvent::kMaxPorts));
    std::copy_n(source.ports.begin(), event.port_count, event.ports.begin());
    return event;
  }

  Rule rule_;
  SourceTable<Source<kPorts>> table_;
  std::array<Place, PacketBatch::kCapacity> places_{};  ///< of the packets being inspected
  std::array<Counter, kOutcomes> counters_{{{"not_ipv4_tcp"},
                                            {"no_source"},
                                            {"ack_from_unknown"},
                                            {"ack_or_rst"},
                                            {"known_port"},
                                            {"new_source"},
                                            {"new_source_evicting"},
                                            {"new_port"},
                                            {"after_report"},
                                            {"scan"}}};
};

template <std::size_t kPorts>
Result<std::unique_ptr<Detector>> make_with(const Rule& rule, std::size_t sources, HashKey key) {
  auto table = SourceTable<Source<kPorts>>::make(sources, rule.delay, key);
  if (!table) return std::unexpected(table.error());
  return std::make_unique<ClassicDetector<kPorts>>(rule, std::move(*table));
}

Result<std::unique_ptr<Detector>> make(const Section& options) {
  if (auto known =
          options.reject_unknown({"threshold", "delay", "low_weight", "high_weight", "sources"});
      !known) {
    return std::unexpected(known.error());
  }
  const auto threshold = options.number("threshold", kThreshold, 2, 10000);
  if (!threshold) return std::unexpected(threshold.error());
  const auto delay = options.duration("delay", kDelay, 10ms, 1h);
  if (!delay) return std::unexpected(delay.error());
  const auto low = options.number("low_weight", kLowWeight, 1, 1000);
  if (!low) return std::unexpected(low.error());
  const auto high = options.number("high_weight", kHighWeight, 1, 1000);
  if (!high) return std::unexpected(high.error());
  const auto sources = options.number("sources", kSources, 256, std::uint64_t{1} << 24);
  if (!sources) return std::unexpected(sources.error());

  if (*threshold <= std::max(*low, *high)) {
    return fail(options.origin("threshold") + ": " + std::to_string(*threshold) +
                " must be more than one port weighs: a scan is at least two ports");
  }
  // A source is below the threshold while it has at most this many ports on its list.
  const std::uint64_t ports = (*threshold - 1) / std::min(*low, *high);
  const Rule rule{.threshold = static_cast<std::uint32_t>(*threshold),
                  .delay = static_cast<std::uint32_t>(*delay / kTick),
                  .low_weight = static_cast<std::uint16_t>(*low),
                  .high_weight = static_cast<std::uint16_t>(*high)};
  const auto key = random_hash_key();
  if (!key) return std::unexpected(key.error());
  // Entries of one, two and eight cache lines.
  if (ports <= 20) return make_with<20>(rule, *sources, *key);
  if (ports <= 52) return make_with<52>(rule, *sources, *key);
  if (ports <= 244) return make_with<244>(rule, *sources, *key);
  return fail(options.origin("threshold") + ": " + std::to_string(*threshold) + " with weight " +
              std::to_string(std::min(*low, *high)) +
              " takes more than the 244 ports that are remembered of a source");
}

}  // namespace

extern const DetectorPlugin classic_detector{
    .name = "classic",
    .summary =
        "the man page's rule: distinct TCP ports of one IPv4 source, weighted, within 3 s each",
    .interest = {.other_protocols = false, .outgoing = false},
    .make = make};

}  // namespace scanlogd
