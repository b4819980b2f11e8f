// See store_reader.h.
#include "record/store_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "core/port_ranges.h"
#include "core/scan_names.h"
#include "record/scan_rows.h"
#include "record/store_schema.h"

namespace scanlogd {

using std::chrono::system_clock;

namespace {

bool contains(std::string_view ranges, Port port) {
  const auto parsed = parse_ranges(ranges);
  if (!parsed) return false;
  return std::ranges::any_of(*parsed, [port](const PortRange& range) {
    return range.first <= port && port <= range.last;
  });
}

/// The last address of a network.
Address last_of(const Network& network) {
  Address last = network.base;
  const unsigned bits = last.family == Family::ipv4 ? 32 : 128;
  for (unsigned bit = network.prefix; bit < bits; ++bit) {
    last.bytes[bit / 8] = static_cast<std::uint8_t>(last.bytes[bit / 8] | 0x80u >> bit % 8);
  }
  return last;
}

/// The WHERE of a filter, and the values for it; all but the ports.
std::string where_of(const ScanFilter& filter) {
  std::string sql = " WHERE 1";
  if (filter.since) sql += " AND detected >= ?";
  if (filter.until) sql += " AND detected < ?";
  if (filter.source) sql += " AND source BETWEEN ? AND ? AND length(source) = ?";
  if (filter.kind) sql += " AND kind = ?";
  if (filter.rule) sql += " AND rule = ?";
  if (filter.technique) sql += " AND technique = ?";
  if (filter.tool) sql += " AND tool = ?";
  if (filter.verdict) sql += " AND verdict = ?";
  if (filter.before_id) sql += " AND id < ?";
  if (filter.goes_on) sql += " AND phase <> 'end'";
  return sql;
}

void bind_filter(Query& query, const ScanFilter& filter, const Address& last) {
  if (filter.since) query.time(*filter.since);
  if (filter.until) query.time(*filter.until);
  if (filter.source) {
    query.address(filter.source->base);
    query.address(last);
    query.number(std::int64_t{filter.source->base.family == Family::ipv4 ? 4 : 16});
  }
  if (filter.kind) query.text(name_of(*filter.kind));
  if (filter.rule) query.text(name_of(*filter.rule));
  if (filter.technique) query.text(name_of(*filter.technique));
  if (filter.tool) query.text(name_of(*filter.tool));
  if (filter.verdict) query.text(name_of(*filter.verdict));
  if (filter.before_id) query.number(*filter.before_id);
}

Result<std::vector<TopEntry>> top_ports(const Database& database, system_clock::time_point since,
                                        std::size_t limit) {
  auto statement = database.prepare("SELECT ports FROM scan WHERE detected >= ?");
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  query.time(since);
  std::vector<std::uint64_t> counts(65536);
  for (;;) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto ranges = parse_ranges(Row(query).text());
    if (!ranges) continue;
    for (const PortRange& range : *ranges) {
      for (std::size_t port = range.first; port <= range.last; ++port) ++counts[port];
    }
  }
  std::vector<std::size_t> ports;
  for (std::size_t port = 0; port < counts.size(); ++port) {
    if (counts[port] > 0) ports.push_back(port);
  }
  std::ranges::stable_sort(ports, std::greater(), [&](std::size_t port) { return counts[port]; });
  std::vector<TopEntry> top;
  for (const std::size_t port : ports) {
    if (top.size() == limit) break;
    top.push_back({.name = std::to_string(port), .scans = counts[port]});
  }
  return top;
}

Cursor read_cursor(const Query& query) {
  Row row(query);
  Cursor cursor;
  cursor.sink = row.text();
  cursor.sequence = row.number<std::uint64_t>();
  cursor.taken = row.number<std::uint64_t>();
  cursor.delivered = row.number<std::uint64_t>();
  cursor.lost = row.number<std::uint64_t>();
  cursor.scans_taken = row.number<std::uint64_t>();
  cursor.scans_delivered = row.number<std::uint64_t>();
  cursor.scans_lost = row.number<std::uint64_t>();
  return cursor;
}

}  // namespace

Result<StoreReader> StoreReader::open(const std::string& path) {
  auto database = Database::open(fmt::format("{}/{}", path, kStoreFile), Database::Access::read);
  if (!database) return std::unexpected(database.error());
  constexpr std::chrono::seconds kPatience{2};  // while the recorder starts or recovers
  database->be_patient(kPatience);
  const auto version = check_version(*database);
  if (!version) return std::unexpected(version.error());
  if (*version < kSchemaVersion) {
    return fail(fmt::format("open({}): is empty, or older than this program reads", kStoreFile),
                EUCLEAN);
  }
  if (auto sound = check_definitions(*database); !sound) return std::unexpected(sound.error());
  return StoreReader(std::move(*database));
}

Result<std::vector<Scan>> StoreReader::list(const ScanFilter& filter) const {
  const auto statement = database_.prepare("SELECT " + scan_columns() + " FROM scan" +
                                           where_of(filter) + " ORDER BY id DESC");
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  const Address last = filter.source ? last_of(*filter.source) : Address{};
  bind_filter(query, filter, last);
  std::vector<Scan> scans;
  while (scans.size() < filter.limit) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    Scan scan = read_scan(query);
    if (!filter.port || contains(scan.ports, *filter.port)) scans.push_back(std::move(scan));
  }
  return scans;
}

Result<std::optional<Scan>> StoreReader::find(std::uint64_t id) const {
  auto found = collect<Scan>(
      database_, "SELECT " + scan_columns() + " FROM scan WHERE id = ?",
      [id](Query& query) { query.number(id); }, read_scan);
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return std::optional<Scan>();
  return std::optional(std::move(found->front()));
}

Result<std::vector<Message>> StoreReader::history(std::uint64_t id) const {
  return collect<Message>(
      database_, "SELECT " + message_columns() + " FROM event WHERE scan = ? ORDER BY sequence",
      [id](Query& query) { query.number(id); }, read_message);
}

Result<std::vector<Message>> StoreReader::messages(std::uint64_t sequence,
                                                   std::size_t limit) const {
  return collect<Message>(
      database_,
      "SELECT " + message_columns() + " FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
      [&](Query& query) {
        query.number(sequence);
        query.number(std::uint64_t{limit});
      },
      read_message);
}

Result<std::vector<TopEntry>> StoreReader::top(TopBy by, system_clock::time_point since,
                                               std::size_t limit) const {
  if (by == TopBy::port) return top_ports(database_, since, limit);
  const std::string_view column = by == TopBy::source      ? "source"
                                  : by == TopBy::target    ? "target"
                                  : by == TopBy::technique ? "technique"
                                                           : "tool";
  return collect<TopEntry>(
      database_,
      fmt::format("SELECT {0}, COUNT(*) FROM scan WHERE detected >= ? GROUP BY {0}"
                  " ORDER BY 2 DESC, 1 LIMIT ?",
                  column),
      [&](Query& query) {
        query.time(since);
        query.number(std::uint64_t{limit});
      },
      [by](const Query& query) {
        Row row(query);
        TopEntry entry;
        entry.name = by == TopBy::source || by == TopBy::target ? to_string(row.address())
                                                                : std::string(row.text());
        entry.scans = row.number<std::uint64_t>();
        return entry;
      });
}

Result<std::vector<Cursor>> StoreReader::cursors() const {
  return collect<Cursor>(
      database_,
      "SELECT sink, sequence, taken, delivered, lost, scans_taken, scans_delivered, scans_lost"
      " FROM cursor ORDER BY sink",
      [](Query& /*query*/) {}, read_cursor);
}

Result<std::optional<std::int64_t>> StoreReader::state(std::string_view name) const {
  const auto found = collect<std::int64_t>(
      database_, "SELECT value FROM state WHERE name = ?",
      [name](Query& query) { query.text(name); },
      [](const Query& query) { return Row(query).number<std::int64_t>(); });
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return std::optional<std::int64_t>();
  return std::optional(found->front());
}

}  // namespace scanlogd
