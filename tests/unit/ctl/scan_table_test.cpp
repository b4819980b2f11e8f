// One line a scan.
#include "ctl/scan_table.h"

#include <gtest/gtest.h>

#include "support/ctl.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

std::string line_of(const Scan& scan) {
  Table table = ctl::make_scan_table();
  ctl::add_scan(table, scan, kNoon);
  const std::string text = table.format(0);
  return text.substr(text.find('\n') + 1);
}

TEST(ScanTable, SaysHowManyPortsWereOpenWhereAnswersWereSeen) {
  Scan scan = some_scan(7);
  scan.event.open_total = scan.event.closed_total = scan.event.filtered_total = 0;
  EXPECT_NE(line_of(scan).find(" - "), std::string::npos) << line_of(scan);
  scan.event.closed_total = 1;
  EXPECT_NE(line_of(scan).find(" 0 "), std::string::npos) << line_of(scan);
  scan.event.open_total = 3;
  EXPECT_NE(line_of(scan).find(" 3 "), std::string::npos) << line_of(scan);
}

TEST(ScanTable, BeginsWithTheNumberOfTheScan) {
  EXPECT_EQ(line_of(some_scan(7)).find_first_of('7'), line_of(some_scan(7)).find_first_not_of(' '));
}

}  // namespace
}  // namespace scanlogd::test
