// What comes to us: a contact, a part of something that began earlier, or nothing of interest.
#pragma once

#include "core/packet.h"
#include "detect/full_state.h"
#include "detect/sides.h"
#include "detect/source_key.h"
#include "detect/technique.h"
#include "detect/verdict.h"

namespace scanlogd {

/// What became of an incoming packet; each is a counter of the full profile.
enum class Incoming : std::uint8_t {
  impossible,  ///< nobody has its source address
  to_group,    ///< to a multicast or broadcast address
  answers,     ///< resets, ICMP answers and errors
  connection,  ///< of one that exists, or to a service
  stray,       ///< a segment of no connection
  reply,       ///< to what we asked
  service,     ///< asks for one that we have
  unjudged,    ///< UDP, while our answers are not seen
  scanning,    ///< of a scan that goes on
  refused,     ///< a contact; no room for its source now
  repeated,    ///< a contact made before
  weightless,  ///< a contact that says nothing
  contact,     ///< one that counted
};

/// The part of `take_incoming` for a reset. Not inlined, like the next two: what they keep on the
/// stack is made room for only there.
[[nodiscard, gnu::noinline]] Incoming take_reset(FullState& state, const Packet& packet,
                                                 const Side& side) noexcept;

/// The part for a segment of what may be no connection.
[[nodiscard, gnu::noinline]] Incoming take_stray(FullState& state, const Packet& packet,
                                                 const Side& side) noexcept;

/// The part for all others.
[[nodiscard, gnu::noinline]] Incoming take_other(FullState& state, const Packet& packet,
                                                 const Side& side) noexcept;

/// Is `packet`, a segment that begins nothing, surely one of a connection? It is taken in then.
[[nodiscard, gnu::always_inline]] inline bool is_connection(FullState& state, const Packet& packet,
                                                            const Side& side) noexcept {
  if (!state.services.knows(side.port, state.now)) return state.questions.has(side.flow);
  const bool may_be_idle_scan = (packet.flags & tcp_flag::syn) != 0;
  if (may_be_idle_scan) return false;
  state.prove(side, state.handshakes.judge(side.flow, packet));
  return true;
}

/// Takes in `packet`, seen from the side that it goes to.
[[nodiscard, gnu::always_inline]] inline Incoming take_incoming(FullState& state,
                                                                const Packet& packet,
                                                                const Side& side) noexcept {
  const bool is_odd =
      is_impossible(packet.family, packet.source) || is_same(packet.source, packet.target);
  if (is_odd && !stays_on_loopback(packet)) return Incoming::impossible;
  if (is_group(packet.family, packet.target) || state.sides.is_broadcast(packet)) {
    return Incoming::to_group;
  }
  ++state.asked;
  // Most of what comes: nothing more is worked out of it.
  if (is_plain_syn(packet) && state.is_idle_service(side)) return Incoming::service;
  if (packet.protocol == IpProto::tcp) {
    const Role role = segment_role(packet.flags);
    if (role == Role::reset) return take_reset(state, packet, side);
    if (role == Role::stray) {
      return is_connection(state, packet, side) ? Incoming::connection
                                                : take_stray(state, packet, side);
    }
  }
  return take_other(state, packet, side);
}

}  // namespace scanlogd
