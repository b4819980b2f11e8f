// Which packets can matter to a detector, said once: as a predicate on decoded packets, and as a
// classic BPF program that lets a kernel drop the rest before it is copied. TCP without the bulk of
// established connections, as the libpcap filter of the original has it. bpf(4), packet(7).
#pragma once

#include <cstdint>
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

}  // namespace scanlogd
