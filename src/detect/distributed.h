// Distributed scans: many sources, each asking one host of ours for a port or two that nobody asked
// for before. Of each victim the rate of such novelties is learnt; a CUSUM on it sees when it is
// four times what is usual. Poisson CUSUM: Lucas 1985.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "detect/scan_records.h"
#include "detect/source_key.h"

namespace scanlogd {

/// A failed contact by a source that had hardly any before.
struct Novelty {
  SourceKey source = 0;
  Port port = 0;
  IpProto protocol{};
  std::uint8_t victim = 0;  ///< see `Distributed::victim_of`
};

/// What was found of one victim.
struct DistributedScan {
  std::chrono::nanoseconds started{};
  std::chrono::nanoseconds last{};
  Address target;
  std::uint32_t ports = 0;
  std::uint64_t sources_seen = 0;  ///< bit: some source
  std::uint8_t port_count = 0;
  std::uint8_t source_count = 0;
  std::array<Port, ScanEvent::kMaxPorts> first_ports{};
  std::array<SourceKey, ScanEvent::kMaxGroup> sources{};
  bool is_scan = false;                                 ///< enough of it for an alarm
  ScanRecords::Handle record = ScanRecords::kNoRecord;  ///< its scan, once it was told
};

/// The local addresses that are watched over, and what is usual for each.
class Distributed {
 public:
  static constexpr std::size_t kVictims = 16;
  static constexpr std::uint8_t kNone = 0xff;

  /// With no victims.
  [[nodiscard]] static Result<Distributed> make();

  /// The number of the local address `target`; the first ones are watched. `kNone`: not this one.
  [[nodiscard]] std::uint8_t victim_of(std::uint64_t local, const Address& target) noexcept;

  /// Takes in a novelty. What it belongs to, or nullptr where it is none after all.
  [[nodiscard]] DistributedScan* note(const Novelty& novelty, std::chrono::nanoseconds time,
                                      Tick now) noexcept;

  [[nodiscard]] std::size_t memory() const noexcept {
    return maps_.items().size_bytes() + sizeof(victims_);
  }

 private:
  struct PortMap {
    std::array<std::uint64_t, 1024> words;
  };
  struct Victim {
    std::uint64_t local = 0;
    double rate = 0;   ///< novelties an hour
    double score = 0;  ///< the CUSUM
    Tick updated = 0;
    Tick begun = 0;
    Tick turned = 0;
    std::uint8_t current = 0;  ///< which of its two maps is the younger
    bool is_begun = false;
    bool is_early = false;  ///< in its first minute
    DistributedScan run;    ///< since the score was 0
  };

  explicit Distributed(ReservedMemory<PortMap> maps) noexcept : maps_(std::move(maps)) {}
  [[nodiscard]] bool is_new_port(std::size_t index, const Novelty& novelty, Tick now) noexcept;

  ReservedMemory<PortMap> maps_;  ///< two of each victim
  std::array<Victim, kVictims> victims_{};
  std::size_t count_ = 0;
};

}  // namespace scanlogd
