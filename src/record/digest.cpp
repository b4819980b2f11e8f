// See digest.h.
#include "record/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace scanlogd {
namespace {

/// What is kept free in a line for its beginning and its end, with numbers of twenty digits.
constexpr std::size_t kFrame = 120;

std::string_view plural(std::uint64_t count) noexcept { return count == 1 ? "" : "s"; }

}  // namespace

void Digest::add(const Scan& scan, std::chrono::nanoseconds now) {
  if (pending_++ == 0 || now < since_) since_ = now;
  const ScanEvent& event = scan.event;
  const Source source(event.source, event.source_prefix);
  const bool is_proven = event.verdict == Verdict::proven;
  Lane& lane = is_proven ? proven_ : others_;
  const auto place = lane.places.find(source);
  if (place == lane.places.end() && lane.entries.size() == kMaxSources) {
    ++unnamed_;
    return;
  }
  if (place == lane.places.end()) {
    lane.places.emplace(source, lane.taken + lane.entries.size());
    Entry& made = lane.entries.emplace_back();
    made.source = source;
    made.first_id = scan.id;
    made.is_proven = is_proven;
  }
  Entry& entry =
      place == lane.places.end() ? lane.entries.back() : lane.entries[place->second - lane.taken];
  ++entry.scans;
  for (std::size_t i = 0; i < event.port_count; ++i) {
    if (std::ranges::find(entry.ports, event.ports[i]) != entry.ports.end()) continue;
    if (entry.ports.size() == kPortsPerSource) {
      entry.has_more_ports = true;
      break;
    }
    entry.ports.push_back(event.ports[i]);
  }
}

void Digest::add(std::uint64_t scans, std::chrono::nanoseconds now) {
  if (scans == 0) return;
  if (pending_ == 0 || now < since_) since_ = now;
  pending_ += scans;
  unnamed_ += scans;
}

bool Digest::is_due(std::chrono::nanoseconds now) const noexcept {
  return pending_ > 0 && (now - since_ >= kInterval || now < since_);
}

std::string Digest::text_of(const Entry& entry, std::size_t ports) {
  std::string text = to_string(entry.source.first);
  if (entry.source.second != 0) text += fmt::format("/{}", entry.source.second);
  const std::size_t shown = std::min(ports, entry.ports.size());
  std::string more = fmt::format("{}", fmt::join(std::span(entry.ports).first(shown), ","));
  if (shown > 0 && (entry.has_more_ports || shown < entry.ports.size())) more += ",...";
  if (entry.is_proven) more += more.empty() ? "proven" : ",proven";
  if (!more.empty()) text += "(" + more + ")";
  return text;
}

void Digest::fill(Lane& lane, std::size_t ports, std::vector<std::string>& names, std::size_t& size,
                  std::uint64_t& scans) {
  while (!lane.entries.empty() && names.size() < kSourcesPerLine) {
    const Entry& entry = lane.entries.front();
    std::string name = text_of(entry, ports);
    if (size + 1 + name.size() > kMaxLine) return;
    size += 1 + name.size();
    scans += entry.scans;
    names.push_back(std::move(name));
    lane.places.erase(entry.source);
    lane.entries.pop_front();
    ++lane.taken;
  }
}

std::vector<Digest::Line> Digest::take(std::chrono::nanoseconds now) {
  using std::chrono::seconds;
  const auto time = std::max(std::chrono::round<seconds>(now - since_), seconds(1));
  const std::size_t sources_waiting = proven_.entries.size() + others_.entries.size();
  const std::size_t ports = sources_waiting > kVeryManySources ? 0
                            : sources_waiting > kManySources   ? 1
                                                               : kPortsPerSource;
  std::vector<Line> lines;
  while (pending_ > 0 && lines.size() < kLinesPerInterval) {
    std::vector<std::string> names;
    std::size_t size = kFrame;
    std::uint64_t scans = 0;
    fill(proven_, ports, names, size, scans);
    fill(others_, ports, names, size, scans);
    // The last line also tells of those that are not named.
    const bool is_last = lines.size() + 1 == kLinesPerInterval ||
                         (proven_.entries.empty() && others_.entries.empty());
    const std::uint64_t unnamed = is_last ? std::exchange(unnamed_, 0) : 0;
    scans += unnamed;
    const std::uint64_t sources = names.size() + unnamed;
    std::string text = fmt::format("Held back: {} scan{} from {} source{} in {} s:", scans,
                                   plural(scans), sources, plural(sources), time.count());
    for (const std::string& name : names) text.append(" ").append(name);
    if (unnamed > 0) text += fmt::format(" +{} more", unnamed);
    lines.push_back({.text = std::move(text), .scans = scans});
    pending_ -= scans;
  }
  since_ = now;
  return lines;
}

std::uint64_t Digest::first_id() const noexcept {
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (const Lane* const lane : {&proven_, &others_}) {
    // The first to come has the smallest id of its lane.
    if (!lane->entries.empty()) first = std::min(first, lane->entries.front().first_id);
  }
  return first;
}

}  // namespace scanlogd
