// `scanlogctl status`.
#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlStatus : public CtlTest {};

TEST_F(CtlStatus, SaysWhatIsThereAndHowFarSinksAre) {
  Store store = open();
  Scan ended = scan(1);
  ended.event.phase = Phase::end;
  write(store, {message(ended), message(scan(2))});
  ASSERT_TRUE(store.begin(Store::Sync::process));
  ASSERT_TRUE(
      store.set(Cursor{.sink = "syslog", .sequence = 1, .taken = 7, .delivered = 4, .lost = 1}));
  ASSERT_TRUE(store.commit());
  const std::string text = run(ctl::show_status, {"status"});
  EXPECT_NE(text.find("scans       2, 1 of them going on\n"), std::string::npos) << text;
  EXPECT_NE(text.find("oldest      2024-11-26 12:01:00 (0 ms ago)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("newest      2024-11-26 12:02:00"), std::string::npos) << text;
  EXPECT_NE(text.find("SINK    TAKEN  DELIVERED  WAITING  LOST\n"
                      "syslog      7          4        2     1\n"),
            std::string::npos)
      << text;
  const std::string json = run(ctl::show_status, {"status", "-o", "json"});
  EXPECT_NE(json.find(R"("scans":2,"going_on":1,)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("delivered":4,"waiting":2,"lost":1})"), std::string::npos) << json;
}

TEST_F(CtlStatus, OfAnEmptyStoreItHasNoTimes) {
  (void)open();
  const std::string text = run(ctl::show_status, {"status"});
  EXPECT_NE(text.find("scans       0, 0 of them going on\nmessages    0\n"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace scanlogd::test
