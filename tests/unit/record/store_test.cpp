// What is written is read again, whatever happened in between; the oldest makes room.
#include "record/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

TEST_F(StoreTest, AnUpdateBringsTheScanUpToDateAndKeepsWhatWasSaidBefore) {
  Store store = open();
  Scan later = scan(1);
  later.at = kNoon + 1h;
  later.announce = Announce::held_back;
  later.event.phase = Phase::end;
  later.event.reason = EndReason::idle;
  later.event.ports_total = 1000;
  later.ports = "1-1000";
  write(store, {message(scan(1), 1), message(later, 2)});
  const auto found = store.reader().find(1);
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->has_ended());
  EXPECT_EQ((*found)->ports, "1-1000");
  EXPECT_EQ((*found)->at, kNoon + 1h);
  EXPECT_EQ((*found)->announce, Announce::line) << "how it was announced stays";
  const auto history = store.reader().history(1);
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ(std::get<Scan>((*history)[0].content).event.phase, Phase::begin);
  EXPECT_EQ(std::get<Scan>((*history)[0].content).ports, "21-22");
  EXPECT_EQ(std::get<Scan>((*history)[1].content).event.phase, Phase::end);
}

TEST_F(StoreTest, ALineOfItsOwnLaterIsRemembered) {
  Store store = open();
  Scan first = scan(1);
  first.announce = Announce::digest;
  Scan later = scan(1);
  later.event.phase = Phase::update;
  write(store, {message(first, 1), message(later, 2)});
  EXPECT_EQ(store.reader().find(1).value()->announce, Announce::line);
}

TEST_F(StoreTest, NoticesAreMessagesToo) {
  Store store = open();
  const Notice notice = make_notice(Severity::alert, kNoon, "Held back: 3 scans");
  write(store, {message(scan(1), 1), {.stamp = {7, 2}, .content = notice}, message(scan(2), 3)});
  const auto messages = store.reader().messages(1, 10);
  ASSERT_TRUE(messages);
  ASSERT_EQ(messages->size(), 2U);
  const auto& read = std::get<Notice>(messages->front().content);
  EXPECT_EQ(read.severity, Severity::alert);
  EXPECT_EQ(read.at, kNoon);
  EXPECT_EQ(read.view(), "Held back: 3 scans");
  EXPECT_EQ(std::get<Scan>((*messages)[1].content).id, 2U);
  EXPECT_EQ(store.reader().messages(0, 2).value().size(), 2U);
  EXPECT_TRUE(store.reader().messages(3, 2).value().empty());
}

TEST_F(StoreTest, WhatWasNotCommittedIsNotThere) {
  Store store = open();
  ASSERT_TRUE(store.begin(Store::Sync::disk));
  ASSERT_TRUE(store.add(message(scan(1))));
  store.rollback();
  EXPECT_TRUE(ids(store.reader().list({})).empty());
  store.rollback();  // without a transaction it is nothing
  write(store, {message(scan(2))});
  EXPECT_EQ(ids(store.reader().list({})), Ids{2});
}

TEST_F(StoreTest, CursorsAndNumbersAreReplaced) {
  Store store = open();
  ASSERT_TRUE(store.begin(Store::Sync::process));
  ASSERT_TRUE(store.set({.sink = "syslog", .sequence = 1}));
  ASSERT_TRUE(store.set({.sink = "eve", .sequence = 2}));
  ASSERT_TRUE(store.set({.sink = "syslog",
                         .sequence = 5,
                         .taken = 4,
                         .delivered = 3,
                         .lost = 1,
                         .scans_taken = 2,
                         .scans_delivered = 1,
                         .scans_lost = 1}));
  ASSERT_TRUE(store.set("number", 1));
  ASSERT_TRUE(store.set("number", -5));
  ASSERT_TRUE(store.commit());
  const auto cursors = store.reader().cursors();
  ASSERT_TRUE(cursors);
  ASSERT_EQ(cursors->size(), 2U);
  EXPECT_EQ((*cursors)[0].sink, "eve");
  const Cursor& syslog = (*cursors)[1];
  EXPECT_EQ(syslog.sequence, 5U);
  EXPECT_EQ(syslog.taken, syslog.delivered + syslog.lost);
  EXPECT_EQ(syslog.scans_taken, syslog.scans_delivered + syslog.scans_lost);
  EXPECT_EQ(store.reader().state("number").value(), -5);
  EXPECT_FALSE(store.reader().state("nothing").value());
}

TEST_F(StoreTest, TheLastNumbersOutliveTheirRows) {
  {
    Store store = open();
    EXPECT_EQ(store.last_id().value(), 0U);
    EXPECT_EQ(store.last_sequence().value(), 0U);
    write(store, {message(scan(3), 8)});
    EXPECT_EQ(store.last_id().value(), 3U);
    EXPECT_EQ(store.last_sequence().value(), 8U);
    ASSERT_TRUE(store.begin(Store::Sync::process));
    ASSERT_TRUE(store.set(Store::kLastId, 3));
    ASSERT_TRUE(store.set(Store::kLastSequence, 8));
    EXPECT_TRUE(store.prune(kNoon + 24h * 365, 10));
    ASSERT_TRUE(store.commit());
    EXPECT_TRUE(ids(store.reader().list({})).empty());
  }
  const Store store = open();
  EXPECT_EQ(store.last_id().value(), 3U);
  EXPECT_EQ(store.last_sequence().value(), 8U);
}

TEST_F(StoreTest, UnfinishedAreThoseThatGoOnAndThoseThatEndedWithUs) {
  Store store = open();
  const auto ended = [&](std::uint64_t number, EndReason reason) {
    Scan one = scan(number);
    one.event.phase = Phase::end;
    one.event.reason = reason;
    return one;
  };
  write(store, {message(scan(1)), message(ended(2, EndReason::idle)),
                message(ended(3, EndReason::shutdown)), message(ended(4, EndReason::evicted)),
                message(ended(5, EndReason::shutdown))});
  EXPECT_EQ(ids(store.unfinished(kNoon, 10)), (Ids{5, 3, 1}));
  EXPECT_EQ(ids(store.unfinished(kNoon + 5min, 10)), (Ids{5, 1}));
  EXPECT_EQ(ids(store.unfinished(kNoon, 2)), (Ids{5, 3}));
}

TEST_F(StoreTest, UndigestedAreThoseOfADigestFromOneOn) {
  Store store = open();
  std::vector<Message> all;
  for (std::uint64_t number = 1; number <= 6; ++number) {
    Scan one = scan(number);
    if (number % 2 == 0) one.announce = Announce::digest;
    all.push_back(message(one));
  }
  write(store, all);
  EXPECT_EQ(ids(store.undigested(0, 10)), (Ids{2, 4, 6}));
  EXPECT_EQ(ids(store.undigested(4, 10)), (Ids{4, 6}));
  EXPECT_EQ(ids(store.undigested(0, 1)), Ids{2});
}

Scan with_sample(Scan scan) {
  scan.sample = pack({.shift = 3, .points = {{.time = 1s, .port = static_cast<Port>(scan.id)}}});
  return scan;
}

TEST_F(StoreTest, ASampleStaysUntilThereIsAnother) {
  Store store = open();
  write(store, {message(with_sample(scan(1)), 1), message(scan(1), 2), message(scan(2), 3)});
  const ProbeSample sample = store.reader().sample(1).value();
  EXPECT_EQ(sample.shift, 3);
  ASSERT_EQ(sample.points.size(), 1U);
  EXPECT_EQ(sample.points[0].time, 1s);
  EXPECT_TRUE(store.reader().sample(2).value().points.empty());
  const auto unfinished = store.unfinished(kNoon, 10);
  ASSERT_TRUE(unfinished);
  EXPECT_EQ(unfinished->back().sample, with_sample(scan(1)).sample) << "after a restart it goes on";
}

TEST_F(StoreTest, ASampleThatCannotBeReadIsNone) {
  Store store = open();
  Scan broken = scan(1);
  broken.sample = "\x07nonsense";
  write(store, {message(broken)});
  EXPECT_TRUE(store.reader().sample(1).value().points.empty());
}

TEST_F(StoreTest, ASampleGoesWithItsScan) {
  Store store = open();
  for (std::uint64_t id = 1; id <= 20; ++id) write(store, {message(with_sample(scan(id)))});
  ASSERT_TRUE(store.begin(Store::Sync::process));
  ASSERT_TRUE(store.prune(kNoon + 90 * 24h + 10min + 1s, 100));
  ASSERT_TRUE(store.commit());
  ASSERT_EQ(ids(store.reader().list({})).back(), 11U);
  EXPECT_TRUE(store.reader().sample(10).value().points.empty());
  EXPECT_EQ(store.reader().sample(11).value().points.size(), 1U);
}

TEST_F(StoreTest, WhatIsTooOldGoesInSteps) {
  Store store = open({.age = std::chrono::hours(1)});
  std::vector<Message> all;
  for (std::uint64_t number = 1; number <= 90; ++number) all.push_back(message(scan(number)));
  write(store, all);
  ASSERT_TRUE(store.begin(Store::Sync::process));
  // At 13:30 scans 1 to 29 are older than an hour, 30 is not.
  int steps = 1;
  while (store.prune(kNoon + 90min, 10).value()) ++steps;
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(steps, 3);
  const auto left = ids(store.reader().list({.limit = 1000}));
  EXPECT_EQ(left.size(), 61U);
  EXPECT_EQ(left.back(), 30U);
  EXPECT_EQ(store.reader().messages(0, 1).value().front().stamp.sequence, 30U);
}

TEST_F(StoreTest, TheOldestMakesRoomForTheNewest) {
  constexpr std::uint64_t kBytes = 1 << 20;
  Store store = open({.bytes = kBytes});
  std::uint64_t number = 0;
  for (int turn = 0; turn < 100; ++turn) {
    std::vector<Message> some;
    for (int i = 0; i < 100; ++i) some.push_back(message(scan(++number)));
    write(store, some);
    ASSERT_TRUE(store.begin(Store::Sync::process));
    ASSERT_TRUE(store.prune(kNoon, 200));
    ASSERT_TRUE(store.commit());
  }
  const auto left = ids(store.reader().list({.limit = 10000}));
  EXPECT_EQ(left.front(), 10000U);
  EXPECT_GT(left.size(), 500U);
  EXPECT_LT(left.size(), 9000U);
  EXPECT_LE(std::filesystem::file_size(home_.file("scanlogd.db")), kBytes + kBytes / 8);
}

TEST_F(StoreTest, FreePagesGoBackToTheFileSystem) {
  Store store = open();
  std::vector<Message> all;
  for (std::uint64_t number = 1; number <= 10000; ++number) all.push_back(message(scan(number)));
  write(store, all);
  store = open_again(std::move(store));
  const auto before = std::filesystem::file_size(home_.file("scanlogd.db"));
  for (int turn = 0; turn < 100; ++turn) {
    ASSERT_TRUE(store.begin(Store::Sync::process));
    ASSERT_TRUE(store.prune(kNoon + 24h * 365, 1000));
    ASSERT_TRUE(store.commit());
  }
  store = open_again(std::move(store));
  EXPECT_LT(std::filesystem::file_size(home_.file("scanlogd.db")), before / 2);
}

TEST_F(StoreTest, OnlyOneWritesIt) {
  std::optional<Store> store = open();
  const auto second = Store::open(*directory_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EBUSY);
  EXPECT_EQ(second.error().what, "fcntl(scanlogd.lock): another scanlogd uses it");
  store.reset();
  EXPECT_TRUE(Store::open(*directory_, {}));
}

TEST_F(StoreTest, ADirectoryThatCannotBeWrittenToIsAnError) {
  ASSERT_EQ(::chmod(home_.path().c_str(), 0500), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Root may write anywhere.
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) std::_Exit(0);
    std::_Exit(failure());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), EACCES);
  ASSERT_EQ(::chmod(home_.path().c_str(), 0700), 0);
}

TEST_F(StoreTest, ADamagedFileIsMovedAsideWithItsLog) {
  {
    std::ofstream file(home_.file("scanlogd.db"));
    file << std::string(5000, 'x');
  }
  EXPECT_EQ(failure(), EUCLEAN);
  std::ofstream(home_.file("scanlogd.db-wal")) << "log";
  const auto moved = Store::move_aside(*directory_, kNoon);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, "scanlogd.db.corrupt-20241126T120000Z");
  EXPECT_EQ(home_.names("corrupt").size(), 2U);
  Store store = open();
  write(store, {message(scan(1))});
  EXPECT_EQ(ids(store.reader().list({})), Ids{1});
}

TEST_F(StoreTest, NothingIsNeededButTheDescriptorOfTheDirectory) {
  std::filesystem::rename(home_.path(), home_.path() + ".moved");
  {
    Store store = open();
    write(store, {message(scan(1))});
    EXPECT_EQ(ids(store.reader().list({})), Ids{1});
  }
  EXPECT_TRUE(std::filesystem::exists(home_.path() + ".moved/scanlogd.db"));
  std::filesystem::rename(home_.path() + ".moved", home_.path());
}

TEST_F(StoreTest, WhatWasCommittedOutlivesAKilledProcess) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Store store = open();
    write(store, {message(scan(1))});
    (void)store.begin(Store::Sync::disk);
    (void)store.add(message(scan(2)));
    (void)::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(ids(open().reader().list({})), Ids{1});
}

}  // namespace
}  // namespace scanlogd::test
