// `scanlogctl report`.
#include <gtest/gtest.h>

#include <regex>

#include "core/blind_interval.h"
#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlReport : public CtlTest {
 protected:
  /// A scan some time before the noon at which the command line is understood.
  static Scan before(std::uint64_t id, std::chrono::seconds age,
                     std::string_view source = "192.0.2.8") {
    Scan made = scan(id, source);
    made.started = kNoon - age - 1s;
    made.detected = made.last = made.at = kNoon - age;
    return made;
  }
  static Scan with_sample(Scan scan, std::size_t points) {
    ProbeSample sample;
    for (std::size_t i = 0; i < points; ++i) {
      sample.points.push_back(
          {.time = i * 1ms, .target = scan.event.target, .port = static_cast<Port>(i * 7)});
    }
    scan.sample = pack(sample);
    return scan;
  }
  static Message notice(std::uint64_t sequence, std::string_view text,
                        Severity severity = Severity::warning,
                        std::chrono::system_clock::time_point at = kNoon - 1h) {
    return {.stamp = {7, sequence}, .content = make_notice(severity, at, text)};
  }
  std::string report(std::initializer_list<const char*> words = {"report"}) const {
    return run(ctl::write_report, words);
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
  static std::size_t count(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    return static_cast<std::size_t>(
        std::distance(std::sregex_iterator(text.begin(), text.end(), expression), {}));
  }
};

TEST_F(CtlReport, SumsUpThePeriod) {
  Store store = open();
  Scan proven = before(2, 2h, "192.0.2.9");
  proven.event.verdict = Verdict::proven;
  proven.event.open_total = 1;
  proven.event.phase = Phase::end;
  write(store, {message(before(1, 25h)), message(proven), message(before(3, 1h))});
  const std::string page = report();
  EXPECT_TRUE(has(page,
                  "<p>2 scans by 2 sources against 1 target; 1 found something open. In 1 the "
                  "source is proven to hold its address. 1 scan goes on.</p>"))
      << page;
  EXPECT_TRUE(has(page, "<h1>Port scans, 2024-11-25 12:00:00 to 2024-11-26 12:00:00</h1>"));
  EXPECT_FALSE(has(page, "The record begins"));
  EXPECT_TRUE(has(report({"report", "--since", "1w"}), "<p>3 scans by 2 sources"));
  EXPECT_TRUE(has(report({"report", "--since", "1w"}), "The record begins at 2024-11-25 11:00:00"));
}

TEST_F(CtlReport, WithoutScansItSaysSo) {
  { const Store store = open(); }
  const std::string page = report();
  EXPECT_TRUE(has(page, "No scan was found in this time."));
  EXPECT_TRUE(has(page, "No blind interval, no lost packet"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_FALSE(has(page, "<svg"));
}

TEST_F(CtlReport, TheMostNotableScansAreDrawnAndTheRestIsCounted) {
  Store store = open();
  Scan open_port = with_sample(before(1, 3h), 10);
  open_port.event.open_total = 1;
  open_port.event.open_count = 1;
  open_port.event.open[0] = 443;
  Scan large = with_sample(before(3, 1h), 20);
  large.event.ports_total = 1000;
  write(store, {message(open_port), message(before(2, 2h)), message(large)});
  const std::string page = report({"report", "-n", "2"});
  const std::size_t first = page.find("<section class=\"scan\" id=\"scan-1\">");
  const std::size_t second = page.find("<section class=\"scan\" id=\"scan-3\">");
  EXPECT_LT(first, second);
  EXPECT_LT(second, page.size());
  EXPECT_FALSE(has(page, "id=\"scan-2\""));
  EXPECT_TRUE(has(page, "2 are shown, 1 not"));
  EXPECT_EQ(count(page, "<circle class=\"p"), 30U);
  EXPECT_EQ(count(page, "<svg class=\"scatter\""), 2U);
  EXPECT_TRUE(has(page, "<p>Found open: 443. ")) << "first of all";
}

TEST_F(CtlReport, AScanWithoutASampleShowsTheOrderOfItsPorts) {
  Store store = open();
  write(store, {message(before(1, 1h))});
  const std::string page = report();
  EXPECT_EQ(count(page, "<svg class=\"order\""), 1U);
  EXPECT_TRUE(has(page, "When which port was probed is not on record"));
}

TEST_F(CtlReport, BlindTimesAreToldAndDrawn) {
  Store store = open();
  const BlindInterval blind{.cause = BlindCause::overload,
                            .interface = "eth0",
                            .start = kNoon - 2h,
                            .end = kNoon - 1h,
                            .packets = 1234};
  const BlindInterval open_blind{.cause = BlindCause::interface_down,
                                 .interface = "eth1",
                                 .start = kNoon - 10min,
                                 .end = std::nullopt,
                                 .packets = std::nullopt};
  write(store, {notice(1, to_string(blind)), notice(2, to_string(open_blind)),
                notice(3, "Held back: 3 scans", Severity::alert),
                notice(4, "the last word", Severity::info),
                notice(5, "blind on eth0 since yesterday", Severity::warning, kNoon - 25h)});
  const std::string page = report();
  EXPECT_TRUE(has(page,
                  "scanlogd was blind: 1 interval of 1 h 0 min together; 1,234 packets are "
                  "known to be lost, and of 0 intervals it is not known how many. 1 was told "
                  "while going on."))
      << page;
  EXPECT_EQ(count(page, "<rect class=\"blind\""), 2U);
  EXPECT_TRUE(has(page, "the latest first: 2 of 2"));
  EXPECT_FALSE(has(page, "Held back"));
  EXPECT_FALSE(has(page, "last word"));
}

TEST_F(CtlReport, ABlindTimeThatWasToldTwiceIsCountedOnce) {
  Store store = open();
  BlindInterval blind{.cause = BlindCause::interface_down,
                      .interface = "eth0",
                      .start = kNoon - 2h,
                      .end = std::nullopt,
                      .packets = std::nullopt};
  const std::string begin = to_string(blind);
  blind.end = kNoon - 90min;
  write(store, {notice(1, begin), notice(2, to_string(blind))});
  const std::string page = report();
  EXPECT_EQ(count(page, "<rect class=\"blind\""), 1U);
  EXPECT_TRUE(has(page,
                  "1 interval of 30 min together; 0 packets are known to be lost, and of 1 "
                  "interval it is not known how many. 0 were told while going on."))
      << page;
}

TEST_F(CtlReport, NoticesThatAreTooManyAreCounted) {
  Store store = open();
  std::vector<Message> many;
  for (std::uint64_t i = 1; i <= 101; ++i) many.push_back(notice(i, "state pressure"));
  write(store, many);
  const std::string page = report();
  EXPECT_TRUE(has(page, "the latest first: 100 of 101"));
  EXPECT_EQ(count(page, "<td>state pressure</td>"), 100U);
}

TEST_F(CtlReport, NothingInAStoreBecomesMarkup) {
  Store store = open();
  Scan hostile = before(1, 1h);
  hostile.ports = "1<script>alert(1)</script>";
  write(store,
        {message(hostile), notice(2, "<img src=x onerror=alert(1)>"),
         notice(3, "blind on <b> from 2024-11-26T10:00:00.000Z to 9999-99-99T00:00:00.000Z")});
  const std::string page = report();
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "<img"));
  EXPECT_FALSE(has(page, "<b>"));
  EXPECT_TRUE(has(page, "&lt;img src=x onerror=alert(1)&gt;"));
}

TEST_F(CtlReport, OfAStoreOfTheFirstVersionItShowsWhatThereIs) {
  {
    Store store = open();
    write(store, {message(before(1, 1h))});
  }
  {
    auto database = Database::open(home_.file("scanlogd.db"), Database::Access::write);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->execute("DROP TABLE sample; DROP INDEX event_notice; PRAGMA user_version=1"));
  }
  EXPECT_TRUE(has(report(), "id=\"scan-1\""));
}

TEST_F(CtlReport, CountsTheMostFrequent) {
  Store store = open();
  write(store,
        {message(before(1, 1h)), message(before(2, 1h)), message(before(3, 1h, "2001:db8::1"))});
  const std::string page = report();
  EXPECT_TRUE(has(page, "<td class=\"n\">2</td><td>192.0.2.8</td>"));
  EXPECT_TRUE(has(page, "<td class=\"n\">1</td><td>2001:db8::/48</td>"));
  EXPECT_TRUE(has(page, "<td class=\"n\">3</td><td>10.9.0.1</td>"));
}

TEST_F(CtlReport, ItsCommandLineHasAFileAndLimits) {
  EXPECT_EQ(parse({"report", "-o", "x.html"})->file, "x.html");
  EXPECT_EQ(parse({"report", "-o", "-"})->file, "");
  EXPECT_EQ(parse({"report", "-n", "200"})->limit, 200U);
  EXPECT_EQ(parse({"report", "-n", "201"}).error().what,
            "--limit: '201' must be a number from 1 to 200");
  EXPECT_EQ(parse({"-o", "json", "report"}).error().what, "report: is HTML, and no JSON");
  EXPECT_TRUE(parse({"list", "-o", "json"})->json);
}

}  // namespace
}  // namespace scanlogd::test
