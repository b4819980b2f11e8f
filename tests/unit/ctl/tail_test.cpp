// `scanlogctl tail`.
#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlTail : public CtlTest {
 protected:
  std::string tail(std::initializer_list<const char*> words, const ctl::Wait& wait) const {
    const auto request = parse(words);
    EXPECT_TRUE(request);
    std::string out;
    EXPECT_TRUE(ctl::show_tail(
        reader(), *request, [&](std::string_view text) { out += text; }, wait));
    return out;
  }
  static bool never() {
    ADD_FAILURE() << "waited";
    return false;
  }
};

TEST_F(CtlTail, ShowsTheLatestInTheirOrder) {
  Store store = open();
  write(store, {message(scan(1)),
                message(scan(2)),
                {.stamp = {7, 3}, .content = make_notice(Severity::warning, kNoon, "blind")}});
  EXPECT_EQ(tail({"tail", "-n", "2"}, never),
            "2024-11-26 12:02:00  scan 2 begin: TCP vertical from 192.0.2.8 to 10.9.0.1, 2 ports, "
            "unverified\n"
            "2024-11-26 12:00:00  warning: blind\n");
  EXPECT_NE(tail({"tail", "-o", "json"}, never).find(R"("engine":{"message":"blind"})"),
            std::string::npos);
}

TEST_F(CtlTail, FollowsWhatComes) {
  Store store = open();
  write(store, {message(scan(1))});
  int waits = 0;
  const std::string text = tail({"tail", "-f"}, [&] {
    if (++waits == 3) return false;
    if (waits == 1) write(store, {message(scan(2))});
    return true;
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_NE(text.find("scan 2 begin"), std::string::npos) << text;
}

TEST_F(CtlTail, OfAnEmptyStoreIsNothing) {
  (void)open();
  EXPECT_EQ(tail({"tail"}, never), "");
}

}  // namespace
}  // namespace scanlogd::test
