// Memory of sources for detectors: fixed size, keyed hash, no chains, constant work per packet.
// Eight-way set-associative: a bucket is one cache line with eight source addresses and the times
// they were last fresh; what a detector keeps of a source lies beside it, one entry per way. A
// source can only be in the bucket its keyed hash names, so nobody outside can choose whom to
// collide with.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "core/keyed_hash.h"
#include "core/reserved_memory.h"
#include "core/result.h"

namespace scanlogd {

/// IPv4 sources and one `Entry` for each. Memory is reserved when made and touched as used, so an
/// idle machine pays for what it saw, a flooded one for all of it and never for more.
/// `Entry` is trivial, all-zero when unused, and has a member `weight`.
/// Times are counted in ticks of the caller's choice, modulo 2^32.
template <class Entry>
class SourceTable {
  static_assert(std::is_trivially_copyable_v<Entry>);

 public:
  static constexpr std::size_t kWays = 8;

  /// Where a source is, or was put. Valid until the next `insert` or `forget`.
  struct Slot {
    std::uint32_t* last = nullptr;  ///< tick at which the source last did something new
    Entry* entry = nullptr;

    explicit operator bool() const noexcept { return entry != nullptr; }
  };

  /// Room for `sources`, rounded up to a power of two of at least eight.
  [[nodiscard]] static Result<SourceTable> make(std::size_t sources, HashKey key) {
    const std::size_t buckets = std::bit_ceil(sources < kWays ? kWays : sources) / kWays;
    auto bucket_memory = ReservedMemory<Bucket>::make(buckets, "source table");
    if (!bucket_memory) return std::unexpected(bucket_memory.error());
    auto entry_memory = ReservedMemory<Entry>::make(buckets * kWays, "source table");
    if (!entry_memory) return std::unexpected(entry_memory.error());
    return SourceTable(std::move(*bucket_memory), std::move(*entry_memory), key);
  }

  /// Asks the processor for the bucket of `source` ahead of its use.
  void prefetch(std::uint32_t source) const noexcept { __builtin_prefetch(&bucket(source)); }

  /// The slot of `source` (host order, not 0), or an empty one.
  [[nodiscard]] Slot find(std::uint32_t source) noexcept {
    const std::size_t index = bucket_index(source);
    Bucket& home = buckets_.items()[index];
    for (std::size_t way = 0; way < kWays; ++way) {
      if (home.source[way] == source) return slot(index, way);
    }
    return {};
  }

  /// Takes a slot for `source`, which must not be in the table, last seen at `now`, its entry zero.
  /// Gives up, in this order: an unused slot; one idle for more than `lifetime`; of the older half
  /// of the bucket the one with the lowest weight, so that neither newcomers nor a flood of sources
  /// with some weight each can choose whom to push out. `evicted` tells of the last case.
  [[nodiscard]] Slot insert(std::uint32_t source, std::uint32_t now, std::uint32_t lifetime,
                            bool& evicted) noexcept {
    const std::size_t index = bucket_index(source);
    Bucket& home = buckets_.items()[index];
    evicted = false;
    std::size_t victim = kWays;
    for (std::size_t way = 0; way < kWays && victim == kWays; ++way) {
      if (home.source[way] == 0 || now - home.last[way] > lifetime) victim = way;
    }
    if (victim == kWays) {
      victim = cheapest_of_older_half(index, now);
      evicted = true;
    }
    home.source[victim] = source;
    home.last[victim] = now;
    const Slot taken = slot(index, victim);
    *taken.entry = Entry{};
    return taken;
  }

  /// Makes the slot unused.
  void forget(const Slot& gone) noexcept {
    const auto index = static_cast<std::size_t>(gone.entry - entries_.items().data());
    buckets_.items()[index / kWays].source[index % kWays] = 0;
  }

  /// Sources it has room for.
  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.items().size(); }

  /// Bytes reserved.
  [[nodiscard]] std::size_t memory() const noexcept {
    return buckets_.items().size_bytes() + entries_.items().size_bytes();
  }

 private:
  struct alignas(64) Bucket {
    std::array<std::uint32_t, kWays> source;  ///< 0: unused
    std::array<std::uint32_t, kWays> last;
  };
  static_assert(sizeof(Bucket) == 64);

  SourceTable(ReservedMemory<Bucket> buckets, ReservedMemory<Entry> entries, HashKey key) noexcept
      : buckets_(std::move(buckets)), entries_(std::move(entries)), key_(key) {}

  [[nodiscard]] std::size_t bucket_index(std::uint32_t source) const noexcept {
    return keyed_hash(key_, source) & (buckets_.items().size() - 1);
  }
  [[nodiscard]] const Bucket& bucket(std::uint32_t source) const noexcept {
    return buckets_.items()[bucket_index(source)];
  }
  [[nodiscard]] Slot slot(std::size_t index, std::size_t way) noexcept {
    return {&buckets_.items()[index].last[way], &entries_.items()[index * kWays + way]};
  }

  [[nodiscard]] std::size_t cheapest_of_older_half(std::size_t index,
                                                   std::uint32_t now) const noexcept {
    const Bucket& home = buckets_.items()[index];
    std::array<bool, kWays> tried{};
    std::size_t cheapest = 0;
    auto least = ~std::uint64_t{0};
    for (std::size_t round = 0; round < kWays / 2; ++round) {
      std::size_t oldest = kWays;
      for (std::size_t way = 0; way < kWays; ++way) {
        if (tried[way]) continue;
        if (oldest == kWays || now - home.last[way] > now - home.last[oldest]) oldest = way;
      }
      tried[oldest] = true;
      const auto weight =
          static_cast<std::uint64_t>(entries_.items()[index * kWays + oldest].weight);
      if (weight < least) {
        least = weight;
        cheapest = oldest;
      }
    }
    return cheapest;
  }

  ReservedMemory<Bucket> buckets_;
  ReservedMemory<Entry> entries_;
  HashKey key_;
};

}  // namespace scanlogd
