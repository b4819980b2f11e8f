// See sides.h.
#include "detect/sides.h"

#include "detect/verdict.h"

namespace scanlogd {

void Sides::prepare(const Packet& packet, Look& look) noexcept {
  if ((packet.traits & trait::outgoing) != 0) {
    knows_direction_ = true;
    look.is_out = true;
    look.is_in = false;
  } else {
    const bool from_us = local_.contains(packet.family, packet.source);
    // What stays among us, as on a loopback interface, is on both sides: whoever scans from here is
    // seen as well.
    const bool stays =
        stays_on_loopback(packet) || (from_us && local_.contains(packet.family, packet.target));
    if (stays || (!knows_direction_ && local_.empty())) {
      look.is_out = look.is_in = true;
    } else {
      look.is_out = from_us && !knows_direction_;
      look.is_in = !from_us;  // an address that we have only now is no reason to look away
    }
  }
  if (look.is_out) {
    look.out =
        side(packet.family, packet.protocol, packet.source, packet.source_port, packet.target);
  }
  if (look.is_in) {
    look.in =
        side(packet.family, packet.protocol, packet.target, packet.target_port, packet.source);
  }
}

bool Sides::is_broadcast(const Packet& packet) const noexcept {
  // The last address of a network of more than two ends with two set bits, or more.
  constexpr std::uint8_t kAtLeast = 3;
  if (packet.family != Family::ipv4 || (packet.target[3] & kAtLeast) != kAtLeast) return false;
  if (!local_.empty() && local_.is_broadcast(packet.target)) return true;
  constexpr std::uint8_t kLast = 255;  // of the usual networks; nobody scans that by UDP
  return packet.protocol == IpProto::udp && packet.target[3] == kLast;
}

}  // namespace scanlogd
