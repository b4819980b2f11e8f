// Single options as text: limits, special words, and the origin before each complaint.
#include "daemon/settings.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

using Setter = Result<void> (*)(Options&, std::string_view, std::string_view);

/// The complaint about a value, or an empty text.
std::string complaint(Setter set, std::string_view value) {
  Options options;
  const auto done = set(options, value, "x.toml:3");
  if (done) return "";
  EXPECT_EQ(options, Options()) << "a refused value changed something";
  return done.error().what;
}

TEST(Settings, AListIsTakenApartAtItsCommas) {
  EXPECT_EQ(split("a,b"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(split("a,"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(split(""), std::vector<std::string>{""});
}

TEST(Settings, AccountsAreASecondApartAtLeastOrNever) {
  EXPECT_EQ(complaint(set_accounts, "999ms"),
            "x.toml:3: '999ms' must be a time of at least 1s, or 0");
  EXPECT_EQ(complaint(set_accounts, "soon"),
            "x.toml:3: 'soon' must be a time of at least 1s, or 0");
  Options options;
  ASSERT_TRUE(set_accounts(options, "1s", ""));
  EXPECT_EQ(options.accounts, 1s);
  ASSERT_TRUE(set_accounts(options, "1001ms", ""));
  EXPECT_EQ(options.accounts, 1001ms);
  ASSERT_TRUE(set_accounts(options, "0", ""));
  EXPECT_EQ(options.accounts, 0s);
}

TEST(Settings, EnginesAreOneTo64OrAsManyAsProcessors) {
  EXPECT_EQ(complaint(set_engines, "0"), "x.toml:3: '0' is not a whole number from 1 to 64");
  EXPECT_EQ(complaint(set_engines, "65"), "x.toml:3: '65' is not a whole number from 1 to 64");
  Options options;
  ASSERT_TRUE(set_engines(options, "64", ""));
  EXPECT_EQ(options.engines, 64U);
  ASSERT_TRUE(set_engines(options, "auto", ""));
  EXPECT_GE(options.engines, 1U);
}

TEST(Settings, StateIsADirectoryOrNone) {
  EXPECT_EQ(complaint(set_state, ""), "x.toml:3: must be a directory or none");
  Options options;
  ASSERT_TRUE(set_state(options, "/srv/x", ""));
  EXPECT_EQ(options.state, "/srv/x");
  ASSERT_TRUE(set_state(options, "none", ""));
  EXPECT_EQ(options.state, "");
  EXPECT_EQ(complaint(set_control, "x"), "x.toml:3: must be the full path of a socket or none");
  ASSERT_TRUE(set_control(options, "/run/x", ""));
  EXPECT_EQ(options.control, "/run/x");
  ASSERT_TRUE(set_control(options, "none", ""));
  EXPECT_EQ(options.control, "");
}

TEST(Settings, LocalNetworksSayWhereTheyAreWrong) {
  EXPECT_EQ(complaint(set_local, "192.0.2.0/24,192.0.2.1/24"),
            "x.toml:3: '192.0.2.1/24' has host bits set (did you mean '192.0.2.0/24'?)");
  Options options;
  ASSERT_TRUE(set_local(options, "192.0.2.0/24,2001:db8::/32", ""));
  EXPECT_EQ(options.local.size(), 2U);
}

TEST(Settings, MemoryIsPassedOnInBytes) {
  Section section;
  ASSERT_TRUE(set_memory(section, "64M", "--memory"));
  EXPECT_EQ(section.text("memory"), "67108864");
  EXPECT_EQ(section.origin("memory"), "--memory");
  EXPECT_FALSE(set_memory(section, "64MB", "--memory"));
}

TEST(Settings, TheShorthandMustNotRepeatWhatIsThere) {
  Section section;
  section.set("delay", "4s", "x.toml:2");
  const auto twice = set_threshold(section, "21,3s", "x.toml:3");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().what, "x.toml:3: delay is given twice");
}

TEST(Settings, WhatIsNotBuiltInIsToldWithWhatIs) {
  const std::vector<std::string_view> known = {"raw", "pcap"};
  EXPECT_TRUE(require_built_in("pcap", known, "x.toml:3"));
  EXPECT_EQ(require_built_in("nids", known, "x.toml:3").error().what,
            "x.toml:3: 'nids' is not built in; there is raw, pcap");
}

Result<WhatIfSettings> what_if(std::vector<std::string> settings) {
  Options options;
  options.profile = "full";
  options.detector_options.set("sensitivity", "low", "x.toml:3");
  options.detector_options.set("memory", "1000000", "x.toml:4");
  options.profile_options["full"] = options.detector_options;
  options.profile_options["classic"].set("threshold", "30", "x.toml:9");
  options.local = parse_networks("192.0.2.0/24").value();
  return parse_what_if(options, settings);
}

TEST(Settings, WhatIfChangesWhatItNamesAndLeavesTheRest) {
  const auto high = what_if({"sensitivity=high"});
  ASSERT_TRUE(high);
  EXPECT_EQ(high->said, "sensitivity=high");
  EXPECT_EQ(high->profile, "full");
  EXPECT_EQ(high->detector_options.text("sensitivity"), "high");
  EXPECT_EQ(high->detector_options.text("memory"), "1000000");
  EXPECT_EQ(high->local, parse_networks("192.0.2.0/24").value());
}
TEST(Settings, WhatIfTakesSeveralAndAPartWithoutAnEqualsSignBelongsToTheValueBefore) {
  const auto changed = what_if({"ignore-ports=20-25,udp,sensitivity=high", "local=10.0.0.0/8,::1"});
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->said, "ignore-ports=20-25,udp,sensitivity=high,local=10.0.0.0/8,::1");
  EXPECT_EQ(changed->detector_options.text("ignore_ports"), "20-25,udp");
  EXPECT_EQ(changed->detector_options.text("sensitivity"), "high");
  EXPECT_EQ(changed->local, parse_networks("10.0.0.0/8,::1").value());
}
TEST(Settings, WhatIfKnowsTheShorthandAndTheUnitsOfSizes) {
  const auto changed = what_if({"threshold=10,3s,3,1", "sources=1000"});
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->detector_options.text("threshold"), "10");
  EXPECT_EQ(changed->detector_options.text("high_weight"), "1");
  EXPECT_EQ(changed->detector_options.text("sources"), "1000");
  EXPECT_FALSE(changed->detector_options.has("memory"));
  EXPECT_EQ(what_if({"memory=1M"})->detector_options.text("memory"), "1048576");
}
TEST(Settings, WhatIfWithAnotherProfileTakesItsSectionOfTheFile) {
  const auto classic = what_if({"profile=classic,delay=5s"});
  ASSERT_TRUE(classic);
  EXPECT_EQ(classic->profile, "classic");
  EXPECT_EQ(classic->detector_options.text("threshold"), "30");
  EXPECT_EQ(classic->detector_options.text("delay"), "5s");
  EXPECT_FALSE(classic->detector_options.has("sensitivity"));
}
TEST(Settings, WhatIfWithoutAValueListsNothing) {
  const auto none = what_if({"local="});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->local.empty());
}
TEST(Settings, WhatIfSaysWhatIsWrong) {
  EXPECT_EQ(what_if({"high"}).error().what, "--what-if: 'high' must be KEY=VALUE");
  EXPECT_EQ(what_if({""}).error().what, "--what-if: '' must be KEY=VALUE");
  EXPECT_EQ(what_if({"delay=1s", "delay=2s"}).error().what, "--what-if: delay is given twice");
  EXPECT_EQ(what_if({"threshold=21,3s,delay=2s"}).error().what, "--what-if: delay is given twice");
  EXPECT_EQ(what_if({"memory=much"}).error().what,
            "--what-if: 'much' is not a size such as 16M, 512k, 1G or small");
  EXPECT_EQ(what_if({"local=x"}).error().what.substr(0, 19), "--what-if: local: '");
}

}  // namespace
}  // namespace scanlogd
