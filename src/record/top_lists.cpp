// See top_lists.h.
#include "record/top_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "core/port_ranges.h"

namespace scanlogd {
namespace {

/// `SELECT column FROM scan`, of the scans since then. Without a time an index on the column alone
/// will do.
std::string select_since(std::string_view column, const Since& since) {
  return fmt::format("SELECT {} FROM scan{}", column, since ? " WHERE detected >= ?" : "");
}

/// The `limit` largest of `counts`, in their order where they are equal.
std::vector<TopEntry> largest(std::vector<TopEntry> counts, std::size_t limit) {
  std::ranges::stable_sort(counts, std::greater(), &TopEntry::scans);
  counts.resize(std::min(counts.size(), limit));
  return counts;
}

/// How often each value of `sorted` is there, in their order.
template <class Value, class Make>
void append_counts(const std::vector<Value>& sorted, Make make, std::vector<AddressCount>& counts) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i] != sorted[i - 1]) counts.push_back({.address = make(sorted[i])});
    ++counts.back().scans;
  }
}

/// Each address once, in order. By sorting: an attacker chooses the addresses, and no choice makes
/// that slow. Most are of IPv4, and as numbers are sorted in a third of the time.
std::vector<AddressCount> count_each(const std::vector<Address>& addresses) {
  std::vector<std::uint32_t> numbers;
  std::vector<Address> others;
  for (const Address& address : addresses) {
    if (address.family == Family::ipv4) {
      numbers.push_back(ipv4_value(address.bytes));
    } else {
      others.push_back(address);
    }
  }
  std::ranges::sort(numbers);
  std::ranges::sort(others);
  std::vector<AddressCount> counts;
  append_counts(
      numbers,
      [](std::uint32_t value) {
        return Address{Family::ipv4, ipv4_bytes(value)};
      },
      counts);
  append_counts(
      others, [](const Address& address) { return address; }, counts);
  return counts;
}

}  // namespace

Result<std::vector<TopEntry>> top_ports(const Database& database, const Since& since,
                                        std::size_t limit) {
  const auto statement = database.prepare(select_since("ports", since));
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  if (since) query.time(*since);
  // How many more scans have a port than have the one below it: a range of any length costs two
  // additions.
  constexpr std::size_t kPorts = 65536;
  std::vector<std::int64_t> steps(kPorts + 1);
  PortRanges ranges;
  for (;;) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (!read_ranges(Row(query).text(), ranges)) continue;
    for (const PortRange& range : ranges) {
      ++steps[range.first];
      --steps[std::size_t{range.last} + 1];
    }
  }
  std::vector<TopEntry> counts;
  std::int64_t scans = 0;
  for (std::size_t port = 0; port < kPorts; ++port) {
    scans += steps[port];
    if (scans > 0) {
      counts.push_back({.name = std::to_string(port), .scans = static_cast<std::uint64_t>(scans)});
    }
  }
  return largest(std::move(counts), limit);
}

Result<std::vector<TopEntry>> top_addresses(const Database& database, TopBy by, const Since& since,
                                            std::size_t limit) {
  constexpr std::uint8_t kIpv4Bits = 24;
  constexpr std::uint8_t kIpv6Bits = 48;
  const auto addresses = collect<Address>(
      database, select_since(by == TopBy::target ? "target" : "source", since),
      [&](Query& query) {
        if (since) query.time(*since);
      },
      [by](const Query& query) {
        const Address address = Row(query).address();
        if (by != TopBy::network) return address;
        return network_of(address, address.family == Family::ipv6 ? kIpv6Bits : kIpv4Bits).base;
      });
  if (!addresses) return std::unexpected(addresses.error());
  std::vector<AddressCount> counts = count_each(*addresses);
  std::ranges::stable_sort(counts, std::greater(), &AddressCount::scans);
  counts.resize(std::min(counts.size(), limit));
  std::vector<TopEntry> top;
  for (const AddressCount& each : counts) {
    std::string name = to_string(each.address);
    if (by == TopBy::network) {
      name += fmt::format("/{}", each.address.family == Family::ipv6 ? kIpv6Bits : kIpv4Bits);
    }
    top.push_back({.name = std::move(name), .scans = each.scans});
  }
  return top;
}

Result<std::vector<AddressCount>> count_sources(const Database& database, const Since& since) {
  const auto sources = collect<Address>(
      database, select_since("source", since),
      [&](Query& query) {
        if (since) query.time(*since);
      },
      [](const Query& query) { return Row(query).address(); });
  if (!sources) return std::unexpected(sources.error());
  return count_each(*sources);
}

// There are few names, so that SQLite, which sorts all rows for that, takes three times as long.
Result<std::vector<TopEntry>> top_names(const Database& database, std::string_view column,
                                        const Since& since, std::size_t limit) {
  const auto statement = database.prepare(select_since(column, since));
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  if (since) query.time(*since);
  std::map<std::string, std::uint64_t, std::less<>> counts;
  for (;;) {
    const auto row = query.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const std::string_view name = Row(query).text();
    const auto found = counts.find(name);
    if (found != counts.end()) {
      ++found->second;
    } else {
      counts.emplace(name, 1);
    }
  }
  std::vector<TopEntry> top;
  top.reserve(counts.size());
  for (const auto& [name, scans] : counts) top.push_back({.name = name, .scans = scans});
  return largest(std::move(top), limit);
}

Result<std::uint64_t> count_distinct(const Database& database, std::string_view column,
                                     std::chrono::system_clock::time_point since) {
  const auto addresses = collect<Address>(
      database, select_since(column, since), [since](Query& query) { query.time(since); },
      [](const Query& query) { return Row(query).address(); });
  if (!addresses) return std::unexpected(addresses.error());
  return count_each(*addresses).size();
}

}  // namespace scanlogd
