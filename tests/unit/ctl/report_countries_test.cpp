// `scanlogctl report` with a database of networks.
#include <gtest/gtest.h>

#include "support/ctl.h"
#include "support/location_database.h"

namespace scanlogd::test {
namespace {

class CtlReportCountries : public CtlTest {
 protected:
  void SetUp() override {
    CtlTest::SetUp();
    Store store = open();
    write(store, {message(scan(1, "192.0.2.8")), message(scan(2, "2001:db8::1")),
                  message(scan(3, "203.0.113.1"))});
  }
  std::string report() const {
    return run(ctl::write_report, {"report", "--since", "1d", "--locations", path_.c_str()});
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  std::string path_ = home_.file("locations.db");
};

TEST_F(CtlReportCountries, StandInATableOfTheirOwnAndBesideSourcesAndNetworks) {
  ASSERT_TRUE(write_locations(path_));
  const std::string page = report();
  EXPECT_TRUE(has(page, "<h2>Countries of sources</h2>\n<table>\n<caption>By the number of scans"))
      << page;
  EXPECT_TRUE(has(page,
                  "<tr><td class=\"n\">1</td><td class=\"n\">1</td><td>DE</td><td>Germany</td>"
                  "</tr>"));
  EXPECT_TRUE(has(page, "<td></td><td>not known</td></tr>"));
  EXPECT_TRUE(
      has(page, "<td>192.0.2.8</td><td>DE Germany</td><td>AS64500 Example Net &amp; Sons</td>"));
  EXPECT_TRUE(
      has(page, "<td>192.0.2.0/24</td><td>DE Germany</td><td>AS64500 Example Net &amp; Sons"));
  EXPECT_TRUE(has(page, "<td>203.0.113.1</td><td></td><td></td>"));
}

TEST_F(CtlReportCountries, ForeignTextIsText) {
  ASSERT_TRUE(write_locations(path_));
  const std::string page = report();
  EXPECT_TRUE(has(page, "<td>FR</td><td>&lt;b&gt;France&lt;/b&gt;?[31m?</td>")) << page;
  EXPECT_FALSE(has(page, "<b>"));
}

TEST_F(CtlReportCountries, ADatabaseThatWasNamedHasToBeOne) {
  EXPECT_EQ(report(), "open(" + path_ + "): No such file or directory");
  ASSERT_TRUE(std::ofstream(path_) << "no database");
  EXPECT_EQ(report(), "open(" + path_ + "): is no database of libloc");
}

}  // namespace
}  // namespace scanlogd::test
