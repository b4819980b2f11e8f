// See source_explanation.h.
#include "core/source_explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/scan_names.h"
#include "core/scan_words.h"

namespace scanlogd {
namespace {

std::string age(std::uint32_t seconds) {
  constexpr std::uint32_t kMinute = 60;
  constexpr std::uint32_t kHour = 60 * kMinute;
  if (seconds < 2 * kMinute) return fmt::format("{} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{} min", seconds / kMinute);
  return fmt::format("{} h", seconds / kHour);
}

std::string contacts(std::uint32_t count) {
  constexpr std::uint32_t kSaturated = 255;
  if (count == 1) return "1 contact";
  return fmt::format("{}{} contacts", count, count == kSaturated ? " or more" : "");
}

std::string list(std::span<const Port> ports) {
  std::string text;
  for (const Port port : ports) fmt::format_to(std::back_inserter(text), " {}", port);
  return text;
}

// What a sum lacks, in points; 0 where it has enough.
double lacking(const SourceExplanation& explanation, const SourceExplanation::Sums& sums,
               std::size_t scale, std::uint8_t factor) noexcept {
  const double needed = explanation.scales[scale].threshold * factor + sums.waiting;
  return std::max(0.0, needed - sums.score[scale]);
}

using Excluded = std::array<std::uint64_t, kExclusions>;

bool has_any(const Excluded& excluded) noexcept {
  return std::ranges::any_of(excluded, [](std::uint64_t count) { return count > 0; });
}

// `100 by ignore_ports, 1 by watch_targets`.
std::string by_lists(const Excluded& excluded) {
  std::string text;
  for (std::size_t i = 0; i < excluded.size(); ++i) {
    if (excluded[i] == 0) continue;
    fmt::format_to(std::back_inserter(text), "{}{} by {}", text.empty() ? "" : ", ", excluded[i],
                   kExclusionKeys[i]);
  }
  return text;
}

void add_scales(const SourceExplanation& explanation, const SourceExplanation::Sums& sums,
                std::uint8_t factor, std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < SourceExplanation::kScales; ++i) {
    const SourceExplanation::Scale& scale = explanation.scales[i];
    lines.push_back(
        fmt::format("  {:8}{:7.2f} of {:g} points, {} of {} contacts, loses {:g} an hour",
                    name_of(scale.rule), sums.score[i], scale.threshold * factor, sums.contacts,
                    scale.least_contacts, scale.leak_per_hour));
  }
  if (sums.waiting > 0) {
    lines.push_back(fmt::format("  {:g} points of them wait for an answer", sums.waiting));
  }
}

void add_source(const SourceExplanation& explanation, std::vector<std::string>& lines) {
  const SourceExplanation::Sums& sums = explanation.sums;
  lines.push_back(fmt::format("{} counted, the first {} ago, the last {} ago, on about {} host{}",
                              contacts(sums.contacts), age(sums.first_ago), age(sums.last_ago),
                              explanation.hosts, explanation.hosts == 1 ? "" : "s"));
  add_scales(explanation, sums, 1, lines);
  if (explanation.port_count > 0) {
    lines.push_back(
        fmt::format("ports:{}{}", list(explanation.port_view()),
                    explanation.port_count == SourceExplanation::kMaxPorts ? " ..." : ""));
  }
  if (explanation.open_count > 0) {
    lines.push_back(fmt::format("answered as open:{}", list(explanation.open_view())));
  }
  if (explanation.closed > 0) {
    lines.push_back(fmt::format("answered as closed: {}", explanation.closed));
  }
  if (explanation.strays > 0) {
    lines.push_back(fmt::format("segments of no connection: {}, {} of them to low ports",
                                explanation.strays, explanation.low_strays));
  }
  if (explanation.is_crafted) lines.emplace_back("its SYNs have the marks of a raw-packet tool");
  if (explanation.technique != Technique::unknown) {
    lines.push_back(fmt::format("technique {}, tool {}, address {}: {}",
                                name_of(explanation.technique), name_of(explanation.tool),
                                name_of(explanation.verdict), reason_of(explanation.verdict)));
  }
}

void add_network(const SourceExplanation& explanation, std::vector<std::string>& lines) {
  lines.push_back(
      fmt::format("its network (/{}): {} counted, about {} source{} of {} at least{}",
                  explanation.network_prefix, contacts(explanation.network.contacts),
                  explanation.network_sources, explanation.network_sources == 1 ? "" : "s",
                  explanation.least_sources, explanation.is_network_scanning ? "; it scans" : ""));
  add_scales(explanation, explanation.network, explanation.network_factor, lines);
}

}  // namespace

std::size_t nearest_scale(const SourceExplanation& explanation) noexcept {
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < SourceExplanation::kScales; ++i) {
    if (lacking(explanation, explanation.sums, i, 1) <
        lacking(explanation, explanation.sums, nearest, 1)) {
      nearest = i;
    }
  }
  return nearest;
}

std::string verdict_line(const SourceExplanation& explanation) {
  if (explanation.knowledge == Knowledge::not_kept) {
    return "the profile keeps no sums of sources to explain; full does";
  }
  if (explanation.is_ignored && !explanation.is_scanning) {
    return "no alarm: nothing of it is judged, by ignore_sources";
  }
  if (explanation.knowledge == Knowledge::nothing && has_any(explanation.excluded_of_it)) {
    return "no alarm: no contact of it has failed, beside packets that were not judged: " +
           by_lists(explanation.excluded_of_it);
  }
  if (explanation.knowledge == Knowledge::nothing) {
    return "no alarm: no contact of it has failed, as far as is remembered";
  }
  if (explanation.is_scanning) {
    return fmt::format("alarm: it scans, found by the rule {} ({})", name_of(explanation.rule),
                       name_of(explanation.kind));
  }
  const std::size_t nearest = nearest_scale(explanation);
  const SourceExplanation::Scale& scale = explanation.scales[nearest];
  std::string text = fmt::format("no alarm: the nearest scale is {}", name_of(scale.rule));
  std::string_view joint = ", which lacks";
  if (const double points = lacking(explanation, explanation.sums, nearest, 1); points > 0) {
    fmt::format_to(std::back_inserter(text), "{} {:.2f} points", joint, points);
    joint = " and";
  }
  if (explanation.sums.contacts < scale.least_contacts) {
    fmt::format_to(std::back_inserter(text), "{} {}", joint,
                   contacts(scale.least_contacts - explanation.sums.contacts));
  }
  return text;
}

std::vector<std::string> to_lines(const SourceExplanation& explanation) {
  std::vector<std::string> lines;
  const bool is_whole = explanation.prefix == 0 || explanation.source.family == Family::ipv4;
  lines.push_back(fmt::format("{}{}: {}", to_string(explanation.source),
                              is_whole ? "" : fmt::format("/{}", explanation.prefix),
                              verdict_line(explanation)));
  if (explanation.knowledge == Knowledge::not_kept) return lines;
  if (explanation.knowledge == Knowledge::some) add_source(explanation, lines);
  if (explanation.has_network) add_network(explanation, lines);
  if (has_any(explanation.excluded_of_it)) {
    lines.push_back("of its packets not judged lately: " + by_lists(explanation.excluded_of_it));
  }
  if (has_any(explanation.excluded)) {
    lines.push_back("of all packets not judged: " + by_lists(explanation.excluded));
  }
  if (!explanation.sees_answers) {
    lines.emplace_back("what this host sends is not seen: UDP is not judged, silence takes 3 s");
  }
  return lines;
}

}  // namespace scanlogd
