// See full_state.h.
#include "detect/full_state.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

#include "detect/group_reports.h"

namespace scanlogd {
namespace {

constexpr std::uint64_t kSources = 65536;
constexpr std::uint64_t kLeastSources = 256;
constexpr std::uint64_t kMostSources = std::uint64_t{1} << 24;

// What a source takes: its entry, a share of its bucket's line, of the networks, of the admission
// and of the reports.
constexpr std::uint64_t kMemoryPerSource = 128;

/// How many sources, from their number or from the memory for them.
Result<std::uint64_t> source_count(const Section& options) {
  if (options.has("memory") && options.has("sources")) {
    return fail(options.origin("sources") + ": the memory is given as well");
  }
  auto memory = options.size("memory", kSources * kMemoryPerSource,
                             kLeastSources * kMemoryPerSource, kMostSources * kMemoryPerSource);
  if (!memory) return memory;
  // The table rounds up to a power of two, which must not exceed what was allowed.
  return options.number("sources", std::bit_floor(*memory / kMemoryPerSource), kLeastSources,
                        kMostSources);
}

}  // namespace

Result<Thresholds> parse_sensitivity(const Section& options) {
  const std::string_view text = options.text("sensitivity").value_or("normal");
  if (text == "high") return kHighSensitivity;
  if (text == "normal") return kNormalSensitivity;
  if (text == "low") return kLowSensitivity;
  return fail(options.origin("sensitivity") + ": '" + std::string(text) +
              "' is none of high, normal, low");
}

namespace {

/// The rules to leave out, for evaluation.
Result<std::uint32_t> rules_left_out(const Section& options) {
  constexpr std::array<std::pair<std::string_view, std::uint32_t>, 6> kRules = {{
      {"families", left_out::families},
      {"marks", left_out::marks},
      {"waiting", left_out::waiting},
      {"repeats", left_out::repeats},
      {"slow", left_out::slow},
      {"networks", left_out::networks},
  }};
  const std::string_view text = options.text("without").value_or("");
  if (text.empty()) return 0U;
  const auto* const rule = std::ranges::find(kRules, text, &decltype(kRules)::value_type::first);
  if (rule != kRules.end()) return rule->second;
  return fail(options.origin("without") + ": no rule '" + std::string(text) + "'");
}

}  // namespace

Result<FullState> FullState::make(const Section& options, HashKey key) {
  if (auto known = options.reject_unknown({"egress", "egress_ignore_ports", "egress_ignore_targets",
                                           "ignore_ports", "ignore_sources", "ignore_targets",
                                           "memory", "sensitivity", "sources", "scans",
                                           "watch_ports", "watch_targets", "without"});
      !known) {
    return std::unexpected(known.error());
  }
  auto selection = Selection::parse(options);
  if (!selection) return std::unexpected(selection.error());
  const auto thresholds = parse_sensitivity(options);
  if (!thresholds) return std::unexpected(thresholds.error());
  auto egress_options = EgressOptions::parse(options);
  if (!egress_options) return std::unexpected(egress_options.error());
  const auto left_out = rules_left_out(options);
  if (!left_out) return std::unexpected(left_out.error());
  const auto sources = source_count(options);
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
  auto contacts = ContactDetector::make(*sources, *thresholds, key, *left_out);
  if (!contacts) return std::unexpected(contacts.error());
  auto reports = ScanReports::make(contacts->capacity(), *scans, key);
  if (!reports) return std::unexpected(reports.error());
  auto decoys = Decoys::make(key);
  if (!decoys) return std::unexpected(decoys.error());
  auto distributed = Distributed::make();
  if (!distributed) return std::unexpected(distributed.error());
  auto egress = Egress::make(key);
  if (!egress) return std::unexpected(egress.error());
  egress->set(std::move(*egress_options), *thresholds);
  return FullState{.sides = Sides(key),
                   .selection = std::move(*selection),
                   .excluded = {},
                   .services = std::move(*services),
                   .questions = std::move(*questions),
                   .strays = std::move(*strays),
                   .handshakes = std::move(*handshakes),
                   .contacts = std::move(*contacts),
                   .reports = std::move(*reports),
                   .decoys = std::move(*decoys),
                   .distributed = std::move(*distributed),
                   .idle_probes = {},
                   .flood = {},
                   .backscatter = {},
                   .egress = std::move(*egress)};
}

bool FullState::has_seen_answers() const noexcept {
  constexpr std::uint64_t kEnough = 16;
  return answers_seen >= kEnough;
}

bool FullState::sees_answers() const noexcept {
  constexpr std::uint64_t kHope = 64;
  return has_seen_answers() || asked < kHope;
}

Sighting FullState::sight(const Packet& packet, const Side& side,
                          const Probe& probe) const noexcept {
  return {.packet = &packet,
          .probe = probe,
          .source = side.remote,
          .hash = side.hash,
          .port = side.port,
          .flow = side.flow,
          .local = side.local,
          .now = now,
          .victim = Distributed::kNone};
}

bool FullState::follow(const Sighting& sighting, ContactSource& entry) noexcept {
  if ((entry.flags & source_flag::alarmed) == 0) return false;
  if (entry.record == 0) return true;  // raised, and to be told of next
  if (!reports.is_open(entry)) {
    contacts.forget(entry, false);
    return false;
  }
  reports.add(contacts.index_of(entry), entry, sighting);
  if ((entry.flags & source_flag::decoy) != 0) compare(sighting, entry);
  return true;
}

bool FullState::note(Counted counted, const Sighting& sighting, ContactSource* entry) noexcept {
  if (counted != Counted::waits && counted != Counted::counted) return false;
  reports.note(contacts.index_of(*entry), *entry, sighting);
  if (ContactSource* const network = contacts.network()) {
    if (network->record != 0 && !reports.is_open(*network)) {
      contacts.forget(*network, true);  // its scan is over; what comes next is another
    } else if (network->record != 0) {
      reports.add_to_network(*network, sighting);
    } else {
      reports.note_network(contacts.network_index(), *network, *sighting.packet, sighting.probe);
    }
  }
  compare(sighting, *entry);
  return true;
}

void FullState::compare(const Sighting& sighting, ContactSource& entry) noexcept {
  bool is_news = false;
  DecoyGroup* const group = decoys.note(sighting, is_news);
  if (group == nullptr) return;
  if (is_news) {
    for (std::size_t i = 0; i < group->count; ++i) {
      const SourceKey member = group->members[i];
      const ContactSource* const other = contacts.find(contacts.place(member), member);
      constexpr std::uint8_t kReacted = source_flag::proven | source_flag::answered;
      if (other != nullptr && (other->flags & kReacted) != 0) group->prefer(member);
    }
    const FirstContacts* const first = reports.first_contacts(contacts.index_of(entry), entry.key);
    if (!begin_decoys(reports.records(), *group, first, time, *events)) return;
  }
  ScanEvent* const event = reports.records().event(group->record);
  if (event == nullptr) return;
  if (group->told != group->count) {
    list_decoys(*event, *group, *events);
    reports.records().mark_changed(group->record);
  }
  // From now on their packets belong to the one scan.
  for (std::size_t i = 0; i < group->count; ++i) {
    const SourceKey member = group->members[i];
    ContactSource* const other = contacts.find(contacts.place(member), member);
    if (other == nullptr || (other->flags & source_flag::decoy) != 0) continue;
    other->flags |= source_flag::decoy;
    if (other->record != 0) continue;  // it had a scan of its own before
    other->record = group->record;
    contacts.set_alarmed(*other, false, now);
  }
}

void FullState::raise_all() noexcept {
  contacts.take_novelties([&](const Novelty& novelty) {
    if (flood.is_on()) return;
    DistributedScan* const scan = distributed.note(novelty, time, now);
    if (scan == nullptr) return;
    if (reports.records().event(scan->record) != nullptr) {
      add_distributed(reports.records(), *scan, novelty);
    } else if (scan->is_scan) {
      (void)begin_distributed(reports.records(), *scan, *events);  // else with the next one
    }
  });
  contacts.take_alarms([&](const Alarm& alarm) {
    ContactSource* const entry = contacts.at(alarm.index, alarm.source, alarm.is_network);
    if (entry == nullptr || entry->record != 0) return;  // gone, or part of a group by now
    if (!reports.begin(alarm, *entry, handshakes.all(), time, *events)) {
      entry->flags &= static_cast<std::uint8_t>(~source_flag::alarmed);
      return;
    }
    contacts.set_alarmed(*entry, alarm.is_network, now);
  });
}

void FullState::judge_egress(const Packet& packet, const Look& look) noexcept {
  const Egress::Desk desk{.records = reports.records(), .events = *events, .time = time};
  if (look.is_in) return egress.hear(packet, sides, now, desk);
  // What is forwarded for others is theirs, and an answer is no question.
  if (!sides.is_ours(packet.family, packet.source)) return;
  if (packet.protocol == IpProto::udp && !questions.has(look.out.flow)) return;
  if (sides.is_broadcast(packet)) return;
  egress.ask(
      packet,
      sides.side(packet.family, packet.protocol, packet.target, packet.target_port, packet.source),
      now, desk);
}

void FullState::pass_second(const Packet* packet) noexcept {
  if (packet != nullptr) {
    const std::uint64_t newcomers = contacts.newcomers();
    const Flood::Change change = flood.pass(now, newcomers);
    const auto sources = static_cast<std::uint32_t>(flood.sources(newcomers));
    (void)note_flood(reports.records(), flood, change, sources, *packet, time, *events);
  }
  std::uint32_t hosts = 0;
  if (const Backscatter::Host* const host = backscatter.summarise(now, hosts)) {
    (void)tell_backscatter(reports.records(), *host, hosts, time, *events);
  }
}

std::size_t FullState::memory() const noexcept {
  return services.memory() + questions.memory() + strays.memory() + handshakes.memory() +
         contacts.memory() + reports.memory() + decoys.memory() + distributed.memory() +
         egress.memory() + sizeof(idle_probes) + sizeof(backscatter);
}

}  // namespace scanlogd
