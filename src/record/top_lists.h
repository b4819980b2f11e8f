// The most frequent values among the scans of a store. What is counted here and not by SQLite is so
// because that sorts whole rows for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/sqlite.h"
#include "record/store_reader.h"

namespace scanlogd {

/// Of the scans found then or later, or all.
using Since = std::optional<std::chrono::system_clock::time_point>;

/// The ports that most scans asked for, at most `limit`.
[[nodiscard]] Result<std::vector<TopEntry>> top_ports(const Database& database, const Since& since,
                                                      std::size_t limit);

/// The sources, networks of sources or targets.
[[nodiscard]] Result<std::vector<TopEntry>> top_addresses(const Database& database, TopBy by,
                                                          const Since& since, std::size_t limit);

/// Each source once, in order, however many there are.
[[nodiscard]] Result<std::vector<AddressCount>> count_sources(const Database& database,
                                                              const Since& since);

/// The names in a column that has few different ones.
[[nodiscard]] Result<std::vector<TopEntry>> top_names(const Database& database,
                                                      std::string_view column, const Since& since,
                                                      std::size_t limit);

/// How many different addresses are in a column.
[[nodiscard]] Result<std::uint64_t> count_distinct(const Database& database,
                                                   std::string_view column,
                                                   std::chrono::system_clock::time_point since);

}  // namespace scanlogd
