// Contacts that were counted, but may yet turn out to be harmless: a port that answers SYN-ACK a
// moment later is a service we had not learnt, not a failure. A ring in order of time, found by
// flow; when it is full the oldest counts as if nothing would come.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/evidence.h"
#include "detect/families.h"
#include "detect/source_key.h"

namespace scanlogd {

/// How much contacts weigh: sixteenths of a point.
using Weight = std::uint16_t;

/// One contact and where it was counted.
struct Pending {
  FlowHash flow = 0;  ///< 0: none
  FlowHash port = 0;  ///< the contact itself, see `port_hash`
  SourceKey source = 0;
  std::uint32_t entry = 0;    ///< in the table of sources
  std::uint32_t network = 0;  ///< in the table of networks
  Tick at = 0;
  Weight weight = 0;
  Weight network_weight = 0;  ///< 0: not counted there
  Port target_port = 0;
  IpProto protocol{};
  PortFamily family = PortFamily::none;  ///< that it was the first of
  bool waits = false;                    ///< it is not known yet what it was
  std::uint8_t victim = 0xff;            ///< to be shown to the detector of distributed scans
};

/// The last `kSize` of them.
class PendingContacts {
 public:
  static constexpr std::size_t kSize = 4096;

  [[nodiscard]] static Result<PendingContacts> make() {
    auto ring = ReservedMemory<Pending>::make(kSize, "pending contacts");
    if (!ring) return std::unexpected(ring.error());
    auto index = ReservedMemory<std::uint16_t>::make(kSize, "pending contacts");
    if (!index) return std::unexpected(index.error());
    return PendingContacts(std::move(*ring), std::move(*index));
  }

  /// Adds one, after `release` of the oldest if there is no room.
  template <class Release>
  void add(const Pending& contact, Release release) noexcept {
    if (tail_ + kSize == head_) pop(release);
    ring_[head_ % kSize] = contact;
    slot_of(contact.flow) = static_cast<std::uint16_t>(head_ % kSize);
    ++head_;
  }

  /// The one of `flow`, for as long as it is in the ring, or nullptr.
  [[nodiscard]] Pending* find(FlowHash flow) noexcept {
    Pending& found = ring_[slot_of(flow)];
    return found.flow == flow ? &found : nullptr;
  }

  /// Those of before `now - patience`: calls `release` for each that still waits.
  template <class Release>
  void expire(Tick now, Tick patience, Release release) noexcept {
    while (tail_ != head_ && elapsed(ring_[tail_ % kSize].at, now) >= patience) {
      pop(release);
    }
  }

  /// Is there none that waits?
  [[nodiscard]] bool is_idle() const noexcept { return tail_ == head_; }

  [[nodiscard]] std::size_t memory() const noexcept {
    return ring_.items().size_bytes() + index_.items().size_bytes();
  }

 private:
  PendingContacts(ReservedMemory<Pending> ring, ReservedMemory<std::uint16_t> index) noexcept
      : ring_(std::move(ring)), index_(std::move(index)) {}

  [[nodiscard]] std::uint16_t& slot_of(FlowHash flow) const noexcept {
    return index_[flow >> 24 & (kSize - 1)];
  }

  // What is popped stays in the ring until it is written over, so that a late answer finds it.
  template <class Release>
  void pop(Release& release) noexcept {
    Pending& oldest = ring_[tail_++ % kSize];
    if (!oldest.waits) return;
    oldest.waits = false;
    release(oldest);
  }

  ReservedMemory<Pending> ring_;
  ReservedMemory<std::uint16_t> index_;
  std::uint64_t head_ = 0;  ///< the next to be written
  std::uint64_t tail_ = 0;  ///< the oldest that may wait
};

}  // namespace scanlogd
