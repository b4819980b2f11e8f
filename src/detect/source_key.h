// What tables know addresses by. An IPv6 source is its /64, because whoever has one address of a
// /64 has all of them; networks of sources are a /24 (IPv4) or a /48 (IPv6).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/address.h"
#include "core/keyed_hash.h"
#include "core/packet.h"

namespace scanlogd {

/// An IPv4 source, an IPv6 /64, or a network of either. No two of these are equal; 0 is none.
using SourceKey = std::uint64_t;

namespace detail {
// The upper 16 bits of keys that are no IPv6 prefix. No address begins so: ff00::/8 is multicast.
inline constexpr std::uint64_t kIpv4Key = 0xffff;
inline constexpr std::uint64_t kIpv4NetworkKey = 0xfffe;
inline constexpr std::uint64_t kIpv6NetworkKey = 0xfffd;
inline constexpr unsigned kTagShift = 48;

[[nodiscard]] inline std::uint64_t upper_half(const AddressBytes& bytes) noexcept {
  std::uint64_t half = 0;
  for (std::size_t i = 0; i < sizeof(half); ++i) half = half << 8 | bytes[i];
  return half;
}
}  // namespace detail

/// Are they the same bytes? Without a call, which `==` is to GCC 12.
[[nodiscard]] inline bool is_same(const AddressBytes& one, const AddressBytes& other) noexcept {
  std::array<std::uint64_t, 2> words[2];
  std::memcpy(&words[0], one.data(), sizeof(words[0]));
  std::memcpy(&words[1], other.data(), sizeof(words[1]));
  return ((words[0][0] ^ words[1][0]) | (words[0][1] ^ words[1][1])) == 0;
}

/// The key of the source `bytes`.
[[nodiscard]] inline SourceKey source_key(Family family, const AddressBytes& bytes) noexcept {
  if (family == Family::ipv4) return detail::kIpv4Key << detail::kTagShift | ipv4_value(bytes);
  return detail::upper_half(bytes);
}

/// The key of the network of `source`, which is the key of a source.
[[nodiscard]] constexpr SourceKey network_key(SourceKey source) noexcept {
  if (source >> detail::kTagShift == detail::kIpv4Key) {
    return detail::kIpv4NetworkKey << detail::kTagShift | (source & 0xffff'ff00);
  }
  return detail::kIpv6NetworkKey << detail::kTagShift | source >> 16;
}

/// The address that the key of a source stands for; of IPv6 the first of the /64.
[[nodiscard]] inline Address address_of(SourceKey source) noexcept {
  if (source >> detail::kTagShift == detail::kIpv4Key) {
    return {Family::ipv4, ipv4_bytes(static_cast<std::uint32_t>(source))};
  }
  Address address{Family::ipv6, {}};
  for (std::size_t i = 0; i < sizeof(source); ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(source >> (56 - 8 * i));
  }
  return address;
}

/// How many bits of an address `network_key` keeps.
[[nodiscard]] constexpr std::uint8_t network_prefix(Family family) noexcept {
  return family == Family::ipv4 ? 24 : 48;
}

/// `bytes` with all past the network cleared.
[[nodiscard]] inline AddressBytes network_base(Family family, AddressBytes bytes) noexcept {
  for (std::size_t i = network_prefix(family) / 8U; i < bytes.size(); ++i) bytes[i] = 0;
  return bytes;
}

/// All of an address in one word, for hashing with others.
[[nodiscard]] inline std::uint64_t address_word(HashKey key, Family family,
                                                const AddressBytes& bytes) noexcept {
  if (family == Family::ipv4) return detail::kIpv4Key << detail::kTagShift | ipv4_value(bytes);
  std::uint64_t words[2];
  std::memcpy(words, bytes.data(), sizeof(words));
  return detail::fold(words[0] ^ key.a, words[1] ^ key.b);
}

/// Time as detectors count it: sixteenths of a second, modulo 2^32.
using Tick = std::uint32_t;

/// Ticks of a second.
inline constexpr Tick kSecond = 16;
/// Ticks of an hour.
inline constexpr Tick kHour = 3600 * kSecond;

/// The tick of `time`.
[[nodiscard]] inline Tick tick_of(std::chrono::nanoseconds time) noexcept {
  return static_cast<Tick>(time.count() / (std::chrono::nanoseconds::period::den / kSecond));
}

/// How long before `now` `then` was; 0 where it was after.
[[nodiscard]] constexpr Tick elapsed(Tick then, Tick now) noexcept {
  const Tick passed = now - then;
  return passed < Tick{1} << 31 ? passed : 0;
}

}  // namespace scanlogd
