// `scanlogctl show ID`: all about one scan, and how it grew.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "core/classic_line.h"
#include "core/eve.h"
#include "core/scan_names.h"
#include "core/scan_words.h"
#include "core/table.h"
#include "ctl/countries.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kIndent = 12;

/// How much of `text` a line of `room` bytes takes: to a blank or behind a comma, or what fits.
std::size_t find_break(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text.size();
  const std::size_t blank = text.rfind(' ', room);
  const std::size_t comma = text.rfind(',', room - 1);
  const std::size_t at_blank = blank == std::string_view::npos ? 0 : blank;
  const std::size_t behind_comma = comma == std::string_view::npos ? 0 : comma + 1;
  const std::size_t end = std::max(at_blank, behind_comma);
  return end == 0 ? room : end;
}

/// `name        value`, the value on as many lines as the terminal needs.
void put(std::string& out, std::string_view name, std::string_view value, std::size_t width) {
  constexpr std::size_t kLeast = 20;
  const std::size_t room = width > kIndent + kLeast ? width - kIndent : std::string::npos;
  std::string_view label = name;
  do {
    const std::size_t end = find_break(value, room);
    out += fmt::format("{:<{}}{}\n", label, kIndent, value.substr(0, end));
    label = {};
    value.remove_prefix(end);
    if (value.starts_with(' ')) value.remove_prefix(1);
  } while (!value.empty());
}

std::string techniques_of(const ScanEvent& event) {
  std::string text(name_of(event.technique));
  for (unsigned bit = 0; bit < 16; ++bit) {
    const auto each = static_cast<Technique>(bit + 1);
    if ((event.techniques >> bit & 1) == 0 || each == event.technique) continue;
    text.append(", also ").append(name_of(each));
  }
  return text;
}

std::string state_of(const Scan& scan) {
  if (!scan.has_ended()) return "goes on; last news " + format_time(scan.at);
  return fmt::format("ended {} ({})", format_time(scan.at), name_of(scan.event.reason));
}

std::string answers_of(const ScanEvent& event) {
  if (event.open_total == 0 && event.closed_total == 0 && event.filtered_total == 0) {
    return "not known: the answers were not looked at";
  }
  std::string text = fmt::format("{} open, {} closed, {} filtered", event.open_total,
                                 event.closed_total, event.filtered_total);
  if (event.open_count > 0) {
    text +=
        fmt::format("; open: {}{}", fmt::join(std::span(event.open).first(event.open_count), ", "),
                    event.open_count < event.open_total ? ", ..." : "");
  }
  return text;
}

std::string sender_of(const Scan& scan) {
  const Sender& sender = scan.event.sender;
  return fmt::format("uid {}, unit {}, control group {}", sender.uid,
                     scan.unit.empty() ? "not known" : scan.unit, sender.cgroup);
}

/// Of its network; nothing where no database is.
Result<std::string> place_of(const Scan& scan, const Request& request) {
  const auto locator = open_locator(locator_table(), request.locations);
  if (!locator) {
    if (request.locations_given) return std::unexpected(locator.error());
    return std::string();
  }
  const Location location = (*locator)->locate(scan.event.source);
  std::string text = describe_country(**locator, location);
  const std::string system = describe_as(**locator, location);
  if (!text.empty() && !system.empty()) text += ", ";
  return text + system;
}

std::string describe(const Scan& scan, std::string_view place, std::size_t width) {
  const ScanEvent& event = scan.event;
  std::string out = fmt::format("Scan {}: {}\n", scan.id, classify(event).title);
  const auto line = [&](std::string_view name, std::string_view value) {
    put(out, name, value, width);
  };
  line("source", name_source(scan));
  if (!place.empty()) line("country", place);
  line("verdict", fmt::format("{}: {}", name_of(event.verdict), reason_of(event.verdict)));
  line("target", name_targets(scan));
  line("technique", techniques_of(event));
  line("tool", name_of(event.tool));
  line("rule", name_of(event.rule));
  line("began", format_time(scan.started));
  line("found", fmt::format("{}, {} after it began", format_time(scan.detected),
                            format_duration(scan.detected - scan.started)));
  line("state", state_of(scan));
  if (event.packets != 0) line("packets", format_count(event.packets));
  line("ports", fmt::format("{}: {}", format_count(count_ports(scan)), list_ports(scan)));
  line("answers", answers_of(event));
  if (!scan.group().empty()) {
    std::string sources;
    for (const Address& each : scan.group()) {
      sources.append(sources.empty() ? "" : ", ").append(to_string(each));
    }
    line("sources", sources);
  }
  if (event.sender.is_known) line("sender", sender_of(scan));
  line("log", name_of(scan.announce));
  LineBuffer buffer;
  Scan shown = scan;
  shown.announce = Announce::line;
  line("line", format_classic_line(shown, buffer));
  return out;
}

}  // namespace

Result<void> show_scan(const StoreReader& store, const Request& request, const Emit& emit) {
  auto found = store.find(request.id);
  if (!found) return std::unexpected(found.error());
  const std::optional<Scan> scan = std::move(*found);
  if (!scan) return fail(fmt::format("show({}): there is no such scan", request.id), ENOENT);
  const auto history = store.history(request.id);
  if (!history) return std::unexpected(history.error());

  if (request.json) {
    // What was said is what there is; the scan itself where that is forgotten already.
    std::string events;
    for (const Message& message : *history) {
      append_eve(events, std::get<Scan>(message.content), message.stamp);
      events += '\n';
    }
    if (events.empty()) {
      append_eve(events, *scan, {});
      events += '\n';
    }
    emit(events);
    return {};
  }

  const auto place = place_of(*scan, request);
  if (!place) return std::unexpected(place.error());
  emit(describe(*scan, *place, request.width));
  Table table({{.title = "TIME"},
               {.title = "PHASE"},
               {.title = "PACKETS", .is_number = true},
               {.title = "PORTS", .is_number = true},
               {.title = "HOSTS", .is_number = true},
               {.title = "OPEN", .is_number = true}});
  for (const Message& message : *history) {
    const Scan& then = std::get<Scan>(message.content);
    table.add({format_time(then.at), std::string(name_of(then.event.phase)),
               std::to_string(then.event.packets), std::to_string(count_ports(then)),
               std::to_string(then.event.hosts_total), std::to_string(then.event.open_total)});
  }
  if (!table.empty()) emit("\n" + table.format(request.width));
  return {};
}

}  // namespace scanlogd::ctl
