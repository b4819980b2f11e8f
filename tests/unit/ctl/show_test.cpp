// `scanlogctl show`.
#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlShow : public CtlTest {
 protected:
  void SetUp() override {
    CtlTest::SetUp();
    Store store = open();
    Scan begin = scan(1);
    Scan end = begin;
    end.at += 1h;
    end.event.phase = Phase::end;
    end.event.reason = EndReason::idle;
    end.event.packets = 1234;
    end.event.open_total = 2;
    end.event.closed_total = 998;
    end.event.open_count = 1;
    end.event.open[0] = 443;
    end.event.verdict = Verdict::proven;
    end.ports = "1-1000";
    write(store, {message(begin, 1), message(end, 2)});
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
};

TEST_F(CtlShow, TellsAllAboutAScan) {
  const std::string text = run(ctl::show_scan, {"show", "1"});
  EXPECT_TRUE(text.starts_with("Scan 1: TCP port scan\nsource      192.0.2.8\n")) << text;
  EXPECT_TRUE(has(text, "verdict     proven: it completed a handshake, which")) << text;
  EXPECT_TRUE(has(text, "found       2024-11-26 12:01:00, 1 s after it began\n")) << text;
  EXPECT_TRUE(has(text, "state       ended 2024-11-26 13:01:00 (idle)\n")) << text;
  EXPECT_TRUE(has(text, "packets     1,234\n")) << text;
  EXPECT_TRUE(has(text, "ports       1,000: 1-1000\n")) << text;
  EXPECT_TRUE(has(text, "answers     2 open, 998 closed, 0 filtered; open: 443, ...\n")) << text;
  EXPECT_TRUE(
      has(text, "line        192.0.2.8 to 10.9.0.1 ports 1-1000, fSrpauxy, end: 1 s @12:00:59\n"))
      << text;
}

TEST_F(CtlShow, NamesAllOfAGroupThatAreOnRecord) {
  Scan group = scan(2);
  group.event.kind = ScanKind::decoys;
  group.event.sources_total = 101;
  for (std::uint32_t i = 0; i < 101; ++i) {
    group.sources.push_back({Family::ipv4, ipv4_bytes(0xc6336400 + i)});
  }
  {
    Store store = open();
    write(store, {message(group, 3)});
  }
  const std::string text = run(ctl::show_scan, {"show", "2"});
  EXPECT_TRUE(has(text, "198.51.100.0, 198.51.100.1,")) << text;
  EXPECT_TRUE(has(text, "198.51.100.100\n")) << text;
}

TEST_F(CtlShow, TellsHowItGrew) {
  EXPECT_TRUE(has(run(ctl::show_scan, {"show", "1"}),
                  "TIME                 PHASE  PACKETS  PORTS  HOSTS  OPEN\n"
                  "2024-11-26 12:01:00  begin        0      2      0     0\n"
                  "2024-11-26 13:01:00  end       1234   1000      0     2\n"));
}

TEST_F(CtlShow, WrapsWhatIsLongerThanTheTerminal) {
  const std::string text = run(ctl::show_scan, {"show", "1"}, 60);
  EXPECT_TRUE(has(text,
                  "verdict     proven: it completed a handshake, which only the\n"
                  "            holder of the address can\n"))
      << text;
}

TEST_F(CtlShow, BreaksListsOfPortsBehindCommas) {
  Store store = open();
  Scan some = scan(9);
  some.ports = "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31,33,35,37";
  write(store, {message(some, 9)});
  EXPECT_TRUE(has(run(ctl::show_scan, {"show", "9"}, 40),
                  "ports       19: 1,3,5,7,9,11,13,15,17,\n"
                  "            19,21,23,25,27,29,31,33,35,\n"
                  "            37\n"))
      << run(ctl::show_scan, {"show", "9"}, 40);
}

TEST_F(CtlShow, AsJsonItsHistoryIsEvents) {
  const std::string text = run(ctl::show_scan, {"show", "1", "-o", "json"});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_TRUE(has(text, R"("boot":"0000000000000007","sequence":2,"phase":"end")"));
}

TEST_F(CtlShow, OfAnUnknownScanItSaysSo) {
  EXPECT_EQ(run(ctl::show_scan, {"show", "2"}), "show(2): there is no such scan");
}

}  // namespace
}  // namespace scanlogd::test
