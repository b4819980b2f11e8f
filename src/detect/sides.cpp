// See sides.h.
#include "detect/sides.h"

namespace scanlogd {

bool Sides::is_broadcast(const Packet& packet) const noexcept {
  // The last address of a network of more than two ends with two set bits, or more.
  constexpr std::uint8_t kAtLeast = 3;
  if (packet.family != Family::ipv4 || (packet.target[3] & kAtLeast) != kAtLeast) return false;
  if (!local_.empty() && local_.is_broadcast(packet.target)) return true;
  constexpr std::uint8_t kLast = 255;  // of the usual networks; nobody scans that by UDP
  return packet.protocol == IpProto::udp && packet.target[3] == kLast;
}

}  // namespace scanlogd
