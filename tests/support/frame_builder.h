// Frames for tests, built from the inside out as they are nested on the wire:
// ethernet(ipv4_datagram({.ttl = 7}, tcp_segment({.target_port = 22}))).
// Field names and sizes as in RFC 791, RFC 8200, RFC 9293 and pcap-linktype(7). Every length,
// offset and type can be overridden, because wrong ones are what tests are about. The IPv4 header
// checksum is right; transport checksums are 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/packet.h"

namespace scanlogd::test {

using Bytes = std::vector<std::byte>;

inline void put8(Bytes& out, unsigned value) { out.push_back(static_cast<std::byte>(value)); }
inline void put16(Bytes& out, unsigned value) {
  put8(out, value >> 8 & 0xff);
  put8(out, value & 0xff);
}
inline void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
inline void put(Bytes& out, std::span<const std::byte> more) {
  out.insert(out.end(), more.begin(), more.end());
}
inline void put_address(Bytes& out, std::string_view text) {
  const auto address = parse_address(text);
  if (!address) throw std::invalid_argument(address.error().what);
  const std::size_t size = address->family == Family::ipv4 ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) put8(out, address->bytes[i]);
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) put(out, part);
  return out;
}
/// The first `size` bytes of `bytes`; filled up with zeros where it has fewer, as a NIC pads.
inline Bytes resized(Bytes bytes, std::size_t size) {
  bytes.resize(size);
  return bytes;
}
/// `count` bytes 1, 2, 3 ... 255, 0, 1 ...
inline Bytes counting(std::size_t count) {
  Bytes out;
  for (std::size_t i = 1; i <= count; ++i) put8(out, i & 0xff);
  return out;
}
/// "0204 05b4" as bytes; spaces are for the reader.
inline Bytes hex(std::string_view text) {
  Bytes out;
  std::optional<unsigned> high;
  for (const char c : text) {
    if (c == ' ') continue;
    const std::size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) throw std::invalid_argument("hex digit");
    const auto value = static_cast<unsigned>(digit);
    if (high) put8(out, *high << 4 | value);
    high = high ? std::nullopt : std::optional(value);
  }
  if (high) throw std::invalid_argument("odd number of hex digits");
  return out;
}

struct TcpHeader {
  Port source_port = 40000;
  Port target_port = 80;
  std::uint32_t sequence = 1;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = tcp_flag::syn;
  std::uint16_t window = 1024;
  Bytes options = {};
  std::optional<unsigned> data_offset = {};  ///< in words; by default what `options` need
};

inline Bytes tcp_segment(const TcpHeader& header = {}, const Bytes& payload = {}) {
  Bytes out;
  const auto words = static_cast<unsigned>(5 + (header.options.size() + 3) / 4);
  put16(out, header.source_port);
  put16(out, header.target_port);
  put32(out, header.sequence);
  put32(out, header.acknowledgement);
  put8(out, header.data_offset.value_or(words) << 4);
  put8(out, header.flags);
  put16(out, header.window);
  put32(out, 0);  // checksum, urgent pointer
  put(out, header.options);
  out.resize(std::size_t{words} * 4);
  put(out, payload);
  return out;
}

inline Bytes udp_datagram(Port source_port, Port target_port, const Bytes& payload = {}) {
  Bytes out;
  put16(out, source_port);
  put16(out, target_port);
  put16(out, static_cast<unsigned>(8 + payload.size()));
  put16(out, 0);  // checksum: none
  put(out, payload);
  return out;
}

/// ICMP or ICMPv6: type, code, checksum, then `body`.
inline Bytes icmp_message(std::uint8_t type, std::uint8_t code, const Bytes& body = Bytes(4)) {
  Bytes out;
  put8(out, type);
  put8(out, code);
  put16(out, 0);
  put(out, body);
  return out;
}

/// The SCTP common header, then `chunks`.
inline Bytes sctp_packet(Port source_port, Port target_port, const Bytes& chunks = {}) {
  Bytes out;
  put16(out, source_port);
  put16(out, target_port);
  put32(out, 0);  // verification tag
  put32(out, 0);  // checksum
  put(out, chunks);
  return out;
}

struct Ipv4Header {
  std::string_view source = "192.0.2.1";
  std::string_view target = "198.51.100.1";
  std::uint8_t protocol = 6;
  std::uint8_t ttl = 64;
  std::uint8_t tos = 0;
  std::uint16_t id = 0;
  std::uint32_t offset = 0;  ///< of the fragment, in bytes
  bool more = false;         ///< MF
  bool dont_fragment = false;
  bool reserved = false;  ///< the bit that RFC 3514 calls evil
  Bytes options = {};     ///< filled up with zeros (end of list) to whole words
  unsigned version = 4;
  std::optional<unsigned> ihl = {};           ///< in words; by default what `options` need
  std::optional<unsigned> total_length = {};  ///< by default the true length
};

inline Bytes ipv4_datagram(const Ipv4Header& header = {}, const Bytes& payload = tcp_segment()) {
  Bytes out;
  const auto words = static_cast<unsigned>(5 + (header.options.size() + 3) / 4);
  put8(out, header.version << 4 | header.ihl.value_or(words));
  put8(out, header.tos);
  put16(out, header.total_length.value_or(static_cast<unsigned>(words * 4 + payload.size())));
  put16(out, header.id);
  put16(out, (header.reserved ? 0x8000u : 0u) | (header.dont_fragment ? 0x4000u : 0u) |
                 (header.more ? 0x2000u : 0u) | header.offset / 8);
  put8(out, header.ttl);
  put8(out, header.protocol);
  put16(out, 0);  // checksum, below
  put_address(out, header.source);
  put_address(out, header.target);
  put(out, header.options);
  out.resize(std::size_t{words} * 4);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < out.size(); i += 2)
    sum += std::to_integer<std::uint32_t>(out[i]) << 8 | std::to_integer<std::uint32_t>(out[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  out[10] = static_cast<std::byte>(~sum >> 8 & 0xff);
  out[11] = static_cast<std::byte>(~sum & 0xff);
  put(out, payload);
  return out;
}

/// `payload` cut into pieces of `piece` bytes (a multiple of 8), each with `header`, in order.
inline std::vector<Bytes> ipv4_fragments(Ipv4Header header, const Bytes& payload,
                                         std::size_t piece) {
  std::vector<Bytes> out;
  for (std::size_t at = 0; at < payload.size(); at += piece) {
    const auto part = std::span(payload).subspan(at, std::min(piece, payload.size() - at));
    header.offset = static_cast<std::uint32_t>(at);
    header.more = at + piece < payload.size();
    out.push_back(ipv4_datagram(header, Bytes(part.begin(), part.end())));
  }
  return out;
}

/// IANA numbers of the IPv6 extension headers.
namespace next_header {
inline constexpr std::uint8_t hop_by_hop = 0;
inline constexpr std::uint8_t routing = 43;
inline constexpr std::uint8_t fragment = 44;
inline constexpr std::uint8_t esp = 50;
inline constexpr std::uint8_t authentication = 51;
inline constexpr std::uint8_t none = 59;
inline constexpr std::uint8_t destination = 60;
inline constexpr std::uint8_t mobility = 135;
inline constexpr std::uint8_t hip = 139;
inline constexpr std::uint8_t shim6 = 140;
}  // namespace next_header

struct Ipv6Header {
  std::string_view source = "2001:db8::1";
  std::string_view target = "2001:db8::2";
  std::uint8_t next = 6;
  std::uint8_t hop_limit = 64;
  std::uint8_t traffic_class = 0;
  std::uint32_t flow_label = 0;
  unsigned version = 6;
  std::optional<unsigned> payload_length = {};  ///< by default the true length
};

inline Bytes ipv6_datagram(const Ipv6Header& header = {}, const Bytes& payload = tcp_segment()) {
  Bytes out;
  put32(out, header.version << 28 | std::uint32_t{header.traffic_class} << 20 | header.flow_label);
  put16(out, header.payload_length.value_or(static_cast<unsigned>(payload.size())));
  put8(out, header.next);
  put8(out, header.hop_limit);
  put_address(out, header.source);
  put_address(out, header.target);
  put(out, payload);
  return out;
}

/// An extension header of `size` bytes (a multiple of 8), followed by `next`; zeros (Pad1) inside.
inline Bytes extension_header(std::uint8_t next, std::size_t size = 8) {
  Bytes out;
  put8(out, next);
  put8(out, static_cast<unsigned>(size / 8 - 1));
  return resized(std::move(out), size);
}
/// RFC 4302: its length counts 4-byte units, less 2.
inline Bytes authentication_header(std::uint8_t next, std::size_t size = 24) {
  Bytes out;
  put8(out, next);
  put8(out, static_cast<unsigned>(size / 4 - 2));
  return resized(std::move(out), size);
}
/// RFC 8200 4.5; `offset` in bytes.
inline Bytes fragment_header(std::uint8_t next, std::uint32_t offset, bool more, std::uint32_t id) {
  Bytes out;
  put8(out, next);
  put8(out, 0);
  put16(out, (offset & 0xfff8) | (more ? 1u : 0u));
  put32(out, id);
  return out;
}

/// `payload` (whose first header is `next`) cut into pieces of `piece` bytes (a multiple of 8).
inline std::vector<Bytes> ipv6_fragments(Ipv6Header header, std::uint8_t next, std::uint32_t id,
                                         const Bytes& payload, std::size_t piece) {
  std::vector<Bytes> out;
  header.next = next_header::fragment;
  for (std::size_t at = 0; at < payload.size(); at += piece) {
    const auto part = std::span(payload).subspan(at, std::min(piece, payload.size() - at));
    const bool more = at + piece < payload.size();
    Bytes body = fragment_header(next, static_cast<std::uint32_t>(at), more, id);
    put(body, part);
    out.push_back(ipv6_datagram(header, body));
  }
  return out;
}

/// The datagram that decodes to `packet` (time, VLAN and traits but the options do not go on
/// the wire; what a SYN says by its options is made up from their looks).
inline Bytes ip_datagram(const Packet& packet) {
  Bytes transport;
  switch (packet.protocol) {
    case IpProto::tcp: {
      TcpHeader header{.source_port = packet.source_port,
                       .target_port = packet.target_port,
                       .sequence = packet.sequence,
                       .acknowledgement = packet.is_syn() ? 0 : packet.acknowledgement,
                       .flags = packet.flags,
                       .window = packet.window};
      if (packet.options() != TcpOptions::none) header.options = hex("0204 05b4");
      if (packet.options() == TcpOptions::other) put(header.options, hex("0402 0101"));
      transport = tcp_segment(header);
      break;
    }
    case IpProto::udp:
      transport = udp_datagram(packet.source_port, packet.target_port, Bytes(packet.window));
      break;
    case IpProto::sctp:
      transport = sctp_packet(packet.source_port, packet.target_port);
      break;
    case IpProto::icmp:
    case IpProto::icmpv6:
      transport = icmp_message(static_cast<std::uint8_t>(packet.source_port),
                               static_cast<std::uint8_t>(packet.target_port));
      break;
  }
  const std::string source = to_string(packet.source_address());
  const std::string target = to_string(packet.target_address());
  const auto protocol = static_cast<std::uint8_t>(packet.protocol);
  if (packet.family == Family::ipv6)
    return ipv6_datagram({.source = source,
                          .target = target,
                          .next = protocol,
                          .hop_limit = packet.ttl,
                          .traffic_class = packet.tos},
                         transport);
  return ipv4_datagram({.source = source,
                        .target = target,
                        .protocol = protocol,
                        .ttl = packet.ttl,
                        .tos = packet.tos,
                        .id = packet.ip_id},
                       transport);
}

/// EtherTypes (IEEE 802 numbers) that tests use.
namespace ethertype {
inline constexpr std::uint16_t ipv4 = 0x0800;
inline constexpr std::uint16_t arp = 0x0806;
inline constexpr std::uint16_t vlan = 0x8100;
inline constexpr std::uint16_t ipv6 = 0x86dd;
inline constexpr std::uint16_t pppoe_session = 0x8864;
inline constexpr std::uint16_t service_vlan = 0x88a8;
inline constexpr std::uint16_t old_qinq = 0x9100;
}  // namespace ethertype

/// The EtherType of a datagram, by its version nibble.
inline std::uint16_t ethertype_of(std::span<const std::byte> datagram) {
  const bool is_ipv6 = !datagram.empty() && (datagram[0] >> 4) == std::byte{6};
  return is_ipv6 ? ethertype::ipv6 : ethertype::ipv4;
}

struct VlanTag {
  std::uint16_t tci = 1;  ///< priority and VLAN number
  std::uint16_t tpid = ethertype::vlan;
};

/// `payload` behind `tags` (outermost first): what follows a field that announces a type, which
/// `announced` gets.
inline Bytes tagged(const Bytes& payload, std::uint16_t type, const std::vector<VlanTag>& tags,
                    std::uint16_t& announced) {
  Bytes out;
  announced = tags.empty() ? type : tags.front().tpid;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    put16(out, tags[i].tci);
    put16(out, i + 1 < tags.size() ? tags[i + 1].tpid : type);
  }
  put(out, payload);
  return out;
}

inline Bytes ethernet_frame(std::uint16_t type, const Bytes& payload,
                            const std::vector<VlanTag>& tags = {}) {
  Bytes out = hex("02 00 00 00 00 02  02 00 00 00 00 01");
  std::uint16_t announced = 0;
  const Bytes rest = tagged(payload, type, tags, announced);
  put16(out, announced);
  put(out, rest);
  return out;
}
inline Bytes ethernet(const Bytes& datagram, const std::vector<VlanTag>& tags = {}) {
  return ethernet_frame(ethertype_of(datagram), datagram, tags);
}

/// Packet types of cooked captures (packet(7), sll_pkttype).
inline constexpr std::uint8_t kToHost = 0;
inline constexpr std::uint8_t kOutgoing = 4;

/// LINKTYPE_LINUX_SLL.
inline Bytes cooked(const Bytes& datagram, std::uint8_t packet_type = kToHost,
                    const std::vector<VlanTag>& tags = {}) {
  Bytes out;
  std::uint16_t announced = 0;
  const Bytes rest = tagged(datagram, ethertype_of(datagram), tags, announced);
  put16(out, packet_type);
  put16(out, 1);  // ARPHRD_ETHER
  put16(out, 6);  // address length
  put(out, hex("02 00 00 00 00 01 00 00"));
  put16(out, announced);
  put(out, rest);
  return out;
}

/// LINKTYPE_LINUX_SLL2.
inline Bytes cooked2(const Bytes& datagram, std::uint8_t packet_type = kToHost,
                     const std::vector<VlanTag>& tags = {}) {
  Bytes out;
  std::uint16_t announced = 0;
  const Bytes rest = tagged(datagram, ethertype_of(datagram), tags, announced);
  put16(out, announced);
  put16(out, 0);  // reserved
  put32(out, 2);  // interface index
  put16(out, 1);  // ARPHRD_ETHER
  put8(out, packet_type);
  put8(out, 6);  // address length
  put(out, hex("02 00 00 00 00 01 00 00"));
  put(out, rest);
  return out;
}

/// LINKTYPE_NULL as a host of byte order `order` writes it; with big, also LINKTYPE_LOOP.
inline Bytes loopback(std::uint32_t family, const Bytes& datagram,
                      std::endian order = std::endian::big) {
  Bytes out;
  put32(out, order == std::endian::big ? family : __builtin_bswap32(family));
  put(out, datagram);
  return out;
}

/// PPP protocol numbers (RFC 1332, RFC 5072).
inline constexpr std::uint16_t kPppIpv4 = 0x0021;
inline constexpr std::uint16_t kPppIpv6 = 0x0057;

/// A PPP frame: optional HDLC address and control, the protocol in one (compressed) or two bytes.
inline Bytes ppp(std::uint16_t protocol, const Bytes& payload, bool hdlc = true,
                 bool compressed = false) {
  Bytes out;
  if (hdlc) put16(out, 0xff03);
  if (compressed)
    put8(out, protocol);
  else
    put16(out, protocol);
  put(out, payload);
  return out;
}

/// A PPPoE session header (RFC 2516), then `frame`, a PPP frame without HDLC bytes.
inline Bytes pppoe(const Bytes& frame, std::uint8_t code = 0) {
  Bytes out;
  put8(out, 0x11);  // version 1, type 1
  put8(out, code);
  put16(out, 0x1234);  // session
  put16(out, static_cast<unsigned>(frame.size()));
  put(out, frame);
  return out;
}

}  // namespace scanlogd::test
