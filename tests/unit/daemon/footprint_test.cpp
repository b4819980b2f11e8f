// What a daemon gives back after its start: resident memory as the kernel counts it.
#include "daemon/footprint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace scanlogd {
namespace {

/// kB of this process's memory that stand in files: code, and constants beside it.
long resident_files() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  return -1;
}

TEST(Footprint, PagesOfProgramsThatWereUsedAreGivenBackAndComeAgain) {
  const long before = resident_files();
  ASSERT_GT(before, 0);
  shed_start();
  const long after = resident_files();
  EXPECT_LT(after, before * 3 / 4);
  // What was given back still works, and so does what is written to.
  static int written = 1;
  written += static_cast<int>(std::to_string(before).size());
  shed_start();
  EXPECT_EQ(written, 1 + static_cast<int>(std::to_string(before).size()));
}

}  // namespace
}  // namespace scanlogd
