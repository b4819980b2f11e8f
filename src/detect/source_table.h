// Memory of sources for detectors: fixed size, keyed hash, no chains, constant work per packet.
// Eight-way set-associative: a bucket is one cache line with eight keys, when their sources were
// last fresh, roughly, and what they weigh; what a detector keeps of a source lies beside it, one
// entry per way. So whom to give up is decided in the bucket alone. A source can only be in the
// bucket its keyed hash names, so nobody outside can choose whom to collide with.
//
// Who comes in is for the detector to decide: all, or only sources of which something is known;
// probation_table.h is for the others.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/lanes.h"

namespace scanlogd {

/// Sources and one `Entry` for each. Memory is reserved when made and touched as used, so an
/// idle machine pays for what it saw, a flooded one for all of it and never for more.
/// `Entry` is trivial and has a member `std::uint32_t last`, the tick at which its source last did
/// something new. Times are counted in ticks of the caller's choice, modulo 2^32.
/// A source is known by 32 bits that no other has: its IPv4 address, or a permutation of it.
template <class Entry>
class SourceTable {
  static_assert(std::is_trivially_copyable_v<Entry>);

 public:
  static constexpr std::size_t kWays = 8;

  /// What a source is known by; not 0.
  using Key = std::uint32_t;

  /// Where a source is, or was put. Valid until the next `insert` or `forget`.
  struct Slot {
    Entry* entry = nullptr;
    std::uint16_t* weight = nullptr;  ///< the detector's to set: the lighter, the sooner given up;
                                      ///< 0 for a guest, of whom nothing is known yet
    std::uint16_t* age = nullptr;     ///< the table's own, see `touch`

    explicit operator bool() const noexcept { return entry != nullptr; }
  };

  /// Bytes of a bucket and its entries.
  static constexpr std::size_t kBucketBytes = 64 + kWays * sizeof(Entry);

  /// With so many buckets, at least one. A source idle for more than `lifetime` ticks is worth
  /// nothing.
  [[nodiscard]] static Result<SourceTable> make(std::size_t buckets, std::uint32_t lifetime) {
    buckets = std::max<std::size_t>(buckets, 1);
    auto bucket_memory = ReservedMemory<Bucket>::make(buckets, "source table");
    if (!bucket_memory) return std::unexpected(bucket_memory.error());
    auto entry_memory = ReservedMemory<Entry>::make(buckets * kWays, "source table");
    if (!entry_memory) return std::unexpected(entry_memory.error());
    return SourceTable(std::move(*bucket_memory), std::move(*entry_memory), lifetime);
  }

  /// The bucket of a source, so that its hash is worked out once for each packet.
  using Place = std::uint32_t;

  /// Where a source belongs: `hash` is a keyed hash of its key (keyed_hash.h), all bits usable.
  [[nodiscard]] Place place(std::uint32_t hash) const noexcept {
    return static_cast<Place>(std::uint64_t{hash} * buckets_.items().size() >> 32);
  }

  /// Asks the processor for the bucket at `place` ahead of its use.
  [[gnu::always_inline]] void prefetch(Place place) const noexcept {
    __builtin_prefetch(&buckets_[place], 1);
  }

  /// Asks for the entry of `key`; false if there is none. To be called
  /// when that has come, well before `find`.
  [[nodiscard, gnu::always_inline]] bool prefetch_entry(Place place, Key key) const noexcept {
    const unsigned ways = ways_of(buckets_[place], key);
    if (ways == 0) return false;
    __builtin_prefetch(&entries_[place * kWays + first_of(ways)], 1);
    return true;
  }

  /// The slot of the source `key`, or an empty one.
  [[nodiscard]] Slot find(Place place, Key key) noexcept {
    const unsigned ways = ways_of(buckets_[place], key);
    return ways == 0 ? Slot{} : slot(place, first_of(ways));
  }

  /// The source of `slot` did something new.
  void touch(const Slot& slot, std::uint32_t now) const noexcept {
    slot.entry->last = now;
    *slot.age = rough(now);
  }

  /// Takes a slot for the source `key`, which must not be in the table, last seen at `now`, its
  /// entry and weight zero but for the time. Gives up, in this order: an unused slot;
  /// one idle for more than the lifetime; the oldest of the guests; of the older half of the bucket
  /// the one with the lowest weight, of equals the oldest, so that neither newcomers nor a flood of
  /// sources with some weight each can choose whom to push out. `evicted` tells of the latter two
  /// cases. Whoever keeps the weight 0 is a guest.
  [[nodiscard]] Slot insert(Place place, Key key, std::uint32_t now, bool& evicted) noexcept {
    const Victim chosen = victim(buckets_[place], now);
    evicted = chosen.worth >= Worth::guest;
    return take(place, chosen.way, key, now);
  }

  /// Takes a slot for a source of which little is known, as `insert` does, but only one that nobody
  /// else can want: an empty slot is returned where all in the bucket are live.
  [[nodiscard]] Slot insert_guest(Place place, Key key, std::uint32_t now) noexcept {
    const Bucket& home = buckets_[place];
    if (const unsigned unused = ways_of(home, 0)) return take(place, first_of(unused), key, now);
    const Lanes age = rough(now) - load(home.last);
    const std::size_t stale = first_lane(as_lanes(age > lifetime_));
    return stale == kWays ? Slot{} : take(place, stale, key, now);
  }

  /// As `insert_guest`, but another guest makes room, too; `evicted` tells of that.
  [[nodiscard]] Slot replace_guest(Place place, Key key, std::uint32_t now,
                                   bool& evicted) noexcept {
    const Victim chosen = victim(buckets_[place], now);
    evicted = chosen.worth == Worth::guest;
    return chosen.worth > Worth::guest ? Slot{} : take(place, chosen.way, key, now);
  }

  /// Makes the slot unused.
  void forget(const Slot& gone) noexcept {
    const auto index = static_cast<std::size_t>(gone.entry - entries_.items().data());
    buckets_[index / kWays].key[index % kWays] = 0;
  }

  /// Makes all of an entry 0. For `entry = Entry{}` compilers take an instruction that is slow.
  static void clear(Entry& entry) noexcept {
    clear(entry, std::make_index_sequence<sizeof(Entry) / sizeof(Lanes)>());
  }

  /// Calls `change(entry, weight)` for each source there is, and for those that are long idle;
  /// `weight` may be changed.
  template <class Change>
  void for_each(Change change) noexcept {
    for (std::size_t index = 0; index < entries_.items().size(); ++index) {
      Bucket& home = buckets_[index / kWays];
      if (home.key[index % kWays] == 0) continue;
      change(std::as_const(entries_[index]), home.weight[index % kWays]);
    }
  }

  /// Sources it has room for.
  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.items().size(); }

  /// Bytes reserved.
  [[nodiscard]] std::size_t memory() const noexcept {
    return buckets_.items().size_bytes() + entries_.items().size_bytes();
  }

 private:
  // Eight numbers that are computed with at once.
  using Lanes [[gnu::vector_size(16)]] = std::uint16_t;

  struct alignas(64) Bucket {
    std::array<Key, kWays> key;             // 0: unused
    std::array<std::uint16_t, kWays> last;  // see `rough`
    std::array<std::uint16_t, kWays> weight;
  };
  static_assert(sizeof(Bucket) + kWays * sizeof(Entry) == kBucketBytes);

  // Whom to give up, the first first.
  enum class Worth : std::uint8_t { none, guest, older, younger };
  struct Victim {
    std::size_t way;
    Worth worth;
  };

  SourceTable(ReservedMemory<Bucket> buckets, ReservedMemory<Entry> entries,
              std::uint32_t lifetime) noexcept
      : buckets_(std::move(buckets)),
        entries_(std::move(entries)),
        shift_(static_cast<unsigned>(
            std::max(0, static_cast<int>(std::bit_width(lifetime)) - kRoughBits))),
        lifetime_(static_cast<std::uint16_t>(lifetime >> shift_)) {}

  // A tick as buckets keep it. It comes round after at least eight lifetimes: a source forgotten
  // for so long may look alive to whoever needs its slot, but not to `find`, whose caller looks at
  // `Entry::last`.
  static constexpr int kRoughBits = 13;
  [[nodiscard]] std::uint16_t rough(std::uint32_t tick) const noexcept {
    return static_cast<std::uint16_t>(tick >> shift_);
  }

  [[nodiscard]] static Lanes load(const std::array<std::uint16_t, kWays>& array) noexcept {
    return std::bit_cast<Lanes>(array);
  }

  // The first lane that is not 0, or `kWays`.
  [[nodiscard]] static std::size_t first_lane(Lanes mask) noexcept {
    static_assert(std::endian::native == std::endian::little, "lanes are counted from the low end");
    const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(mask);
    constexpr int kLaneBits = 16;
    const auto low = static_cast<std::size_t>(std::countr_zero(halves[0]) / kLaneBits);
    const auto high = static_cast<std::size_t>(std::countr_zero(halves[1]) / kLaneBits);
    return halves[0] != 0 ? low : kWays / 2 + high;  // countr_zero(0) is 64
  }

  // Bit n: way n has this key.
  [[nodiscard]] static unsigned ways_of(const Bucket& bucket, Key key) noexcept {
    return equal_lanes(bucket.key.data(), key);
  }
  [[nodiscard]] static std::size_t first_of(unsigned ways) noexcept {
    return static_cast<std::size_t>(std::countr_zero(ways));
  }

  [[nodiscard]] Slot slot(std::size_t index, std::size_t way) noexcept {
    Bucket& home = buckets_[index];
    return {&entries_[index * kWays + way], &home.weight[way], &home.last[way]};
  }

  template <std::size_t... kParts>
  static void clear(Entry& entry, std::index_sequence<kParts...> /*parts*/) noexcept {
    static_assert(sizeof...(kParts) * sizeof(Lanes) == sizeof(Entry));
    constexpr Lanes kZero{};
    auto* const bytes = static_cast<std::byte*>(static_cast<void*>(&entry));
    (std::memcpy(bytes + kParts * sizeof(kZero), &kZero, sizeof(kZero)), ...);
  }

  Slot take(Place place, std::size_t way, Key key, std::uint32_t now) noexcept {
    Bucket& home = buckets_[place];
    home.key[way] = key;
    home.weight[way] = 0;
    const Slot taken = slot(place, way);
    clear(*taken.entry);
    touch(taken, now);
    return taken;
  }

  // In a full bucket without a branch that depends on the data, so that a flood does not pay for
  // wrong guesses.
  [[nodiscard]] Victim victim(const Bucket& bucket, std::uint32_t now) const noexcept {
    if (const unsigned unused = ways_of(bucket, 0)) {
      return {.way = first_of(unused), .worth = Worth::none};
    }
    // What each is worth, in the highest bits; then its weight, as far as that is told apart; then
    // its age, which no two have in common.
    constexpr unsigned kWorthShift = 14;
    constexpr auto kLanes = [](Worth worth) {
      return static_cast<std::uint16_t>(static_cast<unsigned>(worth) << kWorthShift) - Lanes{};
    };
    constexpr std::uint16_t kHeaviest = (1 << 11) - 1;
    constexpr std::uint16_t kHalf = kWays / 2;
    constexpr Lanes kPlaces{0, 1, 2, 3, 4, 5, 6, 7};
    const Lanes age = rough(now) - load(bucket.last);
    Lanes rank{};  // how many are older; of equals, those before
#pragma GCC unroll 8
    for (std::uint16_t way = 0; way < kWays; ++way) {
      const Lanes other = age[way] - Lanes{};
      rank -= as_lanes(other > age) | (as_lanes(other == age) & as_lanes(kPlaces > way));
    }
    const Lanes weight = load(bucket.weight);
    Lanes order = rank < kHalf ? kLanes(Worth::older) : kLanes(Worth::younger);
    order |= (weight < kHeaviest ? weight : kHeaviest - Lanes{}) << 3;
    order = weight == 0 ? kLanes(Worth::guest) : order;
    order = age > lifetime_ ? kLanes(Worth::none) : order;
    order |= rank;
    // The least of them.
    Lanes least = order;
    least = minimum(least, __builtin_shufflevector(least, least, 4, 5, 6, 7, 0, 1, 2, 3));
    least = minimum(least, __builtin_shufflevector(least, least, 2, 3, 0, 1, 6, 7, 4, 5));
    least = minimum(least, __builtin_shufflevector(least, least, 1, 0, 3, 2, 5, 4, 7, 6));
    return {.way = first_lane(as_lanes(order == least)),
            .worth = static_cast<Worth>(least[0] >> kWorthShift)};
  }

  template <class Mask>
  [[nodiscard]] static Lanes as_lanes(Mask mask) noexcept {
    return std::bit_cast<Lanes>(mask);
  }
  [[nodiscard]] static Lanes minimum(Lanes a, Lanes b) noexcept { return a < b ? a : b; }

  ReservedMemory<Bucket> buckets_;
  ReservedMemory<Entry> entries_;
  unsigned shift_;          ///< of `rough`
  std::uint16_t lifetime_;  ///< in rough ticks
};

}  // namespace scanlogd
