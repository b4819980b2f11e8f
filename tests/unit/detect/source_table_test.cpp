// The table of sources: exact while there is room, and what it gives up when there is none.
#include "detect/source_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "core/keyed_hash.h"

namespace scanlogd {
namespace {

struct Entry {
  std::uint32_t last;
  std::uint32_t mark;
  std::uint64_t rest;
};
using Table = SourceTable<Entry>;

constexpr HashKey kKey{0x0123456789abcdef, 0xfedcba9876543210};
constexpr std::uint32_t kLifetime = 300;

/// A source's hash under `kKey`.
std::uint32_t hash(std::uint32_t source) { return keyed_permutation(kKey, source); }

Table make(std::size_t sources, std::uint32_t lifetime = kLifetime) {
  auto table = Table::make((sources + Table::kWays - 1) / Table::kWays, lifetime);
  EXPECT_TRUE(table);
  return std::move(*table);
}

/// Inserts and tells whether a live source had to go.
bool insert(Table& table, std::uint32_t source, std::uint32_t now, std::uint16_t weight = 1) {
  bool evicted = false;
  const auto slot = table.insert(table.place(hash(source)), source, now, evicted);
  *slot.weight = weight;
  slot.entry->mark = source;
  return evicted;
}

TEST(SourceTable, FindsWhatWasInserted) {
  Table table = make(65536);
  // A quarter full: a bucket of eight that overflows at a mean of two has a probability near 1e-3.
  for (std::uint32_t source = 1; source <= 8192; ++source) EXPECT_FALSE(insert(table, source, 10));
  for (std::uint32_t source = 1; source <= 8192; ++source) {
    const auto slot = table.find(table.place(hash(source)), source);
    ASSERT_TRUE(slot);
    EXPECT_EQ(slot.entry->mark, source);
    EXPECT_EQ(slot.entry->last, 10U);
  }
  EXPECT_FALSE(table.find(table.place(hash(8193)), 8193));
}

TEST(SourceTable, ForgottenSourcesAreGone) {
  Table table = make(8);
  insert(table, 7, 1);
  table.forget(table.find(table.place(hash(7)), 7));
  EXPECT_FALSE(table.find(table.place(hash(7)), 7));
}

TEST(SourceTable, ANewEntryIsZero) {
  Table table = make(8);
  insert(table, 1, 1, 99);
  table.forget(table.find(table.place(hash(1)), 1));
  bool evicted = false;
  const auto slot = table.insert(table.place(hash(2)), 2, 1, evicted);
  EXPECT_EQ(*slot.weight, 0U);
  EXPECT_EQ(slot.entry->mark, 0U);
  EXPECT_EQ(slot.entry->last, 1U);
}

TEST(SourceTable, CapacityIsThatOfItsBuckets) {
  EXPECT_EQ(make(1).capacity(), 8U);
  EXPECT_EQ(make(8).capacity(), 8U);
  EXPECT_EQ(make(9).capacity(), 16U);
  EXPECT_EQ(make(65536).capacity(), 65536U);
  EXPECT_EQ(make(0).capacity(), 8U);
  EXPECT_EQ(make(8000).memory(), 1000 * Table::kBucketBytes);
}

TEST(SourceTable, AFullBucketGivesUpAStaleSourceFirst) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source)
    insert(table, source, source == 5 ? 1 : 200);
  EXPECT_FALSE(insert(table, 9, 302)) << "source 5 is 301 ticks old";
  EXPECT_FALSE(table.find(table.place(hash(5)), 5));
}

TEST(SourceTable, ASourceAtItsLifetimeIsStillLive) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source) insert(table, source, 1);
  EXPECT_TRUE(insert(table, 9, 301)) << "300 ticks old is within the lifetime";
}

TEST(SourceTable, OfTheOlderHalfTheLightestGoes) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source) {
    insert(table, source, source, source == 3 ? 2 : 9);
  }
  EXPECT_TRUE(insert(table, 9, 20));
  EXPECT_FALSE(table.find(table.place(hash(3)), 3));
}

TEST(SourceTable, From2047OnAllWeighTheSameAndTheOldestGoes) {
  constexpr std::uint16_t kHeaviest = 2047;
  // Of the older half, sources 1 to 4: 4 is the lightest, as far as that is told apart.
  const auto goes = [](std::uint16_t lightest, std::uint16_t others) {
    Table table = make(8);
    for (std::uint32_t source = 1; source <= 8; ++source) {
      insert(table, source, source, source == 4 ? lightest : others);
    }
    EXPECT_TRUE(insert(table, 9, 9));
    for (std::uint32_t source = 1; source <= 8; ++source) {
      if (!table.find(table.place(hash(source)), source)) return source;
    }
    return std::uint32_t{0};
  };
  EXPECT_EQ(goes(kHeaviest - 1, kHeaviest), 4U);
  EXPECT_EQ(goes(kHeaviest - 1, 10'000), 4U);
  EXPECT_EQ(goes(kHeaviest, kHeaviest + 1), 1U);
  EXPECT_EQ(goes(kHeaviest + 1, 10'000), 1U);
}

TEST(SourceTable, ALightSourceOfTheYoungerHalfStays) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source) {
    insert(table, source, source, source == 6 ? 1 : 9);
  }
  EXPECT_TRUE(insert(table, 9, 20));
  EXPECT_TRUE(table.find(table.place(hash(6)), 6));
  EXPECT_FALSE(table.find(table.place(hash(1)), 1)) << "of equals the oldest";
}

TEST(SourceTable, AFloodOfOnePacketSourcesCannotEvictTheHeavyOnes) {
  Table table = make(8);
  insert(table, 1000, 1, 18);
  for (std::uint32_t flood = 1; flood <= 10000; ++flood) {
    if (flood != 1000) insert(table, flood, 2, 1);
  }
  EXPECT_TRUE(table.find(table.place(hash(1000)), 1000));
}

TEST(SourceTable, ATouchedSourceIsYoungAgain) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source) insert(table, source, source);
  table.touch(table.find(table.place(hash(1)), 1), 9);
  EXPECT_TRUE(insert(table, 9, 20));
  EXPECT_TRUE(table.find(table.place(hash(1)), 1));
  EXPECT_FALSE(table.find(table.place(hash(2)), 2)) << "now the oldest";
}

TEST(SourceTable, LongLifetimesAreCountedRoughly) {
  constexpr std::uint32_t kHour = 360'000;
  Table table = make(8, kHour);
  for (std::uint32_t source = 1; source <= 8; ++source) EXPECT_FALSE(insert(table, source, 1));
  EXPECT_TRUE(insert(table, 9, kHour - 100)) << "all are live";
  Table other = make(8, kHour);
  for (std::uint32_t source = 1; source <= 8; ++source) EXPECT_FALSE(insert(other, source, 1));
  EXPECT_FALSE(insert(other, 9, kHour + 1000)) << "all are stale";
}

TEST(SourceTable, TimesMayWrapAround) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source) insert(table, source, 0xffff'fff0 + source);
  EXPECT_TRUE(insert(table, 9, 100)) << "all are live: 8 is 108 ticks old";
  EXPECT_FALSE(table.find(table.place(hash(1)), 1)) << "the oldest";
}

TEST(SourceTable, PrefetchingChangesNothing) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 9; ++source) {
    table.prefetch(table.place(hash(source)));
    EXPECT_FALSE(table.prefetch_entry(table.place(hash(source)), source));
    insert(table, source, source);
    EXPECT_TRUE(table.prefetch_entry(table.place(hash(source)), source));
  }
  EXPECT_FALSE(table.find(table.place(hash(1)), 1));
  EXPECT_TRUE(table.find(table.place(hash(2)), 2));
}

TEST(SourceTable, AnotherKeyGroupsSourcesDifferently) {
  // Sources that overflow one bucket under one key spread under another.
  constexpr HashKey kOther{0x452821e638d01377, 0xbe5466cf34e90c6c};
  Table table = make(65536);
  Table other = make(65536);
  std::set<std::uint32_t> evicting;
  for (std::uint32_t source = 1; source <= 65536; ++source) {
    if (insert(table, source, 1)) evicting.insert(source);
  }
  std::size_t also = 0;
  std::size_t others = 0;
  for (std::uint32_t source = 1; source <= 65536; ++source) {
    bool evicted = false;
    (void)other.insert(other.place(keyed_permutation(kOther, source)), source, 1, evicted);
    if (!evicted) continue;
    ++others;
    if (evicting.contains(source)) ++also;
  }
  ASSERT_GT(others, 100U);
  EXPECT_LT(also, others * 3 / 4);
}

/// Sources 1 to 8, seen at those ticks, of which `guest` has no weight.
Table full_of_eight(std::uint32_t guest) {
  Table table = make(8);
  for (std::uint32_t source = 1; source <= 8; ++source) {
    insert(table, source, source, source == guest ? 0 : 1);
  }
  return table;
}

TEST(SourceTable, AGuestGoesBeforeAllOthersHoweverYoung) {
  Table table = full_of_eight(8);
  EXPECT_TRUE(insert(table, 9, 20)) << "it was live";
  EXPECT_FALSE(table.find(table.place(hash(8)), 8));
}

TEST(SourceTable, AStaleSourceGoesBeforeAGuest) {
  Table table = full_of_eight(8);
  EXPECT_FALSE(insert(table, 9, 302)) << "source 1 is 301 ticks old";
  EXPECT_TRUE(table.find(table.place(hash(8)), 8));
}

TEST(SourceTable, AGuestTakesOnlyWhatNobodyElseWants) {
  Table empty = make(8);
  const auto taken = empty.insert_guest(0, 9, 20);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken.weight, 0U);
  EXPECT_EQ(taken.entry->last, 20U);
  EXPECT_TRUE(empty.find(0, 9));

  Table full = full_of_eight(8);
  EXPECT_FALSE(full.insert_guest(0, 9, 301)) << "all are live";
  ASSERT_TRUE(full.insert_guest(0, 9, 302)) << "source 1 is 301 ticks old";
  EXPECT_FALSE(full.find(0, 1));
  EXPECT_FALSE(full.insert_guest(0, 10, 302));
}

TEST(SourceTable, AGuestMayReplaceTheOldestGuest) {
  Table table = full_of_eight(8);
  *table.find(0, 5).weight = 0;
  bool evicted = false;
  EXPECT_TRUE(table.replace_guest(0, 9, 20, evicted));
  EXPECT_TRUE(evicted);
  EXPECT_FALSE(table.find(0, 5));
  EXPECT_TRUE(table.find(0, 8));

  Table others = full_of_eight(0);
  EXPECT_FALSE(others.replace_guest(0, 9, 20, evicted)) << "but nobody who is more";
  EXPECT_FALSE(evicted);
  EXPECT_TRUE(others.replace_guest(0, 9, 302, evicted));
  EXPECT_FALSE(evicted) << "source 1 was stale";
}

}  // namespace
}  // namespace scanlogd
