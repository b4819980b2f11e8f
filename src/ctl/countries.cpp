// See countries.h.
#include "ctl/countries.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

namespace scanlogd::ctl {

Result<std::vector<CountryCount>> top_countries(
    const StoreReader& store, std::optional<std::chrono::system_clock::time_point> since,
    const Locator& locator, std::size_t limit) {
  const auto sources = store.sources(since);
  if (!sources) return std::unexpected(sources.error());
  std::map<CountryCode, CountryCount> counts;
  for (const AddressCount& each : *sources) {
    const CountryCode code = locator.locate(each.address).country;
    CountryCount& count = counts[code];
    count.code = code;
    count.scans += each.scans;
    ++count.sources;
  }
  std::vector<CountryCount> top;
  top.reserve(counts.size());
  for (const auto& [code, count] : counts) top.push_back(count);
  std::ranges::stable_sort(top, std::greater(), &CountryCount::scans);
  top.resize(std::min(top.size(), limit));
  return top;
}

std::string text_of(const CountryCode& code) {
  return code == CountryCode{} ? "" : std::string(code.begin(), code.end());
}

std::string name_country(const Locator& locator, const CountryCode& code) {
  if (code == CountryCode{}) return "not known";
  const std::string name = locator.country_name(code);
  return name.empty() ? text_of(code) : name;
}

std::string describe_country(const Locator& locator, const Location& location) {
  const std::string code = text_of(location.country);
  if (code.empty()) return "";
  const std::string name = locator.country_name(location.country);
  return name.empty() ? code : fmt::format("{} {}", code, name);
}

std::string describe_as(const Locator& locator, const Location& location) {
  if (location.as_number == 0) return "";
  const std::string name = locator.as_name(location.as_number);
  return fmt::format("AS{}{}{}", location.as_number, name.empty() ? "" : " ", name);
}

}  // namespace scanlogd::ctl
