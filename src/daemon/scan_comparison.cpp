// See scan_comparison.h.
#include "daemon/scan_comparison.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/scan_words.h"

namespace scanlogd {
namespace {

/// Whose scan it is. Of scans by many sources any may be called the first, but not the target.
auto owner_of(const ScanFinding& scan) noexcept {
  const bool is_by_many = scan.kind == ScanKind::distributed || scan.kind == ScanKind::decoys;
  const Address& place = is_by_many ? scan.target : scan.source;
  return std::tuple(is_by_many, place, scan.source_prefix);
}

/// The owner and all else that two scans have in common at best.
auto likeness_of(const ScanFinding& scan) noexcept {
  return std::tuple_cat(owner_of(scan), std::tuple(scan.technique, scan.target));
}

bool overlap(const ScanFinding& one, const ScanFinding& other) noexcept {
  return one.started <= other.last && other.started <= one.last;
}

/// Moves those that have the same key and overlap out of both, which come out sorted by key.
template <class Key>
void match(std::vector<ScanFinding>& one, std::vector<ScanFinding>& other, Key key,
           std::vector<FoundByBoth>& same) {
  const auto less = [&](const ScanFinding& a, const ScanFinding& b) {
    const auto of_a = key(a);
    const auto of_b = key(b);
    return of_a != of_b ? of_a < of_b : a.started < b.started;
  };
  std::ranges::sort(one, less);
  std::ranges::sort(other, less);
  std::vector<ScanFinding> one_left;
  std::vector<ScanFinding> other_left;
  auto mine = one.begin();
  auto theirs = other.begin();
  while (mine != one.end() && theirs != other.end()) {
    const auto of_mine = key(*mine);
    const auto of_theirs = key(*theirs);
    if (of_mine == of_theirs && overlap(*mine, *theirs)) {
      same.push_back({*mine++, *theirs++});
    } else if (of_mine != of_theirs ? of_mine < of_theirs : mine->last < theirs->last) {
      one_left.push_back(*mine++);
    } else {
      other_left.push_back(*theirs++);
    }
  }
  one_left.insert(one_left.end(), mine, one.end());
  other_left.insert(other_left.end(), theirs, other.end());
  one = std::move(one_left);
  other = std::move(other_left);
}

}  // namespace

void ScanFindings::take(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic) {
  if (!classify(event).is_scan) return;
  if (event.phase == Phase::begin) {
    if (scans_.size() == kMost) {
      ++left_out_;
      return;
    }
    open_[event.record] = scans_.size();
    scans_.push_back({.started = event.started + wall_minus_monotonic,
                      .detected = event.detected + wall_minus_monotonic,
                      .source = event.source,
                      .target = event.target,
                      .probes_to_find = event.packets,
                      .source_prefix = event.source_prefix,
                      .kind = event.kind,
                      .rule = event.rule});
  }
  const auto found = open_.find(event.record);
  if (found == open_.end()) return;
  ScanFinding& scan = scans_[found->second];
  scan.last = event.detected + wall_minus_monotonic;
  scan.probes = event.packets;
  scan.ports = event.ports_total;
  scan.hosts = event.hosts_total;
  scan.technique = event.technique;
  if (event.phase == Phase::end) open_.erase(found);
}

bool is_same(const ScanFinding& one, const ScanFinding& other) noexcept {
  return owner_of(one) == owner_of(other) && overlap(one, other);
}

ScanComparison compare(const std::vector<ScanFinding>& one, const std::vector<ScanFinding>& other) {
  ScanComparison result{.more = other, .fewer = one, .same = {}};
  match(result.fewer, result.more, likeness_of, result.same);
  match(result.fewer, result.more, owner_of, result.same);
  const auto when = [](const ScanFinding& scan) { return std::tuple(scan.detected, scan.source); };
  std::ranges::sort(result.more, {}, when);
  std::ranges::sort(result.fewer, {}, when);
  std::ranges::sort(result.same, {}, [&](const FoundByBoth& twice) { return when(twice.one); });
  return result;
}

}  // namespace scanlogd
