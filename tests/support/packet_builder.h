// Packets for tests, said the way one would say them: tcp().from("10.0.0.1", 40000).to("10.0.0.2",
// 22).flags("S").at(1500ms). Converts to a `Packet`.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string_view>

#include "core/address.h"
#include "core/packet.h"

namespace scanlogd::test {

class PacketBuilder {
 public:
  explicit PacketBuilder(IpProto protocol) {
    packet_.protocol = protocol;
    packet_.ttl = 64;
    from("192.0.2.1", 40000);
    to("198.51.100.1", 80);
    if (protocol == IpProto::tcp) flags("S");
  }

  PacketBuilder& from(std::string_view address, Port port = 40000) {
    const Address parsed = parse(address);
    packet_.family = parsed.family;
    packet_.source = parsed.bytes;
    packet_.source_port = port;
    return *this;
  }
  PacketBuilder& to(std::string_view address, Port port) {
    packet_.target = parse(address).bytes;
    packet_.target_port = port;
    return *this;
  }
  PacketBuilder& to_port(Port port) {
    packet_.target_port = port;
    return *this;
  }
  /// Flags by the letters of tcpdump and nmap: F S R P A U E W (E = ECE, W = CWR); "" for none.
  PacketBuilder& flags(std::string_view letters) {
    packet_.flags = 0;
    for (const char letter : letters) packet_.flags |= flag(letter);
    packet_.acknowledgement = packet_.is_syn() ? SynSummary().bits() : 0;
    return *this;
  }
  PacketBuilder& flag_byte(std::uint8_t value) {
    packet_.flags = value;
    packet_.acknowledgement = packet_.is_syn() ? SynSummary().bits() : 0;
    return *this;
  }
  PacketBuilder& ttl(std::uint8_t value) {
    packet_.ttl = value;
    return *this;
  }
  PacketBuilder& tos(std::uint8_t value) {
    packet_.tos = value;
    return *this;
  }
  PacketBuilder& at(std::chrono::nanoseconds time) {
    packet_.time = time;
    return *this;
  }
  PacketBuilder& fragmented() {
    packet_.traits |= trait::fragmented;
    return *this;
  }

  operator Packet() const { return packet_; }  // NOLINT: the builder is meant to read as a packet

 private:
  static Address parse(std::string_view text) {
    const auto address = parse_address(text);
    if (!address) throw std::invalid_argument(address.error().what);
    return *address;
  }
  static std::uint8_t flag(char letter) {
    switch (letter) {
      case 'F':
        return tcp_flag::fin;
      case 'S':
        return tcp_flag::syn;
      case 'R':
        return tcp_flag::rst;
      case 'P':
        return tcp_flag::psh;
      case 'A':
        return tcp_flag::ack;
      case 'U':
        return tcp_flag::urg;
      case 'E':
        return tcp_flag::ece;
      case 'W':
        return tcp_flag::cwr;
      default:
        throw std::invalid_argument("flag letter");
    }
  }

  Packet packet_{};
};

inline PacketBuilder tcp() { return PacketBuilder(IpProto::tcp); }
inline PacketBuilder udp() { return PacketBuilder(IpProto::udp); }

}  // namespace scanlogd::test
