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

/// A kind of TCP option as a `SynSummary` tells it (RFC 9293 3.1, RFC 7323, RFC 2018). `other`
/// stands, too, for one of the wrong length or not all there, behind which nothing is read.
enum class TcpOption : std::uint8_t {
  none,
  nop,
  mss,
  window_scale,
  sack_permitted,
  timestamps,
  end,
  other,
};

/// What the TCP options of a packet that opens a connection say of its sender, in 32 bits: from the
/// lowest, the MSS (16 bits, 0: none), the window scale (4 bits, 14 for more, 15: none), and the
/// first four options in their order (3 bits each). Where an option comes twice, the last counts.
class SynSummary {
 public:
  static constexpr std::uint8_t kNoWindowScale = 15;
  static constexpr std::size_t kKinds = 4;

  /// That of a segment without options.
  constexpr SynSummary() noexcept = default;
  explicit constexpr SynSummary(std::uint32_t bits) noexcept : bits_(bits) {}

  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr std::uint16_t mss() const noexcept {
    return static_cast<std::uint16_t>(bits_);
  }
  [[nodiscard]] constexpr std::uint8_t window_scale() const noexcept {
    return static_cast<std::uint8_t>(bits_ >> kScaleAt & 0xf);
  }
  [[nodiscard]] constexpr std::array<TcpOption, kKinds> kinds() const noexcept {
    std::array<TcpOption, kKinds> kinds{};
    for (std::size_t i = 0; i < kKinds; ++i) kinds[i] = TcpOption(bits_ >> kind_at(i) & 7);
    return kinds;
  }

  /// Puts `mss` in the place of what was there.
  constexpr void set_mss(std::uint16_t mss) noexcept { bits_ = (bits_ & ~0xffffu) | mss; }
  /// Puts `scale`, as sent, in the place of what was there.
  constexpr void set_window_scale(std::uint8_t scale) noexcept {
    const std::uint32_t said = scale < kNoWindowScale ? scale : kNoWindowScale - 1u;
    bits_ = (bits_ & ~(0xfu << kScaleAt)) | said << kScaleAt;
  }
  /// Of option number `i`; those past the fourth are left out.
  constexpr void set_kind(std::size_t i, TcpOption kind) noexcept {
    if (i < kKinds) bits_ |= std::uint32_t{static_cast<std::uint8_t>(kind)} << kind_at(i);
  }

 private:
  static constexpr unsigned kScaleAt = 16;
  static constexpr unsigned kind_at(std::size_t i) noexcept {
    return 20 + 3 * static_cast<unsigned>(i);
  }

  std::uint32_t bits_ = std::uint32_t{kNoWindowScale} << kScaleAt;
};

/// Bits of `Packet::traits`.
namespace trait {
/// Rebuilt from, or the first of, several IP fragments.
inline constexpr std::uint8_t fragmented = 0x01;
/// Sent by this machine, as far as the link layer tells.
inline constexpr std::uint8_t outgoing = 0x02;
/// Two bits with a `TcpOptions`, and where they are.
inline constexpr std::uint8_t options = 0x0c;
inline constexpr unsigned options_at = 2;
}  // namespace trait

/// One packet, all numbers in host order. Some fields mean something else where they would say
/// nothing, and are 0 in all other cases:
/// - TCP with SYN and without ACK: `acknowledgement` holds the bits of a `SynSummary`;
/// - UDP: `window` is the size of the payload, by the IP header, 65535 for more;
/// - SCTP: `flags` is the type of the first chunk (RFC 9260 3.2), 0 where there is none;
/// - ICMP and ICMPv6: `source_port` is the type and `target_port` the code;
/// - their errors about a datagram whose beginning is there, up to its ports: `flags` is its
///   protocol, the halves of `sequence` are its source port (upper) and target port, 0 for
///   protocols without, `acknowledgement` is its IPv4 target as a number, 0 for IPv6.
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
  std::uint8_t traits = 0;  ///< `trait` bits
  std::uint16_t vlan = 0;   ///< number of the outermost VLAN tag; 0: none, or one for priority only

  [[nodiscard]] Address source_address() const noexcept { return {family, source}; }
  [[nodiscard]] Address target_address() const noexcept { return {family, target}; }

  [[nodiscard]] TcpOptions options() const noexcept {
    return TcpOptions((traits & trait::options) >> trait::options_at);
  }
  /// Sets the two bits of `traits`.
  void set_options(TcpOptions options) noexcept {
    constexpr unsigned kOthers = 0xffu & ~unsigned{trait::options};
    const unsigned said = static_cast<unsigned>(options) << trait::options_at;
    traits = static_cast<std::uint8_t>((traits & kOthers) | said);
  }

  /// Is it TCP that opens a connection: SYN without ACK?
  [[nodiscard]] bool is_syn() const noexcept {
    return protocol == IpProto::tcp && (flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
  }
  /// Of a packet that `is_syn`, what its options say; see `SynSummary`.
  [[nodiscard]] SynSummary syn_summary() const noexcept { return SynSummary(acknowledgement); }
  [[nodiscard]] std::uint16_t syn_mss() const noexcept { return syn_summary().mss(); }
  [[nodiscard]] std::uint8_t syn_window_scale() const noexcept {
    return syn_summary().window_scale();
  }
  [[nodiscard]] std::array<TcpOption, SynSummary::kKinds> syn_option_kinds() const noexcept {
    return syn_summary().kinds();
  }
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
