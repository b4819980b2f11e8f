// See blindness.h.
#include "daemon/blindness.h"

#include <algorithm>
#include <utility>

namespace scanlogd {

void Blindness::follow(const InterfaceChange& change, Coverage coverage, Time heard, Time now) {
  using Kind = InterfaceChange::Kind;
  if (coverage == Coverage::no_concern) return;
  const Interface& interface = change.interface;
  if (change.kind == Kind::gone) return begin(BlindCause::interface_gone, interface.name, now);
  if (coverage == Coverage::not_watched) {
    return begin(BlindCause::not_watched, interface.name, now);
  }
  if (change.kind == Kind::renamed) {
    for (Open& each : open_) {
      if (each.interval.interface == change.old_name) each.interval.interface = interface.name;
    }
  }
  // One that was gone has its gap already. Up or not: it may have changed since it was heard of.
  if (change.kind == Kind::appeared && coverage == Coverage::watched_aside &&
      find(interface.name) == open_.end()) {
    begin(BlindCause::not_watched, interface.name, heard);
    return end(interface.name, now);
  }
  if (interface.is_up) return end(interface.name, now);
  // One that is there from the beginning and off is nobody's loss.
  if (change.kind == Kind::down) begin(BlindCause::interface_down, interface.name, now);
}

std::vector<Blindness::Open>::iterator Blindness::find(const std::string& interface) {
  return std::ranges::find_if(
      open_, [&](const Open& each) { return each.interval.interface == interface; });
}

void Blindness::begin(BlindCause cause, const std::string& interface, Time now) {
  const auto known = find(interface);
  if (known == open_.end()) {
    open_.push_back({.interval = {.cause = cause,
                                  .interface = interface,
                                  .start = now,
                                  .end = std::nullopt,
                                  .packets = std::nullopt}});
    return;
  }
  // Down and then gone is one gap, but what can be done about it changes.
  if (known->interval.cause != cause) known->is_told = false;
  known->interval.cause = cause;
}

void Blindness::end(const std::string& interface, Time now) {
  const auto known = find(interface);
  if (known == open_.end()) return;
  known->interval.end = std::max(now, known->interval.start);
  over_.push_back(std::move(known->interval));
  open_.erase(known);
}

void Blindness::lost(std::uint64_t total, Time calm, Time now) {
  if (total > lost_) {
    if (!std::exchange(is_losing_, true)) {
      losing_since_ = std::min(calm, now);
      losing_ = 0;
    }
    losing_ += total - std::exchange(lost_, total);
    last_loss_ = now;
  }
  if (!is_losing_) return;
  const bool is_over = now - last_loss_ >= kPatience || now < last_loss_;
  if (is_over || now - losing_since_ >= kLongestOverload) end_overload();
}

void Blindness::end_overload() {
  is_losing_ = false;
  over_.push_back({.cause = BlindCause::overload,
                   .interface = {},
                   .start = losing_since_,
                   .end = std::max(last_loss_, losing_since_),
                   .packets = losing_});
}

void Blindness::stopped(std::uint64_t total, Time calm, Time now) {
  // Anybody may say that we go on; only what was lost proves that we had not.
  if (total == lost_) return;
  over_.push_back({.cause = BlindCause::stopped,
                   .interface = {},
                   .start = std::min(calm, now),
                   .end = now,
                   .packets = total - std::exchange(lost_, total)});
}

std::vector<BlindInterval> Blindness::take(Time now) {
  std::vector<BlindInterval> told = std::exchange(over_, {});
  for (Open& each : open_) {
    const bool is_due =
        now - each.interval.start >= kPatience || each.interval.cause == BlindCause::not_watched;
    if (each.is_told || !is_due) continue;
    each.is_told = true;
    told.push_back(each.interval);
  }
  return told;
}

std::vector<BlindInterval> Blindness::finish(Time now) {
  if (is_losing_) end_overload();
  return take(now);
}

bool Blindness::is_waiting() const noexcept {
  return is_losing_ || !over_.empty() ||
         std::ranges::any_of(open_, [](const Open& each) { return !each.is_told; });
}

}  // namespace scanlogd
