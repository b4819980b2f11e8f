// Who keeps his place in a full bucket.
#include "detect/contact_table.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>

namespace scanlogd::test {
namespace {

class Bucket : public ::testing::Test {
 protected:
  static constexpr std::size_t kOneBucket = 8;

  ContactSource* insert(SourceKey source, std::uint8_t contacts = 1) {
    ContactSource* const entry = table_.insert(table_.place(source), source, now_);
    if (entry != nullptr) {
      entry->contacts = contacts;
      table_.refresh(*entry, now_);
    }
    return entry;
  }
  bool holds(SourceKey source) { return table_.find(table_.place(source), source) != nullptr; }

  ContactTable table_ = ContactTable::make(kOneBucket, {.a = 1, .b = 2}).value();
  Tick now_ = 100 * kHour;
};

TEST_F(Bucket, HoldsEight) {
  for (SourceKey source = 1; source <= 8; ++source) EXPECT_NE(insert(source), nullptr);
  for (SourceKey source = 1; source <= 8; ++source) EXPECT_TRUE(holds(source));
  EXPECT_FALSE(holds(9));
  EXPECT_EQ(table_.evicted(), 0U);
}
TEST_F(Bucket, GivesUpTheOldestOfThoseWithOneContact) {
  for (SourceKey source = 1; source <= 8; ++source) {
    (void)insert(source);
    now_ += kHour;
  }
  EXPECT_NE(insert(9), nullptr);
  EXPECT_FALSE(holds(1));
  EXPECT_EQ(table_.evicted(), 1U);
}
TEST_F(Bucket, ANewcomerDisplacesNobodyWhoIsWorthMore) {
  for (SourceKey source = 1; source <= 8; ++source) (void)insert(source, 2);
  now_ += ContactTable::kContactWorth - (1 << 11);
  EXPECT_EQ(insert(9), nullptr);
  now_ += 1 << 12;
  EXPECT_NE(insert(9), nullptr);
}
TEST_F(Bucket, WhoeverWasSilentForTwoDaysGoesFirst) {
  (void)insert(1, 200);
  now_ += ContactTable::kLifetime + (1 << 11);
  for (SourceKey source = 2; source <= 8; ++source) (void)insert(source);
  EXPECT_NE(insert(9), nullptr);
  EXPECT_FALSE(holds(1));
  EXPECT_EQ(table_.evicted(), 0U);
}
TEST(ContactTable, SourcesOfTheSameTagAreToldApart) {
  constexpr HashKey kKey{.a = 0x0123456789abcdef, .b = 0xfedcba9876543210};
  auto table = ContactTable::make(ContactTable::kWays, kKey).value();
  // Of 2^31 tags, 200,000 sources have some in common.
  std::map<std::uint32_t, SourceKey> of_tag;
  std::array<SourceKey, 2> alike{};
  for (std::uint32_t i = 0; i < 200'000 && alike[0] == 0; ++i) {
    const SourceKey source = source_key(Family::ipv4, ipv4_bytes(i));
    const auto [known, is_new] = of_tag.emplace(table.place(source).tag, source);
    if (!is_new) alike = {known->second, source};
  }
  ASSERT_NE(alike[0], 0U);
  const auto find = [&](SourceKey source) { return table.find(table.place(source), source); };
  const ContactSource* const first = table.insert(table.place(alike[0]), alike[0], kHour);
  EXPECT_EQ(find(alike[0]), first);
  EXPECT_EQ(find(alike[1]), nullptr);
  const ContactSource* const second = table.insert(table.place(alike[1]), alike[1], kHour);
  ASSERT_NE(second, first);
  EXPECT_EQ(find(alike[0]), first);
  EXPECT_EQ(find(alike[1]), second);
}
TEST_F(Bucket, WhatIsForgottenIsFree) {
  ContactSource* const entry = insert(1);
  const std::uint32_t index = table_.index_of(*entry);
  EXPECT_EQ(table_.at(index, 1), entry);
  EXPECT_EQ(table_.at(index, 2), nullptr);
  table_.forget(*entry);
  EXPECT_FALSE(holds(1));
  EXPECT_EQ(table_.at(index, 1), nullptr);
}

}  // namespace
}  // namespace scanlogd::test
