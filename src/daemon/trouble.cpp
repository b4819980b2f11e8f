// See trouble.h.
#include "daemon/trouble.h"

#include <time.h>

#include <utility>

namespace scanlogd {

bool Trouble::note(Clock::time_point now) noexcept {
  is_noted_ = true;
  if (told_ && now - *told_ < kRepeat) return false;
  told_ = now;
  return true;
}

void Trouble::rest() noexcept {
  visits_all_ = std::exchange(is_noted_, false);
  if (!visits_all_) return;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kRest).count()};
  // Not tried again when interrupted: that would be one more call that may fail for ever.
  (void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &kPause, nullptr);
}

}  // namespace scanlogd
