// The detector of scanlogd(8), rule for rule: IPv4 TCP, distinct ports of one source, each at most
// three seconds after the one before, 3 points for a port below 1024 and 1 for the others, a scan
// at 21 points. Its quirks are the contract: a port seen again does not prolong anything, the port
// that crosses the threshold is not listed, and a source that was reported is not reported again
// until it pauses. Only the table differs: large, keyed, in two tiers, and not to be flushed by 256
// other sources; and what a reported source does until it pauses is kept on record. Does not look
// at answers, other protocols or IPv6.
#include "detect/classic.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "detect/classic_source.h"
#include "detect/probation_table.h"
#include "detect/scan_records.h"
#include "detect/source_table.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// The original's clock: hundredths of a second (times(2)).
constexpr std::chrono::nanoseconds kTick = ProbationTable::kTick;

/// First port that needs no privilege to listen on; those below weigh more.
constexpr Port kFirstUnprivilegedPort = 1024;

// Defaults as scanlogd 2.2.8: seven privileged ports (7 x 3) or twenty-one others (21 x 1).
constexpr std::uint64_t kThreshold = 21;
constexpr std::chrono::milliseconds kDelay = 3s;
constexpr std::uint64_t kLowWeight = 3;
constexpr std::uint64_t kHighWeight = 1;

/// Bytes for the tables. A scan of a port each second is found among 100,000 forged sources a
/// second with this, one of ten each second among 500,000 (docs/benchmarks.md).
constexpr std::uint64_t kMemory = std::uint64_t{16} << 20;
constexpr std::uint64_t kLeastMemory = std::uint64_t{128} << 10;
constexpr std::uint64_t kMostMemory = std::uint64_t{64} << 30;

/// A record of a scan for each so many bytes of the tables, up to the usual number.
constexpr std::uint64_t kMemoryPerRecord = std::uint64_t{64} << 10;

struct Rule {
  std::uint32_t threshold;  ///< points that make a scan
  std::uint32_t delay;      ///< longest pause between two new ports, in ticks, inclusive
  std::uint16_t low_weight;
  std::uint16_t high_weight;

  [[nodiscard]] std::uint16_t weight(Port port) const noexcept {
    return port < kFirstUnprivilegedPort ? low_weight : high_weight;
  }
  /// A source is below the threshold while it has at most this many ports on its list.
  [[nodiscard]] std::uint32_t most_ports() const noexcept {
    return (threshold - 1) / std::min(low_weight, high_weight);
  }
};

Result<Rule> parse_rule(const Section& options) {
  const auto threshold = options.number("threshold", kThreshold, 2, 10000);
  if (!threshold) return std::unexpected(threshold.error());
  const auto delay = options.duration("delay", kDelay, 10ms, 1h);
  if (!delay) return std::unexpected(delay.error());
  const auto low = options.number("low_weight", kLowWeight, 1, 1000);
  if (!low) return std::unexpected(low.error());
  const auto high = options.number("high_weight", kHighWeight, 1, 1000);
  if (!high) return std::unexpected(high.error());
  if (*threshold <= std::max(*low, *high)) {
    return fail(options.origin("threshold") + ": " + std::to_string(*threshold) +
                " must be more than one port weighs: a scan is at least two ports");
  }
  return Rule{.threshold = static_cast<std::uint32_t>(*threshold),
              .delay = static_cast<std::uint32_t>(*delay / kTick),
              .low_weight = static_cast<std::uint16_t>(*low),
              .high_weight = static_cast<std::uint16_t>(*high)};
}

/// The delay is how long the tables keep a source, and so not among them.
constexpr std::array<std::string_view, 3> kTunable = {"threshold", "low_weight", "high_weight"};

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

/// How the scanner probes, as far as the flags of one packet tell.
Technique technique_of(std::uint8_t flags) noexcept {
  if ((flags & (tcp_flag::ack | tcp_flag::rst)) != 0) return Technique::unknown;
  constexpr std::uint8_t kXmas = tcp_flag::fin | tcp_flag::psh | tcp_flag::urg;
  flags &= static_cast<std::uint8_t>(~(tcp_flag::ece | tcp_flag::cwr));
  if (flags == tcp_flag::syn) return Technique::syn_or_connect;
  if (flags == 0) return Technique::null;
  if (flags == tcp_flag::fin) return Technique::fin;
  const bool is_xmas = (flags & ~kXmas) == 0 && !std::has_single_bit(flags);
  return is_xmas ? Technique::xmas : Technique::odd_flags;
}

template <std::size_t kPorts>
class ClassicDetector final : public Detector {
 public:
  ClassicDetector(const Rule& rule, HashKey key, ProbationTable first,
                  SourceTable<ClassicSource<kPorts>> table, ScanRecords records) noexcept
      : rule_(rule),
        key_(key),
        zero_(keyed_permutation(key, 0)),
        first_(std::move(first)),
        table_(std::move(table)),
        records_(std::move(records)) {}

  void inspect(std::span<const Packet> packets, EventList& events) noexcept override {
    // Far enough ahead for a line to arrive from memory, near enough to be still there: first the
    // bucket of the upper tier, then, when that can be read, the entry that it names, or else the
    // bucket of the lower tier.
    constexpr std::size_t kBucketAhead = 24;
    constexpr std::size_t kEntryAhead = 12;
    for (std::size_t begin = 0; begin < packets.size(); begin += hashes_.size()) {
      const auto chunk = packets.subspan(begin, std::min(hashes_.size(), packets.size() - begin));
      hash_all(chunk);
      const auto look_up = [&](std::size_t i) { table_.prefetch(table_.place(hashes_[i])); };
      const auto look_closer = [&](std::size_t i) {
        const std::uint32_t hash = hashes_[i];
        if (table_.prefetch_entry(table_.place(hash), hash)) return;
        first_.prefetch(hash);
        if ((chunk[i].flags & tcp_flag::ack) == 0) first_.prefetch_rest(hash);
      };
      for (std::size_t i = 0; i < std::min(kBucketAhead, chunk.size()); ++i) look_up(i);
      for (std::size_t i = 0; i < std::min(kEntryAhead, chunk.size()); ++i) look_closer(i);
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        if (i + kBucketAhead < chunk.size()) look_up(i + kBucketAhead);
        if (i + kEntryAhead < chunk.size()) look_closer(i + kEntryAhead);
        ++counters_[judge(chunk[i], hashes_[i], events)].value;
      }
    }
  }

  void advance(std::chrono::nanoseconds now, EventList& events) noexcept override {
    records_.advance(now, events);
  }
  void set_local(std::span<const Network> /*networks*/) override {}

  [[nodiscard]] Result<void> tune(const Section& options) override {
    const auto wanted = parse_rule(options);
    if (!wanted) return std::unexpected(wanted.error());
    if (wanted->most_ports() > kPorts) {
      return fail(options.origin("threshold") + ": " + std::to_string(wanted->threshold) +
                  " takes more ports than are remembered of a source until the next start");
    }
    const std::uint32_t threshold = rule_.threshold;
    const std::uint32_t delay = rule_.delay;
    rule_ = *wanted;
    rule_.delay = delay;
    // A source stays reported, or not; who is not keeps the ports that were counted.
    table_.for_each([&](const ClassicSource<kPorts>& source, std::uint16_t& weight) {
      if (weight == 0) return;
      const auto least = static_cast<std::uint16_t>(rule_.threshold);
      if (weight >= threshold) {
        weight = least;
        return;
      }
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < source.count; ++i) sum += rule_.weight(source.ports[i]);
      weight = static_cast<std::uint16_t>(std::min<std::uint32_t>(sum, rule_.threshold - 1));
    });
    return {};
  }

  [[nodiscard]] DetectorStats stats() const noexcept override {
    return {.counters = counters_,
            .memory = first_.memory() + table_.memory() + records_.memory(),
            .new_sources = counters_[new_source].value + counters_[new_source_evicting].value,
            .evicted = counters_[new_source_evicting].value + evicted_,
            .open_scans = records_.open_scans()};
  }

  [[nodiscard]] SourceExplanation explain(const Address& source) noexcept override {
    SourceExplanation explanation;
    explanation.source = source;
    return explanation;
  }

  void keep_diary(SourceDiary* /*diary*/) noexcept override {}  // there are no sums

 private:
  using Slot = typename SourceTable<ClassicSource<kPorts>>::Slot;

  [[nodiscard]] static bool watched(const Packet& packet) noexcept {
    return packet.family == Family::ipv4 && packet.protocol == IpProto::tcp;
  }

  // Fills `hashes_`, 0 for no address only. In a loop of its own, which keeps the key in registers.
  void hash_all(std::span<const Packet> packets) noexcept {
    const HashKey key = key_;
    const std::uint32_t zero = zero_;
    for (std::size_t i = 0; i < packets.size(); ++i) {
      hashes_[i] = keyed_permutation(key, ipv4_value(packets[i].source)) ^ zero;
    }
  }

  [[nodiscard]] static std::uint32_t tick(const Packet& packet) noexcept {
    return ProbationTable::tick_of(packet.time);
  }

  // Unsigned: a clock that ran backwards makes the difference huge and the source stale.
  [[nodiscard]] bool is_fresh(std::uint32_t last, std::uint32_t now) const noexcept {
    return now - last <= rule_.delay;
  }

  [[nodiscard]] Outcome judge(const Packet& packet, std::uint32_t hash,
                              EventList& events) noexcept {
    if (!watched(packet)) return not_ipv4_tcp;
    if (hash == 0) return no_source;
    const std::uint32_t now = tick(packet);
    // A source is in one of the tables at most.
    if (const Slot slot = table_.find(table_.place(hash), hash)) {
      if (is_fresh(slot.entry->last, now)) return judge_fresh(packet, now, slot, events);
      table_.forget(slot);
    } else if (const auto first = first_.find(hash)) {
      if (is_fresh(first_.tick(first), now)) return judge_first(packet, hash, first, events);
      first_.forget(first);
    }
    if ((packet.flags & tcp_flag::ack) != 0) return ack_from_unknown;
    return enter(packet, hash, now);
  }

  [[nodiscard]] Outcome enter(const Packet& packet, std::uint32_t hash,
                              std::uint32_t now) noexcept {
    const auto [slot, is_live] = first_.room(hash, now);
    const bool is_lost = is_live && !move_aside(slot, hash, packet.time);
    first_.put(slot, hash,
               {.time = packet.time,
                .target = ipv4_value(packet.target),
                .source_port = packet.source_port,
                .target_port = packet.target_port,
                .flags = packet.flags,
                .tos = packet.tos,
                .ttl = packet.ttl});
    return is_lost ? new_source_evicting : new_source;
  }

  // Makes a source that has sent one packet, and whose place `neighbour` needs, a guest of the
  // other table, where that has a place to spare. Apart from the loop as `judge_first`.
  [[nodiscard, gnu::hot, gnu::noinline]] bool move_aside(ProbationTable::Slot from,
                                                         std::uint32_t neighbour,
                                                         std::chrono::nanoseconds now) noexcept {
    const std::uint32_t hash = first_.source(from, neighbour);
    // See `make_with`: it is that of `hash`, too, and nobody has to wait for another line.
    const auto place = table_.place(neighbour);
    const Slot slot = table_.insert_guest(place, hash, ProbationTable::tick_of(now));
    if (!slot) return false;
    const FirstPacket first = first_.packet(from, now);
    fill(*slot.entry, first);
    table_.touch(slot, ProbationTable::tick_of(first.time));
    return true;
  }

  // Of a source that is fresh and has sent one packet, or only repeats of it. Within the loop it
  // would be taken for a rare case and compiled for size, with slow string instructions.
  [[nodiscard, gnu::hot, gnu::noinline]] Outcome judge_first(const Packet& packet,
                                                             std::uint32_t hash,
                                                             ProbationTable::Slot first,
                                                             EventList& events) noexcept {
    const std::uint32_t now = tick(packet);
    const bool is_same_port = first_.target_port(first) == packet.target_port;
    if (is_same_port && first_.flags(first) == packet.flags) return known_port;
    if (!is_same_port && (packet.flags & (tcp_flag::ack | tcp_flag::rst)) != 0) return ack_or_rst;

    bool evicted = false;
    const auto place = table_.place(hash);
    // Other flags to the same port are not worth that somebody goes who asked for two.
    const Slot slot = is_same_port ? table_.replace_guest(place, hash, now, evicted)
                                   : table_.insert(place, hash, now, evicted);
    if (evicted) ++evicted_;
    if (!slot) return known_port;
    const FirstPacket before = first_.packet(first, packet.time);
    first_.forget(first);
    // All of it is worked out from packets: the entry has to come from memory yet, and whatever
    // read from it would wait for that.
    ClassicSource<kPorts>& source = *slot.entry;
    fill(source, before);
    source.flags_or = before.flags | packet.flags;
    source.flags_and = before.flags & packet.flags;
    if (is_same_port) {
      table_.touch(slot, ProbationTable::tick_of(before.time));
      return known_port;
    }
    source.varies = changed(before, packet);
    const auto weight = static_cast<std::uint16_t>(rule_.weight(before.target_port) +
                                                   rule_.weight(packet.target_port));
    *slot.weight = weight;
    if (weight >= rule_.threshold) {
      report(packet, source, events);
      return scan;
    }
    source.count = 2;
    source.ports[1] = packet.target_port;
    return new_port;
  }

  [[nodiscard]] Outcome judge_fresh(const Packet& packet, std::uint32_t now, const Slot& slot,
                                    EventList& events) noexcept {
    ClassicSource<kPorts>& source = *slot.entry;
    const bool is_reported = *slot.weight >= rule_.threshold;
    if (source.knows(packet.target_port)) {
      see_flags(packet, source);
      if (is_reported) keep_record(packet, source, false);
      return known_port;
    }
    if ((packet.flags & (tcp_flag::ack | tcp_flag::rst)) != 0) return ack_or_rst;
    table_.touch(slot, now);
    if (is_reported) {
      keep_record(packet, source, true);
      return after_report;
    }
    see_flags(packet, source);
    source.varies |= changed(source, packet);
    if (*slot.weight == 0) *slot.weight = rule_.weight(source.ports[0]);  // no guest any more
    *slot.weight = static_cast<std::uint16_t>(*slot.weight + rule_.weight(packet.target_port));
    if (*slot.weight >= rule_.threshold) {
      report(packet, source, events);
      return scan;
    }
    source.ports[source.count++] = packet.target_port;
    return new_port;
  }

  static void see_flags(const Packet& packet, ClassicSource<kPorts>& source) noexcept {
    source.flags_or |= packet.flags;
    source.flags_and &= packet.flags;
  }

  // What is known of a source after its first packet, but for the time of the last; all else is 0.
  static void fill(ClassicSource<kPorts>& source, const FirstPacket& first) noexcept {
    source.started = first.time;
    source.target = first.target;
    source.source_port = first.source_port;
    source.tos = static_cast<std::uint8_t>(first.tos);
    source.ttl = static_cast<std::uint8_t>(first.ttl);
    source.flags_or = first.flags;
    source.flags_and = first.flags;
    source.count = 1;
    source.ports[0] = first.target_port;
  }

  // What `packet` does not have in common with the first one, or with what is known of that.
  template <class First>
  [[nodiscard]] static std::uint8_t changed(const First& source, const Packet& packet) noexcept {
    std::uint8_t bits = 0;
    if (source.target != ipv4_value(packet.target)) bits |= varies::target;
    if (source.source_port != packet.source_port) bits |= varies::source_port;
    if (source.tos != packet.tos) bits |= varies::tos;
    if (source.ttl != packet.ttl) bits |= varies::ttl;
    return bits;
  }

  // Tells of a scan that `packet` makes one, and opens its record. How often ports were repeated
  // until then, and which hosts others of them were on, is not known.
  void report(const Packet& packet, ClassicSource<kPorts>& source, EventList& events) noexcept {
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

    // As ticks are counted the source may be fresh for almost one longer.
    const ScanRecords::Handle record = records_.open(kTick * (rule_.delay + 1), events);
    bool is_first = true;
    for (const Port port : std::span(source.ports).first(source.count)) {
      records_.add(record, {.time = is_first ? source.started : packet.time,
                            .target = event.target,
                            .port = port,
                            .is_timed = is_first,
                            .technique = technique_of(source.flags_and)});
      is_first = false;
    }
    source.target = record;
    keep_record(packet, source, true);
    // A packet gives at most two events, the end of another scan and this, so there is room.
    (void)records_.begin(record, event, events);
  }

  void keep_record(const Packet& packet, const ClassicSource<kPorts>& source,
                   bool prolongs) noexcept {
    records_.add(source.target, {.time = packet.time,
                                 .target = packet.target_address(),
                                 .port = packet.target_port,
                                 .prolongs = prolongs,
                                 .technique = technique_of(packet.flags)});
  }

  Rule rule_;
  HashKey key_;
  std::uint32_t zero_;                        ///< what the key makes of 0
  ProbationTable first_;                      ///< sources that have sent one packet
  SourceTable<ClassicSource<kPorts>> table_;  ///< those that have sent more
  ScanRecords records_;
  std::uint64_t evicted_ = 0;  ///< live sources given up for one that has sent more
  std::array<std::uint32_t, PacketBatch::kCapacity> hashes_{};  ///< of the sources of a batch
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
Result<std::unique_ptr<Detector>> make_with(const Rule& rule, const Section& options, HashKey key) {
  using Table = SourceTable<ClassicSource<kPorts>>;
  const auto memory = options.size("memory", kMemory, kLeastMemory, kMostMemory);
  if (!memory) return std::unexpected(memory.error());
  const auto sources = options.number("sources", 0, 256, std::uint64_t{1} << 24);
  if (!sources) return std::unexpected(sources.error());
  if (options.has("memory") && options.has("sources")) {
    return fail(options.origin("sources") + ": the memory is given as well");
  }
  // About half for either tier: less for the first lets in floods of one packet each sooner, less
  // for the other those of several. A whole number of buckets of the first belongs to one of the
  // other, so that neighbours in the one are neighbours in the other.
  constexpr std::uint64_t kUsual = Table::kBucketBytes / ProbationTable::kBucketBytes;
  constexpr std::uint64_t kBoth = Table::kBucketBytes + kUsual * ProbationTable::kBucketBytes;
  const std::uint64_t buckets =
      options.has("sources") ? (*sources + Table::kWays - 1) / Table::kWays : *memory / kBoth;
  const std::uint64_t each =
      std::max(kUsual, (ProbationTable::kLeastBuckets + buckets - 1) / buckets);
  auto first = ProbationTable::make(each * buckets, rule.delay);
  if (!first) return std::unexpected(first.error());
  auto table = Table::make(buckets, rule.delay);
  if (!table) return std::unexpected(table.error());
  const std::uint64_t records =
      std::clamp<std::uint64_t>(buckets * kBoth / kMemoryPerRecord, 16, ScanRecords::kDefaultCount);
  auto scans = ScanRecords::make(records, key);
  if (!scans) return std::unexpected(scans.error());
  return std::make_unique<ClassicDetector<kPorts>>(rule, key, std::move(*first), std::move(*table),
                                                   std::move(*scans));
}

Result<std::unique_ptr<Detector>> make(const Section& options) {
  const auto key = random_hash_key();
  if (!key) return std::unexpected(key.error());
  return make_classic(options, *key);
}

}  // namespace

Result<std::unique_ptr<Detector>> make_classic(const Section& options, HashKey key) {
  if (auto known = options.reject_unknown(
          {"threshold", "delay", "low_weight", "high_weight", "memory", "sources"});
      !known) {
    return std::unexpected(known.error());
  }
  const auto rule = parse_rule(options);
  if (!rule) return std::unexpected(rule.error());
  const std::uint32_t ports = rule->most_ports();
  // Entries of one, two and eight cache lines.
  if (ports <= 20) return make_with<20>(*rule, options, key);
  if (ports <= 52) return make_with<52>(*rule, options, key);
  if (ports <= 244) return make_with<244>(*rule, options, key);
  return fail(options.origin("threshold") + ": " + std::to_string(rule->threshold) +
              " with weight " + std::to_string(std::min(rule->low_weight, rule->high_weight)) +
              " takes more than the 244 ports that are remembered of a source");
}

extern const DetectorPlugin classic_detector{
    .name = "classic",
    .summary =
        "the man page's rule: distinct TCP ports of one IPv4 source, weighted, within 3 s each",
    .interest = {.other_protocols = false, .outgoing = false},
    .tunable = kTunable,
    .make = make};

}  // namespace scanlogd
