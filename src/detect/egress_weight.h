// What a contact of ours with somebody else weighs that failed (docs/detection.md): about as much
// as one with us does, but for programs that look for peers.
#pragma once

#include "core/packet.h"
#include "detect/families.h"
#include "detect/leaky_sums.h"
#include "detect/technique.h"

namespace scanlogd {

/// Is it a port at which programs try addresses that others told them: BitTorrent, eMule, Bitcoin,
/// Monero, IPFS, Ethereum and its relatives? Peers are gone as often as not.
[[nodiscard]] constexpr bool is_of_swarm(Port port) noexcept {
  switch (port) {
    case 4001:
    case 4662:
    case 4672:
    case 8333:
    case 18080:
    case 26656:
    case 30303:
    case 51413:
      return true;
    default:
      return port >= 6881 && port <= 6889;
  }
}

/// Does no ordinary system send it?
[[nodiscard]] constexpr bool is_loud(const Probe& probe) noexcept {
  return probe.is_illegal || probe.is_crafted;
}

/// A contact with a peer of a swarm.
inline constexpr Weight kPeer = kPoint / 4;

/// What a failure weighs for its port and for its target.
[[nodiscard]] constexpr Weight weigh_outgoing(const Probe& probe, const Packet& packet) noexcept {
  constexpr Port kFirstUnprivileged = 1024;
  constexpr Weight kIllegal = 3 * kPoint;
  constexpr Weight kKnownPort = 2 * kPoint;
  constexpr Weight kOther = kPoint + kPoint / 2;
  constexpr Weight kHost = kPoint + 5 * kPoint / 8;
  if (probe.is_illegal || packet.protocol == IpProto::sctp) return kIllegal;
  if (!probe.has_ports) return probe.technique == Technique::ip_protocol ? kOther : kHost;
  const Port port = packet.target_port;
  if (!probe.is_crafted && is_of_swarm(port)) return kPeer;
  return port < kFirstUnprivileged || family_of(port) != PortFamily::none ? kKnownPort : kOther;
}

/// The same for all contacts of an address, which need have nothing in common: peers have each a
/// port of their own.
[[nodiscard]] constexpr Weight weigh_among_all(const Probe& probe, const Packet& packet) noexcept {
  constexpr Port kFirstUnprivileged = 1024;
  const bool is_peer = probe.has_ports && !is_loud(probe) &&
                       packet.target_port >= kFirstUnprivileged &&
                       family_of(packet.target_port) == PortFamily::none;
  return is_peer ? kPeer : weigh_outgoing(probe, packet);
}

/// Is it the path to its target that is looked at?
[[nodiscard]] constexpr bool is_of_traceroute(const Probe& probe, const Packet& packet) noexcept {
  return probe.has_ports && !is_loud(probe) &&
         family_of(packet.target_port) == PortFamily::traceroute;
}

}  // namespace scanlogd
