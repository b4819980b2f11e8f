// What is remembered of what was told.
#include "daemon/notice_board.h"

#include <gtest/gtest.h>

#include <string>

#include "core/blind_interval.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

Notice notice(Severity severity, std::string_view text) {
  return make_notice(severity, std::chrono::system_clock::time_point(), text);
}

std::string blind(const std::string& interface, bool is_over) {
  BlindInterval interval;
  interval.cause = BlindCause::interface_down;
  interval.interface = interface;
  if (is_over) interval.end = interval.start + 1s;
  return to_string(interval);
}

TEST(NoticeBoard, KeepsTheLatestTroubles) {
  NoticeBoard board;
  board.add(notice(Severity::info, "accounts"));
  board.add(notice(Severity::alert, "a digest"));
  EXPECT_TRUE(board.troubles().empty());
  for (std::size_t i = 0; i <= NoticeBoard::kMostTroubles; ++i) {
    board.add(notice(Severity::error, std::to_string(i)));
  }
  ASSERT_EQ(board.troubles().size(), NoticeBoard::kMostTroubles);
  EXPECT_EQ(board.troubles().front().view(), "1");
}

TEST(NoticeBoard, KnowsWhereWeAreBlindUntilThatIsOver) {
  NoticeBoard board;
  board.add(notice(Severity::warning, blind("eth0", false)));
  board.add(notice(Severity::warning, blind("", false)));
  EXPECT_EQ(board.blind().size(), 2U);
  EXPECT_EQ(board.blind().at("eth0"), blind("eth0", false));
  board.add(notice(Severity::warning, blind("eth0", true)));
  EXPECT_EQ(board.blind().size(), 1U);
  EXPECT_TRUE(board.blind().contains("every interface"));
  EXPECT_EQ(board.blind_before(), 1U);
  board.add(notice(Severity::warning, blind("eth1", true)));
  EXPECT_EQ(board.blind_before(), 2U) << "one so short that its beginning was not told";
}

TEST(NoticeBoard, IsOfBoundedSize) {
  NoticeBoard board;
  for (std::size_t i = 0; i <= NoticeBoard::kMostBlind; ++i) {
    board.add(notice(Severity::warning, blind("veth" + std::to_string(i), false)));
  }
  EXPECT_EQ(board.blind().size(), NoticeBoard::kMostBlind);
}

}  // namespace
}  // namespace scanlogd::test
