// Finding things in a store, while somebody else writes it.
#include "record/store_reader.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

using StoreReaderTest = StoreTest;

TEST_F(StoreReaderTest, OthersReadWhileItIsWritten) {
  Store store = open();
  write(store, {message(scan(1))});
  const StoreReader other = reader();
  ASSERT_TRUE(store.begin(Store::Sync::disk));
  ASSERT_TRUE(store.add(message(scan(2))));
  EXPECT_EQ(ids(other.list({})), Ids{1});
  ASSERT_TRUE(store.commit());
  EXPECT_EQ(ids(other.list({})), (Ids{2, 1}));
}

TEST_F(StoreReaderTest, ListsWhatIsAskedFor) {
  Store store = open();
  Scan third = scan(3, "198.51.100.9");
  third.event.kind = ScanKind::horizontal;
  third.event.technique = Technique::udp;
  third.event.tool = Tool::zmap;
  third.event.verdict = Verdict::proven;
  third.event.rule = ScanRule::slow;
  third.event.phase = Phase::end;
  third.ports = "53,8000-9000";
  write(store, {message(scan(1)), message(scan(2, "192.0.2.255")), message(third),
                message(scan(4, "2001:db8::1"))});
  const StoreReader& all = store.reader();
  EXPECT_EQ(ids(all.list({})), (Ids{4, 3, 2, 1}));
  EXPECT_EQ(ids(all.list({.limit = 2})), (Ids{4, 3}));
  EXPECT_EQ(ids(all.list({.before_id = 3})), (Ids{2, 1}));
  EXPECT_EQ(ids(all.list({.since = kNoon + 3min})), (Ids{4, 3}));
  EXPECT_EQ(ids(all.list({.until = kNoon + 3min})), (Ids{2, 1}));
  EXPECT_EQ(ids(all.list({.source = parse_network("192.0.2.0/24").value()})), (Ids{2, 1}));
  EXPECT_EQ(ids(all.list({.source = parse_network("192.0.2.8").value()})), Ids{1});
  EXPECT_EQ(ids(all.list({.source = parse_network("2001:db8::/32").value()})), Ids{4});
  EXPECT_EQ(ids(all.list({.source = parse_network("0.0.0.0/0").value()})), (Ids{3, 2, 1}));
  EXPECT_EQ(ids(all.list({.kind = ScanKind::horizontal})), Ids{3});
  EXPECT_EQ(ids(all.list({.rule = ScanRule::slow})), Ids{3});
  EXPECT_EQ(ids(all.list({.technique = Technique::udp})), Ids{3});
  EXPECT_EQ(ids(all.list({.tool = Tool::zmap})), Ids{3});
  EXPECT_EQ(ids(all.list({.verdict = Verdict::proven})), Ids{3});
  EXPECT_EQ(ids(all.list({.goes_on = true})), (Ids{4, 2, 1}));
  EXPECT_EQ(ids(all.list({.port = Port{7999}})), Ids{});
  EXPECT_EQ(ids(all.list({.port = Port{8000}})), Ids{3});
  EXPECT_EQ(ids(all.list({.port = Port{9000}})), Ids{3});
  EXPECT_EQ(ids(all.list({.port = Port{9001}})), Ids{});
  EXPECT_EQ(ids(all.list({.port = Port{21}, .limit = 2})), (Ids{4, 2}));
  EXPECT_FALSE(all.find(5).value());
}

TEST_F(StoreReaderTest, CountsTheMostFrequent) {
  Store store = open();
  Scan udp = scan(3, "198.51.100.9");
  udp.event.technique = Technique::udp;
  udp.ports = "22,53";
  write(store, {message(scan(1)), message(scan(2)), message(udp)});
  const auto top = [&](TopBy by, std::size_t limit = 9) {
    std::string text;
    const auto entries = store.reader().top(by, kNoon, limit);
    EXPECT_TRUE(entries) << entries.error().what;
    for (const TopEntry& each : *entries) {
      text += each.name + "=" + std::to_string(each.scans) + " ";
    }
    return text;
  };
  EXPECT_EQ(top(TopBy::source), "192.0.2.8=2 198.51.100.9=1 ");
  EXPECT_EQ(top(TopBy::source, 1), "192.0.2.8=2 ");
  EXPECT_EQ(top(TopBy::target), "10.9.0.1=3 ");
  EXPECT_EQ(top(TopBy::port), "22=3 21=2 53=1 ");
  EXPECT_EQ(top(TopBy::port, 1), "22=3 ");
  EXPECT_EQ(top(TopBy::technique), "unknown=2 udp=1 ");
  EXPECT_EQ(top(TopBy::tool), "unknown=3 ");
  EXPECT_TRUE(store.reader().top(TopBy::source, kNoon + 4min, 9).value().empty());
}

TEST_F(StoreReaderTest, SumsUpAPeriod) {
  Store store = open();
  Scan open_port = scan(3, "192.0.2.9");
  open_port.event.open_total = 1;
  open_port.event.verdict = Verdict::proven;
  open_port.event.phase = Phase::end;
  write(store, {message(scan(1)), message(scan(2)), message(open_port), message(scan(4))});
  const PeriodSummary sum = store.reader().summarise(kNoon + 2min).value();
  EXPECT_EQ(sum.scans, 3U);
  EXPECT_EQ(sum.sources, 2U);
  EXPECT_EQ(sum.targets, 1U);
  EXPECT_EQ(sum.going_on, 2U);
  EXPECT_EQ(sum.found_open, 1U);
  EXPECT_EQ(sum.proven, 1U);
  EXPECT_EQ(store.reader().summarise(kNoon + 1h).value().scans, 0U);
}

TEST_F(StoreReaderTest, CountsScansByTime) {
  Store store = open();
  write(store, {message(scan(1)), message(scan(2)), message(scan(4)), message(scan(5))});
  using Parts = std::vector<std::uint64_t>;
  EXPECT_EQ(store.reader().histogram(kNoon + 1min, kNoon + 5min, 4).value(), (Parts{1, 1, 0, 1}));
  EXPECT_EQ(store.reader().histogram(kNoon + 1min, kNoon + 5min, 1).value(), Parts{3});
  EXPECT_EQ(store.reader().histogram(kNoon, kNoon, 2).value(), (Parts{0, 0}));
}

TEST_F(StoreReaderTest, NotableAreThoseThatLearnedMost) {
  Store store = open();
  Scan wide = scan(2);
  wide.event.ports_total = 1000;
  Scan sweep = scan(3);
  sweep.event.hosts_total = 2000;
  Scan proven = scan(4);
  proven.event.verdict = Verdict::proven;
  Scan open_port = scan(5);
  open_port.event.open_total = 1;
  Scan flood = scan(6);
  flood.event.kind = ScanKind::flood;
  flood.event.hosts_total = 60'000;
  write(store, {message(scan(1)), message(wide), message(sweep), message(proven),
                message(open_port), message(flood)});
  EXPECT_EQ(ids(store.reader().notable(kNoon, 10)), (Ids{5, 4, 3, 2, 1, 6}));
  EXPECT_EQ(ids(store.reader().notable(kNoon + 5min, 1)), Ids{5});
}

TEST_F(StoreReaderTest, NoticesAreWarningsAndErrorsTheLatestFirst) {
  Store store = open();
  const auto put = [&](std::uint64_t sequence, Severity severity, std::string_view text) {
    write(store, {{.stamp = {7, sequence},
                   .content = make_notice(severity, kNoon + sequence * 1min, text)}});
  };
  put(1, Severity::warning, "one");
  put(2, Severity::error, "two");
  put(3, Severity::alert, "a digest");
  put(4, Severity::info, "the accounts");
  put(5, Severity::warning, "five");
  const PeriodNotices all = store.reader().notices(kNoon, 2).value();
  EXPECT_EQ(all.total, 3U);
  ASSERT_EQ(all.latest.size(), 2U);
  EXPECT_EQ(all.latest[0].view(), "five");
  EXPECT_EQ(all.latest[1].view(), "two");
  EXPECT_EQ(all.latest[1].severity, Severity::error);
  EXPECT_EQ(store.reader().notices(kNoon + 3min, 10).value().total, 1U);
}

TEST_F(StoreReaderTest, AReaderNeedsAStore) {
  const auto missing = StoreReader::open(home_.path());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  std::ofstream(home_.file("scanlogd.db")).close();
  const auto empty = StoreReader::open(home_.path());
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, EUCLEAN);
}

}  // namespace
}  // namespace scanlogd::test
