// Decoys: nmap -D sends each probe from many addresses at once, equal in ports, sequence number and
// IP id. So whoever sends what another just sent is one of a group, and the group is one scan.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "detect/contact.h"
#include "detect/scan_records.h"
#include "detect/source_key.h"

namespace scanlogd {

/// Sources that sent the same to one target.
struct DecoyGroup {
  static constexpr std::size_t kMost = ScanSources::kMost;

  std::uint64_t target = 0;     ///< `address_word`; 0: none
  std::array<Port, 2> ports{};  ///< of the first probes that several sent
  std::uint8_t port_count = 0;
  Tick last = 0;
  ScanRecords::Handle record = ScanRecords::kNoRecord;  ///< its scan, once it was told
  std::uint8_t count = 0;                               ///< valid entries of `members`
  std::uint8_t told = 0;                                ///< of these: named in its scan
  std::array<SourceKey, kMost> members{};
  std::array<Address, kMost> addresses{};  ///< theirs

  /// Is that source one of them?
  [[nodiscard]] bool has(SourceKey source) const noexcept;
  /// Takes it in, if there is room.
  void add(SourceKey source, const Address& address) noexcept;
  /// Puts a member to the front: it is likelier than the others to be the scanner.
  void prefer(SourceKey source) noexcept;
};

/// The last probes, and the groups that came of them.
class Decoys {
 public:
  /// With no memory of anything.
  [[nodiscard]] static Result<Decoys> make(HashKey key);

  /// Compares a probe with those of others. Returns the group of its source, or nullptr; `is_news`
  /// where the group has a third port in common and no scan yet: by then all of it has come, and
  /// the one that our answers reach may have reacted.
  [[nodiscard]] DecoyGroup* note(const Sighting& sighting, bool& is_news) noexcept;

  [[nodiscard]] std::size_t memory() const noexcept {
    return slots_.items().size_bytes() + sizeof(groups_);
  }

 private:
  static constexpr std::size_t kSlots = 2048;
  static constexpr Tick kTogether = 2 * kSecond;
  static constexpr Tick kGroupLifetime = 60 * kSecond;
  struct Slot {
    std::uint64_t probe;  // 0: none
    SourceKey source;
    AddressBytes address;
    Tick at;
  };

  Decoys(ReservedMemory<Slot> slots, HashKey key) noexcept : slots_(std::move(slots)), key_(key) {}
  [[nodiscard]] std::uint64_t hash_of(const Sighting& sighting) const noexcept;
  [[nodiscard]] DecoyGroup& group_of(const Sighting& sighting) noexcept;

  ReservedMemory<Slot> slots_;
  HashKey key_;
  std::array<DecoyGroup, 4> groups_{};
};

}  // namespace scanlogd
