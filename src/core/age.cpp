// See age.h.
#include "core/age.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace scanlogd {
namespace {

struct Unit {
  char letter;
  std::chrono::seconds length;
};

constexpr std::array<Unit, 5> kUnits = {{{'s', std::chrono::seconds(1)},
                                         {'m', std::chrono::minutes(1)},
                                         {'h', std::chrono::hours(1)},
                                         {'d', std::chrono::days(1)},
                                         {'w', std::chrono::weeks(1)}}};

/// More than any record goes back.
constexpr std::int64_t kMost = 100'000;

}  // namespace

Result<std::chrono::seconds> parse_age(std::string_view option, std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.letter)) continue;
    const std::string_view digits = text.substr(0, text.size() - 1);
    std::int64_t count = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, count);
    if (error != std::errc() || stop != end || count < 1 || count > kMost) break;
    return unit.length * count;
  }
  return fail(fmt::format("{}: '{}' must be a time such as 90s, 30m, 12h, 1d, 2w", option, text));
}

}  // namespace scanlogd
