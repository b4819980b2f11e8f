// Packets out of an input of a fuzzer: a few bytes say what comes next. Packets are as `decode_ip`
// leaves them, and time is what any clock or capture file may make of it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "core/packet.h"

namespace scanlogd {

/// The bytes of an input, and zeros after them.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] unsigned byte() {
    if (rest_.empty()) return 0;
    const unsigned value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  template <std::size_t kSize>
  [[nodiscard]] std::array<unsigned, kSize> bytes() {
    std::array<unsigned, kSize> values{};
    for (unsigned& value : values) value = byte();
    return values;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

/// An address in 2001:db8:0:NETWORK::/64, or of one such network.
inline AddressBytes ipv6_bytes(std::uint16_t network, std::uint32_t host) {
  AddressBytes bytes{0x20, 0x01, 0x0d, 0xb8};
  bytes[6] = static_cast<std::uint8_t>(network >> 8);
  bytes[7] = static_cast<std::uint8_t>(network);
  const AddressBytes low = ipv4_bytes(host);
  std::copy_n(low.begin(), 4, bytes.begin() + 12);
  return bytes;
}

/// Turns steps into packets. A step is eight bytes:
///   0  bits 0-2 a packet (0-3), packets to rising ports (4), from rising sources (5), to rising
///      targets (6), none but what the caller makes of it (7); bits 3-4 it comes to us, goes out,
///      answers the last one, passes by; bits 5-7 the time that has passed: none, 1 us, 1 ms,
///      100 ms, 1 s, 20 s, -2 s, huge
///   1  the other side: bit 7 IPv6, bit 6 of a large set, else of 16
///   2  bits 0-1 our host; bits 2-6 how many rising packets, less one, in pairs
///   3  bits 0-2 protocol; bits 3-4 TCP options; bit 5 fragmented; bits 6-7 TTL
///   4  flags, or type of ICMP
///   5  6  port of the target, upper half first; also the other side in the large set
///   7  bits 0-1 source port, 2-3 sequence number, 4-5 window, 6-7 IP id; of a huge gap: its size,
///      bit 7 backwards
class PacketStream {
 public:
  using Step = std::array<unsigned, 8>;

  /// No later: what a capture file can say.
  static constexpr std::chrono::nanoseconds kLatest = std::chrono::seconds(0xffff'ffff);

  /// What the lowest bits of a step say.
  enum What : unsigned { to_ports = 4, from_sources, to_targets, control };

  [[nodiscard]] static unsigned what(const Step& step) { return step[0] & 7U; }
  /// How many packets it is.
  [[nodiscard]] static unsigned count(const Step& step) {
    return what(step) < to_ports ? 1 : 2 * ((step[2] >> 2 & 31U) + 1);
  }

  [[nodiscard]] std::chrono::nanoseconds now() const { return now_; }
  [[nodiscard]] const Packet& last() const { return last_; }

  /// Time comes to that of the step.
  void pass_time(const Step& step) {
    using namespace std::chrono_literals;
    constexpr std::array<std::chrono::nanoseconds, 6> kGaps = {0ns, 1us, 1ms, 100ms, 1s, 20s};
    constexpr std::chrono::nanoseconds kBack = 2s;
    const unsigned gap = step[0] >> 5;
    if (gap < kGaps.size()) {
      now_ += kGaps[gap];
    } else if (gap == kGaps.size()) {
      now_ -= kBack;
    } else {
      const std::chrono::nanoseconds huge = std::chrono::hours(1) * (1 << (step[7] & 15U));
      now_ += (step[7] & 0x80U) != 0 ? -huge : huge;
    }
    now_ = std::clamp(now_, std::chrono::nanoseconds(0), kLatest);
  }

  /// Packet number `i` of the step.
  [[nodiscard]] const Packet& make(const Step& step, unsigned i) {
    const unsigned direction = step[0] >> 3 & 3U;
    Packet packet;
    if (direction == 2) {
      packet = last_;
      std::swap(packet.source, packet.target);
      std::swap(packet.source_port, packet.target_port);
      std::swap(packet.sequence, packet.acknowledgement);
      packet.acknowledgement += (last_.flags & tcp_flag::ack) == 0 ? 1 : 0;
      packet.traits ^= trait::outgoing;
    } else {
      address(step, direction, what(step) == from_sources ? i : 0, what(step) == to_targets ? i : 0,
              packet);
      packet.target_port =
          static_cast<Port>((step[5] << 8) + step[6] + (what(step) == to_ports ? i : 0));
      choose(step, packet);
    }
    packet.time = now_;
    packet.flags = static_cast<std::uint8_t>(step[4]);
    transport(step, packet);
    last_ = packet;
    return last_;
  }

 private:
  static constexpr std::uint32_t kOurs = 0xc633'6400;    // 198.51.100.0/24
  static constexpr std::uint32_t kTheirs = 0xcb00'7100;  // 203.0.113.0/24

  static void address(const Step& step, unsigned direction, unsigned source, unsigned target,
                      Packet& packet) {
    const bool is_ipv6 = (step[1] & 0x80U) != 0;
    const bool is_large = (step[1] & 0x40U) != 0;
    std::uint32_t other = kTheirs + (step[1] & 15U) + source;
    if (is_large)
      other = ((step[1] & 63U) << 24 | step[5] << 16 | step[6] << 8) + source * 0x10101U;
    const std::uint32_t ours = kOurs + 1 + (step[2] & 3U) + target;
    packet.family = is_ipv6 ? Family::ipv6 : Family::ipv4;
    packet.source =
        is_ipv6 ? ipv6_bytes(static_cast<std::uint16_t>(other >> 16), other) : ipv4_bytes(other);
    packet.target = is_ipv6 ? ipv6_bytes(0xffff, ours) : ipv4_bytes(ours);
    if (direction == 1) {
      std::swap(packet.source, packet.target);
      packet.traits |= trait::outgoing;
    }
    if (direction == 3) packet.target = packet.source;
  }

  void choose(const Step& step, Packet& packet) {
    constexpr std::array<std::uint8_t, 4> kTtl = {57, 64, 0, 255};
    constexpr std::array<std::uint16_t, 4> kWindow = {1024, 64240, 0, 8};
    ++number_;
    const std::uint32_t scattered = number_ * 2654435761U;
    packet.ttl = kTtl[step[3] >> 6];
    packet.window = kWindow[step[7] >> 4 & 3U];
    packet.source_port = std::array<Port, 4>{43210, static_cast<Port>(33000 + number_ % 20000), 53,
                                             packet.target_port}[step[7] & 3U];
    packet.sequence = std::array<std::uint32_t, 4>{0x1234'5678, scattered,
                                                   ipv4_value(packet.target), 0}[step[7] >> 2 & 3U];
    packet.ip_id = packet.family == Family::ipv6
                       ? std::uint16_t{0}
                       : std::array<std::uint16_t, 4>{0, static_cast<std::uint16_t>(number_), 54321,
                                                      packet.target_port}[step[7] >> 6];
    packet.set_options(TcpOptions(std::min(step[3] >> 3 & 3U, 2U)));
    if ((step[3] & 0x20U) != 0) packet.traits |= trait::fragmented;
  }

  /// What `decode_ip` would leave in a packet of that protocol.
  void transport(const Step& step, Packet& packet) const {
    constexpr std::array kProtocols = {IpProto::tcp,  IpProto::tcp,  IpProto::tcp, IpProto::udp,
                                       IpProto::icmp, IpProto::sctp, IpProto{47},  IpProto::icmp};
    packet.protocol = kProtocols[step[3] & 7U];
    const bool is_ipv4 = packet.family == Family::ipv4;
    if (packet.protocol == IpProto::tcp) {
      if (packet.is_syn()) packet.acknowledgement = 0x5b4'7005U + step[3];
      return;
    }
    packet.set_options(TcpOptions::none);
    packet.sequence = packet.acknowledgement = 0;
    if (packet.protocol != IpProto::udp) packet.window = 0;
    if (packet.protocol == IpProto::udp || packet.protocol == IpProto{47}) packet.flags = 0;
    if (packet.protocol == IpProto{47}) packet.source_port = packet.target_port = 0;
    if (packet.protocol != IpProto::icmp) return;
    packet.protocol = is_ipv4 ? IpProto::icmp : IpProto::icmpv6;
    packet.flags = 0;
    packet.source_port = static_cast<Port>(step[4]);
    packet.target_port = static_cast<Port>(step[6]);
    if ((step[3] & 7U) != 7) return;
    // An error about the last packet.
    packet.source_port = is_ipv4 ? 3 : 1;
    packet.target_port = static_cast<Port>(step[4] % 16);
    packet.flags = static_cast<std::uint8_t>(last_.protocol);
    packet.sequence = std::uint32_t{last_.source_port} << 16 | last_.target_port;
    packet.acknowledgement = is_ipv4 ? ipv4_value(last_.target) : 0;
  }

  std::chrono::nanoseconds now_ = std::chrono::hours(1000);
  Packet last_;
  std::uint32_t number_ = 0;
};

}  // namespace scanlogd
