// See store_reader.h.
#include "record/store_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "core/port_ranges.h"
#include "core/scan_names.h"
#include "record/scan_rows.h"
#include "record/store_schema.h"
#include "record/top_lists.h"

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

/// The WHERE of a filter, and the values for it; all but what `matches` judges.
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

/// Does a scan have the port that is asked for, and so many? `ports` are its ranges, `total` what
/// the detector counted.
bool matches(std::string_view ports, std::uint64_t total, const ScanFilter& filter) {
  if (filter.port && !contains(ports, *filter.port)) return false;
  if (filter.min_ports <= total) return true;
  const auto ranges = parse_ranges(ports);
  return ranges && count(*ranges) >= filter.min_ports;
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
  if (*version < 1) return fail(fmt::format("open({}): is empty", kStoreFile), EUCLEAN);
  if (auto sound = check_definitions(*database, *version); !sound) {
    return std::unexpected(sound.error());
  }
  return StoreReader(std::move(*database), *version);
}

Result<std::vector<Scan>> StoreReader::list(const ScanFilter& filter) const {
  // First which ones, so that nothing but numbers is sorted and nothing but what matches is read;
  // where ports do not matter an index has them all.
  const bool by_ports = filter.port || filter.min_ports > 0;
  const auto numbers =
      database_.prepare(fmt::format("SELECT id{} FROM scan{} ORDER BY id DESC",
                                    by_ports ? ", ports_total, ports" : "", where_of(filter)));
  if (!numbers) return std::unexpected(numbers.error());
  const auto whole = database_.prepare("SELECT " + scan_columns() + " FROM scan WHERE id = ?");
  if (!whole) return std::unexpected(whole.error());
  Query query(*numbers);
  const Address last = filter.source ? last_of(*filter.source) : Address{};
  bind_filter(query, filter, last);
  std::vector<Scan> scans;
  while (scans.size() < filter.limit) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    Row columns(query);
    const auto id = columns.number<std::uint64_t>();
    if (by_ports) {
      const auto total = columns.number<std::uint64_t>();
      if (!matches(columns.text(), total, filter)) continue;
    }
    Query one(*whole);
    one.number(id);
    const auto found = one.step();
    if (!found) return std::unexpected(found.error());
    if (*found) scans.push_back(read_scan(one));
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

Result<std::vector<TopEntry>> StoreReader::top(TopBy by,
                                               std::optional<system_clock::time_point> since,
                                               std::size_t limit) const {
  switch (by) {
    case TopBy::port:
      return top_ports(database_, since, limit);
    case TopBy::technique:
      return top_names(database_, "technique", since, limit);
    case TopBy::tool:
      return top_names(database_, "tool", since, limit);
    case TopBy::source:
    case TopBy::network:
    case TopBy::target:
      break;
  }
  return top_addresses(database_, by, since, limit);
}

Result<std::vector<AddressCount>> StoreReader::sources(
    std::optional<system_clock::time_point> since) const {
  return count_sources(database_, since);
}

Result<PeriodSummary> StoreReader::summarise(system_clock::time_point since) const {
  const auto bind = [since](Query& query) { query.time(since); };
  const auto found =
      collect<PeriodSummary>(database_,
                             "SELECT COUNT(*), TOTAL(phase <> 'end'), TOTAL(open_total > 0),"
                             " TOTAL(verdict = 'proven') FROM scan WHERE detected >= ?",
                             bind, [](const Query& query) {
                               Row row(query);
                               PeriodSummary summary;
                               summary.scans = row.number<std::uint64_t>();
                               summary.going_on = row.number<std::uint64_t>();
                               summary.found_open = row.number<std::uint64_t>();
                               summary.proven = row.number<std::uint64_t>();
                               return summary;
                             });
  if (!found) return std::unexpected(found.error());
  PeriodSummary summary = found->empty() ? PeriodSummary() : found->front();
  const auto sources = count_distinct(database_, "source", since);
  if (!sources) return std::unexpected(sources.error());
  const auto targets = count_distinct(database_, "target", since);
  if (!targets) return std::unexpected(targets.error());
  summary.sources = *sources;
  summary.targets = *targets;
  return summary;
}

Result<std::vector<std::uint64_t>> StoreReader::histogram(system_clock::time_point since,
                                                          system_clock::time_point until,
                                                          std::size_t count) const {
  std::vector<std::uint64_t> parts(count);
  const auto length = std::chrono::floor<std::chrono::microseconds>(until - since);
  if (count == 0 || length.count() < 1) return parts;
  const auto statement =
      database_.prepare("SELECT detected FROM scan WHERE detected >= ? AND detected < ?");
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  query.time(since);
  query.time(until);
  for (;;) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return parts;
    const std::chrono::duration<double> at = Row(query).time() - since;
    const double part = at / length * static_cast<double>(count);
    ++parts[std::min(static_cast<std::size_t>(std::max(part, 0.0)), count - 1)];
  }
}

Result<std::vector<Scan>> StoreReader::notable(system_clock::time_point since,
                                               std::size_t limit) const {
  // Which ones first, so that no whole rows are sorted.
  const auto numbers = collect<std::uint64_t>(
      database_,
      "SELECT id FROM scan WHERE detected >= ? ORDER BY open_total DESC, verdict = 'proven' DESC,"
      " kind NOT IN ('flood', 'backscatter') DESC, MAX(ports_total, hosts_total) DESC, id DESC"
      " LIMIT ?",
      [&](Query& query) {
        query.time(since);
        query.number(std::uint64_t{limit});
      },
      [](const Query& query) { return Row(query).number<std::uint64_t>(); });
  if (!numbers) return std::unexpected(numbers.error());
  std::vector<Scan> scans;
  for (const std::uint64_t number : *numbers) {
    auto scan = find(number);
    if (!scan) return std::unexpected(scan.error());
    if (*scan) scans.push_back(std::move(**scan));
  }
  return scans;
}

Result<std::string> StoreReader::packed_sample(std::uint64_t id) const {
  constexpr int kFirstWithSamples = 2;
  if (version_ < kFirstWithSamples) return std::string();
  auto found = collect<std::string>(
      database_, "SELECT probes FROM sample WHERE scan = ?",
      [id](Query& query) { query.number(id); },
      [](const Query& query) { return std::string(Row(query).bytes()); });
  if (!found) return std::unexpected(found.error());
  return found->empty() ? std::string() : std::move(found->front());
}

Result<ProbeSample> StoreReader::sample(std::uint64_t id) const {
  const auto packed = packed_sample(id);
  if (!packed) return std::unexpected(packed.error());
  return unpack(*packed).value_or(ProbeSample{});
}

Result<PeriodNotices> StoreReader::notices(system_clock::time_point since,
                                           std::size_t limit) const {
  constexpr std::string_view kWhich =
      " FROM event WHERE severity IS NOT NULL AND at >= ? AND severity IN ('warning', 'error')";
  const auto bind = [since](Query& query) { query.time(since); };
  PeriodNotices notices;
  const auto total =
      collect<std::uint64_t>(database_, fmt::format("SELECT COUNT(*){}", kWhich), bind,
                             [](const Query& query) { return Row(query).number<std::uint64_t>(); });
  if (!total) return std::unexpected(total.error());
  notices.total = total->empty() ? 0 : total->front();
  auto latest = collect<Notice>(database_,
                                fmt::format("SELECT {}{} ORDER BY at DESC, sequence DESC LIMIT {}",
                                            message_columns(), kWhich, limit),
                                bind, [](const Query& query) {
                                  Message message = read_message(query);
                                  const auto* const notice = std::get_if<Notice>(&message.content);
                                  return notice == nullptr ? Notice{} : *notice;
                                });
  if (!latest) return std::unexpected(latest.error());
  notices.latest = std::move(*latest);
  return notices;
}

Result<StoreSummary> StoreReader::summary() const {
  const auto found = collect<StoreSummary>(
      database_,
      "SELECT (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size),"
      " (SELECT COUNT(*) FROM scan), (SELECT COUNT(*) FROM scan WHERE phase <> 'end'),"
      " (SELECT MAX(sequence) FROM event), (SELECT MIN(detected) FROM scan),"
      " (SELECT MAX(detected) FROM scan)",
      [](Query& /*query*/) {},
      [](const Query& query) {
        Row row(query);
        StoreSummary summary;
        summary.bytes = row.number<std::uint64_t>();
        summary.scans = row.number<std::uint64_t>();
        summary.going_on = row.number<std::uint64_t>();
        summary.last_sequence = row.number<std::uint64_t>();
        summary.oldest = row.time();
        summary.newest = row.time();
        return summary;
      });
  if (!found) return std::unexpected(found.error());
  return found->empty() ? StoreSummary() : found->front();
}

Result<std::vector<Cursor>> StoreReader::cursors() const {
  return collect<Cursor>(
      database_,
      "SELECT sink, sequence, taken, delivered, lost, scans_taken, scans_delivered, scans_lost"
      " FROM cursor ORDER BY sink",
      [](Query& /*query*/) {}, read_cursor);
}

Result<std::map<std::string, std::int64_t, std::less<>>> StoreReader::numbers() const {
  const auto found = collect<std::pair<std::string, std::int64_t>>(
      database_, "SELECT name, value FROM state", [](Query& /*query*/) {},
      [](const Query& query) {
        Row row(query);
        std::string name(row.text());
        return std::pair(std::move(name), row.number<std::int64_t>());
      });
  if (!found) return std::unexpected(found.error());
  return std::map<std::string, std::int64_t, std::less<>>(found->begin(), found->end());
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
