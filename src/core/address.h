// IPv4 and IPv6 addresses and networks as plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace scanlogd {

/// IP version of an address or packet; the values are the version nibbles.
enum class Family : std::uint8_t { none = 0, ipv4 = 4, ipv6 = 6 };

/// Sixteen address bytes in network order; an IPv4 address fills the first four, the rest is zero.
using AddressBytes = std::array<std::uint8_t, 16>;

/// One address. The family is part of its identity: no IPv6 address equals an IPv4 one.
struct Address {
  Family family = Family::none;
  AddressBytes bytes{};

  friend auto operator<=>(const Address&, const Address&) = default;
};

/// The IPv4 address held in `bytes`, in host order.
[[nodiscard]] constexpr std::uint32_t ipv4_value(const AddressBytes& bytes) noexcept {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | static_cast<std::uint32_t>(bytes[3]);
}

/// The bytes of an IPv4 address given in host order.
[[nodiscard]] constexpr AddressBytes ipv4_bytes(std::uint32_t value) noexcept {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

/// `address` in its usual text form (RFC 5952 for IPv6), without brackets.
[[nodiscard]] std::string to_string(const Address& address);

/// Parses dotted-quad IPv4 or IPv6 text; no brackets, no zone.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

/// An address prefix, such as 192.0.2.0/24.
struct Network {
  Address base;             ///< bits past `prefix` are zero
  std::uint8_t prefix = 0;  ///< 0-32 for IPv4, 0-128 for IPv6

  /// Is `address` of the same family and equal in the first `prefix` bits?
  [[nodiscard]] bool contains(const Address& address) const noexcept;

  friend bool operator==(const Network&, const Network&) = default;
};

/// The network of so many bits that `address` is in.
[[nodiscard]] Network network_of(const Address& address, std::uint8_t prefix) noexcept;

/// Parses `ADDRESS` or `ADDRESS/PREFIX`; set host bits are an error, because they are usually a
/// typo.
[[nodiscard]] Result<Network> parse_network(std::string_view text);

/// Parses a comma-separated list of networks, at least one.
[[nodiscard]] Result<std::vector<Network>> parse_networks(std::string_view text);

}  // namespace scanlogd
