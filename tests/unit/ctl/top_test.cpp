// `scanlogctl top`.
#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlTop : public CtlTest {
 protected:
  void SetUp() override {
    CtlTest::SetUp();
    Store store = open();
    Scan wide = scan(4, "2001:db8:1:2::3");
    wide.ports = "22-65535";
    write(store, {message(scan(1, "192.0.2.8")), message(scan(2, "192.0.2.9")),
                  message(scan(3, "198.51.100.1")), message(wide)});
  }
};

TEST_F(CtlTop, CountsSourcesAndNetworksOfThem) {
  EXPECT_EQ(run(ctl::show_top, {"top", "sources", "-n", "2"}),
            "SCANS  SOURCE\n"
            "    1  192.0.2.8\n"
            "    1  192.0.2.9\n");
  EXPECT_EQ(run(ctl::show_top, {"top", "networks"}),
            "SCANS  NETWORK\n"
            "    2  192.0.2.0/24\n"
            "    1  198.51.100.0/24\n"
            "    1  2001:db8:1::/48\n");
}

TEST_F(CtlTop, CountsPortsOfRangesToo) {
  EXPECT_EQ(run(ctl::show_top, {"top", "ports", "-n", "3"}),
            "SCANS  PORT\n"
            "    4  22\n"
            "    3  21\n"
            "    1  23\n");
  EXPECT_EQ(run(ctl::show_top, {"top", "targets"}), "SCANS  TARGET\n    4  10.9.0.1\n");
  EXPECT_EQ(run(ctl::show_top, {"top", "techniques"}), "SCANS  TECHNIQUE\n    4  unknown\n");
  EXPECT_EQ(run(ctl::show_top, {"top", "tools"}), "SCANS  TOOL\n    4  unknown\n");
}

TEST_F(CtlTop, CountsFromATimeOn) {
  for (const char* const what : {"sources", "targets", "ports", "networks", "tools"}) {
    auto request = parse({"top", what});
    ASSERT_TRUE(request);
    request->filter.since = kNoon + 4min + 1s;
    std::string out;
    EXPECT_TRUE(ctl::show_top(reader(), *request, [&](std::string_view text) { out += text; }));
    EXPECT_EQ(out, "no scans\n") << what;
  }
}

TEST_F(CtlTop, AsJsonEachIsAnObject) {
  EXPECT_EQ(run(ctl::show_top, {"top", "targets", "-o", "json"}), R"({"name":"10.9.0.1","scans":4})"
                                                                  "\n");
}

}  // namespace
}  // namespace scanlogd::test
