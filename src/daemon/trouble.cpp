// See trouble.h.
#include "daemon/trouble.h"

#include <time.h>

#include <algorithm>
#include <utility>

namespace scanlogd {

bool Trouble::note(Clock::time_point now) noexcept {
  is_noted_ = true;
  if (told_ && now - *told_ < kRepeat) return false;
  told_ = now;
  return true;
}

bool Trouble::note_vain() noexcept {
  is_vain_ = true;
  return vain_rounds_ + 1 >= kMostVain;
}

void Trouble::rest() noexcept {
  vain_rounds_ = std::exchange(is_vain_, false) ? std::min(vain_rounds_ + 1, kMostVain) : 0;
  visits_all_ = std::exchange(is_noted_, false);
  if (!visits_all_) return;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kRest).count()};
  // Not tried again when interrupted: that would be one more call that may fail for ever.
  (void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &kPause, nullptr);
}

}  // namespace scanlogd
