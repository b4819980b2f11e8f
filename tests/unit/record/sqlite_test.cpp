// The layer over SQLite: values go in and come out, files are found by descriptor, errors have
// codes.
#include "record/sqlite.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "core/unique_fd.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

class SqliteTest : public ::testing::Test {
 protected:
  Database open(Database::Access access = Database::Access::write) const {
    auto database = Database::open(home_.file("test.db"), access);
    EXPECT_TRUE(database) << database.error().what;
    return std::move(database.value());
  }

  TemporaryDirectory home_;
};

TEST_F(SqliteTest, ValuesComeOutAsTheyWentIn) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE TABLE t (a, b, c, d, e, f)"));
  const auto now = system_clock::time_point(1234567890123456us);
  const Address six = parse_address("2001:db8::1").value();
  {
    const auto insert = database.prepare("INSERT INTO t VALUES (?,?,?,?,?,?)");
    ASSERT_TRUE(insert);
    Query query(*insert);
    query.number(std::uint64_t{1} << 62);
    query.time(now);
    query.text("text");
    query.address(six);
    query.address({});
    query.nothing();
    ASSERT_TRUE(query.finish());
  }
  const auto select = database.prepare("SELECT * FROM t");
  Query query(*select);
  ASSERT_TRUE(query.step().value());
  Row row(query);
  EXPECT_EQ(row.number<std::uint64_t>(), std::uint64_t{1} << 62);
  EXPECT_EQ(row.time(), now);
  EXPECT_EQ(row.text(), "text");
  EXPECT_EQ(row.address(), six);
  EXPECT_TRUE(row.is_null());
  EXPECT_EQ(row.address(), Address{});
  EXPECT_TRUE(row.is_null());
  EXPECT_FALSE(query.step().value());
}

TEST_F(SqliteTest, ValuesOfAnotherTypeBecomeTheNearestValidOne) {
  Database database = open();
  const auto select = database.prepare(
      "SELECT 'text', 'text', 9223372036854775807, -9223372036854775807, x'010203', 7, NULL");
  ASSERT_TRUE(select);
  Query query(*select);
  ASSERT_TRUE(query.step().value());
  Row row(query);
  EXPECT_EQ(row.number<int>(), 0);
  EXPECT_EQ(row.time(), system_clock::time_point());
  EXPECT_GT(row.time(), system_clock::time_point(24h * 365 * 250));
  EXPECT_LT(row.time(), system_clock::time_point(-24h * 365 * 250));
  EXPECT_EQ(row.address(), Address{});
  EXPECT_EQ(row.text(), "7");
  EXPECT_EQ(row.text(), "");
}

TEST_F(SqliteTest, AStatementCanBeUsedAgain) {
  Database database = open();
  const auto select = database.prepare("SELECT ?");
  ASSERT_TRUE(select);
  for (const std::int64_t number : {1, 2}) {
    Query query(*select);
    query.number(number);
    ASSERT_TRUE(query.step().value());
    EXPECT_EQ(Row(query).number<std::int64_t>(), number);
  }
  EXPECT_EQ(ask(*select).value(), 0) << "values do not stay";
}

TEST_F(SqliteTest, FilesInAHeldDirectoryNeedNoPath) {
  const std::string before = home_.file("before");
  std::filesystem::create_directory(before);
  const UniqueFd directory(::open(before.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::filesystem::rename(before, home_.file("after"));
  auto database = Database::open(held_path(directory.get(), "a.db"), Database::Access::write);
  ASSERT_TRUE(database) << database.error().what;
  ASSERT_TRUE(database->execute("PRAGMA journal_mode=WAL; CREATE TABLE t (a)"));
  for (const char* const name : {"after/a.db", "after/a.db-wal", "after/a.db-shm"}) {
    EXPECT_TRUE(std::filesystem::exists(home_.file(name))) << name;
  }
}

TEST_F(SqliteTest, ErrorsSayWhatAndHaveACode) {
  const auto missing = Database::open(home_.file("missing.db"), Database::Access::read);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_EQ(missing.error().what, "open(missing.db): unable to open database file");

  Database database = open();
  const auto wrong = database.execute("SELEKT");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "execute(test.db): near \"SELEKT\": syntax error");

  std::ofstream(home_.file("noise.db")) << std::string(5000, 'x');
  const auto noise = Database::open(home_.file("noise.db"), Database::Access::read);
  ASSERT_FALSE(noise);
  EXPECT_EQ(noise.error().code, EUCLEAN);
}

TEST_F(SqliteTest, WhoeverIsLockedOutIsToldSo) {
  Database one = open();
  Database other = open();
  ASSERT_TRUE(one.execute("CREATE TABLE t (a); BEGIN IMMEDIATE"));
  EXPECT_TRUE(one.is_in_transaction());
  const auto refused = other.execute("BEGIN IMMEDIATE");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EBUSY);
  EXPECT_FALSE(other.is_in_transaction());
}

TEST_F(SqliteTest, AFileOpenedForReadingIsNotWritten) {
  {
    Database database = open();
    ASSERT_TRUE(database.execute("CREATE TABLE t (a)"));
  }
  Database database = open(Database::Access::read);
  EXPECT_TRUE(database.is_read_only());
  const auto refused = database.execute("INSERT INTO t VALUES (1)");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EROFS);
}

TEST_F(SqliteTest, AViewInTheFileDoesNotRun) {
  Database database = open();
  ASSERT_TRUE(database.execute("CREATE VIEW v AS SELECT 1"));
  EXPECT_FALSE(database.ask("SELECT * FROM v"));
}

TEST_F(SqliteTest, AQueryWithoutEndEndsWhereWhoAsksOnlyReads) {
  Database writer = open();
  ASSERT_TRUE(writer.execute("CREATE TABLE a (b); INSERT INTO a VALUES (7)"));
  const Database reader = open(Database::Access::read);
  const auto endless = reader.ask(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
  ASSERT_FALSE(endless);
  EXPECT_NE(endless.error().what.find("damaged: more rows than it can hold"), std::string::npos)
      << endless.error().what;
  EXPECT_EQ(endless.error().code, EUCLEAN);
  EXPECT_EQ(reader.ask("SELECT b FROM a").value(), 7) << "each query begins anew";
}

}  // namespace
}  // namespace scanlogd::test
