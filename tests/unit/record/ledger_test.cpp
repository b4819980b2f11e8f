// What cannot be written now is written later, or counted; whatever becomes of the file.
#include "record/ledger.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

class LedgerTest : public StoreTest {
 protected:
  Ledger make(const std::string& path) const {
    return Ledger({.path = path, .directory = {}}, {.age = kForEver});
  }
  Ledger make() const { return make(home_.path()); }
  /// Time goes on by as much as it takes to be tried again.
  Ledger::Clock::time_point later() { return now_ += Ledger::kRetry; }
  bool write(Ledger& ledger) { return ledger.write({{"number", 1}}, {}, now_); }

  Ledger::Clock::time_point now_ = Ledger::Clock::time_point(1h);
};

TEST_F(LedgerTest, WritesWhatWasAdded) {
  Ledger ledger = make();
  EXPECT_TRUE(ledger.open(now_));
  EXPECT_FALSE(ledger.open(now_)) << "it is open";
  ledger.add(message(scan(1)));
  EXPECT_TRUE(ledger.is_busy());
  EXPECT_TRUE(ledger.write({{"number", 5}}, {{.sink = "syslog", .sequence = 1}}, now_));
  EXPECT_FALSE(ledger.is_busy());
  EXPECT_EQ(ledger.written(), 1U);
  const StoreReader reader = this->reader();
  EXPECT_EQ(ids(reader.list({})), Ids{1});
  EXPECT_EQ(reader.state("number").value(), 5);
  EXPECT_EQ(reader.cursors().value().front().sequence, 1U);
  EXPECT_TRUE(ledger.take_news().empty());
}

TEST_F(LedgerTest, WithoutAPathThereIsNoStoreAndNothingWaitsForOne) {
  Ledger ledger = make("");
  EXPECT_FALSE(ledger.is_wanted());
  EXPECT_FALSE(ledger.open(now_));
  ledger.add(message(scan(1)));
  EXPECT_EQ(ledger.waiting(), 0U);
  EXPECT_FALSE(ledger.is_busy());
  EXPECT_TRUE(ledger.take_news().empty());
}

TEST_F(LedgerTest, ADirectoryThatComesLaterGetsWhatWaited) {
  const std::string path = home_.file("later");
  Ledger ledger = make(path);
  EXPECT_FALSE(ledger.open(now_));
  EXPECT_EQ(ledger.take_news(),
            std::vector<std::string>{"open(" + path +
                                     "): No such file or directory; going on without it, at most "
                                     "10000 messages are kept"});
  ledger.add(message(scan(1)));
  EXPECT_FALSE(ledger.open(later()));
  EXPECT_TRUE(ledger.take_news().empty()) << "it is said once";
  std::filesystem::create_directory(path);
  EXPECT_FALSE(ledger.open(now_ + Ledger::kRetry - 1ns)) << "not all the time";
  EXPECT_TRUE(ledger.open(later()));
  EXPECT_TRUE(write(ledger));
  EXPECT_EQ(ids(StoreReader::open(path).value().list({})), Ids{1});
  EXPECT_EQ(ledger.take_news(),
            std::vector<std::string>{path + "/scanlogd.db is written again: 1 messages late, 0 "
                                            "missing"});
}

TEST_F(LedgerTest, WhatThereIsNoRoomForIsCounted) {
  Ledger ledger = make(home_.file("later"));
  EXPECT_FALSE(ledger.open(now_));
  for (std::uint64_t i = 1; i <= Ledger::kMaxWaiting + 3; ++i) ledger.add(message(scan(i)));
  EXPECT_EQ(ledger.waiting(), Ledger::kMaxWaiting);
  EXPECT_EQ(ledger.lost(), 3U);
  EXPECT_EQ(ledger.first_waiting(), 1U);
  (void)ledger.take_news();
  std::filesystem::create_directory(home_.file("later"));
  EXPECT_TRUE(ledger.open(later()));
  EXPECT_TRUE(write(ledger));
  EXPECT_NE(ledger.take_news().front().find("10000 messages late, 3 missing"), std::string::npos);
}

TEST_F(LedgerTest, ADamagedFileIsMovedAsideAndANewOneMade) {
  std::ofstream(home_.file("scanlogd.db")) << std::string(5000, 'x');
  Ledger ledger = make();
  EXPECT_TRUE(ledger.open(now_));
  EXPECT_TRUE(ledger.was_replaced());
  const auto news = ledger.take_news();
  ASSERT_EQ(news.size(), 1U);
  EXPECT_NE(news[0].find("scanlogd.db.corrupt-"), std::string::npos);
  EXPECT_EQ(home_.names("corrupt").size(), 1U);
  ledger.add(message(scan(1)));
  EXPECT_TRUE(write(ledger));
  EXPECT_EQ(ids(reader().list({})), Ids{1});
}

TEST_F(LedgerTest, AFileDamagedWhileItIsOpenIsReplacedToo) {
  { const Store store = open(); }
  Ledger ledger = make();
  EXPECT_TRUE(ledger.open(now_));
  // All but the first page, which says what the others are.
  const auto size = std::filesystem::file_size(home_.file("scanlogd.db"));
  damage(4096, std::string(size - 4096, '\x55'));
  ledger.add(message(scan(1)));
  EXPECT_FALSE(write(ledger));
  EXPECT_TRUE(ledger.was_replaced());
  EXPECT_TRUE(ledger.open(now_));
  EXPECT_TRUE(write(ledger));
  EXPECT_EQ(ids(reader().list({})), Ids{1});
  EXPECT_EQ(home_.names("corrupt").size(), 1U);
}

TEST_F(LedgerTest, ALaterVersionIsNotTouched) {
  { const Store store = open(); }
  constexpr std::size_t kUserVersion = 60;
  damage(kUserVersion, std::string("\0\0\0\x03", 4));
  Ledger ledger = make();
  EXPECT_FALSE(ledger.open(now_));
  EXPECT_NE(ledger.take_news().front().find("version 3 is later"), std::string::npos);
  EXPECT_TRUE(home_.names("corrupt").empty());
}

TEST_F(LedgerTest, ALockThatIsHeldForLongIsTold) {
  Ledger ledger = make();
  EXPECT_TRUE(ledger.open(now_));
  ledger.add(message(scan(1)));
  auto other = Database::open(home_.file("scanlogd.db"), Database::Access::write);
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  EXPECT_FALSE(write(ledger));
  EXPECT_TRUE(ledger.take_news().empty()) << "it may be a matter of milliseconds";
  now_ += 100ms;
  EXPECT_FALSE(write(ledger));
  now_ += 2s;
  EXPECT_FALSE(write(ledger));
  EXPECT_NE(ledger.take_news().front().find("database is locked"), std::string::npos);
  ASSERT_TRUE(other->execute("COMMIT"));
  now_ += 100ms;
  EXPECT_TRUE(write(ledger));
  EXPECT_EQ(ids(reader().list({})), Ids{1});
}

TEST_F(LedgerTest, AnotherScanlogdHasItFirst) {
  std::optional<Store> other = open();
  Ledger ledger = make();
  EXPECT_FALSE(ledger.open(now_));
  EXPECT_NE(ledger.take_news().front().find("another scanlogd uses it"), std::string::npos);
  other.reset();
  EXPECT_TRUE(ledger.open(later()));
}

TEST_F(LedgerTest, AFileThatWasRemovedIsMadeAnew) {
  Ledger ledger = make();
  EXPECT_TRUE(ledger.open(now_));
  for (const std::string& name : home_.names("scanlogd.db")) {
    std::filesystem::remove(home_.file(name));
  }
  ledger.add(message(scan(1)));
  EXPECT_FALSE(write(ledger));
  EXPECT_NE(ledger.take_news().front().find("was removed; a new one is made"), std::string::npos);
  EXPECT_TRUE(ledger.open(now_));
  EXPECT_TRUE(write(ledger));
  EXPECT_EQ(ids(reader().list({})), Ids{1});
}

TEST_F(LedgerTest, RaisesWhatWaits) {
  Ledger ledger = make();
  ledger.add(message(scan(1), 4));
  ledger.raise(100, 1000);
  EXPECT_EQ(ledger.first_waiting(), 1004U);
  EXPECT_TRUE(ledger.open(now_));
  EXPECT_TRUE(write(ledger));
  EXPECT_EQ(ids(reader().list({})), Ids{101});
  EXPECT_EQ(ledger.read(1003, 10, now_).messages.size(), 1U);
  EXPECT_TRUE(ledger.read(1004, 10, now_).messages.empty());
}

TEST_F(LedgerTest, WhatIsInTheStoreIsReadBeforeWhatWaits) {
  Ledger ledger = make();
  ASSERT_TRUE(ledger.open(now_));
  ledger.add(message(scan(1), 1));
  ledger.add(message(scan(2), 2));
  ASSERT_TRUE(ledger.write({}, {}, now_));
  ledger.add(message(scan(3), 3));
  ledger.add(message(scan(4), 4));
  const auto sequences = [&](std::uint64_t after, std::size_t limit) {
    std::vector<std::uint64_t> found;
    const KeptMessages kept = ledger.read(after, limit, now_);
    EXPECT_EQ(kept.is_whole, ledger.is_readable());
    for (const Message& each : kept.messages) found.push_back(each.stamp.sequence);
    return found;
  };
  using Sequences = std::vector<std::uint64_t>;
  EXPECT_EQ(sequences(0, 10), (Sequences{1, 2, 3, 4}));
  EXPECT_EQ(sequences(1, 2), (Sequences{2, 3}));
  EXPECT_EQ(sequences(0, 2), (Sequences{1, 2}));
  EXPECT_EQ(sequences(3, 10), (Sequences{4}));
  EXPECT_EQ(sequences(4, 10), Sequences{});
  ledger.give_up({.code = EIO, .what = "a disk that fails"}, now_);
  ASSERT_FALSE(ledger.is_readable());
  EXPECT_EQ(sequences(0, 10), (Sequences{3, 4}));
}

TEST_F(LedgerTest, OneCursorIsWrittenByItself) {
  Ledger ledger = make();
  EXPECT_TRUE(ledger.open(now_));
  ledger.write(Cursor{.sink = "syslog", .sequence = 7}, now_);
  EXPECT_EQ(reader().cursors().value().front().sequence, 7U);
}

TEST_F(LedgerTest, MakesRoomWhileItGoes) {
  Ledger ledger({.path = home_.path(), .directory = {}}, {.age = std::chrono::hours(1)});
  EXPECT_TRUE(ledger.open(now_));
  // Long ago by any clock.
  for (std::uint64_t i = 1; i <= 500; ++i) ledger.add(message(scan(i)));
  EXPECT_TRUE(write(ledger));
  if (std::chrono::system_clock::now() < kNoon + 24h) GTEST_SKIP() << "the clock is wrong";
  EXPECT_TRUE(ledger.is_busy()) << "there is more to go";
  for (int turn = 0; turn < 5 && ledger.is_busy(); ++turn) EXPECT_TRUE(write(ledger));
  EXPECT_FALSE(ledger.is_busy());
  EXPECT_TRUE(ids(reader().list({})).empty());
}

}  // namespace
}  // namespace scanlogd::test
