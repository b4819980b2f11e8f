// The other side of an idle scan (nmap -sI): somebody sends SYN-ACKs to one port of ours, made by a
// raw-packet tool, to read our IP identification between the probes that he sends in our name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/packet.h"
#include "detect/scan_records.h"
#include "detect/source_key.h"

namespace scanlogd {

/// Who sends such, and how many there were.
class IdleProbes {
 public:
  /// One source and the port that it asks.
  struct Asker {
    SourceKey source = 0;
    Port port = 0;
    std::uint8_t count = 0;
    Tick last = 0;
    std::chrono::nanoseconds started{};
    ScanRecords::Handle record = ScanRecords::kNoRecord;
  };

  /// Notes `packet`, a segment that nobody asked for. The asker where it has sent enough, or
  /// nullptr.
  [[nodiscard]] Asker* note(SourceKey source, const Packet& packet, Tick now) noexcept {
    constexpr std::uint16_t kNmapWindow = 1024;
    constexpr std::uint8_t kEnough = 3;
    constexpr Tick kPatience = 600 * kSecond;
    const bool is_probe = (packet.flags & tcp_flag::syn) != 0 && packet.window == kNmapWindow &&
                          packet.options() == TcpOptions::mss_only;
    if (!is_probe) return nullptr;
    Asker& asker = askers_[(source ^ source >> 8 ^ source >> 16) % askers_.size()];
    if (asker.source != source || asker.port != packet.target_port ||
        elapsed(asker.last, now) > kPatience) {
      asker = {.source = source, .port = packet.target_port, .started = packet.time};
    }
    asker.last = now;
    if (asker.count < kEnough) ++asker.count;
    return asker.count == kEnough ? &asker : nullptr;
  }

 private:
  std::array<Asker, 64> askers_{};
};

}  // namespace scanlogd
