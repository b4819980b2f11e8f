// See blind_interval.h.
#include "core/blind_interval.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace scanlogd {
namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::string_view kEverywhere = "every interface";
constexpr std::array kCauses = {BlindCause::overload, BlindCause::stopped,
                                BlindCause::interface_down, BlindCause::interface_gone,
                                BlindCause::not_watched};

std::string_view describe(BlindCause cause, bool is_over) {
  switch (cause) {
    case BlindCause::overload:
      return is_over ? "packets came faster than they were read"
                     : "packets come faster than they are read";
    case BlindCause::stopped:
      return "the process was stopped";
    case BlindCause::interface_down:
      return is_over ? "interface was down" : "interface is down";
    case BlindCause::interface_gone:
      return is_over ? "interface was gone" : "interface is gone";
    case BlindCause::not_watched:
      return is_over ? "interface was not watched"
                     : "interface cannot be watched without a restart";
  }
  return "unknown";
}

std::string timestamp(Time time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::time_t{seconds.count()}),
                     (milliseconds - seconds).count());
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

/// What `timestamp` writes.
std::optional<Time> parse_timestamp(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  if (text.size() != kForm.size()) return {};
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !is_digit : text[i] != kForm[i]) return {};
  }
  const auto part = [text](std::size_t at, std::size_t size) {
    return parse_number<unsigned>(text.substr(at, size)).value_or(0);
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(part(0, 4))),
                                        std::chrono::month(part(5, 2)),
                                        std::chrono::day(part(8, 2)));
  const unsigned hour = part(11, 2);
  const unsigned minute = part(14, 2);
  const unsigned second = part(17, 2);
  // Nanoseconds since 1970 end in 2262.
  constexpr std::chrono::year kLast{2261};
  if (!day.ok() || day.year() > kLast || hour > 23 || minute > 59 || second > 59) return {};
  return std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::milliseconds(part(20, 3));
}

/// What stands before `separator`, which goes with it; nullopt where there is none.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {};
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + separator.size());
  return taken;
}

}  // namespace

std::string to_string(const BlindInterval& blind) {
  const std::string where = blind.interface.empty() ? std::string(kEverywhere) : blind.interface;
  const std::string start = timestamp(blind.start);
  std::string text;
  if (blind.end) {
    const auto length = std::chrono::duration<double>(*blind.end - blind.start).count();
    text = fmt::format("blind on {} from {} to {} ({:.3f} s): {}", where, start,
                       timestamp(*blind.end), length, describe(blind.cause, true));
  } else {
    text = fmt::format("blind on {} since {}: {}", where, start, describe(blind.cause, false));
  }
  if (blind.packets) return text + fmt::format("; packets lost: {}", *blind.packets);
  return blind.end ? text + "; packets lost: unknown" : text;
}

std::optional<BlindInterval> parse_blind_interval(std::string_view text) {
  constexpr std::string_view kBeginning = "blind on ";
  if (!text.starts_with(kBeginning)) return {};
  text.remove_prefix(kBeginning.size());
  const bool is_over = text.find(" since ") == std::string_view::npos;
  const auto interface = take_until(text, is_over ? " from " : " since ");
  const auto start = take_until(text, is_over ? " to " : ": ");
  if (!interface || !start) return {};
  BlindInterval blind;
  if (*interface != kEverywhere) blind.interface = *interface;
  const auto from = parse_timestamp(*start);
  if (!from) return {};
  blind.start = *from;
  if (is_over) {
    const auto end = take_until(text, " (");
    if (!end || !take_until(text, " s): ")) return {};
    blind.end = parse_timestamp(*end);
    if (!blind.end) return {};
  }
  std::string_view rest = text;
  const std::string_view cause = take_until(rest, "; packets lost: ").value_or(text);
  if (cause.size() != text.size()) {
    blind.packets = parse_number<std::uint64_t>(rest);
    if (!blind.packets && rest != "unknown") return {};
  }
  const auto* const known = std::ranges::find_if(
      kCauses, [&](BlindCause each) { return describe(each, is_over) == cause; });
  if (known == kCauses.end()) return {};
  blind.cause = *known;
  return blind;
}

}  // namespace scanlogd
