// `scanlogctl status`: what is on record, and how far each sink has come.
#include <fmt/format.h>

#include <string>

#include "core/json_writer.h"
#include "core/scan_words.h"
#include "ctl/subcommands.h"
#include "ctl/table.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

std::string age(std::chrono::system_clock::time_point at,
                std::chrono::system_clock::time_point now) {
  return fmt::format("{} ({} ago)", format_time(at), format_duration(now - at));
}

std::string as_json(const StoreSummary& summary, const std::vector<Cursor>& cursors,
                    const Request& request) {
  std::string text;
  JsonWriter json(text);
  json.open_object();
  json.member("version", SCANLOGD_VERSION);
  json.member("store", request.state);
  json.member("bytes", summary.bytes);
  json.member("scans", summary.scans);
  json.member("going_on", summary.going_on);
  if (summary.scans != 0) {
    json.member("oldest", format_iso_time(summary.oldest));
    json.member("newest", format_iso_time(summary.newest));
  }
  json.member("last_sequence", summary.last_sequence);
  json.open_array("sinks");
  for (const Cursor& cursor : cursors) {
    json.open_object();
    json.member("name", cursor.sink);
    json.member("sequence", cursor.sequence);
    json.member("taken", cursor.taken);
    json.member("delivered", cursor.delivered);
    json.member("waiting", cursor.taken - cursor.delivered - cursor.lost);
    json.member("lost", cursor.lost);
    json.close_object();
  }
  json.close_array();
  json.close_object();
  return text += '\n';
}

}  // namespace

Result<void> show_status(const StoreReader& store, const Request& request, const Emit& emit) {
  const auto summary = store.summary();
  if (!summary) return std::unexpected(summary.error());
  const auto cursors = store.cursors();
  if (!cursors) return std::unexpected(cursors.error());
  if (request.json) {
    emit(as_json(*summary, *cursors, request));
    return {};
  }
  std::string out =
      fmt::format("store       {}, {}\n", request.state, format_bytes(summary->bytes));
  out += fmt::format("scans       {}, {} of them going on\n", format_count(summary->scans),
                     format_count(summary->going_on));
  if (summary->scans != 0) {
    out += fmt::format("oldest      {}\n", age(summary->oldest, request.now));
    out += fmt::format("newest      {}\n", age(summary->newest, request.now));
  }
  out += fmt::format("messages    {}\n", format_count(summary->last_sequence));
  emit(out);
  Table table({{.title = "SINK"},
               {.title = "TAKEN", .is_number = true},
               {.title = "DELIVERED", .is_number = true},
               {.title = "WAITING", .is_number = true},
               {.title = "LOST", .is_number = true}});
  for (const Cursor& cursor : *cursors) {
    table.add({cursor.sink, format_count(cursor.taken), format_count(cursor.delivered),
               format_count(cursor.taken - cursor.delivered - cursor.lost),
               format_count(cursor.lost)});
  }
  if (!table.empty()) emit("\n" + table.format(request.width));
  return {};
}

}  // namespace scanlogd::ctl
