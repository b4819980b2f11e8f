// Backscatter: answers to what somebody sent in our name. Never a scan; told once an hour, if at
// all, of the host that answers most.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/packet.h"
#include "detect/source_key.h"

namespace scanlogd {

/// Hosts that send answers to many ports of ours from one port of theirs.
class Backscatter {
 public:
  /// One of them.
  struct Host {
    SourceKey source = 0;
    Address address;
    Address target;
    Port source_port = 0;
    std::uint64_t ports_seen = 0;  ///< bit: some (target, port)
    std::uint32_t packets = 0;
    std::chrono::nanoseconds started{};
  };
  static constexpr int kLeastPorts = 10;
  static constexpr Tick kInterval = kHour;

  /// Notes an unsolicited answer; `port` is its `port_hash`.
  void note(SourceKey source, std::uint64_t port, const Packet& packet) noexcept {
    Host& host = hosts_[(source ^ source >> 8 ^ packet.source_port) % hosts_.size()];
    if (host.source != source || host.source_port != packet.source_port) {
      if (host.packets > 1) {
        --host.packets;  // whoever is silent gives way in time
        return;
      }
      // One by one: GCC 12 puts whole addresses together on the stack, and waits for them.
      host.source = source;
      host.address.family = host.target.family = packet.family;
      host.address.bytes = packet.source;
      host.target.bytes = packet.target;
      host.source_port = packet.source_port;
      host.ports_seen = 0;
      host.packets = 0;
      host.started = packet.time;
    }
    ++host.packets;
    host.ports_seen |= std::uint64_t{1} << (port & 63);
  }

  /// Once an hour: the host with most packets among those that are backscatter, and how many there
  /// are; all are forgotten. nullptr where there is none, or it is not yet time.
  [[nodiscard]] const Host* summarise(Tick now, std::uint32_t& count) noexcept {
    if (begun_ == 0) begun_ = now;
    if (elapsed(begun_, now) < kInterval) return nullptr;
    begun_ = now;
    most_ = {};
    count = 0;
    for (Host& host : hosts_) {
      if (std::popcount(host.ports_seen) >= kLeastPorts) {
        ++count;
        if (host.packets > most_.packets) most_ = host;
      }
      host = {};
    }
    return count > 0 ? &most_ : nullptr;
  }

 private:
  std::array<Host, 256> hosts_{};
  Host most_;
  Tick begun_ = 0;
};

}  // namespace scanlogd
