// `scanlogctl top countries`.
#include <gtest/gtest.h>

#include "support/ctl.h"
#include "support/location_database.h"

namespace scanlogd::test {
namespace {

class CtlTopCountries : public CtlTest {
 protected:
  void SetUp() override {
    CtlTest::SetUp();
    ASSERT_TRUE(write_locations(path_));
    Store store = open();
    write(store, {message(scan(1, "192.0.2.8")), message(scan(2, "192.0.2.200")),
                  message(scan(3, "192.0.2.201")), message(scan(4, "203.0.113.1"))});
  }

  std::string path_ = home_.file("locations.db");
};

TEST_F(CtlTopCountries, AreNamedWithScansAndSources) {
  EXPECT_EQ(run(ctl::show_top, {"top", "countries", "--locations", path_.c_str()}),
            "SCANS  SOURCES  CODE  COUNTRY\n"
            "    2        2  FR    <b>France</b>?[31m?\n"
            "    1        1        not known\n"
            "    1        1  DE    Germany\n");
}

TEST_F(CtlTopCountries, AsJsonEachIsAnObject) {
  EXPECT_EQ(run(ctl::show_top,
                {"top", "countries", "-n", "2", "-o", "json", "--locations", path_.c_str()}),
            R"({"name":"<b>France</b>?[31m?","code":"FR","scans":2,"sources":2})"
            "\n"
            R"({"name":"not known","scans":1,"sources":1})"
            "\n");
}

TEST_F(CtlTopCountries, WithoutADatabaseThatIsAnError) {
  EXPECT_EQ(run(ctl::show_top, {"top", "countries"}),
            "open(" + home_.file("none.db") + "): No such file or directory");
}

TEST_F(CtlTopCountries, ShowNamesCountryAndSystemWhereThereIsADatabase) {
  const auto line = [&](std::initializer_list<const char*> words) {
    const std::string text = run(ctl::show_scan, words);
    const auto at = text.find("\ncountry");
    return at == std::string::npos ? text.substr(0, text.find('\n'))
                                   : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  };
  EXPECT_EQ(line({"show", "1", "--locations", path_.c_str()}),
            "country     DE Germany, AS64500 Example Net & Sons");
  EXPECT_EQ(line({"show", "4", "--locations", path_.c_str()}), line({"show", "4"}))
      << "in no network";
  EXPECT_EQ(line({"show", "1"}).find("Scan 1"), 0U) << "no database";
  const std::string none = home_.file("other.db");
  EXPECT_EQ(line({"show", "1", "--locations", none.c_str()}),
            "open(" + none + "): No such file or directory");
}

}  // namespace
}  // namespace scanlogd::test
