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
