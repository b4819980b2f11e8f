// The packet that nearly all are, read in one go: a whole TCP segment in IPv4 without IP options.
// For those who read many, and inlined there; `decode_ip` says what it means. All offsets are those
// of RFC 791 3.1 and RFC 9293 3.1.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/packet.h"

namespace scanlogd::plain_tcp {

/// Bytes of a datagram that have to be there before anything here is called with it.
inline constexpr std::size_t kSize = 40;

namespace detail {
// From network order, and to it.
template <class Number>
[[nodiscard, gnu::always_inline]] constexpr Number native(Number value) noexcept {
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}
template <class Number>
[[nodiscard, gnu::always_inline]] inline Number load(const std::byte* at) noexcept {
  Number value;
  std::memcpy(&value, at, sizeof(value));
  return native(value);
}
}  // namespace detail

/// Is the datagram of that kind, and no longer than the `wire_size` bytes that the wire carried?
[[nodiscard, gnu::always_inline]] inline bool is_plain(const std::byte* datagram,
                                                       std::size_t wire_size) noexcept {
  // Version and header size in the first byte, more-fragments and offset in the last two; compared
  // as they stand.
  constexpr std::uint64_t kFixed = detail::native(std::uint64_t{0xff00'0000'0000'3fff});
  constexpr std::uint64_t kFourAndFive = detail::native(std::uint64_t{0x4500'0000'0000'0000});
  std::uint64_t first;
  std::memcpy(&first, datagram, sizeof(first));
  const std::size_t total = detail::load<std::uint16_t>(datagram + 2);
  return (first & kFixed) == kFourAndFive &&
         IpProto{std::to_integer<std::uint8_t>(datagram[9])} == IpProto::tcp && total >= kSize &&
         total <= wire_size;
}

/// Of one that `is_plain`: is the checksum of its IP header right (RFC 1071)?
[[nodiscard, gnu::always_inline]] inline bool is_right(const std::byte* datagram) noexcept {
  // Sums of halves are the same modulo 2^16 - 1 when taken in words, in either byte order.
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < 20; at += 4) {
    std::uint32_t word;
    std::memcpy(&word, datagram + at, sizeof(word));
    sum += word;
  }
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/// Of one that `is_plain`: what is here of its segment, without padding.
[[nodiscard]] inline std::span<const std::byte> segment(
    std::span<const std::byte> datagram) noexcept {
  constexpr std::size_t kIpHeader = 20;
  const std::size_t total = detail::load<std::uint16_t>(datagram.data() + 2);
  return datagram.first(std::min(datagram.size(), total)).subspan(kIpHeader);
}

/// Of one that `is_plain`: the flags byte.
[[nodiscard, gnu::always_inline]] inline std::uint8_t flags(const std::byte* datagram) noexcept {
  return std::to_integer<std::uint8_t>(datagram[33]);
}

/// Of one that `is_plain`: does it tell of no more than that a connection goes on (`can_matter`)?
[[nodiscard, gnu::always_inline]] inline bool is_bulk(const std::byte* datagram) noexcept {
  constexpr unsigned kTelling = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
  return (flags(datagram) & kTelling) == tcp_flag::ack;
}

/// Of one that `is_plain`: does its header claim to be longer than the least?
[[nodiscard, gnu::always_inline]] inline bool has_options(const std::byte* datagram) noexcept {
  constexpr unsigned kWords = 5;
  return std::to_integer<unsigned>(datagram[32]) >> 4 > kWords;
}

namespace detail {
using Halves [[gnu::vector_size(16)]] = std::uint16_t;

/// Ports, sequence and acknowledgement in the order that a `Packet` has them in.
[[nodiscard, gnu::always_inline]] inline Halves in_order_of_packet(Halves header) noexcept {
#ifdef __SSE2__
  // Two instructions, of which GCC 12 makes seventeen without being told.
  using Words [[gnu::vector_size(16)]] = int;
  using Signed [[gnu::vector_size(16)]] = short;
  constexpr int kPortsThird = 0b11'00'10'01;
  constexpr int kLowHalfFirst = 0b10'11'00'01;
  const Words words = __builtin_ia32_pshufd(Words(header), kPortsThird);
  return Halves(__builtin_ia32_pshuflw(Signed(words), kLowHalfFirst));
#else
  return __builtin_shufflevector(header, header, 3, 2, 5, 4, 0, 1, 6, 7);
#endif
}
}  // namespace detail

/// Of one that `is_plain`: sets `out` to what `decode_ip` makes of it if it has no options, with
/// `time`. Put together in vectors and words, because five stores are done sooner than twenty.
[[gnu::always_inline]] inline void decode(const std::byte* datagram, std::chrono::nanoseconds time,
                                          Packet& out) noexcept {
  using detail::load;
  const std::uint8_t flags = plain_tcp::flags(datagram);
  const bool is_syn = (flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
  if constexpr (std::endian::native == std::endian::little) {
    using Words [[gnu::vector_size(16)]] = std::uint32_t;
    auto* const to = static_cast<std::byte*>(static_cast<void*>(&out));
    const auto store = [to](std::size_t at, const auto& value) __attribute__((always_inline)) {
      std::memcpy(to + at, &value, sizeof(value));
    };
    // An address takes four of sixteen bytes.
    const auto address = [datagram](std::size_t at) __attribute__((always_inline)) {
      std::uint32_t value;
      std::memcpy(&value, datagram + at, sizeof(value));
      return Words{value, 0, 0, 0};
    };
    detail::Halves header;
    std::memcpy(&header, datagram + 20, sizeof(header));
    header = detail::in_order_of_packet(header << 8 | header >> 8);
    header[6] = load<std::uint16_t>(datagram + 4);  // in the place of size and flags
    const auto byte = [datagram](std::size_t at) {
      return std::to_integer<std::uint64_t>(datagram[at]);
    };
    const auto wide = [](auto value) { return static_cast<std::uint64_t>(value); };
    store(0, time.count());
    store(8, address(12));
    store(24, address(16));
    store(40, header);
    store(56, flags | wide(IpProto::tcp) << 8 | byte(8) << 16 | byte(1) << 24 |
                  wide(Family::ipv4) << 32);
    if (is_syn) store(44, SynSummary().bits());
    static_assert(sizeof(Packet) == 64 && offsetof(Packet, source) == 8 &&
                  offsetof(Packet, target) == 24 && offsetof(Packet, sequence) == 40 &&
                  offsetof(Packet, source_port) == 48 && offsetof(Packet, flags) == 56 &&
                  offsetof(Packet, family) == 60);
    return;
  }
  const auto acknowledgement = is_syn ? SynSummary().bits() : load<std::uint32_t>(datagram + 28);
  out = Packet{.time = time,
               .sequence = load<std::uint32_t>(datagram + 24),
               .acknowledgement = acknowledgement,
               .source_port = load<Port>(datagram + 20),
               .target_port = load<Port>(datagram + 22),
               .ip_id = load<std::uint16_t>(datagram + 4),
               .window = load<std::uint16_t>(datagram + 34),
               .flags = flags,
               .protocol = IpProto::tcp,
               .ttl = load<std::uint8_t>(datagram + 8),
               .tos = load<std::uint8_t>(datagram + 1),
               .family = Family::ipv4};
  std::memcpy(out.source.data(), datagram + 12, 4);
  std::memcpy(out.target.data(), datagram + 16, 4);
}

}  // namespace scanlogd::plain_tcp
