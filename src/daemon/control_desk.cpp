// See control_desk.h; docs/control.md has the names.
#include "daemon/control_desk.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>

#include "core/scan_names.h"

namespace scanlogd {

void ControlDesk::serve(ControlledLoop& loop) {
  server_.serve(Clock::now(), [&](const ControlRequest& request, bool is_new) {
    return answer(request, is_new, loop);
  });
}

std::optional<ControlAnswer> ControlDesk::answer(const ControlRequest& request, bool is_new,
                                                 ControlledLoop& loop) {
  switch (request.verb) {
    case ControlVerb::status: {
      const auto counts = loop.count(is_new);
      if (!counts) return std::nullopt;
      return tell_status(*counts);
    }
    case ControlVerb::reload: {
      const Reloaded reloaded = loop.reload();
      if (reloaded.is_refused) return ControlAnswer(reloaded.said);
      ControlAnswer answer;
      answer.add("done", reloaded.said);
      return answer;
    }
    case ControlVerb::explain: {
      const auto explained = loop.explain(request.source, is_new);
      if (!explained) return std::nullopt;
      return tell_source(*explained);
    }
    case ControlVerb::trace:
      break;
  }
  return tell_trace(request.source);
}

ControlAnswer ControlDesk::tell_source(const Explained& explained) {
  const auto& answers = explained.answers;
  if (answers.empty()) return ControlAnswer("explain: no engine answers");
  // Each source is one engine's; of the others none knows anything.
  const auto knowing = std::ranges::max_element(answers, {}, [](const SourceExplanation& each) {
    const auto& left_out = each.excluded_of_it;
    return std::tuple(each.knowledge, *std::ranges::max_element(left_out));
  });
  SourceExplanation told = *knowing;
  for (const SourceExplanation& other : answers) {
    if (&other == &*knowing) continue;
    for (std::size_t i = 0; i < kExclusions; ++i) told.excluded[i] += other.excluded[i];
  }
  ControlAnswer answer;
  answer.add("source", to_string(told.source));
  answer.add("known", told.knowledge == Knowledge::some      ? "yes"
                      : told.knowledge == Knowledge::nothing ? "no"
                                                             : "never");
  answer.add("ignored", told.is_ignored ? "yes" : "no");
  answer.add("scanning", told.is_scanning ? "yes" : "no");
  answer.add("why", verdict_line(told));
  for (std::size_t i = 0; i < kExclusions; ++i) {
    if (told.excluded_of_it[i] == 0) continue;
    answer.add("excluded", fmt::format("{}={}", kExclusionKeys[i], told.excluded_of_it[i]));
  }
  answer.add("engines.silent", explained.silent);
  for (const std::string& line : to_lines(told)) answer.add("line", line);
  return answer;
}

void ControlDesk::add_sinks(ControlAnswer& answer) const {
  for (const Cursor& cursor : reporter_.cursors()) {
    answer.add("sink", fmt::format("{} sequence={} taken={} delivered={} waiting={} lost={}",
                                   cursor.sink, cursor.sequence, cursor.taken, cursor.delivered,
                                   cursor.taken - cursor.delivered - cursor.lost, cursor.lost));
  }
}

ControlAnswer ControlDesk::tell_status(const LoopCounts& counts) const {
  ControlAnswer answer;
  answer.add("version", facts_.version);
  answer.add("pid", static_cast<std::uint64_t>(::getpid()));
  answer.add("uptime",
             static_cast<std::uint64_t>(
                 std::chrono::floor<std::chrono::seconds>(Clock::now() - started_).count()));
  answer.add("profile", facts_.profile);
  answer.add("capture", facts_.capture);
  for (const std::string& each : facts_.interfaces) answer.add("interface", each);
  answer.add("watching", facts_.watching);
  answer.add("local", facts_.local.empty() ? "all" : facts_.local);
  answer.add("config", facts_.config.empty() ? "none" : facts_.config);
  answer.add("state", facts_.state.empty() ? "none" : facts_.state);
  answer.add("sandbox", !facts_.sandbox ? "off" : facts_.missing.empty() ? "on" : "partly");
  if (!facts_.missing.empty()) answer.add("missing", facts_.missing);
  answer.add("engines", counts.engines);
  answer.add("engines.silent", counts.silent);

  const CaptureStats& captures = counts.sum.captures;
  const std::uint64_t fetched = captures.received + captures.dropped;
  answer.add("packets.seen", captures.seen);
  answer.add("packets.processed", captures.received);
  answer.add("packets.dropped", captures.dropped);
  answer.add("packets.waiting", captures.seen > fetched ? captures.seen - fetched : 0);
  answer.add("packets.inspected", counts.sum.inspected);
  answer.add("packets.not_local", counts.sum.not_local);
  answer.add("packets.filtered", captures.filtered);
  std::size_t at = 0;
  for (const CounterNames& each : facts_.names) {
    std::string words(each.detector);
    for (const std::string_view name : each.counters) {
      fmt::format_to(std::back_inserter(words), " {}={}", name, counts.sum.counters[at++]);
    }
    answer.add("detector", words);
  }
  answer.add("scans.found", counts.sum.found);
  answer.add("scans.unsent", counts.sum.unsent);

  const BookStats book = reporter_.book();
  answer.add("scans.detected", book.detected);
  answer.add("scans.delivered", book.delivered);
  answer.add("scans.spooled", book.waiting + book.pending);
  answer.add("scans.digested", book.digested);
  answer.add("scans.held_back", book.held_back);
  answer.add("scans.lost", book.lost);
  if (const auto store = reporter_.store()) {
    answer.add("store.taken", store->taken);
    answer.add("store.written", store->written);
    answer.add("store.waiting", store->waiting);
    answer.add("store.lost", store->lost);
  }
  add_sinks(answer);

  const NoticeBoard& board = reporter_.board();
  answer.add("blind.before", board.blind_before());
  for (const auto& [interface, text] : board.blind()) answer.add("blind", text);
  for (const Notice& notice : board.troubles()) {
    answer.add(
        "trouble",
        fmt::format("{} {}",
                    std::chrono::floor<std::chrono::seconds>(notice.at.time_since_epoch()).count(),
                    notice.view()));
  }
  return answer;
}

ControlAnswer ControlDesk::tell_trace(const Address& source) {
  const ScanTrace& trace = reporter_.trace(source);
  ControlAnswer answer;
  answer.add("source", to_string(source));
  answer.add("scan", trace.id);
  if (trace.id != 0) {
    answer.add("sequence", trace.sequence);
    answer.add("log", name_of(trace.announce));
  }
  const auto store = reporter_.store();
  answer.add("stored", !store ? "none" : trace.id == 0 || store->waiting > 0 ? "no" : "yes");
  add_sinks(answer);
  return answer;
}

}  // namespace scanlogd
