// `scanlogctl status`: how the daemon fares, what is on record, and how far each sink has come.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "core/json_writer.h"
#include "core/scan_words.h"
#include "core/table.h"
#include "ctl/daemon_status.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

std::string age(std::chrono::system_clock::time_point at,
                std::chrono::system_clock::time_point now) {
  return fmt::format("{} ({} ago)", format_time(at), format_duration(now - at));
}

/// The store's part, as members of the object that is open.
void write_store(JsonWriter& json, const StoreSummary& summary, const Request& request) {
  json.member("store", request.state);
  json.member("bytes", summary.bytes);
  json.member("scans", summary.scans);
  json.member("going_on", summary.going_on);
  if (summary.scans != 0) {
    json.member("oldest", format_iso_time(summary.oldest));
    json.member("newest", format_iso_time(summary.newest));
  }
  json.member("last_sequence", summary.last_sequence);
}

void write_sinks(JsonWriter& json, const std::vector<Cursor>& cursors) {
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
}

std::string describe_store(const StoreSummary& summary, const Request& request) {
  std::string out = fmt::format("store       {}, {}\n", request.state, format_bytes(summary.bytes));
  out += fmt::format("on record   {} scans, {} of them going on\n", format_count(summary.scans),
                     format_count(summary.going_on));
  if (summary.scans != 0) {
    out += fmt::format("oldest      {}\n", age(summary.oldest, request.now));
    out += fmt::format("newest      {}\n", age(summary.newest, request.now));
  }
  return out += fmt::format("messages    {}\n", format_count(summary.last_sequence));
}

std::string describe_sinks(const std::vector<Cursor>& cursors, std::size_t width) {
  Table table({{.title = "SINK"},
               {.title = "TAKEN", .is_number = true},
               {.title = "DELIVERED", .is_number = true},
               {.title = "WAITING", .is_number = true},
               {.title = "LOST", .is_number = true}});
  for (const Cursor& cursor : cursors) {
    table.add({cursor.sink, format_count(cursor.taken), format_count(cursor.delivered),
               format_count(cursor.taken - cursor.delivered - cursor.lost),
               format_count(cursor.lost)});
  }
  return table.empty() ? std::string() : "\n" + table.format(width);
}

}  // namespace

Result<void> show_status(const StatusSources& sources, const Request& request, const Emit& emit) {
  StoreSummary summary;
  std::vector<Cursor> cursors;
  if (sources.store != nullptr) {
    auto found = sources.store->summary();
    if (!found) return std::unexpected(found.error());
    summary = *found;
    auto known = sources.store->cursors();
    if (!known) return std::unexpected(known.error());
    cursors = std::move(*known);
  }
  // The daemon knows better than its store does.
  if (sources.daemon != nullptr) cursors = sinks_of(*sources.daemon);
  std::string out;
  if (request.json) {
    JsonWriter json(out);
    json.open_object();
    json.member("version", SCANLOGD_VERSION);
    if (sources.daemon != nullptr) {
      json.open_object("daemon");
      write_daemon(json, *sources.daemon);
      json.close_object();
    } else if (!sources.no_daemon.empty()) {
      json.member("no_daemon", sources.no_daemon);
    }
    if (sources.store != nullptr) write_store(json, summary, request);
    if (!sources.no_store.empty()) json.member("no_store", sources.no_store);
    write_sinks(json, cursors);
    json.close_object();
    emit(out += '\n');
    return {};
  }
  if (sources.daemon != nullptr) out += describe_daemon(*sources.daemon, request.now);
  if (!sources.no_daemon.empty()) {
    out += fmt::format("daemon      none answers: {}; what follows is from the store\n",
                       sources.no_daemon);
  }
  if (sources.store != nullptr) out += describe_store(summary, request);
  if (!sources.no_store.empty()) out += fmt::format("store       {}\n", sources.no_store);
  emit(out + describe_sinks(cursors, request.width));
  return {};
}

}  // namespace scanlogd::ctl
