// The sources of scans by the countries their networks are registered in, and how a place is
// worded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "ctl/locator.h"
#include "record/store_reader.h"

namespace scanlogd::ctl {

/// One line of a list of countries.
struct CountryCount {
  CountryCode code{};
  std::uint64_t scans = 0;
  std::uint64_t sources = 0;  ///< distinct ones
};

/// Among the scans found since `since`, or all: the countries of most of them, at most `limit`.
[[nodiscard]] Result<std::vector<CountryCount>> top_countries(
    const StoreReader& store, std::optional<std::chrono::system_clock::time_point> since,
    const Locator& locator, std::size_t limit);

/// `DE`; empty: not known.
[[nodiscard]] std::string text_of(const CountryCode& code);

/// `Germany`; its code where it has no name; `not known`.
[[nodiscard]] std::string name_country(const Locator& locator, const CountryCode& code);

/// `DE Germany`; empty: not known.
[[nodiscard]] std::string describe_country(const Locator& locator, const Location& location);

/// `AS64500 Example Net`; empty: not known.
[[nodiscard]] std::string describe_as(const Locator& locator, const Location& location);

}  // namespace scanlogd::ctl
