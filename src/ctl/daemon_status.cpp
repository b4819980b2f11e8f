// See daemon_status.h; docs/control.md has the names.
#include "ctl/daemon_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "core/scan_words.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

std::uint64_t parse_count(std::string_view text) noexcept {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  return error == std::errc() && end == text.data() + text.size() ? count : 0;
}

/// The value of `key=` among the words of `text`.
std::uint64_t count_in(std::string_view text, std::string_view key) noexcept {
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
      return parse_count(word.substr(key.size() + 1));
    }
  }
  return 0;
}

/// `1764190800 text`: when it was said, and what.
struct Trouble {
  std::chrono::system_clock::time_point at;
  std::string_view text;
};

std::vector<Trouble> troubles_of(const ControlAnswer& answer) {
  std::vector<Trouble> troubles;
  // Later than any date that a calendar can show is nonsense.
  constexpr std::uint64_t kLatest = 253'402'300'799;
  for (const std::string_view line : answer.find_all("trouble")) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const auto at = std::chrono::seconds(std::min(parse_count(line.substr(0, blank)), kLatest));
    // Nanoseconds since 1970 end in 2262.
    constexpr std::chrono::seconds kRepresentable{9'000'000'000};
    troubles.push_back({.at = std::chrono::system_clock::time_point(std::min(at, kRepresentable)),
                        .text = line.substr(blank + 1)});
  }
  return troubles;
}

std::string_view text_of(const ControlAnswer& answer, std::string_view name) {
  return answer.find(name).value_or("unknown");
}

std::string format(const Identity& identity) {
  std::string text;
  std::string_view separator;
  for (const Identity::Part& part : identity.parts) {
    text += fmt::format("{}{} {}", separator, part.name, format_count(part.value));
    separator = separator.empty() ? " = " : " + ";
  }
  return identity.holds() ? text : text + " (does NOT hold)";
}

}  // namespace

bool Identity::holds() const noexcept {
  std::uint64_t sum = 0;
  for (const Part& part : std::span(parts).subspan(1)) sum += part.value;
  return parts.front().value == sum;
}

std::vector<Identity> identities_of(const ControlAnswer& answer) {
  const auto number = [&](std::string_view name) { return answer.number(name); };
  std::vector<Identity> identities = {{.name = "packets",
                                       .parts = {{"seen", number("packets.seen")},
                                                 {"processed", number("packets.processed")},
                                                 {"dropped", number("packets.dropped")},
                                                 {"waiting", number("packets.waiting")}}},
                                      {.name = "scans",
                                       .parts = {{"detected", number("scans.detected")},
                                                 {"delivered", number("scans.delivered")},
                                                 {"spooled", number("scans.spooled")},
                                                 {"digested", number("scans.digested")},
                                                 {"held back", number("scans.held_back")},
                                                 {"lost", number("scans.lost")}}}};
  if (answer.find("store.taken")) {
    identities.push_back({.name = "stored",
                          .parts = {{"taken", number("store.taken")},
                                    {"written", number("store.written")},
                                    {"waiting", number("store.waiting")},
                                    {"lost", number("store.lost")}}});
  }
  return identities;
}

std::vector<Cursor> sinks_of(const ControlAnswer& answer) {
  std::vector<Cursor> sinks;
  for (const std::string_view line : answer.find_all("sink")) {
    Cursor& cursor = sinks.emplace_back();
    cursor.sink = line.substr(0, line.find(' '));
    cursor.sequence = count_in(line, "sequence");
    cursor.taken = count_in(line, "taken");
    cursor.delivered = count_in(line, "delivered");
    cursor.lost = count_in(line, "lost");
  }
  return sinks;
}

std::vector<ExcludedCount> excluded_of(const ControlAnswer& answer) {
  std::vector<ExcludedCount> excluded;
  for (std::size_t i = 0; i < kExclusions; ++i) {
    ExcludedCount& each = excluded.emplace_back();
    each.list = kExclusionKeys[i];
    for (const std::string_view words : answer.find_all("detector")) {
      each.packets += count_in(words, kExclusionCounters[i]);
    }
  }
  return excluded;
}

std::vector<ExcludedCount> excluded_of_source(const ControlAnswer& answer) {
  std::vector<ExcludedCount> excluded;
  for (const std::string_view line : answer.find_all("excluded")) {
    const std::size_t is = line.find('=');
    if (is == std::string_view::npos) continue;
    excluded.push_back({.list = line.substr(0, is), .packets = parse_count(line.substr(is + 1))});
  }
  return excluded;
}

std::vector<std::string> ailments_of(const ControlAnswer& answer) {
  std::vector<std::string> ailments;
  for (const Identity& identity : identities_of(answer)) {
    if (!identity.holds())
      ailments.push_back(fmt::format("the accounts of {} do not add up", identity.name));
  }
  if (const std::uint64_t silent = answer.number("engines.silent"); silent > 0) {
    ailments.push_back(
        fmt::format("{} of {} engines do not answer", silent, answer.number("engines")));
  }
  for (const std::string_view blind : answer.find_all("blind")) ailments.emplace_back(blind);
  if (const std::uint64_t waiting = answer.number("store.waiting"); waiting > 0) {
    ailments.push_back(fmt::format("{} messages wait for the store", format_count(waiting)));
  }
  for (const Cursor& sink : sinks_of(answer)) {
    const std::uint64_t waiting = sink.taken - sink.delivered - sink.lost;
    if (waiting > 0) {
      ailments.push_back(fmt::format("{} messages wait for {}", format_count(waiting), sink.sink));
    }
  }
  return ailments;
}

std::string describe_daemon(const ControlAnswer& answer,
                            std::chrono::system_clock::time_point now) {
  std::string out;
  const auto line = [&](std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "{:<12}{}\n", name, value);
  };
  constexpr std::uint64_t kLongest = 1'000'000'000;
  line("daemon",
       fmt::format(
           "scanlogd {}, process {}, for {}", text_of(answer, "version"), text_of(answer, "pid"),
           format_duration(std::chrono::seconds(std::min(answer.number("uptime"), kLongest)))));
  const auto ailments = ailments_of(answer);
  if (ailments.empty()) line("health", "well");
  std::string_view name = "health";
  for (const std::string& each : ailments) line(std::exchange(name, ""), "UNWELL: " + each);
  std::string_view watching = text_of(answer, "watching");
  if (watching.starts_with("watching ")) watching.remove_prefix(9);
  line("watching", watching);
  if (const auto local = answer.find("local"); local && *local != "all") line("local", *local);
  std::string excluded;
  for (const ExcludedCount& each : excluded_of(answer)) {
    if (each.packets == 0) continue;
    fmt::format_to(std::back_inserter(excluded), "{}{} packets by {}", excluded.empty() ? "" : ", ",
                   format_count(each.packets), each.list);
  }
  if (!excluded.empty()) line("not judged", excluded);
  line("config", text_of(answer, "config"));
  std::string sandbox(text_of(answer, "sandbox"));
  if (const auto missing = answer.find("missing")) sandbox.append(": ").append(*missing);
  line("sandbox", sandbox);
  for (const Identity& identity : identities_of(answer)) line(identity.name, format(identity));
  line("blind", fmt::format("{} times, {} going on",
                            answer.number("blind.before") + answer.find_all("blind").size(),
                            answer.find_all("blind").size()));
  for (const Trouble& trouble : troubles_of(answer)) {
    line("trouble", fmt::format("{}  {}", format_short_time(trouble.at, now), trouble.text));
  }
  return out;
}

void write_daemon(JsonWriter& json, const ControlAnswer& answer) {
  json.member("version", text_of(answer, "version"));
  json.member("pid", answer.number("pid"));
  json.member("uptime", answer.number("uptime"));
  const auto ailments = ailments_of(answer);
  json.member("well", ailments.empty());
  json.open_array("ailments");
  for (const std::string& each : ailments) json.value(each);
  json.close_array();
  for (const std::string_view name :
       {"profile", "capture", "watching", "local", "config", "state", "sandbox", "missing"}) {
    if (const auto value = answer.find(name)) json.member(name, *value);
  }
  json.open_array("interfaces");
  for (const std::string_view each : answer.find_all("interface")) json.value(each);
  json.close_array();
  json.member("engines", answer.number("engines"));
  json.member("engines_silent", answer.number("engines.silent"));
  for (const Identity& identity : identities_of(answer)) {
    json.open_object(identity.name);
    for (const Identity::Part& part : identity.parts) {
      json.member(part.name == "held back" ? "held_back" : part.name, part.value);
    }
    json.member("holds", identity.holds());
    json.close_object();
  }
  json.open_object("not_judged");
  for (const ExcludedCount& each : excluded_of(answer)) json.member(each.list, each.packets);
  json.close_object();
  json.open_object("blind");
  json.member("before", answer.number("blind.before"));
  json.open_array("now");
  for (const std::string_view each : answer.find_all("blind")) json.value(each);
  json.close_array();
  json.close_object();
  json.open_array("troubles");
  for (const Trouble& trouble : troubles_of(answer)) {
    json.open_object();
    json.member("at", format_iso_time(trouble.at));
    json.member("text", trouble.text);
    json.close_object();
  }
  json.close_array();
}

}  // namespace scanlogd::ctl
