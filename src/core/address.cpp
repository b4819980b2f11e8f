// Text forms of addresses and networks: dotted quad, RFC 4291 2.2 to read and RFC 5952 to write (by
// inet_pton(3) and inet_ntop(3)), RFC 4632 and RFC 4291 2.3 for prefixes. No names are looked up.
#include "core/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <span>

#include "core/text.h"

namespace scanlogd {
namespace {

constexpr unsigned address_bits(Family family) noexcept {
  return family == Family::ipv4 ? 32 : 128;
}

// `bytes` with all bits past the first `prefix` cleared.
AddressBytes masked(AddressBytes bytes, unsigned prefix) noexcept {
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned kept = std::clamp(prefix, i * 8, i * 8 + 8) - i * 8;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & 0xff00u >> kept);
  }
  return bytes;
}

}  // namespace

std::string to_string(const Address& address) {
  if (address.family == Family::none) return "none";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = address.family == Family::ipv4 ? AF_INET : AF_INET6;
  (void)inet_ntop(family, address.bytes.data(), text.data(),
                  text.size());  // room for every address
  return text.data();
}

Result<Address> parse_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() < terminated.size() && !text.contains('\0')) {
    std::ranges::copy(text, terminated.begin());
    Address address;
    if (inet_pton(AF_INET, terminated.data(), address.bytes.data()) == 1) {
      address.family = Family::ipv4;
      return address;
    }
    if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) {
      address.family = Family::ipv6;
      return address;
    }
  }
  return fail(fmt::format("'{}' is not an IPv4 or IPv6 address", text));
}

bool Network::contains(const Address& address) const noexcept {
  return address.family == base.family && masked(address.bytes, prefix) == base.bytes;
}

Network network_of(const Address& address, std::uint8_t prefix) noexcept {
  return {.base = {.family = address.family, .bytes = masked(address.bytes, prefix)},
          .prefix = prefix};
}

Result<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  unsigned prefix = address_bits(address->family);
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* end = digits.data() + digits.size();
    const unsigned most = prefix;
    const auto [stop, error] = std::from_chars(digits.data(), end, prefix);
    if (digits.empty() || error != std::errc{} || stop != end || prefix > most)
      return fail(fmt::format("'{}' has no prefix length from 0 to {}", text, most));
  }
  const Network network{.base = {address->family, masked(address->bytes, prefix)},
                        .prefix = static_cast<std::uint8_t>(prefix)};
  if (network.base != *address)
    return fail(fmt::format("'{}' has host bits set (did you mean '{}/{}'?)", text,
                            to_string(network.base), prefix));
  return network;
}

Result<std::vector<Network>> parse_networks(std::string_view text) {
  std::vector<Network> networks;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto network = parse_network(trim(text.substr(0, comma)));
    if (!network) return std::unexpected(network.error());
    networks.push_back(*network);
    if (comma == std::string_view::npos) return networks;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace scanlogd
