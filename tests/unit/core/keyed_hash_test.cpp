// The keyed hash and its key.
#include "core/keyed_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <random>
#include <vector>

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

TEST(KeyedPermutation, DependsOnEachHalfOfTheKey) {
  const std::uint32_t value = keyed_permutation(kKey, 7);
  EXPECT_EQ(value, keyed_permutation(kKey, 7));
  EXPECT_NE(value, keyed_permutation({kKey.a ^ 2, kKey.b}, 7));
  EXPECT_NE(value, keyed_permutation({kKey.a, kKey.b ^ 2}, 7));
}

// A million values of a random function would collide more than a hundred times.
TEST(KeyedPermutation, GivesNoTwoNumbersTheSameValue) {
  std::vector<std::uint32_t> values;
  std::mt19937 random(1);
  for (std::uint32_t i = 0; i < 500'000; ++i) values.push_back(keyed_permutation(kKey, i));
  for (std::uint32_t i = 0; i < 500'000; ++i) {
    values.push_back(keyed_permutation(kKey, 500'000 + i * 7919));
  }
  std::ranges::sort(values);
  EXPECT_EQ(std::ranges::adjacent_find(values), values.end());
}

TEST(KeyedPermutation, OneBitOfInputChangesAboutHalfTheBitsOfOutput) {
  int changed = 0;
  constexpr int kInputs = 100;
  for (std::uint32_t input = 0; input < kInputs; ++input) {
    for (int bit = 0; bit < 32; ++bit) {
      const std::uint32_t other = input ^ std::uint32_t{1} << bit;
      changed += std::popcount(keyed_permutation(kKey, input) ^ keyed_permutation(kKey, other));
    }
  }
  EXPECT_NEAR(changed / (32.0 * kInputs), 16.0, 1.0);
}

// As an attacker may choose them: neighbours, hosts of the same number in many networks, networks.
TEST(KeyedPermutation, SpreadsRelatedAddressesEvenlyByItsLowAndByItsHighBits) {
  for (const std::uint32_t stride : {1U, 256U, 65536U, 0x01010101U}) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 10; ++round) {
      const HashKey key{.a = random(), .b = random()};
      std::array<int, 1024> low{};
      std::array<int, 1024> high{};
      for (std::uint32_t i = 0; i < 65536; ++i) {
        const std::uint32_t value = keyed_permutation(key, 0x0a000000 + i * stride);
        ++low[value % 1024];
        ++high[value >> 22];
      }
      EXPECT_GT(std::ranges::min(low), 24) << stride;
      EXPECT_LT(std::ranges::max(low), 104) << stride;
      EXPECT_GT(std::ranges::min(high), 24) << stride;
      EXPECT_LT(std::ranges::max(high), 104) << stride;
    }
  }
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
