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

/// Of one that `is_plain`: sets `out` to what `decode_ip` makes of it if it has no options, with
/// `time`. Put together in words, because eight stores are done sooner than twenty.
[[gnu::always_inline]] inline void decode(const std::byte* datagram, std::chrono::nanoseconds time,
                                          Packet& out) noexcept {
  // A narrow number that the compiler puts aside and gets back as a wide one is only there when all
  // stores before it are done. So it is told that these have to be wide already.
  const auto load_wide = [datagram](std::size_t at, auto narrow) __attribute__((always_inline)) {
    // NOLINTNEXTLINE(misc-const-correctness): what is told is that it may have changed.
    std::uint64_t number = detail::load<decltype(narrow)>(datagram + at);
    asm("" : "+r"(number));
    return number;
  };
  using detail::load;
  const bool is_syn = (flags(datagram) & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
  const auto sequence = load<std::uint32_t>(datagram + 24);
  const auto acknowledgement = is_syn ? SynSummary().bits() : load<std::uint32_t>(datagram + 28);
  const auto ports = load<std::uint32_t>(datagram + 20);
  const std::uint64_t ip_id = load_wide(4, std::uint16_t{});
  const std::uint64_t window = load_wide(34, std::uint16_t{});
  const std::uint64_t ttl = load_wide(8, std::uint8_t{});
  const std::uint64_t tos = load_wide(1, std::uint8_t{});
  if constexpr (std::endian::native == std::endian::little) {
    std::uint32_t source;
    std::uint32_t target;
    std::memcpy(&source, datagram + 12, sizeof(source));
    std::memcpy(&target, datagram + 16, sizeof(target));
    const auto wide = [](auto number) { return static_cast<std::uint64_t>(number); };
    // One by one: of a whole array GCC 12 makes a string instruction where it sees a cold function.
    auto* const to = static_cast<std::byte*>(static_cast<void*>(&out));
    const auto store = [to](std::size_t word, std::uint64_t value) __attribute__((always_inline)) {
      std::memcpy(to + word * sizeof(value), &value, sizeof(value));
    };
    store(0, wide(time.count()));
    store(1, source);
    store(2, 0);
    store(3, target);
    store(4, 0);
    store(5, sequence | wide(acknowledgement) << 32);
    store(6, std::rotl(ports, 16) | ip_id << 32 | window << 48);
    store(7, flags(datagram) | wide(IpProto::tcp) << 8 | ttl << 16 | tos << 24 |
                 wide(Family::ipv4) << 32);
    static_assert(sizeof(Packet) == 64 && offsetof(Packet, source) == 8 &&
                  offsetof(Packet, target) == 24 && offsetof(Packet, sequence) == 40 &&
                  offsetof(Packet, source_port) == 48 && offsetof(Packet, flags) == 56 &&
                  offsetof(Packet, family) == 60);
    return;
  }
  out = Packet{.time = time,
               .sequence = sequence,
               .acknowledgement = acknowledgement,
               .source_port = static_cast<Port>(ports >> 16),
               .target_port = static_cast<Port>(ports),
               .ip_id = static_cast<std::uint16_t>(ip_id),
               .window = static_cast<std::uint16_t>(window),
               .flags = flags(datagram),
               .protocol = IpProto::tcp,
               .ttl = static_cast<std::uint8_t>(ttl),
               .tos = static_cast<std::uint8_t>(tos),
               .family = Family::ipv4};
  std::memcpy(out.source.data(), datagram + 12, 4);
  std::memcpy(out.target.data(), datagram + 16, 4);
}

}  // namespace scanlogd::plain_tcp
