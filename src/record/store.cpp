// See store.h. SQLite's write-ahead log (sqlite.org/wal.html): readers never wait for the writer,
// nor it for them.
#include "record/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <variant>

#include "core/scan_names.h"
#include "record/scan_rows.h"
#include "record/store_schema.h"

namespace scanlogd {
namespace {

using std::chrono::system_clock;

constexpr int kPageSize = 4096;

/// How far the write-ahead log goes before it is copied into the database, in pages: 4 MB.
constexpr int kCheckpointPages = 1000;

/// Where a reader kept it from being reset, the log is cut to this many bytes afterwards.
constexpr int kLogBytes = 8 << 20;

/// Of free pages, one call of `prune` gives back so many to the file system.
constexpr int kVacuumPages = 64;

/// Free pages that are kept, for what comes next.
constexpr std::int64_t kSparePages = 256;

/// How `PRAGMA synchronous` says it.
std::string set_sync(Store::Sync sync) {
  return fmt::format("PRAGMA synchronous={}", sync == Store::Sync::disk ? "FULL" : "NORMAL");
}

Result<UniqueFd> take_lock(const StateDirectory& directory) {
  constexpr int kMode = 0640;
  UniqueFd lock(::openat(directory.fd(), std::string(kLockFile).c_str(),
                         O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode));
  if (!lock) return fail_errno("open", kLockFile, errno);
  // Of the open file, not of the process as other locks are.
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(lock.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) return fail_errno("fcntl", kLockFile, errno);
    return fail(fmt::format("fcntl({}): another scanlogd uses it", kLockFile), EBUSY);
  }
  return lock;
}

/// The oldest row of a table.
struct First {
  std::int64_t number = 0;
  system_clock::time_point at;
};

Result<std::optional<First>> first_of(const Statement& statement) {
  Query query(statement);
  const auto row = query.step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::optional<First>();
  Row columns(query);
  const auto number = columns.number<std::int64_t>();
  return std::optional(First{.number = number, .at = columns.time()});
}

}  // namespace

Result<Store> Store::open(const StateDirectory& directory, const StoreLimits& limits) {
  auto lock = take_lock(directory);
  if (!lock) return std::unexpected(lock.error());
  auto database = Database::open(held_path(directory.fd(), kStoreFile), Database::Access::write);
  if (!database) return std::unexpected(database.error());
  if (database->is_read_only()) return fail_errno("open", kStoreFile, EROFS);

  auto version = check_version(*database);
  if (!version) return std::unexpected(version.error());
  if (*version > 0 && *version < kSchemaVersion) {
    if (auto sound = check_definitions(*database, *version); !sound) {
      return std::unexpected(sound.error());
    }
  }
  // Both before the first write: the one has no effect later, and without the other that write
  // would go through a journal of its own.
  std::string settings;
  if (*version == 0) {
    settings = fmt::format("PRAGMA page_size={}; PRAGMA auto_vacuum=INCREMENTAL;", kPageSize);
  }
  settings += fmt::format(
      "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint={}; PRAGMA journal_size_limit={};"
      "PRAGMA max_page_count={}; {}",
      kCheckpointPages, kLogBytes, (limits.bytes + limits.bytes / 8) / kPageSize + 1,
      set_sync(Sync::disk));
  if (auto done = database->execute(settings); !done) return std::unexpected(done.error());
  for (; *version < kSchemaVersion; ++*version) {
    if (auto done = migrate(*database, *version); !done) return std::unexpected(done.error());
  }
  if (auto sound = check_definitions(*database); !sound) return std::unexpected(sound.error());

  Store store(std::move(*database), std::move(*lock), directory, limits);
  if (auto done = store.prepare(); !done) return std::unexpected(done.error());
  return store;
}

Store::Identity Store::identify(int directory) noexcept {
  struct stat status {};
  if (::fstatat(directory, std::string(kStoreFile).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return {};
  }
  return {.device = status.st_dev, .number = status.st_ino};
}

bool Store::is_in_place() const noexcept { return identify(directory_) == identity_; }

Result<void> Store::prepare() {
  const std::string details(kDetailNames);
  const std::string values = placeholders(kDetails);
  Statements& all = statements_;
  const std::array<std::pair<Statement*, std::string>, 16> wanted{{
      {&all.begin, "BEGIN IMMEDIATE"},
      {&all.commit, "COMMIT"},
      {&all.rollback, "ROLLBACK"},
      {&all.add_event,
       "INSERT INTO event (sequence, boot, at, phase, scan, started, detected,"
       " last, announce, severity, text, " +
           details + ") VALUES (?,?,?,?,?,?,?,?,?,?,?," + values + ")"},
      {&all.put_scan,
       "INSERT INTO scan (id, boot, started, detected, last, at, phase, announce, " + details +
           ") VALUES (?,?,?,?,?,?,?,?," + values + ") ON CONFLICT (id) DO UPDATE SET " +
           updates("last, at, phase, " + details) +
           ", announce=CASE excluded.announce WHEN 'line' THEN 'line' ELSE announce END"},
      {&all.put_sample, "REPLACE INTO sample VALUES (?,?)"},
      {&all.set_cursor, "REPLACE INTO cursor VALUES (?,?,?,?,?,?,?,?)"},
      {&all.set_state, "REPLACE INTO state VALUES (?,?)"},
      {&all.page_count, "PRAGMA page_count"},
      {&all.free_pages, "PRAGMA freelist_count"},
      {&all.first_event, "SELECT sequence, at FROM event ORDER BY sequence LIMIT 1"},
      {&all.first_scan, "SELECT id, at FROM scan ORDER BY id LIMIT 1"},
      {&all.delete_events, "DELETE FROM event WHERE sequence < ? AND at < ?"},
      {&all.delete_scans, "DELETE FROM scan WHERE id < ? AND at < ?"},
      {&all.delete_samples,
       "DELETE FROM sample WHERE scan < ?1 AND scan NOT IN (SELECT id FROM scan WHERE id < ?1)"},
      {&all.vacuum, fmt::format("PRAGMA incremental_vacuum({})", kVacuumPages)},
  }};
  for (const auto& [statement, sql] : wanted) {
    auto made = database().prepare(sql);
    if (!made) return std::unexpected(made.error());
    *statement = std::move(*made);
  }
  return {};
}

Result<std::string> Store::move_aside(const StateDirectory& directory,
                                      system_clock::time_point now) {
  const time_t clock = system_clock::to_time_t(now);
  tm parts{};
  (void)::gmtime_r(&clock, &parts);  // fails only past the year 2^31
  std::array<char, 32> date{};
  (void)std::strftime(date.data(), date.size(), "%Y%m%dT%H%M%SZ", &parts);
  const std::string from(kStoreFile);
  std::string to = fmt::format("{}.corrupt-{}", kStoreFile, date.data());
  if (::renameat(directory.fd(), from.c_str(), directory.fd(), to.c_str()) != 0) {
    return fail_errno("rename", from, errno);
  }
  // The log belongs to the database; a new one must not find it.
  for (const char* const suffix : {"-wal", "-shm"}) {
    if (::renameat(directory.fd(), (from + suffix).c_str(), directory.fd(),
                   (to + suffix).c_str()) != 0 &&
        errno != ENOENT) {
      return fail_errno("rename", from + suffix, errno);
    }
  }
  return to;
}

Result<void> Store::begin(Sync sync) {
  if (sync != sync_) {
    if (auto done = database().execute(set_sync(sync)); !done) {
      return done;
    }
    sync_ = sync;
  }
  return Query(statements_.begin).finish();
}

Result<void> Store::commit() { return Query(statements_.commit).finish(); }

void Store::rollback() {
  // After some errors SQLite has done it by itself.
  if (database().is_in_transaction()) (void)Query(statements_.rollback).finish();
}

Result<void> Store::add(const Message& message) {
  Query query(statements_.add_event);
  query.number(message.stamp.sequence);
  query.number(message.stamp.boot);
  if (const auto* const notice = std::get_if<Notice>(&message.content)) {
    query.time(notice->at);
    query.nothing(6);
    query.text(name_of(notice->severity));
    query.text(notice->view());
    return query.finish();
  }
  const Scan& scan = std::get<Scan>(message.content);
  const DetailTexts texts(scan);
  query.time(scan.at);
  query.text(name_of(scan.event.phase));
  query.number(scan.id);
  query.time(scan.started);
  query.time(scan.detected);
  query.time(scan.last);
  query.text(name_of(scan.announce));
  query.nothing(2);
  bind_details(query, scan, texts);
  if (auto done = query.finish(); !done) return done;

  Query put(statements_.put_scan);
  put.number(scan.id);
  put.number(message.stamp.boot);
  put.time(scan.started);
  put.time(scan.detected);
  put.time(scan.last);
  put.time(scan.at);
  put.text(name_of(scan.event.phase));
  put.text(name_of(scan.announce));
  bind_details(put, scan, texts);
  if (auto done = put.finish(); !done || scan.sample.empty()) return done;

  Query sample(statements_.put_sample);
  sample.number(scan.id);
  sample.bytes(scan.sample);
  return sample.finish();
}

Result<void> Store::set(const Cursor& cursor) {
  Query query(statements_.set_cursor);
  query.text(cursor.sink);
  for (const std::uint64_t value :
       {cursor.sequence, cursor.taken, cursor.delivered, cursor.lost, cursor.scans_taken,
        cursor.scans_delivered, cursor.scans_lost}) {
    query.number(value);
  }
  return query.finish();
}

Result<void> Store::set(std::string_view name, std::int64_t value) {
  Query query(statements_.set_state);
  query.text(name);
  query.number(value);
  return query.finish();
}

Result<bool> Store::prune(system_clock::time_point now, int rows) {
  // Of the oldest `rows`, those older than `before`, and what belongs to them. True: all of them
  // were, so there may be more.
  const auto delete_first = [&](const Statement& first_row, const Statement& deletion,
                                system_clock::time_point before,
                                const Statement* belongings) -> Result<bool> {
    const auto first = first_of(first_row);
    if (!first) return std::unexpected(first.error());
    if (!*first || (*first)->at >= before) return false;
    Query query(deletion);
    query.number((*first)->number + rows);
    query.time(before);
    if (auto done = query.finish(); !done) return std::unexpected(done.error());
    const bool is_more = database().changes() == rows;
    if (belongings != nullptr) {
      Query rest(*belongings);
      rest.number((*first)->number + rows);
      if (auto done = rest.finish(); !done) return std::unexpected(done.error());
    }
    return is_more;
  };

  const auto pages = ask(statements_.page_count);
  if (!pages) return std::unexpected(pages.error());
  const auto spare = ask(statements_.free_pages);
  if (!spare) return std::unexpected(spare.error());
  const bool is_full = (*pages - *spare) * kPageSize > static_cast<std::int64_t>(limits_.bytes);

  const auto too_old = now - limits_.age;
  const auto more_events =
      delete_first(statements_.first_event, statements_.delete_events,
                   is_full ? system_clock::time_point::max() : too_old, nullptr);
  if (!more_events) return std::unexpected(more_events.error());
  // A scan stays as long as the last that was said about it.
  auto scans_before = too_old;
  if (is_full) {
    const auto first = first_of(statements_.first_event);
    if (!first) return std::unexpected(first.error());
    const auto& oldest = *first;
    scans_before = oldest ? std::max(too_old, oldest->at) : system_clock::time_point::max();
  }
  const auto more_scans = delete_first(statements_.first_scan, statements_.delete_scans,
                                       scans_before, &statements_.delete_samples);
  if (!more_scans) return std::unexpected(more_scans.error());

  if (*spare > kSparePages && *spare > *pages / 8) {
    if (auto done = Query(statements_.vacuum).finish(); !done) return std::unexpected(done.error());
  }
  return is_full || *more_events || *more_scans;
}

Result<std::vector<Scan>> Store::unfinished(system_clock::time_point since,
                                            std::size_t limit) const {
  // Those that ended with scanlogd are among the last; no index is kept for them.
  constexpr std::int64_t kLast = 10'000;
  auto found = collect<Scan>(
      reader_.database_,
      "SELECT " + scan_columns() +
          " FROM scan WHERE phase <> 'end' OR (id > (SELECT MAX(id) FROM scan) - ? AND"
          " reason = 'shutdown' AND at >= ?) ORDER BY id DESC LIMIT ?",
      [&](Query& query) {
        query.number(kLast);
        query.time(since);
        query.number(std::uint64_t{limit});
      },
      read_scan);
  if (!found) return found;
  for (Scan& scan : *found) {
    auto sample = reader_.packed_sample(scan.id);
    if (!sample) return std::unexpected(sample.error());
    scan.sample = std::move(*sample);
  }
  return found;
}

Result<std::vector<Scan>> Store::undigested(std::uint64_t first, std::size_t limit) const {
  return collect<Scan>(
      reader_.database_,
      "SELECT " + scan_columns() +
          " FROM scan WHERE id >= ? AND announce = 'digest' ORDER BY id LIMIT ?",
      [&](Query& query) {
        query.number(first);
        query.number(std::uint64_t{limit});
      },
      read_scan);
}

Result<std::uint64_t> Store::last_id() const {
  return last_number("SELECT MAX(id) FROM scan", kLastId);
}

Result<std::uint64_t> Store::last_sequence() const {
  return last_number("SELECT MAX(sequence) FROM event", kLastSequence);
}

Result<std::uint64_t> Store::last_number(std::string_view sql, std::string_view name) const {
  // The table may have been emptied; the state says what was the last all the same.
  const auto table = reader_.database_.ask(sql);
  if (!table) return std::unexpected(table.error());
  const auto kept = reader_.state(name);
  if (!kept) return std::unexpected(kept.error());
  return static_cast<std::uint64_t>(std::max({std::int64_t{0}, *table, kept->value_or(0)}));
}

}  // namespace scanlogd
