// See scan_book.h.
#include "record/scan_book.h"

namespace scanlogd {

Scan ScanBook::enter(const ScanEvent& event,
                     std::chrono::nanoseconds wall_minus_monotonic) noexcept {
  const auto wall = [&](std::chrono::nanoseconds monotonic) {
    return std::chrono::system_clock::time_point(monotonic + wall_minus_monotonic);
  };
  Scan scan;
  scan.id = ++stats_.detected;
  scan.started = wall(event.started);
  scan.detected = wall(event.detected);
  scan.at = scan.detected;
  scan.event = event;
  scan.announce = limiter_.admit(event.detected);
  switch (scan.announce) {
    case Announce::line:
      ++stats_.lines;
      break;
    case Announce::more_follow:
      ++stats_.more_follow;
      break;
    case Announce::held_back:
    case Announce::digest:
      ++stats_.held_back;
      break;
  }
  return scan;
}

}  // namespace scanlogd
