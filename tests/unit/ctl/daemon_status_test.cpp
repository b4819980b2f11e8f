// What a daemon says of itself, in words.
#include "ctl/daemon_status.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace scanlogd::test {
namespace {

ControlAnswer well() {
  ControlAnswer answer;
  answer.add("version", "3.0.0");
  answer.add("pid", "7");
  answer.add("uptime", "90");
  answer.add("watching", "watching eth0 with ring; profile full");
  answer.add("sandbox", "on");
  answer.add("engines", "1");
  answer.add("engines.silent", "0");
  answer.add("packets.seen", "5000");
  answer.add("packets.processed", "4999");
  answer.add("packets.dropped", "1");
  answer.add("packets.waiting", "0");
  answer.add("scans.detected", "3");
  answer.add("scans.delivered", "2");
  answer.add("scans.held_back", "1");
  answer.add("sink", "syslog sequence=9 taken=9 delivered=8 waiting=0 lost=1");
  return answer;
}

std::string describe(const ControlAnswer& answer) {
  return ctl::describe_daemon(answer, std::chrono::system_clock::time_point());
}

TEST(DaemonStatus, SaysThatAllIsWell) {
  EXPECT_TRUE(ctl::ailments_of(well()).empty());
  const std::string text = describe(well());
  EXPECT_TRUE(
      text.starts_with("daemon      scanlogd 3.0.0, process 7, for 1 min\n"
                       "health      well\n"
                       "watching    eth0 with ring; profile full\n"))
      << text;
  EXPECT_NE(text.find("packets     seen 5,000 = processed 4,999 + dropped 1 + waiting 0\n"),
            std::string::npos)
      << text;
}

TEST(DaemonStatus, NamesWhatIsNotWell) {
  ControlAnswer answer = well();
  answer.add("blind", "blind on eth0 since 10:00: interface is down");
  answer.add("sink", "eve sequence=1 taken=9 delivered=2 waiting=7 lost=0");
  answer.add("store.taken", "4");
  answer.add("store.waiting", "4");
  EXPECT_EQ(ctl::ailments_of(answer),
            (std::vector<std::string>{"blind on eth0 since 10:00: interface is down",
                                      "4 messages wait for the store", "7 messages wait for eve"}));
  EXPECT_NE(describe(answer).find("health      UNWELL: blind on eth0"), std::string::npos);
}

TEST(DaemonStatus, SaysWhatListsOfTheConfigurationLeftOut) {
  ControlAnswer answer = well();
  EXPECT_EQ(describe(answer).find("not judged"), std::string::npos);
  answer.add("detector", "full contact=9 ignored_source=1234 ignored_port=0 unwatched_target=2");
  EXPECT_NE(describe(answer).find("not judged  1,234 packets by ignore_sources, 2 packets by "
                                  "watch_targets\n"),
            std::string::npos)
      << describe(answer);
}

TEST(DaemonStatus, AnIdentityThatDoesNotHoldIsNamed) {
  ControlAnswer answer = well();
  answer.add("store.taken", "4");
  EXPECT_EQ(ctl::ailments_of(answer),
            (std::vector<std::string>{"the accounts of stored do not add up"}));
  EXPECT_NE(describe(answer).find("+ lost 0 (does NOT hold)\n"), std::string::npos);
}

TEST(DaemonStatus, ReadsSinks) {
  const auto sinks = ctl::sinks_of(well());
  ASSERT_EQ(sinks.size(), 1U);
  EXPECT_EQ(sinks[0].sink, "syslog");
  EXPECT_EQ(sinks[0].sequence, 9U);
  EXPECT_EQ(sinks[0].delivered, 8U);
  EXPECT_EQ(sinks[0].lost, 1U);
}

TEST(DaemonStatus, NonsenseDoesNoHarm) {
  ControlAnswer answer;
  answer.add("trouble", "99999999999999999999999 x");
  answer.add("trouble", "18446744073709551615 y");
  answer.add("trouble", "");
  answer.add("uptime", "18446744073709551615");
  answer.add("sink", "");
  answer.add("sink", "x taken= delivered=-1 lost");
  const std::string text = describe(answer);
  EXPECT_NE(text.find("daemon      scanlogd unknown, process unknown"), std::string::npos) << text;
  std::string json;
  JsonWriter writer(json);
  writer.open_object();
  ctl::write_daemon(writer, answer);
  writer.close_object();
  EXPECT_TRUE(json.ends_with('}')) << json;
}

}  // namespace
}  // namespace scanlogd::test
