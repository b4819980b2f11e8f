// Takes link layers off: pcap-linktype(7), IEEE 802.1Q, RFC 1661 (PPP), RFC 2516 (PPPoE). Each step
// gets the frame and how far it was read, and hands both to the next; nothing is copied.
// IEEE 802.3 frames with a length in place of the type carry no IP for us: no host of today does
// that.
#include "core/link.h"

#include <fmt/format.h>

#include "core/big_endian.h"

namespace scanlogd {
namespace {

using ByteView = std::span<const std::byte>;

// EtherTypes (IANA "IEEE 802 Numbers").
namespace ethertype {
constexpr std::uint16_t ipv4 = 0x0800;
constexpr std::uint16_t vlan = 0x8100;
constexpr std::uint16_t ipv6 = 0x86dd;
constexpr std::uint16_t pppoe_session = 0x8864;
constexpr std::uint16_t service_vlan = 0x88a8;
constexpr std::uint16_t old_qinq = 0x9100;  // switches older than 802.1ad
}  // namespace ethertype

constexpr int kMaxVlanTags = 4;
constexpr std::size_t kVlanTagSize = 4;

constexpr std::size_t kEthernetHeaderSize = 14;
constexpr std::size_t kCookedHeaderSize = 16;
constexpr std::size_t kCooked2HeaderSize = 20;
constexpr std::size_t kLoopbackHeaderSize = 4;
constexpr std::size_t kPppoeHeaderSize = 6;

constexpr std::uint16_t kOutgoing = 4;  // PACKET_OUTGOING, packet(7)

// A frame whose link layer says IP and whose version nibble says otherwise is no host's packet.
std::optional<LinkPayload> datagram_at(ByteView frame, std::size_t at, int version) noexcept {
  const ByteView datagram = frame.subspan(at);
  if (!datagram.empty() && load_8(datagram, 0) >> 4 != version) return std::nullopt;
  return LinkPayload{.datagram = datagram, .header_size = at};
}

std::optional<LinkPayload> strip_ppp(ByteView frame, std::size_t at) noexcept {
  constexpr std::uint16_t kIpv4 = 0x0021;  // RFC 1332
  constexpr std::uint16_t kIpv6 = 0x0057;  // RFC 5072
  if (frame.size() >= at + 2 && load_be16(frame, at) == 0xff03) at += 2;
  if (frame.size() < at + 1) return std::nullopt;
  // RFC 1661 2: the last byte of the field is odd, so an odd first one is all of it.
  const std::size_t field_size = (load_8(frame, at) & 1) != 0 ? 1 : 2;
  if (frame.size() < at + field_size) return std::nullopt;
  const std::uint16_t protocol = field_size == 1 ? load_8(frame, at) : load_be16(frame, at);
  at += field_size;
  if (protocol == kIpv4) return datagram_at(frame, at, 4);
  if (protocol == kIpv6) return datagram_at(frame, at, 6);
  return std::nullopt;
}

std::optional<LinkPayload> strip_pppoe(ByteView frame, std::size_t at) noexcept {
  constexpr std::uint16_t kSessionData = 0x1100;  // version 1, type 1, code 0
  if (frame.size() < at + kPppoeHeaderSize) return std::nullopt;
  if (load_be16(frame, at) != kSessionData) return std::nullopt;
  return strip_ppp(frame, at + kPppoeHeaderSize);
}

bool is_vlan(std::uint16_t type) noexcept {
  return type == ethertype::vlan || type == ethertype::service_vlan || type == ethertype::old_qinq;
}

// `type`, no VLAN's, announces what stands at `at`.
std::optional<LinkPayload> strip_type(ByteView frame, std::size_t at, std::uint16_t type) noexcept {
  switch (type) {
    case ethertype::ipv4:
      return datagram_at(frame, at, 4);
    case ethertype::ipv6:
      return datagram_at(frame, at, 6);
    case ethertype::pppoe_session:
      return strip_pppoe(frame, at);
    default:
      return std::nullopt;
  }
}

// A VLAN tag stands at `at`, perhaps with others behind it.
std::optional<LinkPayload> strip_tags(ByteView frame, std::size_t at) noexcept {
  constexpr unsigned kNumber = 0x0fff;  // of the VLAN; the rest is priority
  const std::size_t outermost = at;
  std::uint16_t type = ethertype::vlan;
  for (int tags = 0; is_vlan(type); ++tags) {
    if (tags == kMaxVlanTags || frame.size() < at + kVlanTagSize) return std::nullopt;
    type = load_be16(frame, at + 2);
    at += kVlanTagSize;
  }
  auto payload = strip_type(frame, at, type);
  if (payload) payload->vlan = static_cast<std::uint16_t>(load_be16(frame, outermost) & kNumber);
  return payload;
}

// `type` announces what stands at `at`.
std::optional<LinkPayload> strip_typed(ByteView frame, std::size_t at,
                                       std::uint16_t type) noexcept {
  if (is_vlan(type)) return strip_tags(frame, at);
  return strip_type(frame, at, type);
}

// `type_at` and `packet_type` say where the two versions of the cooked header keep these fields.
std::optional<LinkPayload> strip_cooked(ByteView frame, std::size_t header_size,
                                        std::size_t type_at, std::uint16_t packet_type) noexcept {
  auto payload = strip_typed(frame, header_size, load_be16(frame, type_at));
  if (payload) payload->outgoing = packet_type == kOutgoing;
  return payload;
}

std::optional<LinkPayload> strip_loopback(ByteView frame) noexcept {
  if (frame.size() < kLoopbackHeaderSize) return std::nullopt;
  // Families are small numbers: one in the upper half was written by a host of the other byte
  // order.
  std::uint32_t family = load_be32(frame, 0);
  if (family > 0xffff) family = std::byteswap(family);
  switch (family) {
    case 2:
      return datagram_at(frame, kLoopbackHeaderSize, 4);
    case 10:  // AF_INET6 of Linux
    case 24:  // of NetBSD and OpenBSD
    case 28:  // of FreeBSD
    case 30:  // of macOS
      return datagram_at(frame, kLoopbackHeaderSize, 6);
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<LinkType> link_type(int dlt) {
  constexpr int kLinuxDltRaw = 12;
  constexpr int kOpenBsdDltRaw = 14;
  if (dlt == kLinuxDltRaw || dlt == kOpenBsdDltRaw) return LinkType::raw;
  for (const LinkType known :
       {LinkType::null, LinkType::ethernet, LinkType::ppp, LinkType::ppp_hdlc, LinkType::pppoe,
        LinkType::raw, LinkType::loop, LinkType::linux_sll, LinkType::ipv4, LinkType::ipv6,
        LinkType::linux_sll2}) {
    if (dlt == static_cast<int>(known)) return known;
  }
  return fail(fmt::format("decode(link type {}): not supported", dlt));
}

std::optional<LinkPayload> strip_link(LinkType type, std::span<const std::byte> frame) noexcept {
  switch (type) {
    case LinkType::ethernet:
      if (frame.size() < kEthernetHeaderSize) return std::nullopt;
      return strip_typed(frame, kEthernetHeaderSize, load_be16(frame, 12));
    case LinkType::linux_sll:
      if (frame.size() < kCookedHeaderSize) return std::nullopt;
      return strip_cooked(frame, kCookedHeaderSize, 14, load_be16(frame, 0));
    case LinkType::linux_sll2:
      if (frame.size() < kCooked2HeaderSize) return std::nullopt;
      return strip_cooked(frame, kCooked2HeaderSize, 0, load_8(frame, 10));
    case LinkType::raw:
      return LinkPayload{.datagram = frame};
    case LinkType::ipv4:
      return datagram_at(frame, 0, 4);
    case LinkType::ipv6:
      return datagram_at(frame, 0, 6);
    case LinkType::null:
    case LinkType::loop:
      return strip_loopback(frame);
    case LinkType::ppp:
    case LinkType::ppp_hdlc:
      return strip_ppp(frame, 0);
    case LinkType::pppoe:
      return strip_pppoe(frame, 0);
  }
  return std::nullopt;
}

}  // namespace scanlogd
