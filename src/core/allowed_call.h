// What a process that confines itself may go on asking of the kernel, as plain values: parts of the
// program say what they need, and daemon/sandbox.cpp makes a seccomp(2) filter of it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace scanlogd {

/// `(argument & mask) == value`; a mask of 0 asks for nothing.
struct ArgumentTest {
  unsigned argument = 0;  ///< 0 is the first
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
};

/// The argument is this `int`. The kernel looks at no more than its 32 bits.
[[nodiscard]] constexpr ArgumentTest is(unsigned argument, int value) noexcept {
  return {.argument = argument, .mask = 0xffffffff, .value = static_cast<std::uint32_t>(value)};
}

/// All of these bits are set in the argument.
[[nodiscard]] constexpr ArgumentTest has(unsigned argument, std::uint64_t bits) noexcept {
  return {.argument = argument, .mask = bits, .value = bits};
}

/// None of these bits is set in the argument.
[[nodiscard]] constexpr ArgumentTest lacks(unsigned argument, std::uint64_t bits) noexcept {
  return {.argument = argument, .mask = bits, .value = 0};
}

/// The argument is a null pointer, or zero.
[[nodiscard]] constexpr ArgumentTest is_null(unsigned argument) noexcept {
  return {.argument = argument, .mask = ~std::uint64_t{0}, .value = 0};
}

/// A system call that is allowed where all tests hold, each of another argument. Several entries
/// for one call are alternatives.
struct AllowedCall {
  std::string_view name;  ///< as in syscalls(2), of static lifetime; left out where there is none
  std::array<ArgumentTest, 3> tests{};
};

}  // namespace scanlogd
