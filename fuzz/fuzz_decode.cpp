// Feeds frames to strip_link, decode_ip, decode_fragment and decode_transport as a back end does,
// and checks what link.h and decode.h promise. First byte of an input: the low four bits choose the
// link type (position in kLinkTypes, modulo its size), the high four how many hundred bytes the
// capture is said to have cut off. The rest is the frame.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/decode.h"
#include "core/link.h"

namespace scanlogd {
namespace {

using ByteView = std::span<const std::byte>;
using PacketImage = std::array<std::byte, sizeof(Packet)>;

constexpr std::array kLinkTypes = {
    LinkType::ethernet, LinkType::raw,  LinkType::linux_sll, LinkType::linux_sll2,
    LinkType::null,     LinkType::loop, LinkType::ppp,       LinkType::ppp_hdlc,
    LinkType::pppoe,    LinkType::ipv4, LinkType::ipv6,
};

void require(bool holds) {
  if (!holds) __builtin_trap();
}

Packet packet_filled_with(std::byte value) {
  PacketImage image;
  image.fill(value);
  return std::bit_cast<Packet>(image);
}

bool is_same(const Packet& left, const Packet& right) {
  return std::bit_cast<PacketImage>(left) == std::bit_cast<PacketImage>(right);
}

bool is_inside(ByteView inner, ByteView outer) {
  return inner.empty() || (inner.data() >= outer.data() &&
                           inner.data() + inner.size() <= outer.data() + outer.size());
}

void check_ip_fields(const Packet& packet, ByteView datagram) {
  require(static_cast<int>(packet.family) == std::to_integer<int>(datagram[0]) >> 4);
  require(packet.time.count() == 0 && packet.vlan == 0);
  require((packet.traits & ~trait::options) == 0);
  if (packet.family == Family::ipv4) {
    require(std::all_of(packet.source.begin() + 4, packet.source.end(),
                        [](std::uint8_t byte) { return byte == 0; }));
    require(std::all_of(packet.target.begin() + 4, packet.target.end(),
                        [](std::uint8_t byte) { return byte == 0; }));
  } else {
    require(packet.ip_id == 0);
  }
}

void check_options(const Packet& packet) {
  require(packet.options() <= TcpOptions::other);
  if (!packet.is_syn()) return;
  // Kinds stand at the front, and none follows the end of the list.
  bool is_over = false;
  for (const TcpOption kind : packet.syn_option_kinds()) {
    require(!is_over || kind == TcpOption::none);
    is_over = is_over || kind == TcpOption::none || kind == TcpOption::end;
  }
}

void check_transport_fields(const Packet& packet) {
  const bool has_errors = packet.protocol == IpProto::icmp || packet.protocol == IpProto::icmpv6;
  if (packet.protocol != IpProto::tcp) {
    require(has_errors || (packet.sequence == 0 && packet.acknowledgement == 0));
    require(has_errors || packet.protocol == IpProto::sctp || packet.flags == 0);
    require(packet.protocol == IpProto::udp || packet.window == 0);
    require(packet.options() == TcpOptions::none);
  }
  switch (packet.protocol) {
    case IpProto::tcp:
      check_options(packet);
      break;
    case IpProto::udp:
    case IpProto::sctp:
      break;
    case IpProto::icmp:
    case IpProto::icmpv6:
      require(packet.source_port <= 255 && packet.target_port <= 255);
      require(packet.protocol == IpProto::icmp || packet.acknowledgement == 0);
      break;
    default:
      require(packet.source_port == 0 && packet.target_port == 0);
  }
}

// What lies past the fixed headers may be cut off: takes out of `packet` what is read from there.
Packet without_extras(Packet packet) {
  if (packet.protocol == IpProto::tcp) {
    packet.set_options(TcpOptions::none);
    if (packet.is_syn()) packet.acknowledgement = 0;
  } else {
    packet.flags = 0;
    packet.sequence = packet.acknowledgement = 0;
  }
  return packet;
}

// One byte less captured: the same packet, but for what is no longer all there, or none.
void check_shorter_capture(ByteView datagram, std::size_t wire_size, Decoded decoded,
                           const Packet& whole) {
  Packet packet;
  if (decode_ip(datagram.first(datagram.size() - 1), wire_size, packet) != Decoded::packet) return;
  require(decoded == Decoded::packet);
  require(is_same(without_extras(packet), without_extras(whole)));
}

void check_fragment(const Fragment& fragment, ByteView datagram) {
  check_ip_fields(fragment.header, datagram);
  require(fragment.offset != 0 || fragment.more);
  require(fragment.offset % 8 == 0);
  require(fragment.size > 0 && fragment.offset + fragment.size <= 65535);
  require(!fragment.more || fragment.size % 8 == 0);
  require(fragment.payload.size() <= fragment.size && is_inside(fragment.payload, datagram));

  Packet packet = fragment.header;
  const Decoded decoded = decode_transport(fragment.next, fragment.payload, fragment.size, packet);
  require(decoded != Decoded::fragment && decoded != Decoded::not_ip);
  if (decoded == Decoded::packet) {
    check_ip_fields(packet, datagram);
    check_transport_fields(packet);
  }
}

void check_datagram(ByteView datagram, std::size_t wire_size) {
  Packet packet = packet_filled_with(std::byte{0x5a});
  const Decoded decoded = decode_ip(datagram, wire_size, packet);
  Fragment fragment;
  const bool is_fragment = decode_fragment(datagram, wire_size, fragment);
  require(!is_fragment || decoded == Decoded::fragment);
  if (is_fragment) check_fragment(fragment, datagram);
  if (decoded == Decoded::packet) {
    check_ip_fields(packet, datagram);
    check_transport_fields(packet);
    Packet again = packet_filled_with(std::byte{0xc3});
    require(decode_ip(datagram, wire_size, again) == Decoded::packet && is_same(packet, again));
  }
  if (!datagram.empty()) check_shorter_capture(datagram, wire_size, decoded, packet);
}

void check_frame(LinkType type, ByteView frame, std::size_t cut_off) {
  const auto payload = strip_link(type, frame);
  if (!payload) return;
  require(is_inside(payload->datagram, frame));
  require(payload->header_size + payload->datagram.size() == frame.size());
  require(!payload->outgoing || type == LinkType::linux_sll || type == LinkType::linux_sll2);
  check_datagram(payload->datagram, payload->datagram.size() + cut_off);
}

}  // namespace
}  // namespace scanlogd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scanlogd;
  if (size == 0) return 0;
  const std::size_t choice = data[0];
  check_frame(kLinkTypes[choice % 16 % kLinkTypes.size()],
              std::as_bytes(std::span(data, size)).subspan(1), choice / 16 * 100);
  return 0;
}
