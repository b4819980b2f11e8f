// See limiter.h; the numbers and the inclusive comparison are those of scanlogd 2.2.8.
#include "record/limiter.h"

namespace scanlogd {

Announce Limiter::admit(std::chrono::nanoseconds now) noexcept {
  using Hundredths = std::chrono::duration<std::int64_t, std::centi>;
  const std::int64_t tick = std::chrono::floor<Hundredths>(now).count();
  if (tick < last_ || tick - last_ > Hundredths(kWindow).count()) count_ = 0;
  if (count_ > kLines) return Announce::held_back;
  last_ = tick;
  return ++count_ <= kLines ? Announce::line : Announce::more_follow;
}

}  // namespace scanlogd
