// What a packet that came unasked is: which technique of nmap(1) it looks like, whether an ordinary
// system could have sent it, and which program's marks it bears. One packet at a time, no memory.
#pragma once

#include <cstdint>

#include "core/packet.h"
#include "core/scan_event.h"

namespace scanlogd {

/// The part a packet can play.
enum class Role : std::uint8_t {
  none,    ///< nothing to do with scans
  probe,   ///< asks for something
  stray,   ///< a segment of a connection; without one, a probe or an answer
  reset,   ///< ends a connection; without one, an answer to others (backscatter)
  answer,  ///< of other protocols, to what we sent
};

/// How one packet probes.
struct alignas(8) Probe {  // so that it fits into a register
  Role role = Role::none;
  Technique technique = Technique::unknown;
  bool is_illegal = false;  ///< no system sends it: needs no further proof
  bool is_crafted = false;  ///< a SYN that no system's own TCP sends
  bool has_ports = false;   ///< asks for a port, not for a host or protocol
};

/// What `packet` is.
[[nodiscard]] Probe classify(const Packet& packet) noexcept;

/// The role of a TCP segment with these flags, as `classify` says.
[[nodiscard]] constexpr Role segment_role(std::uint8_t flags) noexcept {
  using tcp_flag::ack, tcp_flag::fin, tcp_flag::rst, tcp_flag::syn;
  if ((flags & syn) != 0 && (flags & (fin | rst)) != 0) return Role::probe;
  if ((flags & rst) != 0) return Role::reset;
  return (flags & ack) != 0 ? Role::stray : Role::probe;
}

namespace detail {
// No system starts with more than 255, and few with more than 128; few paths are longer than 55.
inline constexpr std::uint8_t kRawTtl = 200;
inline constexpr std::uint16_t kZmapWindow = 65535;
}  // namespace detail

/// Is it surely a SYN as systems send it? What is not may be one all the same: `classify` knows.
/// For most of what comes this is the whole question.
[[nodiscard]] inline bool is_plain_syn(const Packet& packet) noexcept {
  using tcp_flag::ack, tcp_flag::fin, tcp_flag::rst, tcp_flag::syn, tcp_flag::urg;
  constexpr std::uint8_t kOthers = trait::fragmented | trait::options;
  constexpr auto kPlain =
      static_cast<std::uint8_t>(static_cast<unsigned>(TcpOptions::other) << trait::options_at);
  return packet.protocol == IpProto::tcp && (packet.flags & (syn | fin | rst | ack | urg)) == syn &&
         (packet.traits & kOthers) == kPlain && packet.ttl <= detail::kRawTtl;
}

/// The program that probably sent `packet`, a probe: its mark alone is no proof, two are a vote.
[[nodiscard]] Tool tool_of(const Packet& packet, const Probe& probe) noexcept;

/// Do packets of `protocol` go to a port?
[[nodiscard]] constexpr bool has_ports(IpProto protocol) noexcept {
  return protocol == IpProto::tcp || protocol == IpProto::udp || protocol == IpProto::sctp;
}

/// The bit of `technique` in `ScanEvent::techniques`.
[[nodiscard]] constexpr std::uint32_t technique_bit(Technique technique) noexcept {
  return technique == Technique::unknown ? 0 : 1U << (static_cast<unsigned>(technique) - 1);
}

}  // namespace scanlogd
