// See what_if.h.
#include "daemon/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "core/json_writer.h"
#include "core/scan_names.h"
#include "core/scan_words.h"
#include "core/table.h"

namespace scanlogd {
namespace {

/// Of all that an analysis says, scans are what counts here.
template <class Found>
void take(ScanFindings& /*scans*/, const Found& /*found*/, std::chrono::nanoseconds /*wall*/) {}
void take(ScanFindings& scans, const ScanEvent& event, std::chrono::nanoseconds wall) {
  scans.take(event, wall);
}

std::string time_text(std::chrono::nanoseconds time) {
  return format_iso_time(std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(time)));
}

std::string source_text(const ScanFinding& scan) {
  const std::string text = to_string(scan.source);
  return scan.source_prefix == 0 ? text : fmt::format("{}/{}", text, scan.source_prefix);
}

void append_rest(std::string& text, std::size_t total) {
  if (total <= kMostListed) return;
  fmt::format_to(std::back_inserter(text), "and {} others\n", total - kMostListed);
}

void append_scans(std::string& text, std::string_view title,
                  const std::vector<ScanFinding>& scans) {
  if (scans.empty()) return;
  Table table({{.title = "FOUND"},
               {.title = "SOURCE"},
               {.title = "TARGET"},
               {.title = "SCAN"},
               {.title = "TECHNIQUE"},
               {.title = "RULE"},
               {.title = "FOUND AFTER", .is_number = true},
               {.title = "PROBES", .is_number = true},
               {.title = "PORTS", .is_number = true},
               {.title = "HOSTS", .is_number = true}});
  for (const ScanFinding& scan : std::span(scans).first(std::min(scans.size(), kMostListed))) {
    table.add({time_text(scan.detected), source_text(scan), to_string(scan.target),
               std::string(name_of(scan.kind)), std::string(name_of(scan.technique)),
               std::string(name_of(scan.rule)), std::to_string(scan.probes_to_find),
               std::to_string(scan.probes), std::to_string(scan.ports),
               std::to_string(scan.hosts)});
  }
  fmt::format_to(std::back_inserter(text), "\n{}:\n{}", title, table.format(0));
  append_rest(text, scans.size());
}

/// Of `same` those found at another time.
std::vector<FoundByBoth> moved(const std::vector<FoundByBoth>& same) {
  std::vector<FoundByBoth> result;
  std::ranges::copy_if(same, std::back_inserter(result), [](const FoundByBoth& twice) {
    return twice.is_earlier() || twice.is_later();
  });
  return result;
}

void append_moved(std::string& text, const ScanComparison& comparison) {
  const std::vector<FoundByBoth> all = moved(comparison.same);
  if (all.empty()) return;
  const auto earlier = std::ranges::count_if(all, &FoundByBoth::is_earlier);
  Table table({{.title = "SOURCE"},
               {.title = "TARGET"},
               {.title = "SCAN"},
               {.title = "FOUND AFTER", .is_number = true},
               {.title = "INSTEAD OF", .is_number = true},
               {.title = "BY", .is_number = true}});
  for (const FoundByBoth& twice : std::span(all).first(std::min(all.size(), kMostListed))) {
    const std::chrono::duration<double> by = twice.other.detected - twice.one.detected;
    table.add({source_text(twice.one), to_string(twice.one.target),
               std::string(name_of(twice.one.kind)),
               fmt::format("{} probes", twice.other.probes_to_find),
               std::to_string(twice.one.probes_to_find), fmt::format("{:+.3f} s", by.count())});
  }
  fmt::format_to(std::back_inserter(text), "\nof the same, {} found earlier and {} later:\n{}",
                 earlier, static_cast<std::ptrdiff_t>(all.size()) - earlier, table.format(0));
  append_rest(text, all.size());
}

void put_time(JsonWriter& json, std::string_view key, std::chrono::nanoseconds time) {
  json.member(key, time_text(time));
}

void put_scan(JsonWriter& json, const ScanFinding& scan) {
  json.open_object();
  put_time(json, "started", scan.started);
  put_time(json, "found", scan.detected);
  json.member("source", source_text(scan));
  json.member("target", to_string(scan.target));
  json.member("kind", name_of(scan.kind));
  json.member("technique", name_of(scan.technique));
  json.member("rule", name_of(scan.rule));
  json.member("found_after", scan.probes_to_find);
  json.member("probes", scan.probes);
  json.member("ports", scan.ports);
  json.member("hosts", scan.hosts);
  json.close_object();
}

void put_scans(JsonWriter& json, std::string_view key, const std::vector<ScanFinding>& scans) {
  json.open_array(key);
  for (const ScanFinding& scan : std::span(scans).first(std::min(scans.size(), kMostInJson))) {
    put_scan(json, scan);
  }
  json.close_array();
}

}  // namespace

void WhatIf::process(PacketBatch& batch) {
  const std::chrono::nanoseconds wall = batch.wall_minus_monotonic;
  std::ranges::copy(batch.view(), copy_->packets.begin());
  copy_->size = batch.size;
  copy_->wall_minus_monotonic = wall;
  analysis().process(batch, [&](const auto& found) { take(found_as_is_, found, wall); });
  other_.process(*copy_, [&](const auto& found) { take(found_other_, found, wall); });
}

void WhatIf::advance(std::chrono::nanoseconds now, std::chrono::nanoseconds wall_minus_monotonic) {
  analysis().advance(now,
                     [&](const auto& found) { take(found_as_is_, found, wall_minus_monotonic); });
  other_.advance(now, [&](const auto& found) { take(found_other_, found, wall_minus_monotonic); });
}

std::string to_text(const ScanComparison& comparison, const WhatIfFacts& facts) {
  std::string text = fmt::format(
      "{} more, {} fewer, {} the same\nwith {} instead of what is configured\n",
      comparison.more.size(), comparison.fewer.size(), comparison.same.size(), facts.settings);
  for (const std::string& note : facts.notes) text.append(note).append("\n");
  append_scans(text, "more, found only with it", comparison.more);
  append_scans(text, "fewer, found only without it", comparison.fewer);
  append_moved(text, comparison);
  return text;
}

std::string to_json(const ScanComparison& comparison, const WhatIfFacts& facts) {
  std::string text;
  JsonWriter json(text);
  const std::vector<FoundByBoth> at_other_times = moved(comparison.same);
  const auto earlier = std::ranges::count_if(at_other_times, &FoundByBoth::is_earlier);
  json.open_object();
  json.member("settings", facts.settings);
  json.member("more", comparison.more.size());
  json.member("fewer", comparison.fewer.size());
  json.member("same", comparison.same.size());
  json.member("earlier", static_cast<std::size_t>(earlier));
  json.member("later", at_other_times.size() - static_cast<std::size_t>(earlier));
  json.open_array("notes");
  for (const std::string& note : facts.notes) json.value(note);
  json.close_array();
  put_scans(json, "scans_more", comparison.more);
  put_scans(json, "scans_fewer", comparison.fewer);
  json.open_array("scans_moved");
  for (const FoundByBoth& twice :
       std::span(at_other_times).first(std::min(at_other_times.size(), kMostInJson))) {
    json.open_object();
    json.member("source", source_text(twice.one));
    json.member("target", to_string(twice.one.target));
    json.member("kind", name_of(twice.one.kind));
    put_time(json, "found", twice.other.detected);
    put_time(json, "instead_of", twice.one.detected);
    json.member("found_after", twice.other.probes_to_find);
    json.member("found_after_instead_of", twice.one.probes_to_find);
    json.close_object();
  }
  json.close_array();
  json.close_object();
  return text += '\n';
}

}  // namespace scanlogd
