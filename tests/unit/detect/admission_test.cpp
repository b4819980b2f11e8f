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

// Between two calls of one source each second 50,000 others come.
TEST(Admission, WhoeverComesOnceASecondIsLetInDuringAFlood) {
  auto admission = Admission::make(kCapacity).value();
  std::uint64_t other = 1'000'000;
  for (int i = 0; i < 5000; ++i) (void)admission.admit(keyed_hash(kKey, ++other), 0);
  int late = 0;
  constexpr int kScanners = 200;
  for (std::uint64_t scanner = 0; scanner < kScanners; ++scanner) {
    const Tick begin = static_cast<Tick>(scanner) * 10 * kSecond;
    int calls = 1;
    for (; !admission.admit(keyed_hash(kKey, scanner), begin); ++calls) {
      for (int i = 0; i < 50'000; ++i) (void)admission.admit(keyed_hash(kKey, ++other), begin);
    }
    if (calls > 3) ++late;
  }
  EXPECT_LE(late, kScanners / 50);
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
