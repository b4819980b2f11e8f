// Eight numbers compared at once give what comparing them one by one gives.
#include "detect/lanes.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>

namespace scanlogd {
namespace {

unsigned one_by_one(const std::array<std::uint32_t, 8>& numbers, std::uint32_t value,
                    std::uint32_t mask) {
  unsigned equal = 0;
  for (unsigned i = 0; i < 8; ++i) equal |= ((numbers[i] & mask) == (value & mask) ? 1U : 0U) << i;
  return equal;
}

TEST(Lanes, SetsTheBitOfEachEqualNumber) {
  const std::array<std::uint32_t, 8> numbers = {7, 1, 2, 7, 4, 5, 6, 7};
  EXPECT_EQ(equal_lanes(numbers.data(), 7), 0b1000'1001U);
  EXPECT_EQ(equal_lanes(numbers.data(), 5), 0b0010'0000U);
  EXPECT_EQ(equal_lanes(numbers.data(), 3), 0U);
}

TEST(Lanes, LooksOnlyAtTheBitsOfTheMask) {
  const std::array<std::uint32_t, 8> numbers = {0x100, 0x101, 0x201, 0, 1, 0xff, 0xf01, 2};
  EXPECT_EQ(equal_lanes(numbers.data(), 0x301, 0xff), 0b0101'0110U);
}

TEST(Lanes, AgreesWithComparingOneByOne) {
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    std::array<std::uint32_t, 8> numbers;
    for (std::uint32_t& number : numbers)
      number = static_cast<std::uint32_t>(random()) & 0x8000'0003;
    const auto value = static_cast<std::uint32_t>(random()) & 0x8000'0003;
    const std::uint32_t mask = i % 2 == 0 ? 0xffff'ffff : 0x8000'0001;
    ASSERT_EQ(equal_lanes(numbers.data(), value, mask), one_by_one(numbers, value, mask));
  }
}

}  // namespace
}  // namespace scanlogd
