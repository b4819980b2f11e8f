// Memory of sources that had failures, for the contact detector: fixed size, keyed hash, no chains.
// Eight-way buckets: a line of tags, ages and worths, and beside it one line for each source. Whom
// to give up is decided in the bucket alone: first whoever was silent for two days, then whoever is
// worth least, where a contact is worth two hours. A newcomer is worth one contact, so it displaces
// nobody who is worth more.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/keyed_hash.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/lanes.h"
#include "detect/source_key.h"

namespace scanlogd {

/// What is known of a source or network of sources; one cache line.
struct ContactSource {
  SourceKey key;
  Tick first;                                  ///< first contact
  Tick last;                                   ///< last one that was counted
  std::array<std::uint64_t, 2> contacts_seen;  ///< eight marks of (target, protocol, port); later
                                               ///< bit: some of them
  std::uint64_t hosts_seen;                    ///< bit: some target; of a network: some source
  std::array<std::uint32_t, 3> score;          ///< points by time scale, 16.16
  std::uint32_t record;                        ///< its open scan, or 0
  std::uint16_t provisional;                   ///< of that not certain yet; sixteenths of a point
  std::uint16_t families;                      ///< bit n: `PortFamily` n
  std::uint8_t contacts;                       ///< saturates
  std::uint8_t flags;                          ///< `source_flag` bits
  std::uint8_t strays;                         ///< unsolicited segments; halved with the next
  std::uint8_t low_strays;                     ///< of those to ports below 1024 that are no service
};
static_assert(sizeof(ContactSource) == 64 && std::is_trivially_copyable_v<ContactSource>);

/// Bits of `ContactSource::flags`.
namespace source_flag {
inline constexpr std::uint8_t crafted = 0x01;  ///< sent a SYN that no operating system sends
inline constexpr std::uint8_t alarmed = 0x02;  ///< has an open scan
inline constexpr std::uint8_t proven = 0x04;   ///< see `Verdict`
inline constexpr std::uint8_t answered = 0x08;
inline constexpr std::uint8_t decoy = 0x10;    ///< one of a group
inline constexpr std::uint8_t suspect = 0x20;  ///< its packets come from different distances
inline constexpr std::uint8_t many = 0x40;     ///< `contacts_seen` holds bits
}  // namespace source_flag

/// A table of `ContactSource`.
class ContactTable {
 public:
  static constexpr std::size_t kWays = 8;
  /// A source idle for so long is worth nothing.
  static constexpr Tick kLifetime = 48 * kHour;
  /// What one contact is worth.
  static constexpr Tick kContactWorth = 2 * kHour;

  /// Room for `sources`, rounded up to a power of two of at least eight.
  [[nodiscard]] static Result<ContactTable> make(std::size_t sources, HashKey key) {
    const std::size_t buckets = std::bit_ceil(sources < kWays ? kWays : sources) / kWays;
    auto bucket_memory = ReservedMemory<Bucket>::make(buckets, "contact table");
    if (!bucket_memory) return std::unexpected(bucket_memory.error());
    auto entry_memory = ReservedMemory<ContactSource>::make(buckets * kWays, "contact table");
    if (!entry_memory) return std::unexpected(entry_memory.error());
    return ContactTable(std::move(*bucket_memory), std::move(*entry_memory), key);
  }

  /// Where a source belongs, worked out once for each packet.
  struct Place {
    std::uint32_t bucket;
    std::uint32_t tag;  // not 0
  };
  /// The place of `source`.
  [[nodiscard]] Place place(SourceKey source) const noexcept {
    return place_of_hash(keyed_hash(key_, source));
  }
  /// The same, of whom the hash under the key of this table is known.
  [[nodiscard]] Place place_of_hash(std::uint64_t hash) const noexcept {
    return {.bucket = static_cast<std::uint32_t>(hash & (buckets_.items().size() - 1)),
            .tag = static_cast<std::uint32_t>(hash >> 32) | 1};
  }
  /// Asks the processor for the bucket there.
  void prefetch(const Place& place) const noexcept { __builtin_prefetch(&buckets_[place.bucket]); }

  /// The entry of `source`, or nullptr.
  [[nodiscard]] ContactSource* find(const Place& place, SourceKey source) noexcept {
    for (unsigned rest = ways_of(place); rest != 0; rest &= rest - 1) {
      ContactSource& found = entries_[place.bucket * kWays + first_of(rest)];
      if (found.key == source) return &found;
    }
    return nullptr;
  }

  /// Asks for the entry that is to be found there, if there is one as far as the bucket tells, and
  /// returns its number. To be called when the bucket has come, well before `find`.
  [[nodiscard]] std::optional<std::uint32_t> prefetch_entry(const Place& place) const noexcept {
    const unsigned ways = ways_of(place);
    if (ways == 0) return std::nullopt;
    const std::size_t index = place.bucket * kWays + first_of(ways);
    __builtin_prefetch(&entries_[index], 1);
    return static_cast<std::uint32_t>(index);
  }

  /// An entry for `source`, which must not be in the table, all zero but for key and times; nullptr
  /// where everybody in its bucket is worth more.
  [[nodiscard]] ContactSource* insert(const Place& place, SourceKey source, Tick now) noexcept {
    Bucket& home = buckets_[place.bucket];
    const auto worth = [&](std::size_t way) -> std::int64_t {
      if (home.tag[way] == 0) return kUnused;
      const Tick age = age_of(home.last[way], now);
      if (age > kLifetime) return kStale;
      return std::int64_t{home.contacts[way]} * kContactWorth - age +
             (home.is_alarmed[way] != 0 ? kHour : 0);
    };
    std::size_t least = 0;
    std::int64_t least_worth = worth(0);
    for (std::size_t way = 1; way < kWays; ++way) {
      const std::int64_t other = worth(way);
      if (other < least_worth) {
        least = way;
        least_worth = other;
      }
    }
    if (least_worth > std::int64_t{kContactWorth}) return nullptr;
    ++(least_worth == kUnused ? used_ : least_worth == kStale ? expired_ : evicted_);
    home.tag[least] = place.tag;
    ContactSource& entry = entries_[place.bucket * kWays + least];
    entry = ContactSource{};
    entry.key = source;
    entry.first = now;
    refresh(entry, now);
    return &entry;
  }

  /// To be called when `last`, `contacts` or `flags` of `entry` have changed.
  void refresh(ContactSource& entry, Tick now) noexcept {
    entry.last = now;
    const std::uint32_t index = index_of(entry);
    Bucket& home = buckets_[index / kWays];
    home.last[index % kWays] = rough(now);
    home.contacts[index % kWays] = entry.contacts == 0 ? 1 : entry.contacts;
    home.is_alarmed[index % kWays] = (entry.flags & source_flag::alarmed) != 0 ? 1 : 0;
  }

  /// Makes the entry unused.
  void forget(const ContactSource& entry) noexcept {
    const std::uint32_t index = index_of(entry);
    buckets_[index / kWays].tag[index % kWays] = 0;
    --used_;
  }

  /// A number for `entry`, and back.
  [[nodiscard]] std::uint32_t index_of(const ContactSource& entry) const noexcept {
    return static_cast<std::uint32_t>(&entry - entries_.items().data());
  }
  /// The entry of that number, if it is still that of `source`; else nullptr.
  [[nodiscard]] ContactSource* at(std::uint32_t index, SourceKey source) noexcept {
    ContactSource& entry = entries_[index];
    const bool is_used = buckets_[index / kWays].tag[index % kWays] != 0;
    return is_used && entry.key == source ? &entry : nullptr;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.items().size(); }
  [[nodiscard]] std::size_t memory() const noexcept {
    return buckets_.items().size_bytes() + entries_.items().size_bytes();
  }
  /// Live sources that lost their place to another.
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }

 private:
  static constexpr std::int64_t kUnused = std::int64_t{-2} << 40;
  static constexpr std::int64_t kStale = std::int64_t{-1} << 40;
  static constexpr unsigned kRoughShift = 10;  // 64 s

  struct alignas(64) Bucket {
    std::array<std::uint32_t, kWays> tag;  // 0: unused
    std::array<std::uint16_t, kWays> last;
    std::array<std::uint8_t, kWays> contacts;
    std::array<std::uint8_t, kWays> is_alarmed;
  };
  static_assert(sizeof(Bucket) == 64);

  ContactTable(ReservedMemory<Bucket> buckets, ReservedMemory<ContactSource> entries,
               HashKey key) noexcept
      : buckets_(std::move(buckets)), entries_(std::move(entries)), key_(key) {}

  // Bit n: way n has that tag.
  [[nodiscard]] unsigned ways_of(const Place& place) const noexcept {
    return equal_lanes(buckets_[place.bucket].tag.data(), place.tag);
  }
  [[nodiscard]] static std::size_t first_of(unsigned ways) noexcept {
    return static_cast<std::size_t>(std::countr_zero(ways));
  }

  [[nodiscard]] static std::uint16_t rough(Tick tick) noexcept {
    return static_cast<std::uint16_t>(tick >> kRoughShift);
  }
  // It comes round after 48 days: one forgotten for so long may look alive here.
  [[nodiscard]] static Tick age_of(std::uint16_t last, Tick now) noexcept {
    const auto passed = static_cast<std::uint16_t>(rough(now) - last);
    constexpr std::uint16_t kBackwards = 0x8000;
    return passed < kBackwards ? Tick{passed} << kRoughShift : 0;
  }

  ReservedMemory<Bucket> buckets_;
  ReservedMemory<ContactSource> entries_;
  HashKey key_;
  std::uint64_t used_ = 0;
  std::uint64_t expired_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace scanlogd
