// Sources that have sent one packet: all of it comes back, and the oldest go first.
#include "detect/probation_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "detect/source_table.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kLifetime = 300;
constexpr std::size_t kLeast = ProbationTable::kLeastBuckets;

ProbationTable make(std::size_t buckets = kLeast) {
  auto table = ProbationTable::make(buckets, kLifetime);
  EXPECT_TRUE(table);
  return std::move(*table);
}

FirstPacket at(std::chrono::nanoseconds time) { return {.time = time, .target_port = 80}; }

/// Remembers a packet; had a live source to go for it?
bool insert(ProbationTable& table, std::uint32_t source, const FirstPacket& packet) {
  const auto room = table.room(source, ProbationTable::tick_of(packet.time));
  table.put(room.slot, source, packet);
  return room.is_live;
}

/// The nth source of the first bucket of the smallest table.
std::uint32_t neighbour(std::uint32_t n) { return n << 8; }

TEST(ProbationTable, GivesBackAllOfAPacket) {
  ProbationTable table = make(std::size_t{1} << 13);
  std::mt19937 random(1);
  struct Known {
    std::uint32_t source;
    FirstPacket packet;
  };
  std::vector<Known> all;
  for (int i = 0; i < 2000; ++i) {
    const auto byte = [&] { return static_cast<std::uint8_t>(random()); };
    const Known known{.source = static_cast<std::uint32_t>(random()),
                      .packet = {.time = 1000s + std::chrono::nanoseconds(random()),
                                 .target = static_cast<std::uint32_t>(random()),
                                 .source_port = static_cast<Port>(random()),
                                 .target_port = static_cast<Port>(random()),
                                 .flags = byte(),
                                 .tos = byte(),
                                 .ttl = byte()}};
    EXPECT_FALSE(insert(table, known.source, known.packet));
    all.push_back(known);
  }
  for (const Known& known : all) {
    const auto slot = table.find(known.source);
    ASSERT_TRUE(slot);
    EXPECT_EQ(table.target_port(slot), known.packet.target_port);
    EXPECT_EQ(table.flags(slot), known.packet.flags);
    EXPECT_EQ(table.tick(slot), ProbationTable::tick_of(known.packet.time));
    const FirstPacket packet = table.packet(slot, 2000s);
    EXPECT_EQ(packet.time, known.packet.time) << "to the nanosecond";
    EXPECT_EQ(packet.target, known.packet.target);
    EXPECT_EQ(packet.source_port, known.packet.source_port);
    EXPECT_EQ(packet.target_port, known.packet.target_port);
    EXPECT_EQ(packet.flags, known.packet.flags);
    EXPECT_EQ(packet.tos, known.packet.tos);
    EXPECT_EQ(packet.ttl, known.packet.ttl);
  }
}

TEST(ProbationTable, TheTimeIsRightWhereTicksWrapAround) {
  ProbationTable table = make();
  const std::chrono::nanoseconds wrap = ProbationTable::kTick * (std::int64_t{1} << 32);
  insert(table, 7, at(wrap - 5ms));
  EXPECT_EQ(table.packet(table.find(7), wrap + 1s).time, wrap - 5ms);
}

TEST(ProbationTable, AnEmptyTableHoldsNobody) {
  const ProbationTable table = make();
  for (std::uint32_t source = 0; source < 100'000; ++source) {
    EXPECT_FALSE(table.find(source * 42949));
  }
}

// Some 100 sources of the same bucket and many others; in the smallest table a bucket is the
// widest.
TEST(ProbationTable, TakesNoSourceForAnother) {
  ProbationTable table = make();
  insert(table, 0x00ab'cdef, at(1s));
  std::vector<std::uint32_t> others = {0x01ab'cdef, 0xffab'cdef, 0x00ab'cdee, 0x002b'cdef};
  for (unsigned bit = 0; bit < 32; ++bit) others.push_back(0x00ab'cdef ^ 1U << bit);
  for (const std::uint32_t other : others) EXPECT_FALSE(table.find(other)) << other;
  EXPECT_TRUE(table.find(0x00ab'cdef));
}

TEST(ProbationTable, TellsWhoseASlotIs) {
  std::mt19937 random(1);
  for (const std::size_t buckets : {kLeast, std::size_t{781}, std::size_t{1} << 15}) {
    ProbationTable table = make(buckets);
    std::uint32_t told = 0;
    for (int i = 0; i < 100'000; ++i) {
      const auto source = static_cast<std::uint32_t>(random());
      if (table.find(source)) continue;
      const auto room = table.room(source, 0);
      if (room.is_live) {
        const std::uint32_t other = table.source(room.slot, source);
        const auto found = table.find(other);
        ASSERT_TRUE(found);
        ASSERT_EQ(found, room.slot);
        ++told;
      }
      table.put(room.slot, source, at(0s));
    }
    EXPECT_GT(told, 1000U);
  }
}

struct Entry {
  std::uint32_t last;
  std::uint32_t rest[3];
};

TEST(ProbationTable, ABucketIsWithinOneOfATableThatHasAWholeNumberOfThemForEach) {
  std::mt19937 random(1);
  for (const std::size_t each : {1U, 4U, 5U, 32U}) {
    constexpr std::size_t kBuckets = 1021;
    const ProbationTable table = make(kBuckets * each);
    const auto upper = SourceTable<Entry>::make(kBuckets, kLifetime);
    ASSERT_TRUE(upper);
    std::vector<std::optional<std::uint32_t>> places(kBuckets * each);
    for (int i = 0; i < 200'000; ++i) {
      const auto source = static_cast<std::uint32_t>(random());
      auto& place = places[table.find(source).bucket()];
      if (!place) place = upper->place(source);
      ASSERT_EQ(*place, upper->place(source));
    }
  }
}

TEST(ProbationTable, SixSourcesFitIntoABucket) {
  ProbationTable table = make();
  for (std::uint32_t n = 0; n < 6; ++n) EXPECT_FALSE(insert(table, neighbour(n), at(1s)));
  EXPECT_TRUE(insert(table, neighbour(6), at(1s)));
}

TEST(ProbationTable, AFullBucketGivesUpTheOldest) {
  ProbationTable table = make();
  for (std::uint32_t n = 0; n < 6; ++n) {
    insert(table, neighbour(n), at(1s + 10ms * ((n + 3) % 6)));
  }
  EXPECT_TRUE(insert(table, neighbour(6), at(2s)));
  EXPECT_FALSE(table.find(neighbour(3)));
  for (const std::uint32_t n : {0U, 1U, 2U, 4U, 5U, 6U}) EXPECT_TRUE(table.find(neighbour(n)));
}

TEST(ProbationTable, ASourceAtItsLifetimeIsStillLive) {
  for (const std::chrono::nanoseconds age : {2990ms, 3000ms, 3010ms}) {
    ProbationTable table = make();
    for (std::uint32_t n = 0; n < 6; ++n) insert(table, neighbour(n), at(1s));
    EXPECT_EQ(insert(table, neighbour(6), at(1s + age)), age <= 3000ms);
  }
}

TEST(ProbationTable, AForgottenSourceMakesRoom) {
  ProbationTable table = make();
  for (std::uint32_t n = 0; n < 6; ++n) insert(table, neighbour(n), at(1s + 10ms * n));
  table.forget(table.find(neighbour(4)));
  EXPECT_FALSE(table.find(neighbour(4)));
  EXPECT_FALSE(insert(table, neighbour(6), at(2s)));
  EXPECT_TRUE(table.find(neighbour(0)));
}

TEST(ProbationTable, FillsItsMemory) {
  EXPECT_EQ(make(0).memory(), kLeast * ProbationTable::kBucketBytes);
  EXPECT_EQ(make(kLeast).capacity(), 256U * 6);
  EXPECT_EQ(make(7812).memory(), 7812U * 128);
}

TEST(ProbationTable, PrefetchingChangesNothing) {
  ProbationTable table = make();
  insert(table, 7, at(1s));
  table.prefetch(7);
  table.prefetch_rest(7);
  table.prefetch(8);
  EXPECT_TRUE(table.find(7));
  EXPECT_FALSE(table.find(8));
}

}  // namespace
}  // namespace scanlogd
