// See explainer.h.
#include "daemon/explainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <span>
#include <utility>

#include "core/scan_words.h"

namespace scanlogd {
namespace {

/// Scans of one source in one capture; more are left out.
constexpr std::size_t kMostEvents = 10000;

}  // namespace

Explainer::Explainer(Analysis all, const Address& source)
    : QuietOutlet(std::move(all)), source_(source), diary_(source) {
  analysis().keep_diary(&diary_);
  last_ = analysis().explain(source);
  if (last_.knowledge != Knowledge::not_kept) return;
  failure_ = fail("--explain: " + verdict_line(last_) + ": --profile full");
}

void Explainer::process(PacketBatch& batch) {
  packets_ += static_cast<std::uint64_t>(std::ranges::count_if(
      batch.view(), [&](const Packet& packet) { return packet.source_address() == source_; }));
  analysis().process(batch, [&](const auto& found) { take(found); });
}

void Explainer::advance(std::chrono::nanoseconds now,
                        std::chrono::nanoseconds /*wall_minus_monotonic*/) {
  if (now == Detector::kEndOfTime) last_ = analysis().explain(source_);
  analysis().advance(now, [&](const auto& found) { take(found); });
}

bool Explainer::concerns(const ScanEvent& event) const noexcept {
  // Its own, of which the first address is told, or that of a network it belongs to.
  const std::uint8_t prefix = event.source_prefix != 0 ? event.source_prefix : last_.prefix;
  if (network_of(source_, prefix).contains(event.source)) return true;
  const auto group = std::span(event.group).first(event.group_count);
  return std::ranges::find(group, source_) != group.end();
}

void Explainer::take(const ScanEvent& event) {
  if (event.phase == Phase::update || events_.size() == kMostEvents) return;
  if (!classify(event).is_scan || !concerns(event)) return;
  events_.push_back(event);
}

std::string Explainer::conclusion() const {
  SourceExplanation told = last_;
  const auto alarm = std::find_if(events_.rbegin(), events_.rend(), [](const ScanEvent& event) {
    return event.phase == Phase::begin;
  });
  if (alarm != events_.rend()) {
    // Its scan may have ended since, and its sums with it.
    told.knowledge = Knowledge::some;
    told.is_scanning = true;
    told.kind = alarm->kind;
    told.rule = alarm->rule;
  }
  return to_lines(told).front();
}

std::string Explainer::packets_line() const {
  std::string text = fmt::format("{} packets of it came", packets_);
  std::string_view joint = ":";
  for (const Counter& each : diary_.outcomes()) {
    fmt::format_to(std::back_inserter(text), "{} {} {}", joint, each.value, each.name);
    joint = ",";
  }
  return text;
}

std::vector<std::string> Explainer::lines() const {
  std::vector<std::string> lines = {conclusion(), packets_line()};
  std::ranges::copy(to_lines(diary_, last_, events_), std::back_inserter(lines));
  std::ranges::copy(to_lines(last_) | std::views::drop(1), std::back_inserter(lines));
  std::ranges::copy(notices(), std::back_inserter(lines));
  return lines;
}

}  // namespace scanlogd
