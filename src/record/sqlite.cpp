// See sqlite.h. SQLite 3.40 (sqlite.org/c3ref/vfs.html for how files are opened). The only user of
// sqlite3.h.
#include "record/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

namespace scanlogd {
namespace {

/// How SQLite is told of a file in such a directory: `/:7:/scanlogd.db`, with its descriptor. A
/// path like that leads nowhere for anybody else.
constexpr std::string_view kHeldPrefix = "/:";
constexpr std::string_view kHeldSuffix = ":";

/// A path, or a name in a held directory.
struct Place {
  int directory = AT_FDCWD;
  const char* name = nullptr;
};

Place find_place(const char* path) noexcept {
  std::string_view text = path;
  if (!text.starts_with(kHeldPrefix)) return {.name = path};
  text.remove_prefix(kHeldPrefix.size());
  int fd = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  if (error != std::errc() || !std::string_view(end).starts_with(kHeldSuffix)) {
    return {.name = path};
  }
  const char* const rest = end + kHeldSuffix.size();
  return {.directory = fd, .name = *rest == '\0' ? "." : rest + 1};
}

int open_held(const char* path, int flags, int mode) {
  const Place place = find_place(path);
  return ::openat(place.directory, place.name, flags | O_CLOEXEC, mode);
}
int access_held(const char* path, int mode) {
  const Place place = find_place(path);
  return ::faccessat(place.directory, place.name, mode, 0);
}
int stat_held(const char* path, struct stat* status) {
  const Place place = find_place(path);
  return ::fstatat(place.directory, place.name, status, 0);
}
int lstat_held(const char* path, struct stat* status) {
  const Place place = find_place(path);
  return ::fstatat(place.directory, place.name, status, AT_SYMLINK_NOFOLLOW);
}
int unlink_held(const char* path) {
  const Place place = find_place(path);
  return ::unlinkat(place.directory, place.name, 0);
}

/// Makes SQLite use the functions above, which do for any other path what it did before. Once.
bool redirect_files() noexcept {
  sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  if (vfs == nullptr || vfs->iVersion < 3) return false;
  const auto put = [vfs](const char* name, auto* function) {
    return vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(function)) ==
           SQLITE_OK;
  };
  return put("open", open_held) && put("access", access_held) && put("stat", stat_held) &&
         put("lstat", lstat_held) && put("unlink", unlink_held);
}

int errno_of(int code, int system) noexcept {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_INTERRUPT:
    case SQLITE_NOTADB:
      return EUCLEAN;
    case SQLITE_FULL:
      return ENOSPC;
    case SQLITE_READONLY:
      return EROFS;
    case SQLITE_NOMEM:
      return ENOMEM;
    case SQLITE_CANTOPEN:
      return system != 0 ? system : ENOENT;
    default:
      return system != 0 ? system : EIO;
  }
}

std::unexpected<Error> fail_sqlite(sqlite3* database, std::string_view operation,
                                   std::string_view path) {
  const bool is_endless = (sqlite3_errcode(database) & 0xff) == SQLITE_INTERRUPT;
  return fail(
      fmt::format("{}({}): {}", operation, path.substr(path.rfind('/') + 1),
                  is_endless ? "damaged: more rows than it can hold" : sqlite3_errmsg(database)),
      errno_of(sqlite3_extended_errcode(database), sqlite3_system_errno(database)));
}

std::unexpected<Error> fail_sqlite(sqlite3* database, std::string_view operation) {
  const char* const path = sqlite3_db_filename(database, "main");
  return fail_sqlite(database, operation, path == nullptr ? "" : path);
}

/// How much SQLite may do for one statement: enough to go through all that a file of its size can
/// hold, several times, and the log beside it.
constexpr std::int64_t kLeastSteps = std::int64_t{1} << 26;
constexpr std::int64_t kStepsPerByte = 64;
constexpr int kStepsPerRound = 1 << 14;

/// Is there a write-ahead log beside the database?
bool has_log(const std::string& path) {
  return access_held((path + "-wal").c_str(), F_OK) == 0 || errno != ENOENT;
}

/// The database as one that does not change (sqlite.org/uri.html).
std::string immutable_name(std::string_view path) {
  std::string name = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-' || c == '_';
    name += is_plain ? std::string(1, c) : fmt::format("%{:02x}", byte);
  }
  return name + "?immutable=1";
}

}  // namespace

std::string held_path(int directory, std::string_view file) {
  return fmt::format("{}{}{}/{}", kHeldPrefix, directory, kHeldSuffix, file);
}

void SqliteCloser::operator()(sqlite3* database) const noexcept {
  (void)sqlite3_close_v2(database);  // waits for statements that are still there
}
void SqliteCloser::operator()(sqlite3_stmt* statement) const noexcept {
  (void)sqlite3_finalize(statement);  // repeats the error of the last step
}

void Database::limit_work() const noexcept {
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  if (sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_FILE_POINTER,
                           static_cast<void*>(&file)) == SQLITE_OK &&
      file != nullptr && file->pMethods != nullptr) {
    (void)file->pMethods->xFileSize(file, &size);
  }
  *rounds_ = (kLeastSteps + size * kStepsPerByte) / kStepsPerRound;
  sqlite3_progress_handler(
      database_.get(), kStepsPerRound,
      [](void* rounds) { return --*static_cast<std::int64_t*>(rounds) < 0 ? 1 : 0; },
      rounds_.get());
}

Result<Database> Database::open(const std::string& path, Access access) {
  static const bool is_redirected = redirect_files();
  if (!is_redirected) return fail("open(sqlite): its file system cannot be replaced");
  if (access == Access::write) return connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  auto database = connect(path, SQLITE_OPEN_READONLY);
  if (database || database.error().code != EROFS || has_log(path)) return database;
  // Nobody writes it now, and the files that a reader would make for itself it may not make. Who
  // begins to write meanwhile begins with a log of its own.
  return connect(immutable_name(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

Result<Database> Database::connect(const std::string& path, int flags) {
  Database database;  // before there is a connection that could be left behind
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, "unix");
  database.database_.reset(raw);
  if (raw == nullptr) return fail_errno("open", path, ENOMEM);
  if (code != SQLITE_OK) return fail_sqlite(raw, "open", path);
  (void)sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kMaxRow);
  (void)sqlite3_limit(raw, SQLITE_LIMIT_ATTACHED, 0);
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  for (const int option : {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                           SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION}) {
    (void)sqlite3_db_config(raw, option, 0, nullptr);
  }
  // The random numbers of the log come from a file that may be out of reach later.
  std::array<std::byte, 8> random{};
  sqlite3_randomness(static_cast<int>(random.size()), random.data());
  // No file but these, none mapped but the index of the log, damage found rather than followed.
  if (auto done = database.execute("PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
                                   "PRAGMA cell_size_check=ON; PRAGMA cache_size=-2048");
      !done) {
    return std::unexpected(done.error());
  }
  return database;
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail_sqlite(database_.get(), "execute");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) const {
  if (is_read_only()) limit_work();
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return fail_sqlite(database_.get(), "prepare");
  }
  return Statement(statement);
}

Result<std::int64_t> Database::ask(std::string_view sql) const {
  const auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return scanlogd::ask(*statement);
}

bool Database::is_read_only() const noexcept {
  return sqlite3_db_readonly(database_.get(), "main") == 1;
}

bool Database::is_in_transaction() const noexcept {
  return sqlite3_get_autocommit(database_.get()) == 0;
}

int Database::changes() const noexcept { return sqlite3_changes(database_.get()); }

void Database::be_patient(std::chrono::milliseconds how_long) noexcept {
  (void)sqlite3_busy_timeout(database_.get(), static_cast<int>(how_long.count()));
}

Result<std::int64_t> ask(const Statement& statement) {
  Query query(statement);
  const auto row = query.step();
  if (!row) return std::unexpected(row.error());
  return *row ? Row(query).number<std::int64_t>() : 0;
}

Query::~Query() {
  (void)sqlite3_reset(statement_);  // repeats the error of the last step
  (void)sqlite3_clear_bindings(statement_);
}

void Query::number(std::int64_t value) noexcept {
  (void)sqlite3_bind_int64(statement_, next_++, value);
}

void Query::time(std::chrono::system_clock::time_point value) noexcept {
  number(std::chrono::floor<std::chrono::microseconds>(value.time_since_epoch()).count());
}

void Query::text(std::string_view value) noexcept {
  (void)sqlite3_bind_text(statement_, next_++, value.data(), static_cast<int>(value.size()),
                          SQLITE_STATIC);
}

void Query::bytes(std::string_view value) noexcept {
  (void)sqlite3_bind_blob(statement_, next_++, value.data(), static_cast<int>(value.size()),
                          SQLITE_STATIC);
}

void Query::address(const Address& value) noexcept {
  if (value.family == Family::none) return nothing();
  (void)sqlite3_bind_blob(statement_, next_++, value.bytes.data(),
                          value.family == Family::ipv4 ? 4 : 16, SQLITE_STATIC);
}

Result<bool> Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail_sqlite(sqlite3_db_handle(statement_), "step");
}

Result<void> Query::finish() {
  for (;;) {
    const auto row = step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
  }
}

std::int64_t Row::next_number() noexcept { return sqlite3_column_int64(statement_, next_++); }

std::chrono::system_clock::time_point Row::time() noexcept {
  // Nanoseconds of a signed 64-bit number reach from 1678 to 2262.
  constexpr std::int64_t kMost = std::int64_t{9'000'000'000} * 1'000'000;
  return std::chrono::system_clock::time_point(
      std::chrono::microseconds(std::clamp(next_number(), -kMost, kMost)));
}

std::string_view Row::text() noexcept {
  const auto* const bytes = sqlite3_column_text(statement_, next_);
  const int size = sqlite3_column_bytes(statement_, next_++);
  if (bytes == nullptr || size <= 0) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::string_view Row::bytes() noexcept {
  const void* const bytes = sqlite3_column_blob(statement_, next_);
  const int size = sqlite3_column_bytes(statement_, next_++);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

Address Row::address() noexcept {
  Address address;
  const void* const bytes = sqlite3_column_blob(statement_, next_);
  const int size = sqlite3_column_bytes(statement_, next_++);
  if (bytes == nullptr || (size != 4 && size != 16)) return address;
  address.family = size == 4 ? Family::ipv4 : Family::ipv6;
  std::memcpy(address.bytes.data(), bytes, static_cast<std::size_t>(size));
  return address;
}

bool Row::is_null() const noexcept { return sqlite3_column_type(statement_, next_) == SQLITE_NULL; }

}  // namespace scanlogd
