// See own_addresses.h; getifaddrs(3).
#include "daemon/own_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

namespace scanlogd {

std::vector<Network> own_addresses() {
  std::vector<Network> own = {{.base = {Family::ipv4, {127}}, .prefix = 8},
                              {.base = {Family::ipv6, {}}, .prefix = 128}};
  own.back().base.bytes.back() = 1;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return own;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    Address address;
    if (each->ifa_addr->sa_family == AF_INET) {
      sockaddr_in ipv4{};
      std::memcpy(&ipv4, each->ifa_addr, sizeof(ipv4));
      address.family = Family::ipv4;
      std::memcpy(address.bytes.data(), &ipv4.sin_addr, sizeof(ipv4.sin_addr));
      own.push_back({.base = address, .prefix = 32});
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 ipv6{};
      std::memcpy(&ipv6, each->ifa_addr, sizeof(ipv6));
      address.family = Family::ipv6;
      std::memcpy(address.bytes.data(), &ipv6.sin6_addr, sizeof(ipv6.sin6_addr));
      own.push_back({.base = address, .prefix = 128});
    }
  }
  return own;
}

}  // namespace scanlogd
