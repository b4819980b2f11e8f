// Who gets in, and how fast a flood could fill the table.
#include "detect/admission.h"

#include <gtest/gtest.h>

#include "core/keyed_hash.h"

namespace scanlogd::test {
namespace {

constexpr HashKey kKey{.a = 3, .b = 5};
constexpr std::size_t kCapacity = 65536;

TEST(Admission, LetsTheFirstTwoThousandInAtOnce) {
  auto admission = Admission::make(kCapacity).value();
  std::uint64_t admitted = 0;
  for (std::uint64_t i = 0; i < 2048; ++i) admitted += admission.admit(keyed_hash(kKey, i), 0);
  EXPECT_EQ(admitted, 2048U);
}

TEST(Admission, AfterThatOnlyWhoeverComesAgain) {
  auto admission = Admission::make(kCapacity).value();
  for (std::uint64_t i = 0; i < 3000; ++i) (void)admission.admit(keyed_hash(kKey, i), 0);
  EXPECT_FALSE(admission.admit(keyed_hash(kKey, 5000), 0));
  EXPECT_TRUE(admission.admit(keyed_hash(kKey, 5000), 0));
}

TEST(Admission, NoFloodFillsHalfOfTheTableWithinTwoHours) {
  auto admission = Admission::make(kCapacity).value();
  std::uint64_t admitted = 0;
  std::uint64_t source = 0;
  constexpr std::uint64_t kPerTick = 5;
  for (Tick now = 0; now < 2 * kHour; ++now) {
    for (std::uint64_t i = 0; i < kPerTick; ++i) {
      const std::uint64_t hash = keyed_hash(kKey, ++source);
      for (int times = 0; times < 3; ++times) admitted += admission.admit(hash, now);
    }
  }
  EXPECT_LE(admitted, kCapacity / 2 + Admission::kBurst);
}

}  // namespace
}  // namespace scanlogd::test
