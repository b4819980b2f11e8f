// What is on record, in an SQLite database in the state directory: every scan as it stands now, and
// every message that sinks got or are to get, in one sequence. docs/formats.md has the schema. The
// recorder writes it (`Store`), one at a time; whoever wants to know reads it (`StoreReader`).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/result.h"
#include "core/scan.h"
#include "record/sqlite.h"
#include "record/state_directory.h"
#include "record/store_reader.h"
#include "record/store_schema.h"

namespace scanlogd {

/// Locked by whoever writes the store, so that two cannot.
inline constexpr std::string_view kLockFile = "scanlogd.lock";

/// What the store may grow to.
struct StoreLimits {
  std::uint64_t bytes = std::uint64_t{100} << 20;  ///< the oldest makes room
  std::chrono::hours age = std::chrono::days(90);  ///< what is older goes
};

/// Writes a store. One at a time: a lock file sees to that. After `open` it makes and opens files
/// only relative to the directory's descriptor.
class Store {
 public:
  /// What a commit is to wait for.
  enum class Sync : std::uint8_t {
    disk,     ///< the disk has it: it outlives a power failure
    process,  ///< the kernel has it: it outlives this process
  };

  /// Opens the store, or makes it. `directory` must outlive it. Not to be used in another process
  /// than the one that opened it.
  /// Codes of errors: EBUSY, another process writes it; EUCLEAN, it is damaged or none at all;
  /// ENOTSUP, a later scanlogd made it; ENOSPC, EROFS, EACCES and others as for any file.
  [[nodiscard]] static Result<Store> open(const StateDirectory& directory,
                                          const StoreLimits& limits);

  /// Renames a damaged store, so that a new one can be made; its new name. Nobody may have it open.
  [[nodiscard]] static Result<std::string> move_aside(const StateDirectory& directory,
                                                      std::chrono::system_clock::time_point now);

  /// Opens a transaction. All that is written until `commit` is there altogether or not at all.
  [[nodiscard]] Result<void> begin(Sync sync);
  [[nodiscard]] Result<void> commit();
  /// Gives up the transaction, if there is one.
  void rollback();

  /// Appends a message; one about a scan also brings that scan up to date, and its sample if it
  /// has one.
  [[nodiscard]] Result<void> add(const Message& message);
  /// Writes how far a sink has come.
  [[nodiscard]] Result<void> set(const Cursor& cursor);
  /// Writes a number, for `StoreReader::state`.
  [[nodiscard]] Result<void> set(std::string_view name, std::int64_t value);

  /// Makes room: deletes at most `rows` of each kind that are too old or too many, and gives some
  /// of what is free back to the file system. In a transaction. True: there is more to do.
  [[nodiscard]] Result<bool> prune(std::chrono::system_clock::time_point now, int rows);

  /// Is the file still the one that its name leads to? Whoever removes or replaces it does not
  /// tell.
  [[nodiscard]] bool is_in_place() const noexcept;

  /// The scans that have not ended, or that ended with scanlogd after `since`, with their samples;
  /// at most `limit`, the newest.
  [[nodiscard]] Result<std::vector<Scan>> unfinished(std::chrono::system_clock::time_point since,
                                                     std::size_t limit) const;

  /// The scans from id `first` on that a digest is to name; at most `limit`.
  [[nodiscard]] Result<std::vector<Scan>> undigested(std::uint64_t first, std::size_t limit) const;

  /// The largest id and sequence number ever given: those in the tables, or what was `set` under
  /// these names.
  [[nodiscard]] Result<std::uint64_t> last_id() const;
  [[nodiscard]] Result<std::uint64_t> last_sequence() const;
  static constexpr std::string_view kLastId = "last_id";
  static constexpr std::string_view kLastSequence = "last_sequence";

  [[nodiscard]] const StoreReader& reader() const noexcept { return reader_; }

 private:
  struct Statements {
    Statement begin;
    Statement commit;
    Statement rollback;
    Statement add_event;
    Statement put_scan;
    Statement put_sample;
    Statement set_cursor;
    Statement set_state;
    Statement page_count;
    Statement free_pages;
    Statement first_event;
    Statement first_scan;
    Statement delete_events;
    Statement delete_scans;
    Statement delete_samples;
    Statement vacuum;
  };

  /// What a file is, whatever its name.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t number = 0;

    friend bool operator==(const Identity&, const Identity&) = default;
  };

  Store(Database database, UniqueFd lock, const StateDirectory& directory,
        const StoreLimits& limits) noexcept
      : lock_(std::move(lock)),
        reader_(std::move(database), kSchemaVersion),
        limits_(limits),
        directory_(directory.fd()),
        identity_(identify(directory.fd())) {}

  [[nodiscard]] static Identity identify(int directory) noexcept;

  [[nodiscard]] Database& database() noexcept { return reader_.database_; }
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<std::uint64_t> last_number(std::string_view sql,
                                                  std::string_view name) const;

  // Members end in reverse order: statements, database, lock.
  UniqueFd lock_;
  StoreReader reader_;
  StoreLimits limits_;
  int directory_;
  Identity identity_;
  Statements statements_;
  Sync sync_ = Sync::disk;  ///< what the database is set to
};

}  // namespace scanlogd
