// `scanlogctl status`.
#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlStatus : public CtlTest {
 protected:
  std::string status(std::initializer_list<const char*> words,
                     const ControlAnswer* daemon = nullptr, const std::string& no_daemon = {}) {
    return run(
        [&](const StoreReader& store, const ctl::Request& request, const ctl::Emit& emit) {
          return ctl::show_status(
              {.daemon = daemon, .no_daemon = no_daemon, .store = &store, .no_store = {}}, request,
              emit);
        },
        words);
  }
};

TEST_F(CtlStatus, SaysWhatIsThereAndHowFarSinksAre) {
  Store store = open();
  Scan ended = scan(1);
  ended.event.phase = Phase::end;
  write(store, {message(ended), message(scan(2))});
  ASSERT_TRUE(store.begin(Store::Sync::process));
  ASSERT_TRUE(
      store.set(Cursor{.sink = "syslog", .sequence = 1, .taken = 7, .delivered = 4, .lost = 1}));
  ASSERT_TRUE(store.commit());
  const std::string text = status({"status"});
  EXPECT_NE(text.find("on record   2 scans, 1 of them going on\n"), std::string::npos) << text;
  EXPECT_NE(text.find("oldest      2024-11-26 12:01:00 (0 ms ago)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("newest      2024-11-26 12:02:00"), std::string::npos) << text;
  EXPECT_NE(text.find("SINK    TAKEN  DELIVERED  WAITING  LOST\n"
                      "syslog      7          4        2     1\n"),
            std::string::npos)
      << text;
  const std::string json = status({"status", "-o", "json"});
  EXPECT_NE(json.find(R"("scans":2,"going_on":1,)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("delivered":4,"waiting":2,"lost":1})"), std::string::npos) << json;
}

TEST_F(CtlStatus, AskedBeforeTheStoreADaemonKnowsBetter) {
  (void)open();
  ControlAnswer daemon;
  daemon.add("version", "3.1");
  daemon.add("sink", "eve sequence=1 taken=3 delivered=2 waiting=1 lost=0");
  const std::string text = status({"status"}, &daemon);
  EXPECT_TRUE(text.starts_with("daemon      scanlogd 3.1,")) << text;
  EXPECT_NE(text.find("eve       3          2        1     0\n"), std::string::npos) << text;
  const std::string json = status({"status", "-o", "json"}, &daemon);
  EXPECT_NE(json.find(R"("daemon":{"version":"3.1")"), std::string::npos) << json;
}

TEST_F(CtlStatus, SaysThatNoDaemonHasAnswered) {
  (void)open();
  const std::string text = status({"status"}, nullptr, "connect(x): Connection refused");
  EXPECT_TRUE(
      text.starts_with("daemon      none answers: connect(x): Connection refused; what "
                       "follows is from the store\nstore "))
      << text;
}

TEST_F(CtlStatus, OfAnEmptyStoreItHasNoTimes) {
  (void)open();
  const std::string text = status({"status"});
  EXPECT_NE(text.find("on record   0 scans, 0 of them going on\nmessages    0\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace scanlogd::test
