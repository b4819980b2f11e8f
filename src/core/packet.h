// The currency between capture and detection: one decoded packet, and a batch of them.
// Decoded values rather than frames, because a value has no lifetime to document and every back end
// can make one (docs/decisions/0001). Terms and numbers: RFC 9293 (TCP), RFC 791, RFC 8200, IANA.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "core/address.h"

namespace scanlogd {

/// A TCP, UDP or SCTP port in host order.
using Port = std::uint16_t;

/// IANA protocol numbers that we tell apart; any other value is carried as it came.
enum class IpProto : std::uint8_t {
  icmp = 1,
  tcp = 6,
  udp = 17,
  icmpv6 = 58,
  sctp = 132,
};

/// Bits of the TCP flags byte (RFC 9293 3.1). `ece` and `cwr` are printed as X and Y in the line.
namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t ece = 0x40;
inline constexpr std::uint8_t cwr = 0x80;
}  // namespace tcp_flag

/// What the TCP options of a packet look like; raw-packet scanners send none or only MSS.
enum class TcpOptions : std::uint8_t { none, mss_only, other };

/// Bits of `Packet::traits`.
namespace trait {
/// Rebuilt from, or the first of, several IP fragments.
inline constexpr std::uint8_t fragmented = 0x01;
/// Sent by this machine, as far as the link layer tells.
inline constexpr std::uint8_t outgoing = 0x02;
}  // namespace trait

/// One packet, all numbers in host order. For ICMP and ICMPv6 `source_port` holds the type and
/// `target_port` the code; for protocols without ports both are 0. TCP-only fields are 0 elsewhere.
struct Packet {
  std::chrono::nanoseconds time{};  ///< monotonic clock; from a capture file: its time stamp
  AddressBytes source{};            ///< see `AddressBytes`; `family` says how many bytes count
  AddressBytes target{};
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  Port source_port = 0;
  Port target_port = 0;
  std::uint16_t ip_id = 0;   ///< IPv4 identification; 0 for IPv6
  std::uint16_t window = 0;  ///< as sent, not scaled
  std::uint8_t flags = 0;    ///< `tcp_flag` bits
  IpProto protocol{};        ///< of the transport header, past IPv6 extension headers
  std::uint8_t ttl = 0;      ///< IPv4 TTL or IPv6 hop limit
  std::uint8_t tos = 0;      ///< IPv4 TOS or IPv6 traffic class
  Family family = Family::none;
  std::uint8_t traits = 0;     ///< `trait` bits
  std::uint8_t interface = 0;  ///< position of the interface in the list of captures
  TcpOptions options = TcpOptions::none;

  [[nodiscard]] Address source_address() const noexcept { return {family, source}; }
  [[nodiscard]] Address target_address() const noexcept { return {family, target}; }
};
static_assert(sizeof(Packet) == 64, "one cache line");
static_assert(std::is_trivially_copyable_v<Packet>);

/// Up to 256 packets in the order they came, and the clock they share.
struct PacketBatch {
  static constexpr std::size_t kCapacity = 256;

  std::array<Packet, kCapacity> packets;
  std::size_t size = 0;
  /// Wall clock minus monotonic clock when the batch was filled; 0 where `time` is wall time.
  std::chrono::nanoseconds wall_minus_monotonic{};

  /// The packets held.
  [[nodiscard]] std::span<const Packet> view() const noexcept { return {packets.data(), size}; }
  [[nodiscard]] bool full() const noexcept { return size == kCapacity; }
  /// Appends; the batch must not be full.
  void push(const Packet& packet) noexcept { packets[size++] = packet; }
};

}  // namespace scanlogd
