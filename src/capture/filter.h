// Which packets can matter to a detector, said once: as a predicate on decoded packets, and as a
// classic BPF program that lets a kernel drop the rest before it is copied. TCP without the bulk of
// established connections, as the libpcap filter of the original has it. bpf(4), packet(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/interest.h"
#include "core/link.h"
#include "core/packet.h"

namespace scanlogd {

/// Can `packet` matter to whoever has `interest`? TCP that was fragmented, or whose flags are not
/// "ACK, and none of FIN, SYN, RST" (so neither a bare ACK nor PSH+ACK); of other protocols either
/// all or none. `Interest::outgoing` is not judged here: who can tell leaves those out beforehand.
[[nodiscard]] constexpr bool can_matter(const Packet& packet, const Interest& interest) noexcept {
  constexpr std::uint8_t kTelling = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
  if (packet.protocol != IpProto::tcp) return interest.other_protocols;
  if ((packet.traits & trait::fragmented) != 0) return true;
  return (packet.flags & kTelling) != tcp_flag::ack;
}

/// One instruction of a classic BPF program; members and layout of `struct sock_filter`.
struct FilterInstruction {
  std::uint16_t code = 0;
  std::uint8_t if_true = 0;   ///< instructions to skip
  std::uint8_t if_false = 0;  ///< instructions to skip
  std::uint32_t operand = 0;
};

/// A program for frames of `link` that returns `snap_length` for every frame that may become a
/// packet that `can_matter`, and 0 for most others; what it lets through needs the predicate still.
/// It reads no link-layer field but the protocol, and everything else at or behind the end of the
/// link header: the only form that libpcap can move to a cooked socket, which has no such header.
/// Empty for link types whose header has no fixed size.
[[nodiscard]] std::vector<FilterInstruction> make_filter(LinkType link, const Interest& interest,
                                                         std::uint32_t snap_length);

/// What a packet socket is to see (packet(7)).
struct SocketScope {
  Interest interest;
  bool promiscuous = false;         ///< also what is addressed to other machines
  std::vector<int> only;            ///< interfaces by index; none: every one
  std::uint32_t snap_length = 256;  ///< bytes of each frame, link header included
};

/// A program for a packet socket that is bound to every interface, whatever their link layers. What
/// passes a loopback interface is let through once, on its way in.
[[nodiscard]] std::vector<FilterInstruction> make_socket_filter(const SocketScope& scope);

/// A program that gives each packet of a packet socket's fan-out group (PACKET_FANOUT_CBPF) to one
/// of `engines` by its remote address: the source of incoming, the target of outgoing ones; of IPv6
/// the upper half. `key` is odd and secret.
[[nodiscard]] std::vector<FilterInstruction> make_shard_filter(std::size_t engines,
                                                               std::uint32_t key);

/// What `make_filter` lets through, as an expression for tcpdump and libpcap (pcap-filter(7)), for
/// untagged frames. Of IPv6 it lets all extension headers through.
[[nodiscard]] std::string filter_expression(const Interest& interest);

}  // namespace scanlogd
