// Reads numbers in network byte order from bytes that may lie at any alignment. For decode and link
// only: past them every number is in host order. Callers check sizes first; the check here ends the
// process where one did not. It is ours, not the span's: what stands in one comparison the compiler
// sees through, and drops it where the caller's check covers it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace scanlogd {

namespace detail {
template <class Number>
[[nodiscard, gnu::always_inline]] inline Number load_big_endian(std::span<const std::byte> bytes,
                                                                std::size_t at) noexcept {
  if (at + sizeof(Number) > bytes.size()) [[unlikely]]
    __builtin_trap();
  Number value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return value;
}
}  // namespace detail

/// The byte at `at`.
[[nodiscard]] inline std::uint8_t load_8(std::span<const std::byte> bytes,
                                         std::size_t at) noexcept {
  return detail::load_big_endian<std::uint8_t>(bytes, at);
}

/// The two bytes from `at` on.
[[nodiscard]] inline std::uint16_t load_be16(std::span<const std::byte> bytes,
                                             std::size_t at) noexcept {
  return detail::load_big_endian<std::uint16_t>(bytes, at);
}

/// The four bytes from `at` on.
[[nodiscard]] inline std::uint32_t load_be32(std::span<const std::byte> bytes,
                                             std::size_t at) noexcept {
  return detail::load_big_endian<std::uint32_t>(bytes, at);
}

}  // namespace scanlogd
