// See scan_book.h.
#include "record/scan_book.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <span>
#include <utility>

#include "core/classic_line.h"
#include "core/probe_sample.h"

namespace scanlogd {
namespace {

using std::chrono::system_clock;

/// Can what was one kind be seen as the other after a restart? Ports and hosts come anew then.
bool are_alike(ScanKind one, ScanKind other) noexcept {
  const auto is_of_one_source = [](ScanKind kind) {
    return kind == ScanKind::vertical || kind == ScanKind::horizontal || kind == ScanKind::block;
  };
  return one == other || (is_of_one_source(one) && is_of_one_source(other));
}

system_clock::time_point wall(std::chrono::nanoseconds monotonic,
                              std::chrono::nanoseconds wall_minus_monotonic) noexcept {
  return system_clock::time_point(monotonic + wall_minus_monotonic);
}

// Names of numbers in the store.
constexpr std::string_view kDetected = "detected";
constexpr std::string_view kLines = "lines";
constexpr std::string_view kMoreFollowed = "more_follow";
constexpr std::string_view kHeldBack = "held_back";
constexpr std::string_view kDigested = "digested";
constexpr std::string_view kPending = "pending";
constexpr std::string_view kAllCount = "limiter_count";
constexpr std::string_view kAllAt = "limiter_at";
constexpr std::string_view kProvenCount = "proven_count";
constexpr std::string_view kProvenAt = "proven_at";
constexpr std::string_view kEndsCount = "ends_count";
constexpr std::string_view kEndsAt = "ends_at";
constexpr std::string_view kEgressCount = "egress_count";
constexpr std::string_view kEgressAt = "egress_at";

/// The place of scans that no engine says more about.
constexpr std::size_t kNoEngine = std::numeric_limits<std::size_t>::max();

using Hundredths = std::chrono::duration<std::int64_t, std::centi>;

/// Wall clock minus monotonic clock, in the limiter's hundredths of a second.
std::int64_t offset(const ScanBook::Now& now) noexcept {
  return std::chrono::floor<Hundredths>(now.wall.time_since_epoch() - now.monotonic).count();
}

}  // namespace

void ScanBook::keep(const ScanPorts& ports, std::size_t engine) {
  if (ports_.size() == kMaxWaitingPorts) ports_.pop_front();
  ports_.push_back(
      {.key = {.engine = engine, .record = ports.record}, .ranges = merge(ports.view(), {})});
}

void ScanBook::keep(const ScanSample& sample, std::size_t engine) {
  if (samples_.size() == kMaxWaitingPorts) samples_.pop_front();
  samples_.push_back({.key = {.engine = engine, .record = sample.record}, .sample = sample});
}

void ScanBook::keep(const ScanSources& sources, std::size_t engine) {
  const Key key{.engine = engine, .record = sources.record};
  // Of a group that grows, the latest.
  std::erase_if(sources_, [&](const WaitingSources& each) { return each.key == key; });
  if (sources_.size() == kMaxWaitingPorts) sources_.pop_front();
  sources_.push_back({.key = key, .sources = sources});
}

void ScanBook::enter(const ScanEvent& event, std::size_t engine, const Now& said,
                     std::chrono::nanoseconds wall_minus_monotonic, std::vector<BookEntry>& out) {
  const Key key = event.record == 0 ? attend(event) : Key{engine, event.record};
  if (event.phase == Phase::begin) ++stats_.recorded;
  auto known = find(key, event.phase);
  if (known == open_.end() && event.phase == Phase::begin) {
    known = resume(event, key, wall_minus_monotonic, out);
  }
  if (known == open_.end()) {
    begin(event, key, wall_minus_monotonic, out);
    if (event.phase != Phase::end) return;
    known = find(key, event.phase);
    if (known == open_.end()) return;
  }
  open_.splice(open_.end(), open_, known);
  update(*known, event, said, wall_minus_monotonic);
  if (event.phase == Phase::end) return end(known, event.reason, said, out);
  want_line(*known, said);
  out.emplace_back(known->scan);
  known->scan.sample.clear();
}

ScanBook::Key ScanBook::attend(const ScanEvent& event) {
  const Key key{.engine = kNoEngine, .record = ++unattended_number_};
  unattended_.emplace_back(event.detected + idle_of(event.rule), key);
  return key;
}

ScanBook::OpenList::iterator ScanBook::find(const Key& key, Phase phase) {
  if (phase == Phase::begin) return open_.end();
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? open_.end() : found->second;
}

void ScanBook::begin(const ScanEvent& event, const Key& key,
                     std::chrono::nanoseconds wall_minus_monotonic, std::vector<BookEntry>& out) {
  Open made;
  made.key = key;
  Scan& scan = made.scan;
  scan.id = ++last_id_;
  scan.event = event;
  scan.event.phase = Phase::begin;
  scan.event.reason = EndReason::none;
  scan.started = wall(event.started, wall_minus_monotonic);
  scan.detected = scan.last = scan.at = wall(event.detected, wall_minus_monotonic);
  if (event.sender.is_known) scan.unit = units_.name(event.sender.cgroup);
  take_ports(made);
  take_sources(made);
  take_sample(made, wall_minus_monotonic);
  ++stats_.detected;
  if (event.kind == ScanKind::egress) ++stats_.egress;
  announce(made, out);
  out.emplace_back(scan);
  scan.sample.clear();
  (void)open(std::move(made), out);
}

ScanBook::OpenList::iterator ScanBook::open(Open made, std::vector<BookEntry>& out) {
  const Now now{.monotonic = made.scan.event.detected, .wall = made.scan.at};
  if (open_.size() == kMaxOpen) end(open_.begin(), EndReason::evicted, now, out);
  const Key key = made.key;
  const auto place = open_.insert(open_.end(), std::move(made));
  // A number that comes again is that of another engine in the same place: what it was is over.
  if (const auto before = by_key_.find(key); before != by_key_.end()) {
    end(before->second, EndReason::shutdown, now, out);
  }
  by_key_[key] = place;
  return place;
}

ScanBook::OpenList::iterator ScanBook::resume(const ScanEvent& event, const Key& key,
                                              std::chrono::nanoseconds wall_minus_monotonic,
                                              std::vector<BookEntry>& out) {
  const auto detected = wall(event.detected, wall_minus_monotonic);
  const auto [first, last] = left_.equal_range(event.source);
  const auto found = std::find_if(first, last, [&](const auto& each) {
    const Scan& scan = each.second;
    return scan.event.source_prefix == event.source_prefix &&
           are_alike(scan.event.kind, event.kind) &&
           std::chrono::abs(detected - scan.last) <= idle_of(scan.event.rule);
  });
  if (found == last) return open_.end();
  Open made;
  made.key = key;
  made.scan = std::move(found->second);
  left_.erase(found);
  made.ports = parse_ranges(made.scan.ports).value_or(PortRanges{});
  made.packets_before = made.scan.event.packets;
  made.hosts_before = made.scan.event.hosts_total;
  made.sample_before = std::exchange(made.scan.sample, {});
  made.is_digested = made.scan.announce == Announce::digest;
  return open(std::move(made), out);
}

void ScanBook::update(Open& open, const ScanEvent& event, const Now& said,
                      std::chrono::nanoseconds wall_minus_monotonic) {
  Scan& scan = open.scan;
  // Said once, when it began.
  const Sender sender = scan.event.sender;
  scan.event = event;
  scan.event.sender = sender;
  if (event.phase == Phase::begin) scan.event.phase = Phase::update;
  scan.event.packets += open.packets_before;
  scan.event.hosts_total = std::max(event.hosts_total, open.hosts_before);
  scan.last = wall(event.detected, wall_minus_monotonic);
  scan.at = said.wall;
  scan.announce = Announce::held_back;
  take_ports(open);
  take_sources(open);
  take_sample(open, wall_minus_monotonic);
}

void ScanBook::take_ports(Open& open) {
  ScanEvent& event = open.scan.event;
  const auto waiting = std::ranges::find(ports_, open.key, &WaitingPorts::key);
  if (waiting != ports_.end()) {
    open.ports = merge(open.ports, waiting->ranges);
    ports_.erase(waiting);
  } else {
    open.ports = merge(open.ports, to_ranges(std::span(event.ports).first(event.port_count)));
  }
  event.ports_total = std::max(event.ports_total, count(open.ports));
  open.scan.ports = to_string(open.ports);
}

// What was known stays: after a restart a group may be found anew with fewer.
void ScanBook::take_sources(Open& open) {
  Scan& scan = open.scan;
  const auto waiting = std::ranges::find(sources_, open.key, &WaitingSources::key);
  const bool has_more = waiting != sources_.end();
  const std::span<const Address> said =
      has_more ? waiting->sources.view()
               : std::span<const Address>(scan.event.group).first(scan.event.group_count);
  for (const Address& each : said) {
    if (scan.sources.size() == ScanSources::kMost) break;
    if (std::ranges::find(scan.sources, each) == scan.sources.end()) scan.sources.push_back(each);
  }
  if (has_more) sources_.erase(waiting);
}

// The store keeps it, and until the next one comes nobody else needs to.
void ScanBook::take_sample(Open& open, std::chrono::nanoseconds wall_minus_monotonic) {
  const auto waiting = std::ranges::find(samples_, open.key, &WaitingSample::key);
  if (waiting == samples_.end()) return;
  const std::span<const ProbePoint> points = waiting->sample.view();
  ProbeSample sample{.shift = waiting->sample.shift, .points = {points.begin(), points.end()}};
  samples_.erase(waiting);
  for (ProbePoint& point : sample.points) {
    point.time = wall(point.time, wall_minus_monotonic) - open.scan.started;
  }
  open.scan.sample =
      pack(join(unpack(open.sample_before).value_or(ProbeSample{}), std::move(sample)));
}

void ScanBook::announce(Open& open, std::vector<BookEntry>& out) {
  Scan& scan = open.scan;
  const bool is_egress = scan.event.kind == ScanKind::egress;
  const auto decision = is_egress ? announcer_.begin_egress(scan.event.detected)
                                  : announcer_.begin(scan.event.verdict, scan.event.detected);
  scan.announce = decision.announce;
  if (decision.says_more_follow) {
    out.emplace_back(make_notice(Severity::alert, scan.at, kMoreFollow));
  }
  switch (scan.announce) {
    case Announce::line:
      ++stats_.lines;
      break;
    case Announce::more_follow:
      ++stats_.more_follow;
      break;
    case Announce::held_back:
      ++stats_.held_back;
      break;
    case Announce::digest:
      digest_.add(scan, scan.event.detected);
      open.is_digested = true;
      break;
  }
}

void ScanBook::want_line(Open& open, const Now& said) {
  if (!open.is_digested) return;
  if (announcer_.admit_late(open.scan.event.verdict, said.monotonic)) {
    open.is_digested = false;
    open.scan.announce = Announce::line;
  }
  if (open.wants_line == open.is_digested) return;
  open.wants_line = open.is_digested;
  late_ += open.wants_line ? std::size_t{1} : static_cast<std::size_t>(-1);
}

void ScanBook::end(OpenList::iterator open, EndReason reason, const Now& said,
                   std::vector<BookEntry>& out) {
  Scan& scan = open->scan;
  scan.event.phase = Phase::end;
  scan.event.reason = reason;
  scan.at = said.wall;
  scan.announce =
      announcer_.admit_end(scan.event, said.monotonic) ? Announce::line : Announce::held_back;
  out.emplace_back(std::move(scan));
  forget(open);
}

void ScanBook::forget(OpenList::iterator open) {
  if (open->wants_line) --late_;
  if (const auto named = by_key_.find(open->key); named != by_key_.end() && named->second == open) {
    by_key_.erase(named);
  }
  open_.erase(open);
}

void ScanBook::tell(const std::vector<Digest::Line>& lines, const Now& now,
                    std::vector<BookEntry>& out) {
  for (const Digest::Line& line : lines) {
    stats_.digested += line.scans;
    out.emplace_back(make_notice(Severity::alert, now.wall, line.text));
  }
}

void ScanBook::advance(const Now& now, std::vector<BookEntry>& out) {
  while (!unattended_.empty() && unattended_.front().first < now.monotonic) {
    const auto known = by_key_.find(unattended_.front().second);
    unattended_.pop_front();
    if (known != by_key_.end()) end(known->second, EndReason::idle, now, out);
  }
  if (digest_.is_due(now.monotonic)) tell(digest_.take(now.monotonic), now, out);
  for (auto open = open_.begin(); late_ > 0 && open != open_.end(); ++open) {
    if (!open->wants_line) continue;
    want_line(*open, now);
    if (open->is_digested && open->scan.event.verdict != Verdict::proven) break;
    if (open->is_digested) continue;
    open->scan.at = now.wall;
    out.emplace_back(open->scan);
    open->scan.announce = Announce::held_back;
  }
  std::erase_if(left_, [&](const auto& each) {
    if (now.wall - each.second.last <= idle_of(each.second.event.rule)) return false;
    if (each.second.has_ended()) return true;
    Scan scan = each.second;
    scan.event.phase = Phase::end;
    scan.event.reason = EndReason::shutdown;
    scan.announce = Announce::held_back;
    scan.at = now.wall;
    out.emplace_back(std::move(scan));
    return true;
  });
}

void ScanBook::finish(const Now& now, std::vector<BookEntry>& out) {
  while (!unattended_.empty()) {
    const auto known = by_key_.find(unattended_.front().second);
    unattended_.pop_front();
    if (known != by_key_.end()) end(known->second, EndReason::shutdown, now, out);
  }
  while (digest_.pending() > 0) tell(digest_.take(now.monotonic), now, out);
}

bool ScanBook::is_waiting() const noexcept {
  return !unattended_.empty() || digest_.pending() > 0 || late_ > 0;
}

BookStats ScanBook::stats() const noexcept {
  BookStats stats = stats_;
  stats.pending = digest_.pending();
  return stats;
}

ScanBook::Numbers ScanBook::numbers(const Now& now) const {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  const Announcer::State limits = announcer_.state();
  const std::int64_t difference = offset(now);
  return {{std::string(kDetected), number(stats_.detected)},
          {std::string(kLines), number(stats_.lines)},
          {std::string(kMoreFollowed), number(stats_.more_follow)},
          {std::string(kHeldBack), number(stats_.held_back)},
          {std::string(kDigested), number(stats_.digested)},
          {std::string(kPending), number(digest_.pending())},
          {std::string(kFirstPending), number(std::min(digest_.first_id(), last_id_ + 1))},
          {std::string(kAllCount), limits.all.count},
          {std::string(kAllAt), limits.all.last + difference},
          {std::string(kProvenCount), limits.proven.count},
          {std::string(kProvenAt), limits.proven.last + difference},
          {std::string(kEndsCount), limits.ends.count},
          {std::string(kEndsAt), limits.ends.last + difference},
          {std::string(kEgress), number(stats_.egress)},
          {std::string(kEgressCount), limits.egress.count},
          {std::string(kEgressAt), limits.egress.last + difference}};
}

void ScanBook::restore(const Now& now, std::uint64_t last_id, const Numbers& numbers) {
  const auto number = [&](std::string_view name) {
    const auto found = numbers.find(name);
    return found == numbers.end() ? std::int64_t{0} : found->second;
  };
  const auto counter = [&](std::string_view name) {
    return static_cast<std::uint64_t>(std::max(number(name), std::int64_t{0}));
  };
  stats_.detected += counter(kDetected);
  stats_.lines += counter(kLines);
  stats_.more_follow += counter(kMoreFollowed);
  stats_.held_back += counter(kHeldBack);
  stats_.digested += counter(kDigested);
  stats_.egress += counter(kEgress);
  restored_pending_ = digest_.pending() + counter(kPending);
  last_id_ += last_id;
  for (Open& open : open_) open.scan.id += last_id;

  const std::int64_t difference = offset(now);
  const auto limiter = [&](std::string_view count_name, std::string_view at_name) {
    const auto lines = std::clamp<std::int64_t>(number(count_name), 0, Limiter::kLines + 1);
    return Limiter::State{.last = number(at_name) - difference, .count = static_cast<int>(lines)};
  };
  announcer_.restore({.all = limiter(kAllCount, kAllAt),
                      .proven = limiter(kProvenCount, kProvenAt),
                      .ends = limiter(kEndsCount, kEndsAt),
                      .egress = limiter(kEgressCount, kEgressAt)});
}

void ScanBook::restore_open(Scan scan) {
  const Address source = scan.event.source;
  left_.emplace(source, std::move(scan));
}

void ScanBook::restore_digest(const Scan& scan, std::chrono::nanoseconds now) {
  if (digest_.pending() < restored_pending_) digest_.add(scan, now);
}

void ScanBook::end_restore(std::chrono::nanoseconds now) {
  if (digest_.pending() < restored_pending_)
    digest_.add(restored_pending_ - digest_.pending(), now);
}

}  // namespace scanlogd
