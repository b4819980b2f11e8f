// What is on record, for whoever wants to know: also while a recorder writes it, and from another
// process.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/probe_sample.h"
#include "core/result.h"
#include "core/scan.h"
#include "record/sqlite.h"

namespace scanlogd {

/// The file's name in the state directory. Others stand beside it: `-wal` and `-shm` of SQLite's,
/// and the writer's lock.
inline constexpr std::string_view kStoreFile = "scanlogd.db";

/// How far one sink has come, and what became of what it was given:
/// taken = delivered + waiting + lost.
struct Cursor {
  std::string sink;
  std::uint64_t sequence = 0;  ///< `Stamp::sequence` of the last message that is done with
  std::uint64_t taken = 0;     ///< messages that were for it
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t scans_taken = 0;  ///< of these: begins of scans
  std::uint64_t scans_delivered = 0;
  std::uint64_t scans_lost = 0;
};

/// Which scans to list; what is not set does not matter.
struct ScanFilter {
  std::optional<std::chrono::system_clock::time_point> since =
      std::nullopt;  ///< found then or later
  std::optional<std::chrono::system_clock::time_point> until = std::nullopt;  ///< found before
  std::optional<Network> source = std::nullopt;
  std::optional<Port> port = std::nullopt;  ///< one of its ports
  std::uint64_t min_ports = 0;              ///< so many ports, or more
  std::optional<ScanKind> kind = std::nullopt;
  std::optional<ScanRule> rule = std::nullopt;
  std::optional<Technique> technique = std::nullopt;  ///< the prevailing one
  std::optional<Tool> tool = std::nullopt;
  std::optional<Verdict> verdict = std::nullopt;
  std::optional<std::uint64_t> before_id =
      std::nullopt;      ///< older than this scan; for the next page
  bool goes_on = false;  ///< has not ended
  std::size_t limit = 100;
};

/// What `StoreReader::top` counts by.
enum class TopBy : std::uint8_t {
  source,
  network,  ///< of sources: 24 bits of an IPv4 address, 48 of an IPv6 one
  target,
  port,
  technique,
  tool,
};

/// One line of a list of the most frequent.
struct TopEntry {
  std::string name;  ///< an address, a network, a port, a technique's or a tool's name
  std::uint64_t scans = 0;
};

/// An address, and how many scans have it.
struct AddressCount {
  Address address;
  std::uint64_t scans = 0;
};

/// A store as a whole.
struct StoreSummary {
  std::uint64_t bytes = 0;  ///< of the database, without its log
  std::uint64_t scans = 0;
  std::uint64_t going_on = 0;  ///< of them
  std::uint64_t last_sequence = 0;
  std::chrono::system_clock::time_point oldest;  ///< when the first scan was found, if there is one
  std::chrono::system_clock::time_point newest;  ///< the last
};

/// The scans of a period, together.
struct PeriodSummary {
  std::uint64_t scans = 0;
  std::uint64_t going_on = 0;    ///< of them
  std::uint64_t sources = 0;     ///< distinct ones
  std::uint64_t targets = 0;     ///< distinct first targets
  std::uint64_t found_open = 0;  ///< scans that found something open
  std::uint64_t proven = 0;      ///< scans whose source is proven
};

/// Notices of a period.
struct PeriodNotices {
  std::uint64_t total = 0;
  std::vector<Notice> latest;  ///< the newest first
};

/// Reads a store. Nothing in the file is believed: what is no store of ours is an error, what is
/// damaged is one when it is met. Codes of errors: as those of
/// `Store::open`.
class StoreReader {
 public:
  /// Opens the store in the directory `path` for reading, beside a recorder that writes it.
  [[nodiscard]] static Result<StoreReader> open(const std::string& path);

  /// The scans that match, the newest first.
  [[nodiscard]] Result<std::vector<Scan>> list(const ScanFilter& filter) const;

  /// The scan of this id, if there is one.
  [[nodiscard]] Result<std::optional<Scan>> find(std::uint64_t id) const;

  /// What was said about the scan of this id, in order.
  [[nodiscard]] Result<std::vector<Message>> history(std::uint64_t id) const;

  /// The messages after number `sequence`, in order, at most `limit`.
  [[nodiscard]] Result<std::vector<Message>> messages(std::uint64_t sequence,
                                                      std::size_t limit) const;

  /// Among the scans found since `since`, or all: the most frequent values, at most `limit`.
  [[nodiscard]] Result<std::vector<TopEntry>> top(
      TopBy by, std::optional<std::chrono::system_clock::time_point> since,
      std::size_t limit) const;

  /// Of the scans found since `since`, or of all: each source once, in order.
  [[nodiscard]] Result<std::vector<AddressCount>> sources(
      std::optional<std::chrono::system_clock::time_point> since) const;

  /// The scans found since `since` as a whole.
  [[nodiscard]] Result<PeriodSummary> summarise(std::chrono::system_clock::time_point since) const;

  /// How many scans were found in each of `count` equal parts of the time from `since` to `until`.
  [[nodiscard]] Result<std::vector<std::uint64_t>> histogram(
      std::chrono::system_clock::time_point since, std::chrono::system_clock::time_point until,
      std::size_t count) const;

  /// Of the scans found since `since` those that learned or asked most, at most `limit`: first by
  /// what they found open, then whose source is proven, then by ports and hosts.
  [[nodiscard]] Result<std::vector<Scan>> notable(std::chrono::system_clock::time_point since,
                                                  std::size_t limit) const;

  /// The sample of the probes of the scan of this id; no points where there is none, or none that
  /// can be read.
  [[nodiscard]] Result<ProbeSample> sample(std::uint64_t id) const;

  /// What scanlogd said about itself since `since`, as warnings and errors; at most `limit`.
  [[nodiscard]] Result<PeriodNotices> notices(std::chrono::system_clock::time_point since,
                                              std::size_t limit) const;

  /// How much there is.
  [[nodiscard]] Result<StoreSummary> summary() const;

  /// How far each sink has come.
  [[nodiscard]] Result<std::vector<Cursor>> cursors() const;

  /// All numbers that the recorder keeps, by name.
  [[nodiscard]] Result<std::map<std::string, std::int64_t, std::less<>>> numbers() const;

  /// A number that the recorder keeps under `name` (docs/formats.md), if there is one.
  [[nodiscard]] Result<std::optional<std::int64_t>> state(std::string_view name) const;

 private:
  friend class Store;
  StoreReader(Database database, int version) noexcept
      : database_(std::move(database)), version_(version) {}

  /// As the store keeps it.
  [[nodiscard]] Result<std::string> packed_sample(std::uint64_t id) const;

  Database database_;
  int version_;  ///< of its tables
};

}  // namespace scanlogd
