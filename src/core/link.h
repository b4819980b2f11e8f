// From a captured frame to the IP datagram in it: the link layers of pcap-linktype(7) that we know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/result.h"

namespace scanlogd {

/// Link layers we can take off; the values are LINKTYPE_ numbers (pcap-linktype(7)).
enum class LinkType : std::uint16_t {
  null = 0,  ///< BSD loopback: address family in the byte order of the writing host
  ethernet = 1,
  ppp = 9,  ///< with or without the HDLC ff 03 (RFC 1662)
  ppp_hdlc = 50,
  pppoe = 51,       ///< PPPoE session header first (RFC 2516)
  raw = 101,        ///< IPv4 or IPv6 by version nibble
  loop = 108,       ///< OpenBSD loopback: address family in network order
  linux_sll = 113,  ///< cooked v1
  ipv4 = 228,
  ipv6 = 229,
  linux_sll2 = 276,  ///< cooked v2
};

/// The link type of a pcap DLT or LINKTYPE number; an error names the number and libpcap's word for
/// it is the caller's to add. Accepts Linux's DLT_RAW 12 and OpenBSD's 14 for `raw`.
[[nodiscard]] Result<LinkType> link_type(int dlt);

/// What a link layer carried.
struct LinkPayload {
  std::span<const std::byte> datagram;  ///< starts at the IP version nibble; may end in padding
  std::size_t header_size = 0;          ///< link bytes before the datagram
  bool outgoing = false;                ///< cooked headers say so; others never do
  std::uint16_t vlan = 0;               ///< as `Packet::vlan`, by the tags that are in the frame
};

/// Takes the link layer off `frame`, with up to four stacked VLAN tags (802.1Q, 802.1ad, 0x9100)
/// and PPPoE sessions inside Ethernet. Returns nullopt for a frame that carries no IP or ends
/// early.
[[nodiscard]] std::optional<LinkPayload> strip_link(LinkType type,
                                                    std::span<const std::byte> frame) noexcept;

}  // namespace scanlogd
