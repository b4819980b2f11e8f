// A few networks, asked about for each packet: ours, those to ignore, those to watch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "core/address.h"

namespace scanlogd {

/// Is an address in one of them? Built at the start, read in the hot path.
class NetworkSet {
 public:
  NetworkSet() noexcept = default;
  explicit NetworkSet(std::span<const Network> networks) {
    for (const Network& network : networks) {
      if (network.base.family == Family::ipv4) {
        const std::uint32_t mask =
            network.prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - network.prefix);
        ipv4_.push_back({.base = ipv4_value(network.base.bytes) & mask, .mask = mask});
      } else {
        AddressBytes mask{};
        for (unsigned bit = 0; bit < network.prefix; ++bit) {
          mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | 0x80U >> bit % 8);
        }
        ipv6_.push_back({.base = words(network.base.bytes), .mask = words(mask)});
      }
    }
  }

  [[nodiscard]] bool empty() const noexcept { return ipv4_.empty() && ipv6_.empty(); }

  /// Is the address in one of the networks?
  [[nodiscard]] bool contains(Family family, const AddressBytes& bytes) const noexcept {
    if (family == Family::ipv4) {
      const std::uint32_t address = ipv4_value(bytes);
      return std::ranges::any_of(
          ipv4_, [&](const auto& each) { return (address & each.mask) == each.base; });
    }
    const Words address = words(bytes);
    return std::ranges::any_of(ipv6_, [&](const auto& each) {
      return (address[0] & each.mask[0]) == each.base[0] &&
             (address[1] & each.mask[1]) == each.base[1];
    });
  }

  /// Is it the last address of an IPv4 network of more than two, to which broadcasts go?
  [[nodiscard]] bool is_broadcast(const AddressBytes& bytes) const noexcept {
    const std::uint32_t address = ipv4_value(bytes);
    return std::ranges::any_of(ipv4_, [&](const auto& each) {
      return ~each.mask > 1 && (address & each.mask) == each.base &&
             (address | each.mask) == ~std::uint32_t{0};
    });
  }

 private:
  using Words = std::array<std::uint64_t, 2>;
  struct Ipv4 {
    std::uint32_t base;
    std::uint32_t mask;
  };
  struct Ipv6 {
    Words base;
    Words mask;
  };

  [[nodiscard]] static Words words(const AddressBytes& bytes) noexcept {
    Words out;
    std::memcpy(out.data(), bytes.data(), sizeof(out));
    return out;
  }

  std::vector<Ipv4> ipv4_;
  std::vector<Ipv6> ipv6_;
};

}  // namespace scanlogd
