// A thin layer over SQLite: what owns what, errors as `Result`, values of our own types. No SQL
// here.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace scanlogd {

/// The name under which SQLite finds `file` in a directory that is held open: it opens, looks up
/// and removes that file, and those it puts beside it, relative to the descriptor and by no path.
[[nodiscard]] std::string held_path(int directory, std::string_view file);

/// Gives SQLite's objects back.
struct SqliteCloser {
  void operator()(sqlite3* database) const noexcept;
  void operator()(sqlite3_stmt* statement) const noexcept;
};

/// SQL that was prepared; `Query` uses it.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) noexcept : statement_(statement) {}

  [[nodiscard]] sqlite3_stmt* get() const noexcept { return statement_.get(); }

 private:
  std::unique_ptr<sqlite3_stmt, SqliteCloser> statement_;
};

/// A connection to one database file. Nothing in the file is trusted: no view, trigger or extension
/// runs, and no temporary file is made. Codes of errors: EBUSY, somebody else has locked it;
/// EUCLEAN, it is damaged or no database; ENOSPC, EROFS and others as for any file.
class Database {
 public:
  enum class Access : std::uint8_t { read, write };

  /// The longest row.
  static constexpr int kMaxRow = 256 * 1024;

  /// Opens the file, and makes it if it is to be written. What is only to be read may lie where
  /// nothing can be written; if nobody writes it then, it is taken not to change. Not to be used in
  /// another process than the one that opened it.
  [[nodiscard]] static Result<Database> open(const std::string& path, Access access);

  /// Runs SQL that gives no rows, or whose rows do not matter; several statements, too.
  [[nodiscard]] Result<void> execute(const std::string& sql);
  /// Prepares SQL to be used more than once.
  [[nodiscard]] Result<Statement> prepare(std::string_view sql) const;
  /// The number that a query gives; 0 where there is no row.
  [[nodiscard]] Result<std::int64_t> ask(std::string_view sql) const;

  [[nodiscard]] bool is_read_only() const noexcept;
  [[nodiscard]] bool is_in_transaction() const noexcept;
  /// Rows that the last statement changed.
  [[nodiscard]] int changes() const noexcept;
  /// How long to wait for others before it is an error.
  void be_patient(std::chrono::milliseconds how_long) noexcept;

 private:
  Database() = default;
  [[nodiscard]] static Result<Database> connect(const std::string& path, int flags);
  // A small file can be made to have more rows than anybody lives to read: each page of a tree may
  // name the same page below it often.
  void limit_work() const noexcept;

  std::unique_ptr<std::int64_t> rounds_ = std::make_unique<std::int64_t>(0);  ///< left to SQLite
  std::unique_ptr<sqlite3, SqliteCloser> database_;
};

/// The number that a query without values gives; 0 where there is no row.
[[nodiscard]] Result<std::int64_t> ask(const Statement& statement);

/// One use of a statement: gives it its values in order, steps through its rows, and leaves it
/// ready for the next use.
class Query {
 public:
  explicit Query(const Statement& statement) noexcept : statement_(statement.get()) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// The next value is this.
  void number(std::int64_t value) noexcept;
  /// The next value is this, which must be below 2^63.
  void number(std::uint64_t value) noexcept { number(static_cast<std::int64_t>(value)); }
  /// As microseconds since 1970.
  void time(std::chrono::system_clock::time_point value) noexcept;
  /// `value` must live until the statement has query; so must an address.
  void text(std::string_view value) noexcept;
  /// As a blob; likewise.
  void bytes(std::string_view value) noexcept;
  /// As 4 or 16 bytes, or nothing.
  void address(const Address& value) noexcept;
  /// NULL.
  void nothing(int count = 1) noexcept { next_ += count; }

  /// True: there is a row, for `Row` to read.
  [[nodiscard]] Result<bool> step();
  /// Runs it to its end.
  [[nodiscard]] Result<void> finish();

  [[nodiscard]] sqlite3_stmt* get() const noexcept { return statement_; }

 private:
  sqlite3_stmt* statement_;
  int next_ = 1;
};

/// Reads the columns of a row in order. A value of another type or size than expected becomes the
/// nearest that is valid.
class Row {
 public:
  explicit Row(const Query& query, int first = 0) noexcept
      : statement_(query.get()), next_(first) {}

  template <class Number>
  [[nodiscard]] Number number() noexcept {
    return static_cast<Number>(next_number());
  }
  [[nodiscard]] std::chrono::system_clock::time_point time() noexcept;
  /// Valid until the next step.
  [[nodiscard]] std::string_view text() noexcept;
  /// Of a blob, likewise.
  [[nodiscard]] std::string_view bytes() noexcept;
  [[nodiscard]] Address address() noexcept;
  /// Is the next column NULL?
  [[nodiscard]] bool is_null() const noexcept;

 private:
  [[nodiscard]] std::int64_t next_number() noexcept;

  sqlite3_stmt* statement_;
  int next_;
};

/// All rows of `sql`, with `bind(query)` for its values and `read(query)` for each row.
template <class Value, class Bind, class Read>
[[nodiscard]] Result<std::vector<Value>> collect(const Database& database, std::string_view sql,
                                                 Bind bind, Read read) {
  const auto statement = database.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  bind(query);
  std::vector<Value> values;
  for (;;) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return values;
    values.push_back(read(query));
  }
}

}  // namespace scanlogd
