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
  damage(kUserVersion, std::string("\0\0\0\x03", 4));
  const auto store = Store::open(*directory_, {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ENOTSUP);
  EXPECT_NE(store.error().what.find("version 3 is later than 2"), std::string::npos);
  const auto reader = StoreReader::open(home_.path());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ENOTSUP);
  damage(kUserVersion, std::string("\0\0\0\x02", 4));
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
  ASSERT_TRUE(check_definitions(*database, 1));
  ASSERT_TRUE(database->execute("CREATE VIEW more AS SELECT 1"));
  EXPECT_FALSE(check_definitions(*database, 1));
}

/// A store as the first version made it, with a scan and a notice.
class OldStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    {
      Store store = open();
      write(store,
            {message(scan(1)),
             {.stamp = {7, 2}, .content = make_notice(Severity::warning, kNoon, "blind on eth0")}});
    }
    auto database = Database::open(home_.file("scanlogd.db"), Database::Access::write);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->execute("DROP TABLE sample; DROP INDEX event_notice; PRAGMA user_version=1"));
    ASSERT_TRUE(check_definitions(*database, 1));
  }
  std::int64_t version() const {
    const auto database = Database::open(home_.file("scanlogd.db"), Database::Access::read);
    return check_version(*database).value();
  }
};

TEST_F(OldStoreTest, IsReadAsItIs) {
  const StoreReader old = reader();
  EXPECT_EQ(ids(old.list({})), Ids{1});
  EXPECT_TRUE(old.sample(1).value().points.empty());
  EXPECT_EQ(old.notices(kNoon, 10).value().total, 1U);
  EXPECT_EQ(version(), 1) << "reading changes nothing";
}

TEST_F(OldStoreTest, IsUpgradedByWhoeverWritesIt) {
  Store store = open();
  EXPECT_EQ(ids(store.reader().list({})), Ids{1});
  EXPECT_TRUE(store.reader().sample(1).value().points.empty());
  Scan later = scan(1);
  later.sample = pack({.shift = 0, .points = {{.port = 22}}});
  write(store, {message(later, 3)});
  EXPECT_EQ(store.reader().sample(1).value().points.size(), 1U);
  EXPECT_EQ(store.reader().notices(kNoon, 10).value().total, 1U);
  EXPECT_EQ(version(), 2);
}

TEST_F(OldStoreTest, WithATableOfALaterVersionIsNone) {
  {
    auto database = Database::open(home_.file("scanlogd.db"), Database::Access::write);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->execute("CREATE TABLE sample (scan INTEGER PRIMARY KEY, probes BLOB NOT NULL)"));
  }
  EXPECT_EQ(failure(), EUCLEAN);
}

}  // namespace
}  // namespace scanlogd::test
