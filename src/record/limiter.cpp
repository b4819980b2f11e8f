// See limiter.h; the numbers and the inclusive comparison are those of scanlogd 2.2.8.
#include "record/limiter.h"

namespace scanlogd {
namespace {

using Hundredths = std::chrono::duration<std::int64_t, std::centi>;

std::int64_t tick_of(std::chrono::nanoseconds now) noexcept {
  return std::chrono::floor<Hundredths>(now).count();
}

}  // namespace

bool Limiter::is_over(std::int64_t tick) const noexcept {
  return tick < state_.last || tick - state_.last > Hundredths(kWindow).count();
}

Announce Limiter::admit(std::chrono::nanoseconds now) noexcept {
  const std::int64_t tick = tick_of(now);
  if (is_over(tick)) state_.count = 0;
  if (state_.count > kLines) return Announce::held_back;
  state_.last = tick;
  return ++state_.count <= kLines ? Announce::line : Announce::more_follow;
}

bool Limiter::has_line(std::chrono::nanoseconds now) const noexcept {
  return is_over(tick_of(now)) || state_.count < kLines;
}

}  // namespace scanlogd
