// What we send: it tells which ports are services, which contacts failed, whom we asked ourselves,
// and, by our resets, of probes that no filter lets through.
#pragma once

#include "core/packet.h"
#include "detect/full_state.h"
#include "detect/sides.h"

namespace scanlogd {

/// Takes in `packet`, seen from the side that sent it.
void take_outgoing(FullState& state, const Packet& packet, const Side& side) noexcept;

}  // namespace scanlogd
