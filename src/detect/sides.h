// Who is who in a packet: which end is ours, and the hashes of both ends' view of it.
#pragma once

#include <span>

#include "core/address.h"
#include "core/keyed_hash.h"
#include "core/packet.h"
#include "detect/evidence.h"
#include "detect/network_set.h"
#include "detect/source_key.h"
#include "detect/technique.h"
#include "detect/verdict.h"

namespace scanlogd {

/// One end's view of a packet: what it is to the local host that sent or gets it.
struct Side {
  SourceKey remote = 0;
  std::uint64_t hash = 0;   ///< keyed hash of `remote`: where tables have it
  std::uint64_t local = 0;  ///< `address_word` of the local host
  FlowHash port = 0;        ///< see `port_hash`
  FlowHash flow = 0;        ///< see `flow_hash`
};

/// A packet as one of ours, one of others, both, or neither.
struct Look {
  bool is_out = false;
  bool is_in = false;
  Side out;
  Side in;
};

/// Tells our addresses from others: by what the capture says, else by our networks, else not at
/// all, and then every address is on both sides.
class Sides {
 public:
  explicit Sides(HashKey key) noexcept : key_(key) {}

  /// The networks that are ours.
  void set_local(std::span<const Network> networks) { local_ = NetworkSet(networks); }

  /// Works out `look`. Inlined, as `side` is: its results are not put together in memory.
  [[gnu::always_inline]] void prepare(const Packet& packet, Look& look) noexcept {
    if ((packet.traits & trait::outgoing) != 0) {
      knows_direction_ = true;
      look.is_out = true;
      look.is_in = false;
    } else {
      const bool from_us = local_.contains(packet.family, packet.source);
      // What stays among us, as on a loopback interface, is on both sides: whoever scans from here
      // is seen as well.
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

  /// The view of the host `local`, which has `port`, of a packet that it exchanges with `remote`.
  [[nodiscard, gnu::always_inline]] Side side(Family family, IpProto protocol,
                                              const AddressBytes& local, Port port,
                                              const AddressBytes& remote) const noexcept {
    Side side;
    side.remote = source_key(family, remote);
    side.hash = keyed_hash(key_, side.remote);
    side.local = address_word(key_, family, local);
    // For ICMP the port fields are type and code: such packets go to a host.
    if (protocol != IpProto::tcp && !has_ports(protocol)) [[unlikely]]
      port = 0;
    side.port = port_hash(key_, side.local, protocol, port);
    side.flow = flow_hash(key_, side.port, side.remote);
    return side;
  }

  /// Is the address known to be ours?
  [[nodiscard]] bool is_ours(Family family, const AddressBytes& address) const noexcept {
    return local_.contains(family, address);
  }

  /// Does the packet go to all hosts of a network?
  [[nodiscard]] bool is_broadcast(const Packet& packet) const noexcept {
    // The last address of a network of more than two ends with two set bits, or more.
    constexpr std::uint8_t kAtLeast = 3;
    if (packet.family != Family::ipv4 || (packet.target[3] & kAtLeast) != kAtLeast) return false;
    if (!local_.empty() && local_.is_broadcast(packet.target)) return true;
    constexpr std::uint8_t kLast = 255;  // of the usual networks; nobody scans that by UDP
    return packet.protocol == IpProto::udp && packet.target[3] == kLast;
  }

 private:
  HashKey key_;
  NetworkSet local_;
  bool knows_direction_ = false;  ///< the capture told of an outgoing packet
};

}  // namespace scanlogd
