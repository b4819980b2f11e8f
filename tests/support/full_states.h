// The state of the full profile by itself, for tests of its parts.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "detect/full_state.h"
#include "support/full_bench.h"

namespace scanlogd::test {

/// A state in which `kOurs` is ours, at some time.
inline std::unique_ptr<FullState> make_state(const Section& options = {}) {
  auto made = FullState::make(options, {.a = 0x0123'4567'89ab'cdef, .b = 0xfedc'ba98'7654'3210});
  EXPECT_TRUE(made) << made.error().what;
  auto state = std::make_unique<FullState>(std::move(*made));
  state->sides.set_local(parse_networks(kOurs).value());
  state->time = std::chrono::hours(1000);
  state->now = tick_of(state->time);
  return state;
}

/// The side of `packet` that is ours.
inline Side our_side(FullState& state, const Packet& packet) {
  Look look;
  state.sides.prepare(packet, look);
  return look.is_in ? look.in : look.out;
}

}  // namespace scanlogd::test
