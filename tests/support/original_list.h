// The memory of the original daemon, from the description of its behaviour (docs/detection.md and
// its manual), to be measured against: 256 sources in a ring, the oldest created is replaced; 512
// chains by an exclusive or of the address, of which the longest has 16. Only the rule needed to
// tell whether a source is reported.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/packet.h"

namespace scanlogd::test {

/// The chain of a source in the original: nine bits each of its address, one over the other.
[[nodiscard]] inline std::uint32_t original_hash(std::uint32_t address) noexcept {
  constexpr unsigned kBits = 9;
  std::uint32_t hash = 0;
  for (; address != 0; address >>= kBits) hash ^= address;
  return hash & ((1U << kBits) - 1);
}

/// Sources as the original remembers them; IPv4 TCP only.
class OriginalList {
 public:
  /// Is `packet` the one for which its source is reported?
  bool see(const Packet& packet) {
    const std::uint32_t address = ipv4_value(packet.source);
    const std::int64_t now = packet.time / std::chrono::milliseconds(10);
    std::vector<std::size_t>& chain = chains_[original_hash(address)];
    const auto known =
        std::ranges::find(chain, address, [&](std::size_t at) { return ring_[at].address; });
    if (known != chain.end()) {
      const std::size_t at = *known;
      const std::int64_t pause = now - ring_[at].last;
      if (pause >= 0 && pause <= kDelay) return see_known(ring_[at], packet, now);
      ring_[at].address = 0;
      chain.erase(known);
    }
    if ((packet.flags & tcp_flag::ack) != 0) return false;
    if (chain.size() >= kLongestChain) {
      ring_[chain.back()].address = 0;
      chain.pop_back();
    }
    Entry& entry = ring_[next_];
    if (entry.address != 0) std::erase(chains_[original_hash(entry.address)], next_);
    entry = {.address = address,
             .last = now,
             .weight = weight(packet.target_port),
             .ports = {packet.target_port}};
    chain.insert(chain.begin(), next_);
    next_ = (next_ + 1) % ring_.size();
    return false;
  }

 private:
  static constexpr std::int64_t kDelay = 300;
  static constexpr int kThreshold = 21;
  static constexpr std::size_t kLongestChain = 16;

  struct Entry {
    std::uint32_t address = 0;
    std::int64_t last = 0;
    int weight = 0;
    std::vector<Port> ports;
  };

  static int weight(Port port) { return port < 1024 ? 3 : 1; }

  static bool see_known(Entry& entry, const Packet& packet, std::int64_t now) {
    if (std::ranges::find(entry.ports, packet.target_port) != entry.ports.end()) return false;
    if ((packet.flags & (tcp_flag::ack | tcp_flag::rst)) != 0) return false;
    entry.last = now;
    if (entry.weight >= kThreshold) return false;
    entry.weight += weight(packet.target_port);
    if (entry.weight >= kThreshold) return true;
    entry.ports.push_back(packet.target_port);
    return false;
  }

  std::array<Entry, 256> ring_;
  std::size_t next_ = 0;
  std::array<std::vector<std::size_t>, 512> chains_;  ///< places in the ring, the newest first
};

}  // namespace scanlogd::test
