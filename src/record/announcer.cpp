// See announcer.h.
#include "record/announcer.h"

namespace scanlogd {

Announcer::Decision Announcer::begin(Verdict verdict, std::chrono::nanoseconds now) noexcept {
  if (style_ == LogStyle::classic) return {.announce = all_.admit(now)};
  if (verdict == Verdict::proven && proven_.has_line(now)) return {.announce = proven_.admit(now)};
  const Announce announce = all_.admit(now);
  if (announce == Announce::line) return {.announce = announce};
  // The word is said once, and the scan in whose place it stands is named all the same.
  return {.announce = Announce::digest, .says_more_follow = announce == Announce::more_follow};
}

Announcer::Decision Announcer::begin_egress(std::chrono::nanoseconds now) noexcept {
  if (style_ == LogStyle::classic) return {.announce = all_.admit(now)};
  if (egress_.has_line(now)) return {.announce = egress_.admit(now)};
  return {.announce = Announce::digest};
}

bool Announcer::admit_late(Verdict verdict, std::chrono::nanoseconds now) noexcept {
  for (Limiter* const limiter : {&proven_, &all_}) {
    if (limiter == &proven_ && verdict != Verdict::proven) continue;
    if (limiter->has_line(now)) return limiter->admit(now) == Announce::line;
  }
  return false;
}

bool Announcer::admit_end(const ScanEvent& event, std::chrono::nanoseconds now) noexcept {
  if (style_ == LogStyle::classic || event.reason == EndReason::shutdown) return false;
  const bool is_long =
      event.detected - event.started > kLongScan || event.ports_total >= kManyPorts;
  return is_long && ends_.has_line(now) && ends_.admit(now) == Announce::line;
}

Announcer::State Announcer::state() const noexcept {
  return {.all = all_.state(),
          .proven = proven_.state(),
          .ends = ends_.state(),
          .egress = egress_.state()};
}

void Announcer::restore(const State& state) noexcept {
  all_.restore(state.all);
  proven_.restore(state.proven);
  ends_.restore(state.ends);
  egress_.restore(state.egress);
}

}  // namespace scanlogd
