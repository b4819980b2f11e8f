// Notices: bounded, one line, printable.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "core/scan.h"

namespace scanlogd {
namespace {

constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds{1'700'000'000}};

Notice notice(std::string_view text) { return make_notice(Severity::warning, kNow, text); }

TEST(Notice, CarriesSeverityTimeAndText) {
  const Notice made = notice("capture eth0: 12 packets lost");
  EXPECT_EQ(made.severity, Severity::warning);
  EXPECT_EQ(made.at, kNow);
  EXPECT_EQ(made.view(), "capture eth0: 12 packets lost");
}

TEST(Notice, MayBeEmpty) { EXPECT_EQ(notice("").view(), ""); }

TEST(Notice, IsCutAtItsCapacity) {
  for (const std::size_t size : {Notice::kCapacity - 1, Notice::kCapacity, Notice::kCapacity + 1}) {
    std::string text(size, 'a');
    text.back() = 'z';
    const std::string kept = text.substr(0, Notice::kCapacity);
    EXPECT_EQ(notice(text).view(), kept);
  }
}

TEST(Notice, ShowsEachByteThatIsNotPrintableAsciiAsAQuestionMark) {
  EXPECT_EQ(notice("a\nb\tc\x1b[31m").view(), "a?b?c?[31m");
  EXPECT_EQ(notice("\x1f \x7e\x7f").view(), "? ~?");
  EXPECT_EQ(notice("\x80\xff").view(), "??");
  EXPECT_EQ(notice(std::string_view("a\0b", 3)).view(), "a?b");
}

}  // namespace
}  // namespace scanlogd
