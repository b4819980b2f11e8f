// See store_schema.h.
#include "record/store_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "record/scan_rows.h"
#include "record/store.h"

namespace scanlogd {
namespace {

/// `PRAGMA application_id`: "scan".
constexpr int kApplicationId = 0x7363616e;

/// The tables, as they stand in a store, and the version that brought each; a file that says
/// otherwise is not ours.
struct Definition {
  std::string_view name;
  std::string sql;
  int version = 1;
};

const std::vector<Definition>& definitions() {
  static const std::vector<Definition> all = {
      {"scan", fmt::format("CREATE TABLE scan (id INTEGER PRIMARY KEY, boot INTEGER NOT NULL,"
                           " started INTEGER NOT NULL, detected INTEGER NOT NULL,"
                           " last INTEGER NOT NULL, at INTEGER NOT NULL, phase TEXT NOT NULL,"
                           " announce TEXT NOT NULL, {})",
                           kDetailTypes)},
      {"scan_source", "CREATE INDEX scan_source ON scan (source)"},
      // With what is counted most, so that the table itself need not be read for it.
      {"scan_detected", "CREATE INDEX scan_detected ON scan (detected, source, target)"},
      {"scan_target", "CREATE INDEX scan_target ON scan (target)"},
      {"scan_open", "CREATE INDEX scan_open ON scan (id) WHERE phase <> 'end'"},
      {"event",
       fmt::format("CREATE TABLE event (sequence INTEGER PRIMARY KEY, boot INTEGER NOT NULL,"
                   " at INTEGER NOT NULL, phase TEXT, scan INTEGER, started INTEGER,"
                   " detected INTEGER, last INTEGER, announce TEXT, severity TEXT, text TEXT, {})",
                   kDetailTypes)},
      {"event_scan", "CREATE INDEX event_scan ON event (scan)"},
      {"cursor",
       "CREATE TABLE cursor (sink TEXT PRIMARY KEY, sequence INTEGER NOT NULL,"
       " taken INTEGER NOT NULL, delivered INTEGER NOT NULL, lost INTEGER NOT NULL,"
       " scans_taken INTEGER NOT NULL, scans_delivered INTEGER NOT NULL,"
       " scans_lost INTEGER NOT NULL) WITHOUT ROWID"},
      {"state", "CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"},
      // Beside the scans, so that lists of these do not read it.
      {"sample", "CREATE TABLE sample (scan INTEGER PRIMARY KEY, probes BLOB NOT NULL)", 2},
      {"event_notice", "CREATE INDEX event_notice ON event (at) WHERE severity IS NOT NULL", 2},
  };
  return all;
}

std::unexpected<Error> fail_damaged(std::string_view what) {
  return fail(fmt::format("open({}): {}", kStoreFile, what), EUCLEAN);
}

}  // namespace

Result<int> check_version(const Database& database) {
  const auto version = database.ask("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto application = database.ask("PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto tables = database.ask("SELECT COUNT(*) FROM sqlite_master");
  if (!tables) return std::unexpected(tables.error());
  if (*version == 0 && *application == 0 && *tables == 0) return 0;
  if (*application != kApplicationId) return fail_damaged("is not a store of scanlogd");
  if (*version > kSchemaVersion) {
    return fail(fmt::format("open({}): its version {} is later than {}, the last known here; use "
                            "the scanlogd that made it, or move it away",
                            kStoreFile, *version, kSchemaVersion),
                ENOTSUP);
  }
  if (*version < 1) return fail_damaged("has no version");
  return static_cast<int>(*version);
}

Result<void> check_definitions(const Database& database, int version) {
  auto statement = database.prepare(
      "SELECT name, sql FROM sqlite_master"
      " WHERE name NOT LIKE 'sqlite_autoindex_%'");
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  std::size_t found = 0;
  for (;;) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    Row columns(query);
    const std::string name(columns.text());
    const auto known = std::ranges::find(definitions(), name, &Definition::name);
    if (known == definitions().end() || known->version > version || columns.text() != known->sql) {
      return fail_damaged("has tables that are not scanlogd's");
    }
    ++found;
  }
  const auto wanted = std::ranges::count_if(
      definitions(), [version](const Definition& each) { return each.version <= version; });
  if (found != static_cast<std::size_t>(wanted)) return fail_damaged("lacks a table");
  return {};
}

Result<void> migrate(Database& database, int from) {
  std::string sql = "BEGIN IMMEDIATE;";
  for (const Definition& each : definitions()) {
    if (each.version == from + 1) sql += each.sql + ";";
  }
  sql += fmt::format("PRAGMA application_id={}; PRAGMA user_version={}; COMMIT", kApplicationId,
                     from + 1);
  return database.execute(sql);
}

}  // namespace scanlogd
