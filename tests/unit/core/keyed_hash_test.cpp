// The keyed hash and its key.
#include "core/keyed_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace scanlogd {
namespace {

constexpr HashKey kKey{.a = 0x0123456789abcdef, .b = 0xfedcba9876543210};

TEST(KeyedHash, IsTheSameForTheSameKeyAndWords) {
  EXPECT_EQ(keyed_hash(kKey, 7, 9), keyed_hash(kKey, 7, 9));
  EXPECT_EQ(keyed_hash(kKey, 7), keyed_hash(kKey, 7, 0));
}

TEST(KeyedHash, DependsOnEachWordAndOnEachHalfOfTheKey) {
  const std::uint64_t hash = keyed_hash(kKey, 7, 9);
  EXPECT_NE(hash, keyed_hash(kKey, 8, 9));
  EXPECT_NE(hash, keyed_hash(kKey, 7, 8));
  EXPECT_NE(hash, keyed_hash(kKey, 9, 7));
  EXPECT_NE(hash, keyed_hash({kKey.a ^ 2, kKey.b}, 7, 9));
  EXPECT_NE(hash, keyed_hash({kKey.a, kKey.b ^ 1}, 7, 9));
}

TEST(KeyedHash, OneBitOfInputChangesAboutHalfTheBitsOfOutput) {
  int changed = 0;
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t mask = std::uint64_t{1} << bit;
    changed += std::popcount(keyed_hash(kKey, 7, 9) ^ keyed_hash(kKey, 7 ^ mask, 9));
    changed += std::popcount(keyed_hash(kKey, 7, 9) ^ keyed_hash(kKey, 7, 9 ^ mask));
  }
  EXPECT_NEAR(changed / 128.0, 32.0, 2.0);
}

// Neighbouring addresses are what a sweep or a flood sends; 64 per bucket are expected.
TEST(KeyedHash, SpreadsNeighbouringAddressesEvenlyByItsLowAndByItsHighBits) {
  std::array<int, 1024> low{};
  std::array<int, 1024> high{};
  for (std::uint64_t address = 0; address < 65536; ++address) {
    const std::uint64_t hash = keyed_hash(kKey, 0x0a000000 + address);
    ++low[hash % 1024];
    ++high[hash >> 54];
  }
  EXPECT_GT(std::ranges::min(low), 24);
  EXPECT_LT(std::ranges::max(low), 104);
  EXPECT_GT(std::ranges::min(high), 24);
  EXPECT_LT(std::ranges::max(high), 104);
}

TEST(RandomHashKey, IsAnotherOneEachTime) {
  const HashKey first = random_hash_key().value();
  const HashKey second = random_hash_key().value();
  EXPECT_NE(first.a, second.a);
  EXPECT_NE(first.b, second.b);
  EXPECT_NE(first.a, first.b);
}

}  // namespace
}  // namespace scanlogd
