// What `scanlogctl live` shows; on a terminal in tests/formats/check_live.py.
#include "ctl/live_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/ctl.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

using ctl::LiveKey;
using ctl::LiveStyle;
using std::chrono::steady_clock;

constexpr std::size_t kRows = 24;
constexpr std::size_t kColumns = 80;

Scan scan(std::uint64_t id, std::uint32_t ports, Phase phase = Phase::update) {
  Scan made;
  made.id = id;
  made.detected = made.at = made.started = kNoon;
  made.event.phase = phase;
  made.event.source = parse_address("192.0.2.1").value();
  made.event.target = parse_address("198.51.100.1").value();
  made.event.ports_total = ports;
  return made;
}

/// Fifty scans, the newest of them number 50; odd ones have ended; number 7 is the widest.
class LiveViewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_.now = kNoon;
    for (std::uint64_t id = 50; id > 0; --id) {
      model_.scans.push_back(
          scan(id, id == 7 ? 900 : 10, id % 2 == 1 ? Phase::end : Phase::update));
    }
  }

  void press(std::initializer_list<LiveKey> keys) {
    for (const LiveKey key : keys) ASSERT_TRUE(view_.press(key, model_, kRows));
  }
  std::vector<ctl::LiveLine> screen() const { return view_.draw(model_, kRows, kColumns); }
  /// The line of the chosen scan, without its margin.
  std::string chosen() const {
    const auto lines = screen();
    const auto found = std::ranges::find(lines, LiveStyle::chosen, &ctl::LiveLine::style);
    if (found == lines.end()) return "none";
    return found->text.substr(found->text.find_first_not_of(' '), 2);
  }

  ctl::LiveModel model_;
  ctl::LiveView view_{false};
};

TEST_F(LiveViewTest, FitsEveryScreen) {
  for (std::size_t rows = 0; rows < 60; rows += 3) {
    for (std::size_t columns = 0; columns < 200; columns += 7) {
      for (const bool helping : {false, true}) {
        ctl::LiveView view(false);
        ASSERT_TRUE(view.press(helping ? LiveKey::help : LiveKey::none, model_, rows));
        const auto lines = view.draw(model_, rows, columns);
        ASSERT_EQ(lines.size(), rows);
        for (const auto& line : lines) {
          ASSERT_LE(line.text.size(), columns) << line.text;
        }
      }
    }
  }
}

TEST_F(LiveViewTest, ShowsTheNewestFirstAndTheFirstIsChosen) {
  EXPECT_EQ(chosen(), "50");
  EXPECT_NE(screen()[0].text.find("no daemon"), std::string::npos);
}

TEST_F(LiveViewTest, TheChoiceMovesWithinTheScansAndStaysOnTheScreen) {
  press({LiveKey::up});
  EXPECT_EQ(chosen(), "50");
  press({LiveKey::down, LiveKey::down});
  EXPECT_EQ(chosen(), "48");
  press({LiveKey::page_down});
  EXPECT_EQ(chosen(), "29") << "19 scans are on a screen of 24 lines";
  press({LiveKey::last, LiveKey::down});
  EXPECT_EQ(chosen(), "1 ");
  press({LiveKey::first});
  EXPECT_EQ(chosen(), "50");
}

TEST_F(LiveViewTest, TheChoiceFollowsItsScan) {
  press({LiveKey::down});
  model_.scans.insert(model_.scans.begin(), scan(51, 10));
  EXPECT_EQ(chosen(), "49");
}

TEST_F(LiveViewTest, SortsByPorts) {
  press({LiveKey::sort, LiveKey::first});
  EXPECT_EQ(chosen(), "7 ");
  press({LiveKey::sort, LiveKey::first});
  EXPECT_EQ(chosen(), "50");
}

TEST_F(LiveViewTest, ShowsOnlyWhatGoesOn) {
  press({LiveKey::going_on, LiveKey::down});
  EXPECT_TRUE(view_.only_going_on());
  EXPECT_EQ(chosen(), "48");
  model_.scans.clear();
  EXPECT_EQ(screen()[3].text, "no scan goes on");
}

TEST_F(LiveViewTest, OpensAScanScrollsItAndCloses) {
  press({LiveKey::down, LiveKey::open});
  EXPECT_EQ(view_.opened(), 49U);
  view_.show("first\nsecond\nthird\n");
  EXPECT_EQ(screen()[3].text, "first");
  press({LiveKey::down});
  EXPECT_EQ(screen()[3].text, "second");
  press({LiveKey::last, LiveKey::down});
  EXPECT_EQ(screen()[3].text, "third");
  press({LiveKey::back});
  EXPECT_FALSE(view_.opened());
  EXPECT_EQ(chosen(), "49");
}

TEST_F(LiveViewTest, WithoutScansNothingOpens) {
  model_.scans.clear();
  press({LiveKey::open, LiveKey::down, LiveKey::last, LiveKey::sort});
  EXPECT_FALSE(view_.opened());
  EXPECT_EQ(screen()[3].text, "no scans yet");
}

TEST_F(LiveViewTest, HelpGoesWithTheNextKey) {
  press({LiveKey::help});
  EXPECT_NE(screen()[3].text.find("Up, Down"), std::string::npos);
  press({LiveKey::down});
  EXPECT_EQ(chosen(), "50") << "the key only ended the help";
}

TEST_F(LiveViewTest, QuitLeaves) { EXPECT_FALSE(view_.press(LiveKey::quit, model_, kRows)); }

TEST_F(LiveViewTest, AnAilingDaemonIsAlarming) {
  model_.daemon.emplace();
  model_.daemon->add("engines", 1);
  model_.daemon->add("engines.silent", 1);
  EXPECT_NE(screen()[0].text.find("UNWELL: 1 of 1 engines do not answer"), std::string::npos)
      << screen()[0].text;
  EXPECT_EQ(screen()[0].style, LiveStyle::alarming);
}

TEST(RateMeter, CountsWhatGrewAndWhatIsNew) {
  ctl::RateMeter meter;
  const steady_clock::time_point start{};
  EXPECT_EQ(meter.look({scan(2, 10), scan(1, 5)}, start), std::nullopt);
  EXPECT_EQ(meter.look({scan(3, 8), scan(2, 14), scan(1, 5)}, start + 2s), 6.0);
  EXPECT_EQ(meter.look({scan(3, 8), scan(2, 14)}, start + 3s), 0.0);
  EXPECT_EQ(meter.look({scan(3, 8), scan(2, 14), scan(1, 5)}, start + 4s), 0.0)
      << "an old scan that is listed again is not new";
  EXPECT_EQ(meter.look({}, start + 4s), std::nullopt) << "no time has passed";
}

TEST(Sparkline, IsAsWideAsToldWithTheLatestAtTheRight) {
  EXPECT_EQ(ctl::sparkline({}, 4, false), "    ");
  EXPECT_EQ(ctl::sparkline({0, 1, 4, 8}, 6, false), "   .=@");
  EXPECT_EQ(ctl::sparkline({9, 0, 0}, 2, false), "  ");
  EXPECT_EQ(ctl::sparkline({0, 8}, 2, true), " \u2588");
}

TEST(CtlLive, TakesFilters) {
  const auto request = parse({"live", "--source", "192.0.2.0/24", "--min-ports", "10"});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->command, ctl::Command::live);
  EXPECT_EQ(request->filter.min_ports, 10U);
}

}  // namespace
}  // namespace scanlogd::test
