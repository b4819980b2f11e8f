// What a detector says when it has seen a scan, and the list it says it in.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "core/packet.h"

namespace scanlogd {

/// Bits of `ScanEvent::varies`: what did not stay as in the first packet of the source.
namespace varies {
inline constexpr std::uint8_t target = 0x01;
inline constexpr std::uint8_t source_port = 0x02;
inline constexpr std::uint8_t tos = 0x04;
inline constexpr std::uint8_t ttl = 0x08;
}  // namespace varies

/// One detection, a plain value. `source_port`, `target`, `tos`, `ttl` are the first packet's.
struct ScanEvent {
  /// More ports than any log line can show (120 bytes, three bytes for the shortest port).
  static constexpr std::size_t kMaxPorts = 40;

  std::chrono::nanoseconds started{};   ///< first packet, monotonic (as in `Packet::time`)
  std::chrono::nanoseconds detected{};  ///< the packet that crossed the threshold
  Address source;
  Address target;
  Port source_port = 0;
  std::uint8_t flags_or = 0;   ///< TCP flags set in at least one packet
  std::uint8_t flags_and = 0;  ///< TCP flags set in all packets
  std::uint8_t varies = 0;     ///< `varies` bits
  std::uint8_t tos = 0;
  std::uint8_t ttl = 0;
  std::uint8_t port_count = 0;          ///< valid entries of `ports`
  std::array<Port, kMaxPorts> ports{};  ///< in the order first seen
};
static_assert(std::is_trivially_copyable_v<ScanEvent>);

/// Events of one batch: each packet gives at most one event per detector, so a batch cannot
/// overflow it. `push` on a full list is refused and counted by the caller's identity.
class EventList {
 public:
  static constexpr std::size_t kCapacity = PacketBatch::kCapacity;

  /// Appends; false where the list is full.
  [[nodiscard]] bool push(const ScanEvent& event) noexcept {
    if (size_ == kCapacity) return false;
    events_[size_++] = event;
    return true;
  }
  [[nodiscard]] std::span<const ScanEvent> view() const noexcept { return {events_.data(), size_}; }
  void clear() noexcept { size_ = 0; }

 private:
  std::array<ScanEvent, kCapacity> events_;
  std::size_t size_ = 0;
};

}  // namespace scanlogd
