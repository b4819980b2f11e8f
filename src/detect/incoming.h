// What comes to us: a contact, a part of something that began earlier, or nothing of interest.
#pragma once

#include "core/packet.h"
#include "detect/full_state.h"
#include "detect/sides.h"

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

/// Takes in `packet`, seen from the side that it goes to.
[[nodiscard]] Incoming take_incoming(FullState& state, const Packet& packet,
                                     const Side& side) noexcept;

}  // namespace scanlogd
