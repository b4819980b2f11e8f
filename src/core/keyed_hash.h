// Hashing of values an attacker chooses: keyed with random bits that never leave the process.
// A folded 64x64->128 bit multiplication, twice, in the manner of wyhash (public domain idea):
// about a nanosecond, where SipHash costs ten. Not a MAC: its strength is that nothing derived from
// it is ever printed, so there is no feedback to learn the key from, and every bucket is bounded
// anyway.
#pragma once

#include <cstdint>

#include "core/result.h"

namespace scanlogd {

/// 128 secret bits, new at each start.
struct HashKey {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};

/// A key from getrandom(2).
[[nodiscard]] Result<HashKey> random_hash_key();

namespace detail {
[[nodiscard]] inline std::uint64_t fold(std::uint64_t x, std::uint64_t y) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(x) * y;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
}  // namespace detail

/// Hash of two words under `key`; all 64 bits are usable.
[[nodiscard]] inline std::uint64_t keyed_hash(HashKey key, std::uint64_t x,
                                              std::uint64_t y = 0) noexcept {
  // Odd constants with balanced bits: the fractional digits of the golden ratio and of pi.
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
  constexpr std::uint64_t kPi = 0x243f6a8885a308d3;
  const std::uint64_t first = detail::fold(x ^ key.a, y ^ key.b ^ kGolden);
  return detail::fold(first ^ key.b ^ kPi, key.a | 1);
}

/// A permutation of the 32-bit numbers under `key`: a hash of one that another number never shares.
/// All bits are usable. Multiplications, which carry upwards, and shifts, which bring down again,
/// in turns as in the end of MurmurHash3 (public domain), but with secret factors.
[[nodiscard]] inline std::uint32_t keyed_permutation(HashKey key, std::uint32_t x) noexcept {
  const auto lower = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  x ^= lower(key.a);
  x *= lower(key.a >> 32) | 1;
  x ^= x >> 16;
  x *= lower(key.b) | 1;
  x ^= x >> 15;
  x *= lower(key.b >> 32) | 1;
  return x ^ x >> 16;
}

}  // namespace scanlogd
