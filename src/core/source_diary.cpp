// See source_diary.h.
#include "core/source_diary.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "core/scan_names.h"
#include "core/scan_words.h"

namespace scanlogd {
namespace {

std::string time_text(std::chrono::nanoseconds time) {
  return format_iso_time(std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(time)));
}

std::string contact_text(const DiaryEntry& entry, const Address& target) {
  const std::string host = to_string(target);
  std::string protocol = protocol_name(entry.protocol);
  std::ranges::transform(protocol, protocol.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const bool has_port = entry.protocol == IpProto::tcp || entry.protocol == IpProto::udp ||
                        entry.protocol == IpProto::sctp;
  return has_port ? fmt::format("{} {}/{}", host, entry.port, protocol)
                  : fmt::format("{} {}", host, protocol);
}

std::string points_text(const DiaryEntry& entry) {
  switch (entry.step) {
    case DiaryStep::counted:
    case DiaryStep::waits:
      return fmt::format("{:+.2f}", entry.points);
    case DiaryStep::taken_back:
    case DiaryStep::service:
      return fmt::format("{:+.2f}", -entry.points);
    case DiaryStep::refused:
    case DiaryStep::silence:
      break;
  }
  return {};
}

std::string_view words_of(DiaryStep step) noexcept {
  switch (step) {
    case DiaryStep::counted:
      return "counted";
    case DiaryStep::waits:
      return "counted, waits for an answer";
    case DiaryStep::refused:
      return "was refused: it stays";
    case DiaryStep::silence:
      return "nobody answered: it stays";
    case DiaryStep::taken_back:
      return "taken back: a service answered";
    case DiaryStep::service:
      return "a known service";
  }
  return {};
}

std::string note_of(const DiaryEntry& entry) {
  std::string text(words_of(entry.step));
  if (entry.technique != Technique::unknown) {
    fmt::format_to(std::back_inserter(text), "; {}", name_of(entry.technique));
  }
  if (entry.is_related) text += ", the same kind of service as before";
  if (entry.is_marked) text += ", the marks of a raw-packet tool";
  // More than this one.
  if (entry.waiting > 0 && (entry.step != DiaryStep::waits || entry.waiting != entry.points)) {
    fmt::format_to(std::back_inserter(text), "; {:g} points wait", entry.waiting);
  }
  return text;
}

std::string event_text(const ScanEvent& event) {
  if (event.phase == Phase::end) {
    return fmt::format("{}  END of the scan ({}): {} packets, {} ports, {} hosts",
                       time_text(event.detected), name_of(event.reason), event.packets,
                       event.ports_total, event.hosts_total);
  }
  std::string whose;
  if (event.source_prefix != 0) {
    whose = fmt::format(" by its network {}/{}", to_string(event.source), event.source_prefix);
  } else if (event.group_count > 0) {
    whose = fmt::format(" by it and others, {} sources", event.sources_total);
  }
  return fmt::format("{}  ALARM: {} scan{}, found by the rule {}", time_text(event.detected),
                     name_of(event.kind), whose, name_of(event.rule));
}

constexpr std::string_view kRow = "{}  {:<{}}  {:>6}  {:>7.2f} {:>7.2f} {:>7.2f}  {}";

}  // namespace

void SourceDiary::write(DiaryEntry entry) noexcept {
  if (entries_.size() == kMostEntries) {
    ++omitted_;
    return;
  }
  entry.time = now_;
  entries_.push_back(entry);
}

void SourceDiary::tally(std::string_view outcome) noexcept {
  auto* const end = outcomes_.begin() + static_cast<std::ptrdiff_t>(outcome_count_);
  auto* const found = std::find_if(outcomes_.begin(), end, [&](const Counter& each) {
    return each.name.data() == outcome.data();
  });
  if (found != end) {
    ++found->value;
  } else if (outcome_count_ < kMostOutcomes) {
    outcomes_[outcome_count_++] = {.name = outcome, .value = 1};
  }
}

std::vector<std::string> to_lines(const SourceDiary& diary, const SourceExplanation& explanation,
                                  std::span<const ScanEvent> events) {
  // What a later step is about is known by name only.
  std::unordered_map<std::uint64_t, const DiaryEntry*> contacts;
  std::size_t width = std::string_view("CONTACT").size();
  for (const DiaryEntry& entry : diary.entries()) {
    if (entry.target.family == Family::none) continue;
    contacts[entry.contact] = &entry;
    width = std::max(width, contact_text(entry, entry.target).size());
  }
  std::vector<std::string> lines;
  const std::string heading(time_text({}).size() - 4, ' ');
  if (!diary.entries().empty()) {
    lines.push_back(fmt::format("TIME{}  {:<{}}  {:>6}  {:>7} {:>7} {:>7}", heading, "CONTACT",
                                width, "POINTS", "FAST", "SLOW", "GLACIAL"));
  }
  std::size_t next = 0;
  const auto tell_events = [&](std::chrono::nanoseconds before) {
    for (; next < events.size() && events[next].detected < before; ++next) {
      lines.push_back(event_text(events[next]));
    }
  };
  for (const DiaryEntry& entry : diary.entries()) {
    tell_events(entry.time);
    Address target = entry.target;
    const auto about = contacts.find(entry.contact);
    if (target.family == Family::none && about != contacts.end()) target = about->second->target;
    lines.push_back(fmt::format(kRow, time_text(entry.time), contact_text(entry, target), width,
                                points_text(entry), entry.score[0], entry.score[1], entry.score[2],
                                note_of(entry)));
  }
  tell_events(std::chrono::nanoseconds::max());
  if (diary.omitted() > 0) lines.push_back(fmt::format("and {} steps more", diary.omitted()));
  if (!diary.entries().empty()) {
    const std::string of_scan = "a scan has";
    const auto& scales = explanation.scales;
    lines.push_back(
        fmt::format("{:<{}}  {:<{}}  {:>6}  {:>7.2f} {:>7.2f} {:>7.2f}  and {}, {}, {} "
                    "contacts, all but what waits",
                    of_scan, heading.size() + 4, "", width, "", scales[0].threshold,
                    scales[1].threshold, scales[2].threshold, scales[0].least_contacts,
                    scales[1].least_contacts, scales[2].least_contacts));
  }
  return lines;
}

}  // namespace scanlogd
