// Typed access to the options of one plug-in (section.h). Start-up only: it may allocate.
#include "core/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <numeric>

namespace scanlogd {
namespace {

using std::chrono::milliseconds;

// Removes the digits that `text` begins with and returns them.
std::string_view take_digits(std::string_view& text) noexcept {
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  text.remove_prefix(digits.size());
  return digits;
}

// All of `text` as a whole decimal number.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view suffix;
  milliseconds length;
};
constexpr std::array kUnits = {
    Unit{"h", std::chrono::hours{1}},
    Unit{"m", std::chrono::minutes{1}},
    Unit{"s", std::chrono::seconds{1}},
    Unit{"ms", milliseconds{1}},
};

std::optional<milliseconds> unit_of(std::string_view suffix) noexcept {
  if (suffix.empty()) return std::chrono::seconds{1};
  for (const Unit& unit : kUnits) {
    if (unit.suffix == suffix) return unit.length;
  }
  return std::nullopt;
}

// In the largest unit that needs no fraction.
std::string format_duration(milliseconds time) {
  if (time == milliseconds::zero()) return "0s";
  const auto* unit = kUnits.begin();
  while (time % unit->length != milliseconds::zero()) ++unit;  // at last in milliseconds
  return fmt::format("{}{}", time / unit->length, unit->suffix);
}

struct SizeUnit {
  std::string_view suffix;
  std::uint64_t bytes;
};
constexpr std::array kSizeUnits = {SizeUnit{"G", std::uint64_t{1} << 30},
                                   SizeUnit{"M", std::uint64_t{1} << 20},
                                   SizeUnit{"k", std::uint64_t{1} << 10}, SizeUnit{"", 1}};

// What `small` means: room for some thousand sources.
constexpr std::uint64_t kSmall = std::uint64_t{1} << 20;

// In the largest unit that needs no fraction.
std::string format_size(std::uint64_t bytes) {
  const auto* unit = kSizeUnits.begin();
  while (bytes % unit->bytes != 0) ++unit;  // at last in bytes
  return fmt::format("{}{}", bytes / unit->bytes, unit->suffix);
}

// Levenshtein's: the least number of letters to insert, delete or replace.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// The known key that `key` is probably a misspelling of: at least two letters in three are right.
std::optional<std::string_view> nearest(std::string_view key,
                                        std::span<const std::string_view> known) {
  std::optional<std::string_view> best;
  std::size_t best_distance = key.size() / 3 + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(key, candidate);
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  const auto meant = nearest(word, known);
  return meant ? fmt::format(" (did you mean '{}'?)", *meant) : "";
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMaxWhole = 1'000'000'000'000;  // times an hour in ms fits 63 bits
  constexpr std::size_t kMaxFraction = 9;                 // digits; likewise
  const auto whole = parse_number(take_digits(text));
  if (!whole || *whole > kMaxWhole) return std::nullopt;
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
    if (fraction.empty() || fraction.size() > kMaxFraction) return std::nullopt;
  }
  const auto unit = unit_of(text);
  if (!unit) return std::nullopt;
  milliseconds time = *unit * static_cast<std::int64_t>(*whole);
  milliseconds::rep scaled = 0;
  milliseconds::rep scale = 1;
  for (const char digit : fraction) {
    scaled = scaled * 10 + (digit - '0');
    scale *= 10;
  }
  time += *unit * scaled / scale;
  return time;
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  if (text == "small") return kSmall;
  const auto number = parse_number(take_digits(text));
  const auto* const unit = std::ranges::find(kSizeUnits, text, &SizeUnit::suffix);
  if (!number || unit == kSizeUnits.end()) return std::nullopt;
  if (*number > std::numeric_limits<std::uint64_t>::max() / unit->bytes) return std::nullopt;
  return *number * unit->bytes;
}

void Section::set(std::string_view key, std::string_view value, std::string_view origin) {
  const auto entry = std::ranges::find(entries_, key, &Entry::key);
  if (entry == entries_.end())
    entries_.push_back({std::string(key), std::string(value), std::string(origin)});
  else
    *entry = {std::string(key), std::string(value), std::string(origin)};
}

void Section::erase(std::string_view key) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
}

void Section::update(const Section& other) {
  for (const Entry& entry : other.entries_) set(entry.key, entry.value, entry.origin);
}

std::vector<std::string> Section::differences(const Section& other) const {
  std::vector<std::string> keys;
  for (const Entry& entry : entries_) {
    if (other.text(entry.key) != entry.value) keys.push_back(entry.key);
  }
  for (const Entry& entry : other.entries_) {
    if (!has(entry.key)) keys.push_back(entry.key);
  }
  return keys;
}

bool operator==(const Section& one, const Section& other) noexcept {
  return one.entries_.size() == other.entries_.size() &&
         std::ranges::all_of(one.entries_, [&](const Section::Entry& entry) {
           return other.text(entry.key) == std::string_view(entry.value);
         });
}

const Section::Entry* Section::find(std::string_view key) const noexcept {
  const auto entry = std::ranges::find(entries_, key, &Entry::key);
  return entry == entries_.end() ? nullptr : &*entry;
}

bool Section::has(std::string_view key) const noexcept { return find(key) != nullptr; }

std::optional<std::string_view> Section::text(std::string_view key) const noexcept {
  const Entry* entry = find(key);
  if (entry == nullptr) return std::nullopt;
  return entry->value;
}

Result<std::uint64_t> Section::number(std::string_view key, std::uint64_t fallback,
                                      std::uint64_t least, std::uint64_t most) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const auto value = parse_number(entry->value);
  if (value && *value >= least && *value <= most) return *value;
  return fail(fmt::format("{}: '{}' is not a whole number from {} to {}", entry->origin,
                          entry->value, least, most));
}

Result<bool> Section::boolean(std::string_view key, bool fallback) const {
  constexpr std::array<std::string_view, 4> kTrue = {"true", "yes", "on", "1"};
  constexpr std::array<std::string_view, 4> kFalse = {"false", "no", "off", "0"};
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  if (std::ranges::find(kTrue, entry->value) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, entry->value) != kFalse.end()) return false;
  return fail(fmt::format("{}: '{}' is neither true nor false", entry->origin, entry->value));
}

Result<milliseconds> Section::duration(std::string_view key, milliseconds fallback,
                                       milliseconds least, milliseconds most) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const auto value = parse_duration(entry->value);
  if (!value)
    return fail(fmt::format("{}: '{}' is not a time such as 3s, 1500ms, 2.5s or 5m", entry->origin,
                            entry->value));
  if (*value < least || *value > most)
    return fail(fmt::format("{}: '{}' is not within {} and {}", entry->origin, entry->value,
                            format_duration(least), format_duration(most)));
  return *value;
}

Result<std::uint64_t> Section::size(std::string_view key, std::uint64_t fallback,
                                    std::uint64_t least, std::uint64_t most) const {
  const Entry* entry = find(key);
  if (entry == nullptr) return fallback;
  const auto value = parse_size(entry->value);
  if (!value)
    return fail(fmt::format("{}: '{}' is not a size such as 16M, 512k, 1G or small", entry->origin,
                            entry->value));
  if (*value < least || *value > most)
    return fail(fmt::format("{}: '{}' is not within {} and {}", entry->origin, entry->value,
                            format_size(least), format_size(most)));
  return *value;
}

std::string Section::origin(std::string_view key) const {
  const Entry* entry = find(key);
  return entry == nullptr ? std::string(key) : entry->origin;
}

Result<void> Section::reject_unknown(std::initializer_list<std::string_view> known) const {
  for (const Entry& entry : entries_) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    return fail(fmt::format("{}: unknown key '{}'{}", entry.origin, entry.key,
                            suggestion(entry.key, {known.begin(), known.size()})));
  }
  return {};
}

}  // namespace scanlogd
