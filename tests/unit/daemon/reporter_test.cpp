// From events to sinks, through the store and through restarts: what was found is told exactly
// once, in order, and every account of it is exact.
#include "daemon/reporter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

using std::chrono::system_clock;

/// A log that can be away.
class LogSink final : public Sink {
 public:
  struct Tape {
    std::vector<std::string> lines;
    std::vector<Stamp> stamps;
    bool is_away = false;
  };
  explicit LogSink(Tape& tape) : tape_(tape) {}

  bool takes(const Scan& scan) const noexcept override { return has_line(scan); }
  Result<void> write(const Scan& scan, const Stamp& stamp) override {
    LineBuffer buffer;
    tape_.stamps.push_back(stamp);
    return put(format_classic_line(scan, buffer));
  }
  Result<void> write(const Notice& notice, const Stamp& /*stamp*/) override {
    return put(notice.view());
  }
  void flush(Flush /*how*/) override {
    if (waiting_.empty() || tape_.is_away) return;
    tape_.lines.push_back(std::exchange(waiting_, {}));
    ++stats_.delivered;
  }
  SinkStats stats() const noexcept override {
    SinkStats now = stats_;
    now.waiting = waiting_.empty() ? 0 : 1;
    return now;
  }

 private:
  Result<void> put(std::string_view text) {
    waiting_ = text;
    flush(Flush::waiting);
    return {};
  }

  Tape& tape_;
  std::string waiting_;
  SinkStats stats_;
};

class ReporterTest : public StoreTest {
 protected:
  void start(LogStyle style = LogStyle::classic, bool with_store = true) {
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "log", .sink = std::make_unique<LogSink>(log_)});
    ReporterOptions options;
    options.style = style;
    options.is_live = true;
    options.limits.age = kForEver;
    if (with_store) options.place.path = path_.empty() ? home_.path() : path_;
    reporter_.emplace(std::move(sinks), std::move(options));
    reporter_->open();
  }
  /// As a kill would: nothing is finished.
  void kill() { reporter_.reset(); }

  /// A scan found now.
  void find(std::uint64_t record, std::string_view source) {
    ScanEvent event = some_scan().event;
    event.record = record;
    event.rule = ScanRule::fast;
    event.source = parse_address(source).value();
    event.detected = std::chrono::steady_clock::now().time_since_epoch();
    event.started = event.detected - 1s;
    reporter_->report(event, system_clock::now().time_since_epoch() -
                                 std::chrono::steady_clock::now().time_since_epoch());
  }
  void find_and_settle(std::uint64_t record, std::string_view source) {
    find(record, source);
    reporter_->settle();
  }
  std::string sources() const {
    std::string text;
    for (const std::string& line : log_.lines)
      text += line.substr(0, line.find_first_of(": ")) + " ";
    return text;
  }
  void expect_sum() const {
    const BookStats book = reporter_->book();
    EXPECT_EQ(book.detected, book.delivered + book.waiting + book.pending + book.digested +
                                 book.held_back + book.lost);
  }

  LogSink::Tape log_;
  std::string path_;
  std::optional<Reporter> reporter_;
};

TEST_F(ReporterTest, NothingIsToldBeforeItIsSettled) {
  start();
  find(1, "192.0.2.1");
  EXPECT_TRUE(log_.lines.empty());
  EXPECT_TRUE(reporter_->waiting());
  reporter_->settle();
  EXPECT_EQ(sources(), "192.0.2.1 ");
  EXPECT_EQ(ids(reader().list({})), Ids{1});
  EXPECT_FALSE(reporter_->waiting());
  expect_sum();
}

TEST_F(ReporterTest, ManyWithoutSettlingSettleThemselves) {
  start();
  for (std::uint64_t i = 1; i <= 300; ++i) find(i, "192.0.2.1");
  EXPECT_FALSE(log_.lines.empty());
  reporter_->settle();
  expect_sum();
}

TEST_F(ReporterTest, StampsRiseByOneAndOverRestarts) {
  start();
  find_and_settle(1, "192.0.2.1");
  find_and_settle(2, "192.0.2.2");
  kill();
  start();
  find_and_settle(1, "192.0.2.3");
  ASSERT_EQ(log_.stamps.size(), 3U);
  EXPECT_EQ(log_.stamps[1].sequence, log_.stamps[0].sequence + 1);
  EXPECT_EQ(log_.stamps[2].sequence, log_.stamps[1].sequence + 1);
  EXPECT_EQ(log_.stamps[0].boot, log_.stamps[1].boot);
  EXPECT_NE(log_.stamps[1].boot, log_.stamps[2].boot);
  EXPECT_NE(log_.stamps[2].boot, 0U);
  EXPECT_EQ(ids(reader().list({})), (Ids{3, 2, 1}));
}

TEST_F(ReporterTest, WhatTheLogDidNotTakeBeforeAKillItGetsAfterwards) {
  start();
  find_and_settle(1, "192.0.2.1");
  log_.is_away = true;
  find_and_settle(2, "192.0.2.2");
  find_and_settle(3, "192.0.2.3");
  EXPECT_EQ(reporter_->book().waiting, 2U);
  kill();
  log_.is_away = false;
  start();
  expect_sum();
  EXPECT_EQ(reporter_->book().waiting, 2U);
  reporter_->flush(Flush::waiting);
  EXPECT_EQ(sources(), "192.0.2.1 192.0.2.2 192.0.2.3 ");
  EXPECT_EQ(reporter_->book().delivered, 3U);
  expect_sum();
}

TEST_F(ReporterTest, AScanThatGoesOnOverAKillHasOneLine) {
  start();
  find_and_settle(1, "192.0.2.1");
  kill();
  start();
  find_and_settle(1, "192.0.2.1");
  EXPECT_EQ(sources(), "192.0.2.1 ");
  EXPECT_EQ(reporter_->book().detected, 1U);
  EXPECT_EQ(ids(reader().list({})), Ids{1});
}

TEST_F(ReporterTest, TheLimitersSilenceOutlivesAKill) {
  start();
  for (std::uint64_t i = 1; i <= 7; ++i) find_and_settle(i, "192.0.2." + std::to_string(i));
  kill();
  start();
  find_and_settle(1, "192.0.2.100");
  EXPECT_EQ(log_.lines.size(), 6U);
  EXPECT_EQ(log_.lines.back(), "More possible port scans follow");
  const BookStats book = reporter_->book();
  EXPECT_EQ(book.detected, 8U);
  EXPECT_EQ(book.held_back, 2U);
  expect_sum();
}

TEST_F(ReporterTest, WhatADigestWasToNameIsNamedAfterAKill) {
  start(LogStyle::digest);
  for (std::uint64_t i = 1; i <= 9; ++i) find_and_settle(i, "192.0.2." + std::to_string(i));
  expect_sum();
  EXPECT_EQ(reporter_->book().pending, 4U);
  kill();
  start(LogStyle::digest);
  EXPECT_EQ(reporter_->book().pending, 4U);
  expect_sum();
  reporter_->finish();
  reporter_->flush(Flush::waiting);
  EXPECT_TRUE(log_.lines.back().starts_with("Held back: 4 scans from 4 sources in "));
  EXPECT_TRUE(log_.lines.back().ends_with(
      ": 192.0.2.6(21,22) 192.0.2.7(21,22) 192.0.2.8(21,22) 192.0.2.9(21,22)"));
  EXPECT_EQ(reporter_->book().digested, 4U);
  expect_sum();
}

TEST_F(ReporterTest, WithoutAStoreAllIsAsWellButForRestarts) {
  start(LogStyle::digest, false);
  for (std::uint64_t i = 1; i <= 9; ++i) find_and_settle(i, "192.0.2." + std::to_string(i));
  EXPECT_EQ(log_.lines.size(), 6U);
  EXPECT_FALSE(reporter_->store());
  expect_sum();
  reporter_->finish();
  reporter_->settle();
  EXPECT_FALSE(reporter_->waiting());
  expect_sum();
}

TEST_F(ReporterTest, AStoreThatComesLateGetsWhatWasFoundBefore) {
  {
    Store store = open();
    write(store, {message(scan(40), 90)});
  }
  std::filesystem::rename(home_.file("scanlogd.db"), home_.file("away.db"));
  std::filesystem::create_directory(home_.file("scanlogd.db"));  // cannot be opened
  start();
  find_and_settle(1, "192.0.2.1");
  EXPECT_NE(std::ranges::find_if(log_.lines,
                                 [](const std::string& line) {
                                   return line.find("going on without it") != std::string::npos;
                                 }),
            log_.lines.end());
  ASSERT_TRUE(reporter_->store());
  EXPECT_EQ(reporter_->store()->waiting, reporter_->store()->taken);
  std::filesystem::remove(home_.file("scanlogd.db"));
  std::filesystem::rename(home_.file("away.db"), home_.file("scanlogd.db"));
  const auto patience = std::chrono::steady_clock::now() + 30s;
  while (reporter_->store()->waiting > 0 && std::chrono::steady_clock::now() < patience) {
    reporter_->flush(Flush::waiting);
  }
  find_and_settle(2, "192.0.2.2");
  EXPECT_EQ(ids(reader().list({})), (Ids{42, 41, 40}));
  EXPECT_EQ(reporter_->store()->lost, 0U);
  expect_sum();
}

TEST_F(ReporterTest, AStoreThatCannotBeReadAfterARestartSilencesNothing) {
  start();
  log_.is_away = true;
  find_and_settle(1, "192.0.2.1");
  kill();
  std::filesystem::rename(home_.file("scanlogd.db"), home_.file("away.db"));
  std::filesystem::create_directory(home_.file("scanlogd.db"));  // cannot be opened
  log_.is_away = false;
  start();
  find_and_settle(2, "192.0.2.2");
  EXPECT_NE(sources().find("192.0.2.2"), std::string::npos) << sources();
  EXPECT_EQ(sources().find("192.0.2.1 "), std::string::npos) << sources();
  std::filesystem::remove(home_.file("scanlogd.db"));
  std::filesystem::rename(home_.file("away.db"), home_.file("scanlogd.db"));
  const auto patience = std::chrono::steady_clock::now() + 30s;
  while (reporter_->waiting() && std::chrono::steady_clock::now() < patience) {
    reporter_->flush(Flush::waiting);
  }
  EXPECT_NE(sources().find("192.0.2.1 "), std::string::npos) << "late: " << sources();
  EXPECT_EQ(std::ranges::count_if(
                log_.lines, [](const std::string& line) { return line.starts_with("192.0.2.2"); }),
            1);
  expect_sum();
}

TEST_F(ReporterTest, NoticesAreOnRecordToo) {
  start();
  reporter_->notify(Severity::warning, "something");
  reporter_->settle();
  EXPECT_EQ(log_.lines, std::vector<std::string>{"something"});
  EXPECT_EQ(std::get<Notice>(reader().messages(0, 1).value().front().content).view(), "something");
}

TEST_F(ReporterTest, TheEndIsMarkedAsClean) {
  start();
  find_and_settle(1, "192.0.2.1");
  EXPECT_EQ(reader().state("clean_end").value(), 0);
  reporter_->finish();
  reporter_->notify(Severity::info, "the last word");
  reporter_->flush(Flush::waiting);
  EXPECT_EQ(reader().state("clean_end").value(), 1);
}

TEST_F(ReporterTest, EnginesAreToldApart) {
  start();
  ScanEvent event = some_scan().event;
  event.record = 1;
  reporter_->report(event, 0ns, 0);
  reporter_->report(event, 0ns, 1);
  ScanPorts ports;
  ports.record = 1;
  ports.count = 1;
  ports.ranges[0] = {.first = 1, .last = 9};
  event.phase = Phase::update;
  reporter_->report(ports, 0ns, 1);
  reporter_->report(event, 0ns, 0);
  reporter_->report(event, 0ns, 1);
  reporter_->settle();
  EXPECT_EQ(reader().find(1).value()->ports, "21-22");
  EXPECT_EQ(reader().find(2).value()->ports, "1-9,21-22");
}

}  // namespace
}  // namespace scanlogd::test
