// `scanlogctl list`.
#include <gtest/gtest.h>

#include "core/eve.h"
#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlList : public CtlTest {
 protected:
  void SetUp() override {
    CtlTest::SetUp();
    Store store = open();
    Scan second = scan(2, "2001:db8::7");
    second.event.technique = Technique::syn;
    second.event.verdict = Verdict::proven;
    second.event.open_total = 1;
    second.ports = "1-1000";
    write(store, {message(scan(1)), message(second)});
  }
};

TEST_F(CtlList, ShowsTheNewestFirst) {
  EXPECT_EQ(run(ctl::list_scans, {"list"}),
            "ID  FOUND        SOURCE       TARGET    SCAN          PORTS  OPEN  VERDICT\n"
            " 2  11-26 12:02  2001:db8::7  10.9.0.1  syn vertical   1000     1  proven\n"
            " 1  11-26 12:01  192.0.2.8    10.9.0.1  TCP vertical      2     -  unverified\n");
}

TEST_F(CtlList, FitsTheTerminal) {
  const std::string text = run(ctl::list_scans, {"list"}, 75);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 75U) << text;
    at = end + 1;
  }
}

TEST_F(CtlList, Filters) {
  const auto ids_of = [&](std::initializer_list<const char*> words) {
    const std::string text = run(ctl::list_scans, words);
    return std::pair(
        text.find("\n 1 ") != std::string::npos || text.find("\n1 ") != std::string::npos,
        text.find("\n 2 ") != std::string::npos || text.find("\n2 ") != std::string::npos);
  };
  EXPECT_EQ(ids_of({"list", "--verdict", "proven"}), std::pair(false, true));
  EXPECT_EQ(ids_of({"list", "--min-ports", "1000"}), std::pair(false, true));
  EXPECT_EQ(ids_of({"list", "--min-ports", "1001"}), std::pair(false, false));
  EXPECT_EQ(ids_of({"list", "--source", "192.0.2.0/24"}), std::pair(true, false));
  EXPECT_EQ(ids_of({"list", "--port", "500"}), std::pair(false, true));
  EXPECT_EQ(ids_of({"list", "--port", "22"}), std::pair(true, true));
}

TEST_F(CtlList, SaysWhenThereIsNothing) {
  EXPECT_EQ(run(ctl::list_scans, {"list", "--port", "9999"}), "no scans\n");
  EXPECT_EQ(run(ctl::list_scans, {"list", "--port", "9999", "-o", "json"}), "");
}

TEST_F(CtlList, AsJsonEachScanIsAnEvent) {
  std::string event;
  append_eve(event, scan(1), {});
  EXPECT_EQ(run(ctl::list_scans, {"list", "-o", "json", "--source", "192.0.2.8"}), event + '\n');
}

}  // namespace
}  // namespace scanlogd::test
