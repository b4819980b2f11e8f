// Comparing eight numbers at once, for the buckets of tables: vectors of the size that every x86-64
// and aarch64 processor has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace scanlogd {

/// Bit n is set where the nth of the eight numbers at `numbers` (32 bytes, of any alignment) equals
/// `value` in the bits of `mask`.
[[nodiscard, gnu::always_inline]] inline unsigned equal_lanes(
    const void* numbers, std::uint32_t value, std::uint32_t mask = ~std::uint32_t{0}) noexcept {
  using Four [[gnu::vector_size(16)]] = std::uint32_t;
  Four low;
  Four high;
  std::memcpy(&low, numbers, sizeof(low));
  std::memcpy(&high, static_cast<const std::byte*>(numbers) + sizeof(low), sizeof(high));
  const auto equal = [&](Four four) { return Four((four & mask) == (value & mask)); };
#ifdef __SSE2__
  // The sign bits of all lanes in one instruction, once they are bytes.
  using Words [[gnu::vector_size(16)]] = int;
  using Halves [[gnu::vector_size(16)]] = short;
  using Bytes [[gnu::vector_size(16)]] = char;
  const Halves halves = __builtin_ia32_packssdw128(Words(equal(low)), Words(equal(high)));
  const Bytes bytes = __builtin_ia32_packsswb128(halves, Halves{});
  return static_cast<unsigned>(__builtin_ia32_pmovmskb128(bytes));
#else
  using Two [[gnu::vector_size(16)]] = std::uint64_t;
  constexpr Four kLowBits = {0x01, 0x02, 0x04, 0x08};
  constexpr Four kHighBits = {0x10, 0x20, 0x40, 0x80};
  const Two bits = Two(equal(low) & kLowBits) | Two(equal(high) & kHighBits);
  const std::uint64_t pair = bits[0] | bits[1];
  return static_cast<unsigned>((pair | pair >> 32) & 0xff);
#endif
}

}  // namespace scanlogd
