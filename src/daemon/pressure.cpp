// See pressure.h.
#include "daemon/pressure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace scanlogd {
namespace {

// `count` in `time`, as so many a second.
std::uint64_t per_second(std::uint64_t count, std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(count) / seconds));
}

}  // namespace

std::string to_string(const StatePressure& pressure) {
  if (pressure.is_over) {
    return fmt::format("state pressure is over: {} live sources given up in {} s",
                       pressure.given_up, pressure.lasted.count());
  }
  return fmt::format(
      "state pressure: {} new sources/s, {} live sources given up in the last second; slow scans "
      "may be missed (--memory)",
      pressure.new_sources, pressure.given_up);
}

std::optional<StatePressure> Pressure::look(std::uint64_t new_sources, std::uint64_t evicted,
                                            std::chrono::nanoseconds now) {
  std::chrono::nanoseconds passed = looked_ ? now - *looked_ : kInterval;
  if (passed < std::chrono::nanoseconds(0)) passed = kInterval;  // the clock ran backwards
  if (passed < kInterval) return {};
  looked_ = now;
  const std::uint64_t came = new_sources - std::exchange(new_sources_, new_sources);
  const std::uint64_t went = evicted - std::exchange(evicted_, evicted);
  if (went > 0) {
    const bool is_new = !std::exchange(is_on_, true);
    if (is_new) {
      since_ = now - std::min<std::chrono::nanoseconds>(passed, kInterval);
      given_up_ = 0;
    }
    given_up_ += went;
    latest_ = now;
    if (!is_new && now - told_ < kRepeat && now >= told_) return {};
    told_ = now;
    return StatePressure{.new_sources = per_second(came, passed),
                         .given_up = std::max<std::uint64_t>(per_second(went, passed), 1)};
  }
  if (is_on_ && (now - latest_ >= kRepeat || now < latest_)) return finish(evicted);
  return {};
}

std::optional<StatePressure> Pressure::finish(std::uint64_t evicted) {
  const std::uint64_t went = evicted - std::exchange(evicted_, evicted);
  if (!is_on_) given_up_ = 0;
  if (!is_on_ && went > 0) since_ = latest_ - kInterval;
  if (!std::exchange(is_on_, false) && went == 0) return {};
  given_up_ += went;
  return StatePressure{.given_up = given_up_,
                       .lasted = std::chrono::ceil<std::chrono::seconds>(latest_ - since_),
                       .is_over = true};
}

}  // namespace scanlogd
