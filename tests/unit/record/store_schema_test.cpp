// What is no store of ours, or one of a later version, is said to be none and left alone.
#include "record/store_schema.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

using StoreSchemaTest = StoreTest;

TEST_F(StoreSchemaTest, ALaterVersionIsLeftAlone) {
  { const Store store = open(); }
  constexpr std::size_t kUserVersion = 60;  // of the file format
  damage(kUserVersion, std::string("\0\0\0\x02", 4));
  const auto store = Store::open(*directory_, {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ENOTSUP);
  EXPECT_NE(store.error().what.find("version 2 is later than 1"), std::string::npos);
  const auto reader = StoreReader::open(home_.path());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ENOTSUP);
  damage(kUserVersion, std::string("\0\0\0\x01", 4));
  EXPECT_TRUE(Store::open(*directory_, {})) << "it was not touched";
}

TEST_F(StoreSchemaTest, ADatabaseOfSomebodyElseIsNoStore) {
  { const Store store = open(); }
  damage(68, "them");
  EXPECT_EQ(failure(), EUCLEAN);
}

TEST_F(StoreSchemaTest, OtherTablesAreNoStore) {
  { const Store store = open(); }
  // In the text of the schema; a view there would run whatever it likes.
  std::ifstream in(home_.file("scanlogd.db"), std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  const std::size_t at = all.find("scans_lost INTEGER");
  ASSERT_NE(at, std::string::npos);
  damage(at, "scans_LOST");
  EXPECT_EQ(failure(), EUCLEAN);
}

TEST_F(StoreSchemaTest, AnEmptyFileBecomesAStoreStepByStep) {
  auto database = Database::open(home_.file("empty.db"), Database::Access::write);
  ASSERT_TRUE(database);
  EXPECT_EQ(check_version(*database).value(), 0);
  EXPECT_FALSE(check_definitions(*database));
  for (int version = 0; version < kSchemaVersion; ++version) {
    EXPECT_TRUE(migrate(*database, version));
    EXPECT_EQ(check_version(*database).value(), version + 1);
  }
  EXPECT_TRUE(check_definitions(*database));
}

TEST_F(StoreSchemaTest, ATableTooManyIsNoStore) {
  auto database = Database::open(home_.file("other.db"), Database::Access::write);
  ASSERT_TRUE(database);
  ASSERT_TRUE(migrate(*database, 0));
  ASSERT_TRUE(database->execute("CREATE VIEW more AS SELECT 1"));
  EXPECT_FALSE(check_definitions(*database));
}

}  // namespace
}  // namespace scanlogd::test
