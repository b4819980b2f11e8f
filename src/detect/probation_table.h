// Where IPv4 sources stay as long as they have sent one packet, or only repeats of it: the lower
// tier beside a SourceTable. Whoever sends something else is taken from here into that table, with
// all that the first packet said. So a flood of sources with one packet each, as forging them costs
// least, passes through here and never displaces a source of which more is known.
//
// Six-way set-associative: a bucket is two cache lines side by side with all of six sources. Of a
// full one the oldest goes. Constant work for each packet, no chains, fixed memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/lanes.h"

namespace scanlogd {

/// What the first packet of a source adds to what is told of it.
struct FirstPacket {
  std::chrono::nanoseconds time{};
  std::uint32_t target = 0;  ///< IPv4, host order
  Port source_port = 0;
  Port target_port = 0;
  std::uint8_t flags = 0;
  // As wide as the words that they become part of: a byte that GCC puts aside and gets back as a
  // word is only there when all stores before it are done, those to lines far away, too.
  std::uint32_t tos = 0;
  std::uint32_t ttl = 0;
};

/// IPv4 sources and the first packet of each. They are known by a permutation of their addresses
/// (keyed_hash.h), so that none is taken for another.
class ProbationTable {
 public:
  static constexpr std::size_t kWays = 6;

  /// What times are counted in, modulo 2^32.
  static constexpr std::chrono::nanoseconds kTick = std::chrono::milliseconds(10);

  /// Where a source is. Valid until the next `put` or `forget`. One number, because two that are
  /// put on the stack one by one and read as one have the reader wait for all stores before.
  class Slot {
   public:
    /// Nowhere.
    constexpr Slot() noexcept = default;
    constexpr Slot(std::uint32_t bucket, std::uint32_t way) noexcept
        : number_(bucket << kWayBits | way) {}

    [[nodiscard]] constexpr std::uint32_t bucket() const noexcept { return number_ >> kWayBits; }
    [[nodiscard]] constexpr std::uint32_t way() const noexcept { return number_ & kWayMask; }
    explicit constexpr operator bool() const noexcept { return way() != kWays; }
    constexpr bool operator==(const Slot&) const noexcept = default;

   private:
    std::uint32_t number_ = kWays;
  };

  /// Bytes of a bucket.
  static constexpr std::size_t kBucketBytes = 128;
  /// Fewer buckets there cannot be, nor more than 2^29.
  static constexpr std::size_t kLeastBuckets = 256;

  /// With so many buckets. A source is live for `lifetime` ticks.
  [[nodiscard]] static Result<ProbationTable> make(std::size_t buckets, std::uint32_t lifetime) {
    auto memory = ReservedMemory<Bucket>::make(std::max(buckets, kLeastBuckets), "probation table");
    if (!memory) return std::unexpected(memory.error());
    return ProbationTable(std::move(*memory), lifetime);
  }

  /// Asks the processor for what `find` needs ahead of its use. In all functions here `source` is
  /// the permuted address.
  [[gnu::always_inline]] void prefetch(std::uint32_t source) const noexcept {
    __builtin_prefetch(&buckets_[index(source)], 1);
  }
  /// Asks for what else `put` needs.
  [[gnu::always_inline]] void prefetch_rest(std::uint32_t source) const noexcept {
    constexpr std::size_t kLine = 64;
    __builtin_prefetch(&buckets_[index(source)].bytes()[kLine], 1);
  }

  /// The slot of `source`, or an empty one.
  [[nodiscard]] Slot find(std::uint32_t source) const noexcept {
    const std::uint32_t at = index(source);
    return {at, way_of(buckets_[at], source)};
  }

  /// The tick of the packet in `slot`.
  [[nodiscard]] std::uint32_t tick(Slot slot) const noexcept {
    return buckets_[slot.bucket()].tick[slot.way()];
  }
  /// Its target port.
  [[nodiscard]] Port target_port(Slot slot) const noexcept {
    return buckets_[slot.bucket()].target_port[slot.way()];
  }
  /// Its TCP flags.
  [[nodiscard]] std::uint8_t flags(Slot slot) const noexcept {
    return buckets_[slot.bucket()].flags[slot.way()];
  }
  /// All of it. `now` is at most 2^31 ticks later.
  [[nodiscard]] FirstPacket packet(Slot slot, std::chrono::nanoseconds now) const noexcept {
    const Bucket& home = buckets_[slot.bucket()];
    const std::size_t way = slot.way();
    const std::uint32_t age = tick_of(now) - home.tick[way];
    return {
        .time = kTick * (now / kTick - age) + std::chrono::nanoseconds(home.rest[way] & kTagMask),
        .target = home.target[way],
        .source_port = home.source_port[way],
        .target_port = home.target_port[way],
        .flags = home.flags[way],
        .tos = home.tag[way] >> kTagBits,
        .ttl = home.rest[way] >> kTagBits};
  }

  /// The source in `slot`. `neighbour` is any source of the same bucket.
  [[nodiscard]] std::uint32_t source(Slot slot, std::uint32_t neighbour) const noexcept {
    // The upper bits are those of the neighbour, or one more or less.
    constexpr std::uint32_t kStep = 1U << kTagBits;
    const std::uint32_t tag = buckets_[slot.bucket()].tag[slot.way()] & kTagMask;
    const std::uint32_t near = (neighbour & ~kTagMask) | tag;
    if (index(near) == slot.bucket()) return near;
    return index(near + kStep) == slot.bucket() ? near + kStep : near - kStep;
  }

  /// A place for a source.
  struct Room {
    Slot slot;
    bool is_live = false;  ///< somebody is there who is still fresh
  };
  /// The place for `source`, which must not be here, at the tick `now`: an unused one, or that of
  /// the oldest. Inlined, because a call would put its result together in memory, piece by piece,
  /// and wait for all stores before that.
  [[nodiscard, gnu::always_inline]] Room room(std::uint32_t source,
                                              std::uint32_t now) const noexcept {
    const std::uint32_t at = index(source);
    const Bucket& home = buckets_[at];
    // The unused and the oldest in one number for each, with its way in the lowest bits: the
    // largest is found without a branch that depends on the data.
    constexpr std::uint32_t kUnused = ~std::uint32_t{0} >> kWayBits;
    std::uint32_t chosen = 0;
#pragma GCC unroll 6
    for (std::uint32_t way = 0; way < kWays; ++way) {
      const bool is_used = (home.used >> way & 1) != 0;
      const std::uint32_t age = is_used ? std::min(now - home.tick[way], kUnused - 1) : kUnused;
      chosen = std::max(chosen, age << kWayBits | way);
    }
    return {.slot = {at, chosen & kWayMask}, .is_live = chosen >> kWayBits <= lifetime_};
  }

  /// Remembers `packet` as the first one of `source` in `slot`, which is that of its `room`.
  void put(Slot slot, std::uint32_t source, const FirstPacket& packet) noexcept {
    Bucket& home = buckets_[slot.bucket()];
    const std::size_t way = slot.way();
    const auto rest = static_cast<std::uint32_t>((packet.time % kTick).count());
    home.tag[way] = (source & kTagMask) | packet.tos << kTagBits;
    home.tick[way] = tick_of(packet.time);
    home.target_port[way] = packet.target_port;
    home.used = static_cast<std::uint8_t>(home.used | 1U << way);
    home.flags[way] = packet.flags;
    home.target[way] = packet.target;
    home.rest[way] = (rest & kTagMask) | packet.ttl << kTagBits;
    home.source_port[way] = packet.source_port;
  }

  /// Makes the slot unused.
  void forget(Slot slot) noexcept {
    Bucket& home = buckets_[slot.bucket()];
    home.used = static_cast<std::uint8_t>(home.used & ~(1U << slot.way()));
  }

  /// Sources it has room for.
  [[nodiscard]] std::size_t capacity() const noexcept { return buckets_.items().size() * kWays; }

  /// Bytes reserved.
  [[nodiscard]] std::size_t memory() const noexcept { return buckets_.items().size_bytes(); }

  /// The tick of `time`.
  [[nodiscard]] static std::uint32_t tick_of(std::chrono::nanoseconds time) noexcept {
    return static_cast<std::uint32_t>(time / kTick);
  }

 private:
  static constexpr unsigned kWayBits = 3;
  static constexpr std::uint32_t kWayMask = (1U << kWayBits) - 1;

  /// Of the first line, what every look needs; of the second, what only a new or a promoted source
  /// needs. `tag` is the lower 24 bits of the permuted address and, above, the TOS byte; `rest` the
  /// nanoseconds since the tick began and, above, the TTL.
  struct alignas(128) Bucket {
    std::array<std::uint32_t, kWays> tag;
    std::array<std::uint32_t, kWays> tick;
    std::array<Port, kWays> target_port;
    std::uint8_t used;  ///< bit n: way n
    std::array<std::uint8_t, kWays> flags;
    std::array<std::uint32_t, kWays> target;
    std::array<std::uint32_t, kWays> rest;
    std::array<Port, kWays> source_port;

    [[nodiscard]] const std::byte* bytes() const noexcept {
      return static_cast<const std::byte*>(static_cast<const void*>(this));
    }
  };
  static_assert(sizeof(Bucket) == kBucketBytes);

  // A bucket holds the sources of one stretch of permuted addresses; so many buckets make it one of
  // at most 2^24, in which the lower bits tell them apart.
  static constexpr unsigned kTagBits = 24;
  static constexpr std::uint32_t kTagMask = (1U << kTagBits) - 1;
  static_assert(kLeastBuckets == std::size_t{1} << (32 - kTagBits));
  static_assert(kTick.count() <= kTagMask);

  ProbationTable(ReservedMemory<Bucket> buckets, std::uint32_t lifetime) noexcept
      : buckets_(std::move(buckets)), lifetime_(lifetime) {}

  [[nodiscard]] std::uint32_t index(std::uint32_t source) const noexcept {
    return static_cast<std::uint32_t>(std::uint64_t{source} * buckets_.items().size() >> 32);
  }

  [[nodiscard]] static std::uint32_t way_of(const Bucket& bucket, std::uint32_t source) noexcept {
    // One by one, and so that no compiler makes a vector of it: whoever comes twice in a row has
    // just been put here, and a vector with a word that is still on its way to memory waits until
    // all that was stored before is there, the entries of others too.
#pragma GCC unroll 6
    for (std::uint32_t way = 0; way < kWays; ++way) {
      const std::uint32_t tag = static_cast<const volatile std::uint32_t&>(bucket.tag[way]);
      if (((tag ^ source) & kTagMask) == 0 && (bucket.used >> way & 1) != 0) return way;
    }
    return kWays;
  }

  ReservedMemory<Bucket> buckets_;
  std::uint32_t lifetime_;
};

}  // namespace scanlogd
