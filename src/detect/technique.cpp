// See technique.h. The marks were read in the sources of the programs, or measured: nmap 7.93,
// masscan 1.3.2, ZMap 2.1.1 and 4, hping3, the Mirai family.
#include "detect/technique.h"

#include <array>
#include <bit>
#include <cstddef>

namespace scanlogd {
namespace {

using tcp_flag::ack, tcp_flag::fin, tcp_flag::psh, tcp_flag::rst, tcp_flag::syn, tcp_flag::urg;

constexpr std::uint8_t kAsked = fin | syn | rst | psh | ack | urg;  // ECE and CWR are negotiation

// Windows of nmap (1024) and of masscan (1024, later 1025), hping3 and nping.
constexpr std::uint16_t kNmapWindow = 1024;
constexpr std::uint16_t kMasscanWindow = 1025;
constexpr std::uint16_t kHpingWindow = 512;
constexpr std::uint16_t kNpingWindow = 1480;
constexpr std::uint16_t kOldZmapId = 54321;

using detail::kRawTtl, detail::kZmapWindow;

bool is_crafted(const Packet& packet) noexcept {
  const TcpOptions options = packet.options();
  if (options == TcpOptions::none) return true;
  if (options == TcpOptions::mss_only) {
    if (packet.window == kNmapWindow || packet.window == kMasscanWindow) return true;
    return packet.family == Family::ipv4 && packet.ttl > kRawTtl;
  }
  // Newer ZMap imitates the options, not the rest. Some systems do start with a TTL of 255.
  return packet.family == Family::ipv4 && packet.ttl > kRawTtl && packet.window == kZmapWindow;
}

constexpr Probe probe_of(std::uint8_t flags) noexcept {
  const auto probe = [](Technique technique, bool is_illegal) {
    return Probe{
        .role = Role::probe, .technique = technique, .is_illegal = is_illegal, .has_ports = true};
  };
  switch (segment_role(flags)) {
    case Role::reset:
      return {.role = Role::reset, .has_ports = true};
    case Role::stray: {
      const Technique bare = (flags & fin) != 0 ? Technique::maimon : Technique::ack_or_window;
      return {.role = Role::stray,
              .technique = (flags & syn) != 0 ? Technique::syn_ack : bare,
              .has_ports = true};
    }
    default:
      break;
  }
  if ((flags & syn) != 0) {
    if ((flags & (fin | rst)) != 0) return probe(Technique::odd_flags, true);
    return probe(Technique::syn_or_connect, (flags & urg) != 0);
  }
  if (flags == 0) return probe(Technique::null, true);
  if (flags == fin) return probe(Technique::fin, true);
  const bool is_xmas = std::popcount(static_cast<unsigned>(flags & (fin | psh | urg))) >= 2;
  return probe(is_xmas ? Technique::xmas : Technique::odd_flags, true);
}

// What segments are by their flags alone.
constexpr std::array<Probe, kAsked + 1> kSegments = [] {
  std::array<Probe, kAsked + 1> table{};
  for (std::size_t flags = 0; flags < table.size(); ++flags) {
    table[flags] = probe_of(static_cast<std::uint8_t>(flags));
  }
  return table;
}();

Probe tcp_probe(const Packet& packet) noexcept {
  const std::uint8_t flags = packet.flags & kAsked;
  if ((flags & (syn | fin | rst | ack)) != syn) return kSegments[flags];
  // Tiny fragments hide the flags from filters; nobody needs any for a SYN.
  const bool is_fragmented = (packet.traits & trait::fragmented) != 0;
  if (!is_fragmented && !is_crafted(packet)) return kSegments[flags];
  Probe found = kSegments[flags];
  found.technique = is_fragmented ? Technique::fragments : Technique::syn;
  (is_fragmented ? found.is_illegal : found.is_crafted) = true;
  return found;
}

Probe sctp_probe(const Packet& packet) noexcept {
  constexpr std::uint8_t kInit = 1;  // RFC 9260 3.2
  constexpr std::uint8_t kCookieEcho = 10;
  Probe found{.role = Role::probe, .has_ports = true};
  if (packet.flags == kInit) {
    found.technique = Technique::sctp_init;
  } else if (packet.flags == kCookieEcho) {
    found.technique = Technique::sctp_cookie_echo;
  } else {
    found.role = Role::none;
  }
  return found;
}

Probe icmp_probe(const Packet& packet) noexcept {
  constexpr Port kEcho = 8;  // RFC 792
  constexpr Port kTimestamp = 13;
  constexpr Port kMask = 17;  // RFC 950
  switch (packet.source_port) {
    case kEcho:
      return {.role = Role::probe, .technique = Technique::icmp_echo};
    case kTimestamp:
      return {.role = Role::probe, .technique = Technique::icmp_timestamp};
    case kMask:
      return {.role = Role::probe, .technique = Technique::icmp_mask};
    default:
      return {.role = Role::answer};
  }
}

Probe icmpv6_probe(const Packet& packet) noexcept {
  constexpr Port kEcho = 128;        // RFC 4443
  constexpr Port kFirstLocal = 130;  // RFC 2710 and 4861: of the link, not of a scan
  if (packet.source_port == kEcho) {
    return {.role = Role::probe, .technique = Technique::icmp_echo};
  }
  return {.role = packet.source_port >= kFirstLocal ? Role::none : Role::answer};
}

}  // namespace

Probe classify(const Packet& packet) noexcept {
  switch (packet.protocol) {
    case IpProto::tcp:
      return tcp_probe(packet);
    case IpProto::udp:
      return {.role = Role::probe, .technique = Technique::udp, .has_ports = true};
    case IpProto::sctp:
      return sctp_probe(packet);
    case IpProto::icmp:
      return icmp_probe(packet);
    case IpProto::icmpv6:
      return icmpv6_probe(packet);
  }
  return {.role = Role::probe, .technique = Technique::ip_protocol};
}

Tool tool_of(const Packet& packet, const Probe& probe) noexcept {
  if (packet.protocol == IpProto::sctp || packet.protocol == IpProto::udp) return Tool::unknown;
  if (packet.protocol != IpProto::tcp) return Tool::unknown;
  const bool is_ipv4 = packet.family == Family::ipv4;
  if (probe.is_illegal && probe.technique != Technique::fragments) {
    return packet.window == kNmapWindow ? Tool::nmap : Tool::unknown;
  }
  if (!packet.is_syn()) return Tool::unknown;
  if (is_ipv4) {
    const std::uint32_t target = ipv4_value(packet.target);
    if (packet.sequence == target) return Tool::mirai;
    // What an ordinary SYN hits once in 65536 says nothing without the rest.
    const std::uint32_t cookie = target ^ packet.target_port ^ packet.sequence;
    if (probe.is_crafted && packet.ip_id == static_cast<std::uint16_t>(cookie)) {
      return Tool::masscan;
    }
    const bool is_raw = packet.ttl > kRawTtl && packet.window == kZmapWindow;
    if (is_raw || (probe.is_crafted && packet.ip_id == kOldZmapId)) return Tool::zmap;
  }
  const TcpOptions options = packet.options();
  if (packet.window == kNmapWindow && options == TcpOptions::mss_only) return Tool::nmap;
  if (packet.window == kHpingWindow && options == TcpOptions::none) return Tool::hping;
  if (packet.window == kNpingWindow && options == TcpOptions::none) return Tool::nping;
  return Tool::unknown;
}

}  // namespace scanlogd
