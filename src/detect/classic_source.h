// What the detector of scanlogd(8) keeps of a source.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/packet.h"

namespace scanlogd {

/// What is kept of a source that has sent more than one packet; exactly one cache line with the
/// default twenty ports.
template <std::size_t kPorts>
struct ClassicSource {
  std::chrono::nanoseconds started;  ///< the first packet
  std::uint32_t target;              ///< once reported: the `ScanRecords::Handle`
  std::uint32_t last;                ///< tick of the last new port
  Port source_port;                  ///< this and the next two: of the first packet
  std::uint8_t tos;
  std::uint8_t ttl;
  std::uint8_t flags_or;
  std::uint8_t flags_and;
  std::uint8_t varies;
  std::uint8_t count;  ///< entries of `ports`
  std::array<Port, kPorts> ports;

  /// Is `port` on the list?
  [[nodiscard]] bool knows(Port port) const noexcept {
    if (port == 0)
      return std::find(ports.begin(), ports.begin() + count, port) != ports.begin() + count;
    // Eight ports at a time, some of them twice. What is not in use is 0, which `port` is not.
    using Ports [[gnu::vector_size(16)]] = std::uint16_t;
    using Two [[gnu::vector_size(16)]] = std::uint64_t;
    constexpr std::size_t kAtOnce = sizeof(Ports) / sizeof(Port);
    static_assert(kPorts >= kAtOnce);
    Ports known{};
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kPorts; i += kAtOnce) {
      Ports some;
      std::memcpy(&some, &ports[std::min(i, kPorts - kAtOnce)], sizeof(some));
      known |= Ports(some == port);
    }
    const auto pair = Two(known);
    return (pair[0] | pair[1]) != 0;
  }
};
static_assert(sizeof(ClassicSource<20>) == 64);

}  // namespace scanlogd
