// Every sink gets every message in order, whatever the others do, and none is lost without being
// counted.
#include "daemon/dispatcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "support/scans.h"

namespace scanlogd::test {
namespace {

/// A sink whose other end can hang, fail, or care for lines only.
class FickleSink final : public Sink {
 public:
  struct Tape {
    std::vector<std::uint64_t> ids;
    bool hangs = false;
    bool refuses = false;
    bool takes_lines_only = false;
    int reopened = 0;
  };
  explicit FickleSink(Tape& tape) : tape_(tape) {}

  bool takes(const Scan& scan) const noexcept override {
    return !tape_.takes_lines_only || has_line(scan);
  }
  Result<void> write(const Scan& scan, const Stamp& /*stamp*/) override {
    EXPECT_FALSE(in_hand_) << "one at a time";
    in_hand_ = scan.id;
    flush(Flush::waiting);
    return {};
  }
  Result<void> write(const Notice& /*notice*/, const Stamp& /*stamp*/) override {
    in_hand_ = 0;
    flush(Flush::waiting);
    return {};
  }
  void flush(Flush how) override {
    tape_.reopened += how == Flush::reopen ? 1 : 0;
    if (!in_hand_ || tape_.hangs) return;
    ++(tape_.refuses ? stats_.lost : stats_.delivered);
    if (!tape_.refuses) tape_.ids.push_back(*in_hand_);
    in_hand_.reset();
  }
  SinkStats stats() const noexcept override {
    SinkStats now = stats_;
    now.waiting = in_hand_ ? 1 : 0;
    return now;
  }

 private:
  Tape& tape_;
  std::optional<std::uint64_t> in_hand_;
  SinkStats stats_;
};

/// A store that cannot always be read, but for the last messages, which are in memory.
class ListBacklog final : public Backlog {
 public:
  KeptMessages read(std::uint64_t sequence, std::size_t limit) override {
    KeptMessages found{.messages = {}, .is_whole = readable};
    for (const Message& each : messages) {
      const bool is_there = readable || each.stamp.sequence >= first_in_memory;
      if (is_there && each.stamp.sequence > sequence && found.messages.size() < limit) {
        found.messages.push_back(each);
      }
    }
    return found;
  }
  bool is_readable() const override { return readable; }
  void note(const Cursor& cursor) override { noted.push_back(cursor); }

  std::vector<Message> messages;
  std::vector<Cursor> noted;
  bool readable = true;
  std::uint64_t first_in_memory = 0;  ///< its number
};

class DispatcherTest : public ::testing::Test {
 protected:
  Dispatcher make(Backlog* backlog) {
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "one", .sink = std::make_unique<FickleSink>(one_)});
    sinks.push_back({.name = "other", .sink = std::make_unique<FickleSink>(other_)});
    return Dispatcher(std::move(sinks), backlog);
  }
  Message next(Announce announce = Announce::line) {
    Message message{.stamp = {.boot = 1, .sequence = ++sequence_}, .content = {}};
    Scan scan = some_scan(sequence_);
    scan.announce = announce;
    message.content = scan;
    return message;
  }
  void add(Dispatcher& dispatcher, std::size_t count, Announce announce = Announce::line) {
    for (std::size_t i = 0; i < count; ++i) {
      const Message message = next(announce);
      backlog_.messages.push_back(message);
      dispatcher.add(message);
    }
  }
  /// How far the sink `one` has come: all are scans with a line.
  static Cursor cursor_at(std::uint64_t sequence, std::uint64_t taken, std::uint64_t delivered) {
    return {.sink = "one",
            .sequence = sequence,
            .taken = taken,
            .delivered = delivered,
            .lost = 0,
            .scans_taken = taken,
            .scans_delivered = delivered,
            .scans_lost = 0};
  }
  static std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = first; i <= last; ++i) all.push_back(i);
    return all;
  }
  static void deliver_all(Dispatcher& dispatcher) {
    for (int turn = 0; turn < 1000 && dispatcher.is_waiting(); ++turn) dispatcher.deliver();
  }
  static void expect_sums(const Dispatcher& dispatcher) {
    const SinkStats stats = dispatcher.stats();
    EXPECT_EQ(stats.written, stats.delivered + stats.waiting + stats.lost);
  }

  FickleSink::Tape one_, other_;
  ListBacklog backlog_;
  std::uint64_t sequence_ = 0;
};

TEST_F(DispatcherTest, NothingIsDeliveredBeforeItIsAskedFor) {
  Dispatcher dispatcher = make(nullptr);
  add(dispatcher, 3);
  EXPECT_TRUE(one_.ids.empty());
  EXPECT_TRUE(dispatcher.is_waiting());
  dispatcher.deliver();
  EXPECT_EQ(one_.ids, numbers(1, 3));
  EXPECT_EQ(other_.ids, numbers(1, 3));
  EXPECT_FALSE(dispatcher.is_waiting());
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, ASinkThatHangsHoldsBackNoOther) {
  Dispatcher dispatcher = make(nullptr);
  one_.hangs = true;
  add(dispatcher, 5);
  dispatcher.deliver();
  EXPECT_TRUE(one_.ids.empty());
  EXPECT_EQ(other_.ids, numbers(1, 5));
  EXPECT_EQ(dispatcher.scans_delivered(), 0U) << "not everywhere";
  one_.hangs = false;
  dispatcher.deliver();
  EXPECT_EQ(one_.ids, numbers(1, 5));
  EXPECT_EQ(dispatcher.scans_delivered(), 5U);
}

TEST_F(DispatcherTest, WhatASinkDoesNotTakeIsDoneWith) {
  Dispatcher dispatcher = make(&backlog_);
  one_.takes_lines_only = true;
  add(dispatcher, 2, Announce::held_back);
  add(dispatcher, 1);
  add(dispatcher, 2, Announce::digest);
  dispatcher.deliver();
  EXPECT_EQ(one_.ids, numbers(3, 3));
  EXPECT_EQ(other_.ids, numbers(1, 5));
  const Cursor cursor = dispatcher.cursors().front();
  EXPECT_EQ(cursor.sequence, 5U);
  EXPECT_EQ(cursor.taken, 1U);
  EXPECT_EQ(cursor.scans_delivered, 1U);
  EXPECT_EQ(dispatcher.cursors().back().scans_delivered, 1U) << "of those with a line";
}

TEST_F(DispatcherTest, EachDeliveryIsNotedBeforeTheNext) {
  Dispatcher dispatcher = make(&backlog_);
  add(dispatcher, 3);
  dispatcher.deliver();
  ASSERT_EQ(backlog_.noted.size(), 6U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(backlog_.noted[i].sink, "one");
    EXPECT_EQ(backlog_.noted[i].sequence, i + 1);
    EXPECT_EQ(backlog_.noted[i].delivered, i + 1);
  }
}

TEST_F(DispatcherTest, WithoutAStoreTheNewestIsLostWhenThereIsNoRoom) {
  Dispatcher dispatcher = make(nullptr);
  one_.hangs = true;
  other_.takes_lines_only = true;
  add(dispatcher, Dispatcher::kMaxWaiting + 7);
  deliver_all(dispatcher);
  expect_sums(dispatcher);
  EXPECT_EQ(dispatcher.scans_lost(), 7U);
  EXPECT_EQ(dispatcher.take_news(),
            std::vector<std::string>{"other could not be reached: 7 scans lost"})
      << "of the one that hangs later";
  one_.hangs = false;
  deliver_all(dispatcher);
  EXPECT_EQ(one_.ids, numbers(1, Dispatcher::kMaxWaiting));
  EXPECT_EQ(dispatcher.take_news(),
            std::vector<std::string>{"one could not be reached: 7 scans lost"});
  EXPECT_TRUE(dispatcher.take_news().empty());
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, WithAStoreWhatDoesNotFitIntoMemoryIsReadAgain) {
  for (const std::size_t count : {Dispatcher::kInMemory - 1, Dispatcher::kInMemory,
                                  Dispatcher::kInMemory + 1, 3 * Dispatcher::kInMemory}) {
    one_ = other_ = {};
    backlog_ = {};
    sequence_ = 0;
    Dispatcher dispatcher = make(&backlog_);
    one_.hangs = true;
    add(dispatcher, count);
    deliver_all(dispatcher);
    EXPECT_TRUE(one_.ids.empty());
    one_.hangs = false;
    deliver_all(dispatcher);
    add(dispatcher, 1);
    deliver_all(dispatcher);
    EXPECT_EQ(one_.ids, numbers(1, count + 1)) << count;
    EXPECT_EQ(other_.ids, numbers(1, count + 1)) << count;
    EXPECT_EQ(dispatcher.stats().lost, 0U);
    expect_sums(dispatcher);
  }
}

TEST_F(DispatcherTest, OfMoreThanTheCapTheOldestAreLostAndCounted) {
  Dispatcher dispatcher = make(&backlog_);
  one_.hangs = true;
  add(dispatcher, Dispatcher::kMaxWaiting + 500);
  one_.hangs = false;
  deliver_all(dispatcher);
  EXPECT_EQ(dispatcher.scans_lost(), 500U - Dispatcher::kInMemory) << "those in memory went first";
  EXPECT_EQ(one_.ids.back(), Dispatcher::kMaxWaiting + 500);
  EXPECT_TRUE(std::ranges::is_sorted(one_.ids));
  EXPECT_EQ(one_.ids.size() + dispatcher.scans_lost(), Dispatcher::kMaxWaiting + 500);
  EXPECT_EQ(dispatcher.take_news().size(), 2U) << "of each sink";
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, WhatTheStoreLostIsCountedOnceItIsCertain) {
  Dispatcher dispatcher = make(&backlog_);
  one_.hangs = true;
  add(dispatcher, Dispatcher::kInMemory + 10);
  // Two of those that are in the store only.
  backlog_.messages.erase(backlog_.messages.end() - 4, backlog_.messages.end() - 2);
  backlog_.readable = false;
  backlog_.first_in_memory = sequence_;
  one_.hangs = false;
  deliver_all(dispatcher);
  EXPECT_TRUE(dispatcher.is_waiting()) << "they may still come";
  EXPECT_EQ(dispatcher.scans_lost(), 0U);
  backlog_.readable = true;
  deliver_all(dispatcher);
  EXPECT_FALSE(dispatcher.is_waiting());
  EXPECT_EQ(one_.ids.size(), Dispatcher::kInMemory + 8);
  EXPECT_EQ(dispatcher.scans_lost(), 2U);
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, AStoreThatCannotBeReadSilencesNoSink) {
  constexpr std::uint64_t kLast = Dispatcher::kInMemory + 10;
  Dispatcher dispatcher = make(&backlog_);
  one_.hangs = true;
  add(dispatcher, kLast);
  backlog_.readable = false;
  backlog_.first_in_memory = kLast - 1;
  one_.hangs = false;
  deliver_all(dispatcher);
  add(dispatcher, 1);
  deliver_all(dispatcher);
  std::vector<std::uint64_t> expected = numbers(1, Dispatcher::kInMemory);
  for (const std::uint64_t id : numbers(kLast - 1, kLast + 1)) expected.push_back(id);
  EXPECT_EQ(one_.ids, expected);
  EXPECT_EQ(dispatcher.cursors().front().sequence, Dispatcher::kInMemory)
      << "a restart goes on from there";
  expect_sums(dispatcher);

  backlog_.readable = true;
  deliver_all(dispatcher);
  for (const std::uint64_t id : numbers(Dispatcher::kInMemory + 1, kLast - 2)) {
    expected.push_back(id);
  }
  EXPECT_EQ(one_.ids, expected) << "each once";
  EXPECT_EQ(dispatcher.cursors().front().sequence, kLast + 1);
  EXPECT_EQ(dispatcher.stats().lost, 0U);
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, WhatIsInTooManyGapsIsLostAndCounted) {
  for (const std::size_t gaps : {Dispatcher::kMaxGaps, Dispatcher::kMaxGaps + 1}) {
    one_ = other_ = {};
    backlog_ = {};
    sequence_ = 0;
    Dispatcher dispatcher = make(&backlog_);
    for (std::size_t i = 0; i < gaps; ++i) {
      // More than the memory has room for, of which the last but one cannot be read any more.
      one_.hangs = true;
      add(dispatcher, Dispatcher::kInMemory + 2);
      backlog_.readable = false;
      backlog_.first_in_memory = sequence_;
      one_.hangs = false;
      deliver_all(dispatcher);
    }
    backlog_.readable = true;
    deliver_all(dispatcher);
    EXPECT_FALSE(dispatcher.is_waiting());
    EXPECT_EQ(dispatcher.scans_lost(), gaps - Dispatcher::kMaxGaps);
    EXPECT_EQ(one_.ids.size(), sequence_ - dispatcher.scans_lost());
    expect_sums(dispatcher);
  }
}

TEST_F(DispatcherTest, WhatASinkCannotTakeAtAllIsLost) {
  Dispatcher dispatcher = make(nullptr);
  one_.refuses = true;
  add(dispatcher, 2);
  dispatcher.deliver();
  EXPECT_FALSE(dispatcher.is_waiting());
  EXPECT_EQ(dispatcher.scans_lost(), 2U);
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, ANoticeThatIsLostIsNoNews) {
  Dispatcher dispatcher = make(nullptr);
  one_.refuses = true;
  dispatcher.add({.stamp = {1, 1}, .content = make_notice(Severity::info, {}, "x")});
  dispatcher.deliver();
  EXPECT_TRUE(dispatcher.take_news().empty()) << "it would be a notice, too";
  EXPECT_EQ(dispatcher.stats().lost, 1U);
}

TEST_F(DispatcherTest, GoesOnWhereAnotherProcessStopped) {
  for (int i = 0; i < 600; ++i) backlog_.messages.push_back(next());
  Dispatcher dispatcher = make(&backlog_);
  const Cursor left = cursor_at(100, 600, 100);
  dispatcher.restore({left}, 600, 600, 600);
  EXPECT_EQ(dispatcher.stats().waiting, 500U);
  EXPECT_EQ(dispatcher.scans_delivered(), 100U);
  add(dispatcher, 1);
  deliver_all(dispatcher);
  EXPECT_EQ(one_.ids, numbers(101, 601));
  EXPECT_EQ(other_.ids, numbers(601, 601)) << "what was before a sink came is not for it";
  EXPECT_EQ(dispatcher.scans_delivered(), 601U);
  EXPECT_EQ(dispatcher.scans_lost(), 0U);
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, AStoreThatComesLateRaisesTheNumbersOfWhatWaits) {
  Dispatcher dispatcher = make(&backlog_);
  one_.hangs = true;
  add(dispatcher, 3);
  dispatcher.deliver();
  const Cursor done{.sink = "one", .sequence = 50};
  dispatcher.restore({done}, 50, 1000, 0);
  EXPECT_EQ(dispatcher.cursors().front().sequence, 50U);
  EXPECT_EQ(dispatcher.cursors().back().sequence, 53U);
  one_.hangs = false;
  deliver_all(dispatcher);
  EXPECT_EQ(one_.ids, (std::vector<std::uint64_t>{1, 1002, 1003})) << "the first was in hand";
  EXPECT_EQ(dispatcher.cursors().front().sequence, 53U);
}

TEST_F(DispatcherTest, AStoreThatComesLateGivesWhatAnotherProcessLeftEachOnce) {
  Dispatcher dispatcher = make(&backlog_);
  add(dispatcher, 3);
  deliver_all(dispatcher);
  for (Message& message : backlog_.messages) message.stamp.sequence += 50;
  std::vector<Message> left;
  for (std::uint64_t number = 1; number <= 50; ++number) {
    left.push_back({.stamp = {.boot = 0, .sequence = number}, .content = some_scan(number)});
  }
  backlog_.messages.insert(backlog_.messages.begin(), left.begin(), left.end());
  const Cursor cursor = cursor_at(48, 50, 48);
  dispatcher.restore({cursor}, 50, 50, 50);
  EXPECT_EQ(dispatcher.cursors().front().sequence, 48U);
  deliver_all(dispatcher);
  EXPECT_EQ(one_.ids, (std::vector<std::uint64_t>{1, 2, 3, 49, 50}));
  EXPECT_EQ(dispatcher.cursors().front().sequence, 53U);
  EXPECT_EQ(dispatcher.cursors().front().delivered, 53U);
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, WhatIsGivenAgainAfterARestartIsCountedOnce) {
  for (int i = 0; i < 20; ++i) backlog_.messages.push_back(next());
  Dispatcher dispatcher = make(&backlog_);
  // Five of those after number 10 had been delivered.
  const Cursor left = cursor_at(10, 20, 15);
  dispatcher.restore({left}, 20, 20, 20);
  deliver_all(dispatcher);
  EXPECT_EQ(one_.ids, numbers(11, 20));
  EXPECT_EQ(dispatcher.cursors().front().delivered, 20U);
  EXPECT_EQ(dispatcher.scans_delivered(), 20U);
  expect_sums(dispatcher);
}

TEST_F(DispatcherTest, ReopensEverySink) {
  Dispatcher dispatcher = make(nullptr);
  dispatcher.reopen();
  EXPECT_EQ(one_.reopened + other_.reopened, 2);
}

}  // namespace
}  // namespace scanlogd::test
