// The life of scans: ids before any decision about the log, totals, ends, restarts; and every scan
// is accounted for.
#include "record/scan_book.h"

#include <gtest/gtest.h>

#include <string>

#include "core/classic_line.h"
#include "core/probe_sample.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

/// Wall clock minus monotonic clock.
constexpr std::chrono::nanoseconds kOffset = 1'700'000'000s;

ScanBook::Now at(std::chrono::nanoseconds monotonic, std::chrono::nanoseconds offset = kOffset) {
  return {.monotonic = monotonic, .wall = system_clock::time_point(monotonic + offset)};
}

class ScanBookTest : public ::testing::Test {
 protected:
  static ScanEvent event(std::uint64_t record, std::string_view source = "192.0.2.8") {
    ScanEvent event = some_scan().event;
    event.record = record;
    event.source = parse_address(source).value();
    event.rule = ScanRule::fast;
    event.started = 99s;
    event.detected = 100s;
    event.packets = 10;
    event.hosts_total = 1;
    return event;
  }
  static ScanEvent later(ScanEvent event, Phase phase, std::chrono::nanoseconds detected = 200s) {
    event.phase = phase;
    event.detected = detected;
    if (phase == Phase::end) event.reason = EndReason::idle;
    return event;
  }
  /// Enters an event at its own time and returns what is told of it.
  std::vector<BookEntry> enter(const ScanEvent& event, std::size_t engine = 0) {
    return enter(book_, event, engine);
  }
  static std::vector<BookEntry> enter(ScanBook& book, const ScanEvent& event,
                                      std::size_t engine = 0) {
    std::vector<BookEntry> out;
    book.enter(event, engine, at(event.detected), kOffset, out);
    return out;
  }
  Scan enter_one(const ScanEvent& event, std::size_t engine = 0) {
    const auto out = enter(event, engine);
    EXPECT_EQ(out.size(), 1U);
    return std::get<Scan>(out.back());
  }
  std::vector<BookEntry> advance(std::chrono::nanoseconds now) {
    std::vector<BookEntry> out;
    book_.advance(at(now), out);
    return out;
  }
  static void expect_sum(const BookStats& stats) {
    EXPECT_EQ(stats.detected,
              stats.lines + stats.more_follow + stats.held_back + stats.digested + stats.pending);
  }
  static std::string text(const BookEntry& entry) {
    if (const auto* const notice = std::get_if<Notice>(&entry)) return std::string(notice->view());
    LineBuffer buffer;
    return std::string(format_classic_line(std::get<Scan>(entry), buffer));
  }
  /// Six scans of other sources, which silence the log.
  void silence(std::chrono::nanoseconds when = 100s) {
    for (std::uint64_t i = 0; i < 6; ++i) {
      ScanEvent other = event(1000 + i, "203.0.113." + std::to_string(1 + i));
      other.detected = when;
      (void)enter(other);
    }
  }
  static std::uint64_t last_id(const std::vector<BookEntry>& entries) {
    return std::get<Scan>(entries.back()).id;
  }

  ScanBook book_{LogStyle::digest};
};

TEST_F(ScanBookTest, NumbersEveryScanWhateverTheLimiterSays) {
  for (std::uint64_t id = 1; id <= 20; ++id) EXPECT_EQ(last_id(enter(event(id))), id);
  expect_sum(book_.stats());
}

TEST_F(ScanBookTest, TurnsMonotonicTimeIntoWallClock) {
  const Scan scan = enter_one(event(1));
  EXPECT_EQ(scan.started.time_since_epoch(), kOffset + 99s);
  EXPECT_EQ(scan.detected.time_since_epoch(), kOffset + 100s);
  EXPECT_EQ(scan.last, scan.detected);
  EXPECT_EQ(scan.at, scan.detected);
}

TEST_F(ScanBookTest, ClassicGivesTheManPagesLines) {
  ScanBook book(LogStyle::classic);
  std::string lines;
  for (std::uint64_t i = 1; i <= 8; ++i) {
    for (const BookEntry& entry : enter(book, event(i))) {
      if (!text(entry).empty()) lines += text(entry).substr(0, 9) + ";";
    }
  }
  EXPECT_EQ(lines, "192.0.2.8;192.0.2.8;192.0.2.8;192.0.2.8;192.0.2.8;More poss;");
  const BookStats stats = book.stats();
  EXPECT_EQ(stats.lines, 5U);
  EXPECT_EQ(stats.more_follow, 1U);
  EXPECT_EQ(stats.held_back, 2U);
  expect_sum(stats);
  EXPECT_FALSE(book.is_waiting());
}

TEST_F(ScanBookTest, AnUpdateAndAnEndAreOfTheSameScan) {
  const Scan begin = enter_one(event(5));
  ScanEvent more = later(event(5), Phase::update);
  more.packets = 500;
  more.ports_total = 100;
  const Scan update = enter_one(more);
  EXPECT_EQ(update.id, begin.id);
  EXPECT_EQ(update.started, begin.started);
  EXPECT_EQ(update.detected, begin.detected);
  EXPECT_EQ(update.last.time_since_epoch(), kOffset + 200s);
  EXPECT_EQ(update.at, update.last) << "now";
  EXPECT_EQ(update.announce, Announce::held_back) << "it has had its line";
  EXPECT_EQ(update.event.packets, 500U);
  const Scan end = enter_one(later(more, Phase::end, 300s));
  EXPECT_EQ(end.id, begin.id);
  EXPECT_TRUE(end.has_ended());
  EXPECT_EQ(end.announce, Announce::line) << "it was long";
  EXPECT_EQ(last_id(enter(event(5))), begin.id + 1) << "what comes after is another";
  EXPECT_EQ(book_.stats().detected, 2U);
}

TEST_F(ScanBookTest, RecordsOfDifferentEnginesAreDifferentScans) {
  EXPECT_EQ(enter_one(event(1), 0).id, 1U);
  EXPECT_EQ(enter_one(event(1), 1).id, 2U);
  EXPECT_EQ(enter_one(later(event(1), Phase::update), 0).id, 1U);
  EXPECT_EQ(enter_one(later(event(1), Phase::end), 1).id, 2U);
}

TEST_F(ScanBookTest, PortsComeAsRangesBesideTheEvent) {
  EXPECT_EQ(enter_one(event(1)).ports, "21-22") << "those in the event, where there are no others";
  ScanPorts ports;
  ports.record = 1;
  ports.count = 2;
  ports.total = 1025;
  ports.ranges[0] = {.first = 1, .last = 1024};
  ports.ranges[1] = {.first = 3306, .last = 3306};
  book_.keep(ports, 1);  // of another engine
  book_.keep(ports, 0);
  const Scan end = enter_one(later(event(1), Phase::end));
  EXPECT_EQ(end.ports, "1-1024,3306");
  EXPECT_EQ(end.event.ports_total, 1025U);
}

TEST_F(ScanBookTest, SourcesOfAGroupComeBesideTheEvent) {
  const auto address_number = [](std::uint32_t i) {
    return parse_address("10.1.0." + std::to_string(i)).value();
  };
  ScanEvent some = event(1);
  some.group_count = 2;
  some.group[0] = address_number(0);
  some.group[1] = address_number(1);
  EXPECT_EQ(enter_one(some).sources.size(), 2U) << "those in the event, where there are no others";
  ScanSources sources;
  sources.record = 1;
  sources.count = ScanSources::kMost;
  for (std::uint32_t i = 0; i < ScanSources::kMost; ++i) sources.sources[i] = address_number(i);
  book_.keep(sources, 1);  // of another engine
  book_.keep(sources, 0);
  ScanEvent end = later(some, Phase::end);
  const Scan ended = enter_one(end);
  EXPECT_EQ(ended.sources.size(), std::size_t{ScanSources::kMost});
  EXPECT_EQ(ended.sources.front(), address_number(0));
  EXPECT_EQ(ended.sources.back(), address_number(127));
  EXPECT_EQ(ended.group().size(), std::size_t{ScanSources::kMost});
}

TEST_F(ScanBookTest, SourcesThatNobodyAsksForAreForgotten) {
  ScanSources sources;
  sources.count = 1;
  sources.sources[0] = parse_address("10.1.0.1").value();
  for (std::uint64_t record = 1; record <= ScanBook::kMaxWaitingPorts + 1; ++record) {
    sources.record = record;
    book_.keep(sources, 0);
  }
  EXPECT_TRUE(enter_one(event(1)).sources.empty());
  EXPECT_EQ(enter_one(event(2)).sources.size(), 1U);
}

TEST_F(ScanBookTest, PortsThatNobodyAsksForAreForgotten) {
  ScanPorts ports;
  ports.count = 1;
  for (std::uint64_t record = 1; record <= ScanBook::kMaxWaitingPorts + 1; ++record) {
    ports.record = record;
    ports.ranges[0] = {.first = static_cast<Port>(record), .last = static_cast<Port>(record)};
    book_.keep(ports, 0);
  }
  EXPECT_EQ(enter_one(event(1)).ports, "21-22");
  EXPECT_EQ(enter_one(event(2)).ports, "2");
}

/// Ports 1 to `count`, a second apart, from `first` on.
ScanSample sample_of(std::uint64_t record, std::uint16_t count, std::chrono::nanoseconds first) {
  ScanSample sample;
  sample.record = record;
  sample.count = count;
  for (std::uint16_t i = 0; i < count; ++i) {
    sample.points[i] = {.time = first + i * 1s, .port = static_cast<Port>(i + 1)};
  }
  return sample;
}

TEST_F(ScanBookTest, ASampleComesBesideTheEventAndCountsFromTheBegin) {
  EXPECT_EQ(enter_one(event(1)).sample, "");
  book_.keep(sample_of(1, 9, 99s), 1);  // of another engine
  book_.keep(sample_of(1, 3, 99500ms), 0);
  const Scan update = enter_one(later(event(1), Phase::update));
  const auto sample = unpack(update.sample);
  ASSERT_TRUE(sample);
  ASSERT_EQ(sample->points.size(), 3U);
  EXPECT_EQ(sample->points[2].time, 2500ms);
  EXPECT_EQ(enter_one(later(event(1), Phase::end)).sample, "") << "no other one has come";
}

TEST_F(ScanBookTest, SamplesThatNobodyAsksForAreForgotten) {
  for (std::uint64_t record = 1; record <= ScanBook::kMaxWaitingPorts + 1; ++record) {
    book_.keep(sample_of(record, 1, 99s), 0);
  }
  EXPECT_EQ(enter_one(later(event(1), Phase::update)).sample, "");
  EXPECT_NE(enter_one(later(event(2), Phase::update)).sample, "");
}

TEST_F(ScanBookTest, AnUpdateWhoseBeginWasLostBeginsTheScan) {
  const Scan scan = enter_one(later(event(7), Phase::update));
  EXPECT_EQ(scan.event.phase, Phase::begin);
  EXPECT_EQ(scan.announce, Announce::line);
  EXPECT_EQ(enter_one(later(event(7), Phase::end)).id, scan.id);
  EXPECT_EQ(book_.stats().detected, 1U);
  EXPECT_EQ(book_.stats().recorded, 0U) << "no begin came";
}

TEST_F(ScanBookTest, AnEndWhoseBeginWasLostIsBoth) {
  const auto out = enter(later(event(7), Phase::end));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(std::get<Scan>(out[0]).event.phase, Phase::begin);
  EXPECT_EQ(std::get<Scan>(out[1]).event.phase, Phase::end);
  EXPECT_EQ(std::get<Scan>(out[0]).id, std::get<Scan>(out[1]).id);
}

TEST_F(ScanBookTest, AScanWithoutARecordEndsByItself) {
  ScanEvent classic = event(0);
  classic.rule = ScanRule::classic;
  const Scan begin = enter_one(classic);
  EXPECT_TRUE(book_.is_waiting());
  EXPECT_TRUE(advance(103s).empty());
  const auto out = advance(103001ms);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(last_id(out), begin.id);
  EXPECT_EQ(std::get<Scan>(out[0]).event.reason, EndReason::idle);
  EXPECT_EQ(text(out[0]), "");
  EXPECT_FALSE(book_.is_waiting());
}

TEST_F(ScanBookTest, TheOldestMakesRoomForAnother) {
  for (std::uint64_t record = 1; record <= ScanBook::kMaxOpen; ++record) (void)enter(event(record));
  (void)enter(later(event(1), Phase::update));
  const auto out = enter(event(ScanBook::kMaxOpen + 1));
  ASSERT_EQ(out.size(), 2U);
  const Scan& ended = std::get<Scan>(out[1]);
  EXPECT_EQ(ended.id, 2U) << "the first was heard of again";
  EXPECT_EQ(ended.event.reason, EndReason::evicted);
}

TEST_F(ScanBookTest, WhatIsHeldBackIsNamedInADigest) {
  silence();
  EXPECT_EQ(text(enter(event(1)).back()), "");
  EXPECT_TRUE(advance(119s).empty());
  const auto out = advance(120s);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(text(out[0]),
            "Held back: 2 scans from 2 sources in 20 s: 203.0.113.6(21,22) 192.0.2.8(21,22)");
  EXPECT_EQ(std::get<Notice>(out[0]).severity, Severity::alert);
  const BookStats stats = book_.stats();
  EXPECT_EQ(stats.lines, 5U);
  EXPECT_EQ(stats.digested, 2U);
  expect_sum(stats);
}

TEST_F(ScanBookTest, TheLastWordOfTheLimiterComesBeforeTheFirstThatIsHeldBack) {
  std::vector<BookEntry> out;
  for (std::uint64_t i = 1; i <= 6; ++i) out = enter(event(i));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(text(out[0]), "More possible port scans follow");
  EXPECT_EQ(std::get<Scan>(out[1]).announce, Announce::digest);
}

TEST_F(ScanBookTest, AScanThatGoesOnAfterTheSilenceGetsItsOwnLine) {
  silence();
  (void)enter(event(1));
  EXPECT_EQ(text(enter_one(later(event(1), Phase::update, 110s))), "");
  EXPECT_TRUE(book_.is_waiting());
  for (const BookEntry& entry : advance(120s)) EXPECT_NE(text(entry).substr(0, 9), "192.0.2.8");
  const auto out = advance(120010ms);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_TRUE(text(out[0]).starts_with("192.0.2.8:1 to 10.9.0.1 ports 21, 22, "));
  EXPECT_TRUE(advance(140s).empty()) << "once";
  EXPECT_EQ(text(enter_one(later(event(1), Phase::update, 200s))), "");
  expect_sum(book_.stats());
}

TEST_F(ScanBookTest, AScanThatTurnsOutToBeProvenGetsItsOwnLineAtOnce) {
  silence();
  (void)enter(event(1));
  ScanEvent proven = later(event(1), Phase::update, 101s);
  proven.verdict = Verdict::proven;
  EXPECT_TRUE(text(enter_one(proven)).starts_with("192.0.2.8:1 to 10.9.0.1 ports 21, 22, "));
}

TEST_F(ScanBookTest, AScanByThisMachineHasALineInAFloodOfOthersAndIsCounted) {
  for (std::uint64_t record = 1; record <= 20; ++record) (void)enter(event(record));
  ScanEvent own = event(21, "198.51.100.1");
  own.kind = ScanKind::egress;
  EXPECT_EQ(enter_one(own).announce, Announce::line);
  EXPECT_EQ(book_.stats().egress, 1U);
  EXPECT_EQ(book_.numbers(at(100s)).at(std::string(ScanBook::kEgress)), 1);
  ScanBook next(LogStyle::digest);
  next.restore(at(100s), 21, book_.numbers(at(100s)));
  EXPECT_EQ(next.stats().egress, 1U);
}

TEST_F(ScanBookTest, WhoScansFromHereIsKnownToItsEnd) {
  ScanEvent own = event(1, "198.51.100.1");
  own.kind = ScanKind::egress;
  own.sender = {.cgroup = 5, .uid = 33, .is_known = true};
  EXPECT_EQ(enter_one(own).event.sender, own.sender);
  ScanEvent more = later(own, Phase::end);
  more.sender = {};
  EXPECT_EQ(enter_one(more).event.sender, own.sender);
}

TEST_F(ScanBookTest, NothingIsLeftUntoldAtTheEnd) {
  silence();
  for (std::uint64_t i = 1; i <= 2000; ++i) (void)enter(event(i));
  std::vector<BookEntry> out;
  book_.finish(at(101s), out);
  const BookStats stats = book_.stats();
  EXPECT_EQ(stats.pending, 0U);
  EXPECT_EQ(stats.digested, 2001U);
  expect_sum(stats);
}

/// A book, and another that goes on where it stopped.
// The log of the original names none of them: six forged scans every 20.5 seconds silence it.
TEST_F(ScanBookTest, PermanentAbuseOfTheLimiterHidesNoScanner) {
  constexpr std::chrono::milliseconds kAbuse = 20500ms;
  constexpr std::chrono::seconds kScanner = 5s;
  constexpr int kScanners = 121;
  std::chrono::nanoseconds next_abuse = 100s;
  std::uint64_t record = 10'000;
  std::string told;
  const auto tell = [&](const std::vector<BookEntry>& entries) {
    for (const BookEntry& each : entries) told.append(text(each)).append("\n");
  };
  for (int scanner = 0; scanner < kScanners; ++scanner) {
    const std::chrono::nanoseconds now = 100s + scanner * kScanner;
    if (now >= next_abuse) {
      for (int forged = 0; forged < 6; ++forged) {
        ScanEvent other = event(++record, "203.0.113." + std::to_string(1 + forged));
        other.detected = now;
        tell(enter(other));
      }
      next_abuse += kAbuse;
    }
    ScanEvent real = event(++record, "192.0.2." + std::to_string(1 + scanner));
    real.detected = now + 1s;
    tell(enter(real));
    for (int second = 1; second <= kScanner.count(); ++second) {
      tell(advance(now + second * 1s));
    }
  }
  tell(advance(100s + kScanners * kScanner + 25s));
  int named = 0;
  for (int scanner = 0; scanner < kScanners; ++scanner) {
    const std::string address = "192.0.2." + std::to_string(1 + scanner);
    const bool in_line = told.find(address + ":") != std::string::npos ||
                         told.find(address + " to ") != std::string::npos;
    const bool in_digest = told.find(" " + address + "(") != std::string::npos;
    named += in_line || in_digest ? 1 : 0;
  }
  EXPECT_EQ(named, kScanners) << told;
  expect_sum(book_.stats());
}

class ScanBookRestartTest : public ScanBookTest {
 protected:
  /// `entries` of the book that stopped are what the store has.
  ScanBook restart(const ScanBook& before, std::vector<Scan> open, std::vector<Scan> undigested,
                   const ScanBook::Now& now) {
    ScanBook book(LogStyle::digest);
    book.restore(now, before.last_id(), before.numbers(now));
    for (Scan& scan : open) book.restore_open(std::move(scan));
    for (const Scan& scan : undigested) book.restore_digest(scan, now.monotonic);
    book.end_restore(now.monotonic);
    return book;
  }
};

TEST_F(ScanBookRestartTest, ASampleGoesOn) {
  (void)enter_one(event(1));
  book_.keep(sample_of(1, 3, 99s), 0);
  const Scan before = enter_one(later(event(1), Phase::update));
  ScanBook book = restart(book_, {before}, {}, at(210s));
  ScanEvent again = event(5);
  again.detected = 220s;
  ASSERT_EQ(std::get<Scan>(enter(book, again).back()).id, before.id);
  book.keep(sample_of(5, 2, 220s), 0);
  const auto out = enter(book, later(again, Phase::end, 230s));
  const auto sample = unpack(std::get<Scan>(out.back()).sample);
  ASSERT_TRUE(sample);
  ASSERT_EQ(sample->points.size(), 5U);
  EXPECT_EQ(sample->points[2].time, 2s);
  EXPECT_EQ(sample->points[3].time, 121s);
}

TEST_F(ScanBookRestartTest, IdsAndCountersGoOn) {
  silence();
  ScanBook book = restart(book_, {}, {}, at(101s));
  expect_sum(book.stats());
  EXPECT_EQ(book.stats().detected, 6U);
  EXPECT_EQ(book.stats().pending, 1U);
  EXPECT_EQ(last_id(enter(book, event(1))), 7U);
  EXPECT_EQ(book.stats().recorded, 1U) << "of this run";
  expect_sum(book.stats());
}

TEST_F(ScanBookRestartTest, TheSilenceGoesOnThoughTheMonotonicClockStartedAnew) {
  silence();
  const auto numbers = book_.numbers(at(101s));
  ScanBook book(LogStyle::digest);
  // Eight seconds later by the wall clock, one second after boot.
  const ScanBook::Now now = at(1s, kOffset + 108s);
  book.restore(now, 6, numbers);
  ScanEvent soon = event(1);
  soon.detected = 2s;
  EXPECT_EQ(text(enter(book, soon).back()), "");
  soon.record = 2;
  soon.detected = 13s;
  EXPECT_NE(text(enter(book, soon).back()), "");
}

TEST_F(ScanBookRestartTest, AScanThatGoesOnIsTheSameScanWithoutASecondLine) {
  ScanEvent first = event(3);
  first.packets = 100;
  first.hosts_total = 5;
  const Scan begin = enter_one(first);
  for (const EndReason reason : {EndReason::none, EndReason::shutdown}) {
    Scan left = begin;
    left.event.reason = reason;
    if (reason != EndReason::none) left.event.phase = Phase::end;
    ScanBook book = restart(book_, {left}, {}, at(150s));
    ScanEvent again = event(1);
    again.started = 149s;
    again.detected = 150s;
    again.port_count = 1;
    again.ports[0] = 80;
    const auto out = enter(book, again);
    ASSERT_EQ(out.size(), 1U);
    const Scan& scan = std::get<Scan>(out[0]);
    EXPECT_EQ(scan.id, begin.id);
    EXPECT_EQ(scan.event.phase, Phase::update);
    EXPECT_EQ(text(out[0]), "");
    EXPECT_EQ(scan.started, begin.started);
    EXPECT_EQ(scan.ports, "21-22,80");
    EXPECT_EQ(scan.event.packets, 110U);
    EXPECT_EQ(scan.event.hosts_total, 5U);
    EXPECT_EQ(book.stats().detected, 1U);
    EXPECT_EQ(book.stats().recorded, 1U);
    EXPECT_EQ(std::get<Scan>(enter(book, later(again, Phase::end)).back()).id, begin.id);
  }
}

TEST_F(ScanBookRestartTest, AScanAfterALongerPauseOrOfAnotherKindIsAnother) {
  const Scan begin = enter_one(event(3));
  const auto continues = [&](ScanEvent again) {
    ScanBook book = restart(book_, {begin}, {}, at(150s));
    return std::get<Scan>(enter(book, again).back()).id == begin.id;
  };
  EXPECT_TRUE(continues(later(event(1), Phase::begin, 100s + 10min)));
  EXPECT_FALSE(continues(later(event(1), Phase::begin, 100s + 10min + 1ns)));
  EXPECT_FALSE(continues(event(1, "192.0.2.9")));
  ScanEvent other = event(1);
  other.kind = ScanKind::block;
  EXPECT_TRUE(continues(other));
  other.kind = ScanKind::distributed;
  EXPECT_FALSE(continues(other));
}

TEST_F(ScanBookRestartTest, AScanThatDoesNotGoOnHasEndedWithTheProcess) {
  const Scan begin = enter_one(event(3));
  ScanBook book = restart(book_, {begin}, {}, at(150s));
  std::vector<BookEntry> out;
  book.advance(at(100s + 10min), out);
  EXPECT_TRUE(out.empty());
  book.advance(at(101s + 10min), out);
  ASSERT_EQ(out.size(), 1U);
  const Scan& end = std::get<Scan>(out[0]);
  EXPECT_EQ(end.id, begin.id);
  EXPECT_EQ(end.event.reason, EndReason::shutdown);
  EXPECT_EQ(end.last, begin.last);
  EXPECT_EQ(text(out[0]), "");
}

TEST_F(ScanBookRestartTest, ADigestNamesWhatTheOtherDidNot) {
  silence();
  const Scan held = std::get<Scan>(enter(event(1)).back());
  ScanBook book = restart(book_, {}, {held}, at(101s));
  EXPECT_EQ(book.stats().pending, 2U);
  std::vector<BookEntry> out;
  book.advance(at(121s), out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(text(out[0]), "Held back: 2 scans from 2 sources in 20 s: 192.0.2.8(21,22) +1 more");
  expect_sum(book.stats());
}

TEST_F(ScanBookRestartTest, WhatWasFoundBeforeTheStoreCameHasIdsBehindIt) {
  const Scan mine = enter_one(event(1));
  EXPECT_EQ(mine.id, 1U);
  book_.restore(at(101s), 1000, {});
  EXPECT_EQ(enter_one(later(event(1), Phase::update)).id, 1001U);
  EXPECT_EQ(enter_one(event(2)).id, 1002U);
}

}  // namespace
}  // namespace scanlogd::test
