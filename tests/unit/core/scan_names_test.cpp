// Every value has a name of its own, and the name leads back.
#include "core/scan_names.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace scanlogd {
namespace {

/// Checks the values from 0 to `last`, and that there is none behind.
template <class Value>
void check(Value last) {
  std::set<std::string_view> names;
  const auto count = static_cast<std::uint8_t>(last) + 1;
  for (int number = 0; number < count; ++number) {
    const auto value = static_cast<Value>(number);
    const std::string_view name = name_of(value);
    EXPECT_FALSE(name.empty()) << number;
    EXPECT_TRUE(names.insert(name).second) << name << " is the name of two";
    EXPECT_EQ(value_of<Value>(name), value) << name;
  }
  EXPECT_EQ(name_of(static_cast<Value>(count)), "");
  EXPECT_EQ(name_of(static_cast<Value>(255)), "");
  EXPECT_FALSE(value_of<Value>(""));
  EXPECT_FALSE(value_of<Value>("nothing"));
}

TEST(ScanNames, EveryValueHasOne) {
  check(Phase::end);
  check(EndReason::evicted);
  check(ScanKind::egress);
  check(ScanRule::new_sources);
  check(Technique::ftp_bounce);
  check(Tool::mirai);
  check(Verdict::impossible);
  check(Announce::digest);
}

TEST(ScanNames, AreThoseInTheDocumentation) {
  EXPECT_EQ(name_of(ScanKind::idle_probe), "idle_probe");
  EXPECT_EQ(name_of(ScanRule::glacial), "glacial");
  EXPECT_EQ(name_of(Technique::syn_or_connect), "syn_or_connect");
  EXPECT_EQ(name_of(Technique::ftp_bounce), "ftp_bounce");
  EXPECT_EQ(name_of(Tool::mirai), "mirai");
  EXPECT_EQ(name_of(Verdict::proven), "proven");
}

TEST(ScanNames, SeveritiesAreThoseOfTheSystemLogThatAreInUse) {
  EXPECT_EQ(name_of(Severity::alert), "alert");
  EXPECT_EQ(name_of(Severity::error), "error");
  EXPECT_EQ(name_of(Severity::warning), "warning");
  EXPECT_EQ(name_of(Severity::info), "info");
  EXPECT_EQ(name_of(static_cast<Severity>(2)), "");
  EXPECT_EQ(value_of<Severity>("warning"), Severity::warning);
}

}  // namespace
}  // namespace scanlogd
