// What changes with another configuration, and what waits for a new start.
#include "daemon/reload.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "daemon/command_line.h"
#include "daemon/config_file.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

constexpr std::array<std::string_view, 2> kTunable = {"threshold", "low_weight"};

/// The options of a daemon with this file.
Options with(std::string_view text) {
  auto base = parse_config(text, "s.toml", default_options());
  EXPECT_TRUE(base) << base.error().what;
  const char* const arguments[] = {"scanlogd"};
  auto options = parse_command_line(1, arguments, base.value_or(default_options()));
  EXPECT_TRUE(options);
  return std::move(options.value());
}

Reload plan(std::string_view running, std::string_view wanted) {
  return plan_reload(with(running), with(wanted), kTunable);
}

TEST(Reload, TheSameConfigurationChangesNothing) {
  const std::string_view text = "[detect.classic]\nthreshold = 30\n[capture]\nlocal = ['::1']\n";
  const Reload reload = plan(text, text);
  EXPECT_EQ(reload.options, with(text));
  EXPECT_FALSE(reload.engines);
  EXPECT_EQ(reload.summary(), "configuration read again: nothing has changed");
}

TEST(Reload, IntervalNetworksAndThresholdsChangeNow) {
  const Reload reload = plan("",
                             "[daemon]\naccounts = '1m'\n[capture]\nlocal = ['192.0.2.0/24']\n"
                             "[detect.classic]\nthreshold = 30\n");
  EXPECT_EQ(reload.changed,
            (Names{"daemon.accounts", "capture.local", "detect.classic.threshold"}));
  EXPECT_TRUE(reload.restart.empty());
  EXPECT_EQ(reload.options.accounts, 1min);
  ASSERT_TRUE(reload.engines);
  ASSERT_EQ(reload.engines->local().size(), 1U);
  EXPECT_EQ(reload.engines->local()[0], parse_network("192.0.2.0/24").value());
  EXPECT_EQ(reload.engines->detector().text("threshold"), "30");
  EXPECT_EQ(reload.summary(),
            "configuration read again: now in force: daemon.accounts, capture.local, "
            "detect.classic.threshold");
}

TEST(Reload, TheIntervalIsOfNoConcernToEngines) {
  EXPECT_FALSE(plan("", "[daemon]\naccounts = '1m'\n").engines);
}

TEST(Reload, ListsAtTheirLongestFit) {
  Options options;
  const std::string network = "2001:db80:aaaa:bbbb:cccc:dddd:eeee:ffff/128";
  const std::string port = "10000-65535/sctp";
  const auto repeat = [](const std::string& entry) {
    std::string text = entry;
    for (int i = 1; i < 64; ++i) text += ", " + entry;
    return text;
  };
  for (const std::string_view key :
       {"ignore_sources", "ignore_targets", "watch_targets", "egress_ignore_targets"}) {
    options.detector_options.set(key, repeat(network), "test");
  }
  for (const std::string_view key : {"ignore_ports", "watch_ports", "egress_ignore_ports"}) {
    options.detector_options.set(key, repeat(port), "test");
  }
  const auto packed = EngineSettings::pack(options);
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->detector(), options.detector_options);
}

TEST(Reload, WhatIsTakenOutIsAtItsDefaultAgain) {
  const Reload reload = plan("[detect.classic]\nthreshold = 30\nlow_weight = 2\n",
                             "[detect.classic]\nlow_weight = 2\n");
  EXPECT_EQ(reload.changed, Names{"detect.classic.threshold"});
  ASSERT_TRUE(reload.engines);
  EXPECT_FALSE(reload.engines->detector().has("threshold"));
  EXPECT_EQ(reload.engines->detector().text("low_weight"), "2");
}

TEST(Reload, TheRestWaitsForANewStart) {
  const Reload reload = plan("",
                             "[daemon]\nuser = 'x'\nchroot = '/x'\nstate = '/x'\ncontrol = "
                             "'/x'\ncontrol_group = 'x'\nengines = 2\n"
                             "sandbox = false\n[capture]\nbackend = 'raw'\n"
                             "interfaces = ['eth0']\noutgoing = true\npromiscuous = true\n"
                             "[detect.classic]\ndelay = '5s'\n"
                             "[log]\nsinks = ['syslog', 'stdout']\n[log.syslog]\nsocket = '/x'\n");
  EXPECT_EQ(reload.restart,
            (Names{"daemon.user", "daemon.chroot", "daemon.state", "daemon.control",
                   "daemon.control_group", "daemon.engines", "daemon.sandbox", "capture.backend",
                   "capture.interfaces", "capture.outgoing", "capture.promiscuous", "log.sinks",
                   "log.syslog.socket", "detect.classic.delay"}));
  EXPECT_TRUE(reload.changed.empty());
  EXPECT_FALSE(reload.engines);
  EXPECT_EQ(reload.options, with("")) << "until then all stays";
  EXPECT_TRUE(reload.summary().starts_with(
      "configuration read again: after a new start only: daemon.user, "));
}

TEST(Reload, WhatWaitsIsNamedBesideWhatChanges) {
  const Reload reload =
      plan("", "[daemon]\naccounts = '1m'\nsingle = true\n[detect.classic]\ndelay = '5s'\n");
  EXPECT_EQ(reload.summary(),
            "configuration read again: now in force: daemon.accounts; after a new start only: "
            "daemon.single, detect.classic.delay");
}

TEST(Reload, OptionsOfAnotherProfileWaitWithIt) {
  const Reload reload =
      plan("", "[detect]\nprofile = 'full'\n[detect.full]\nsensitivity = 'high'\n");
  EXPECT_EQ(reload.restart, Names{"detect.profile"});
  EXPECT_FALSE(reload.engines);
}

TEST(Reload, SectionsNotInUseAreOfNoConcern) {
  EXPECT_TRUE(plan("", "[detect.full]\nsensitivity = 'high'\n[log.stdout]\nformat = 'json'\n")
                  .restart.empty());
}

TEST(Reload, AsManyNetworksAsFitChangeNow) {
  const auto networks = [](std::size_t count) {
    std::string text = "[capture]\nlocal = [";
    for (std::size_t i = 0; i < count; ++i) {
      text += "'10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "',";
    }
    return text + "]\n";
  };
  const Reload most = plan("", networks(EngineSettings::kMostNetworks));
  ASSERT_TRUE(most.engines);
  EXPECT_EQ(most.engines->local().size(), EngineSettings::kMostNetworks);
  const Reload more = plan("", networks(EngineSettings::kMostNetworks + 1));
  EXPECT_FALSE(more.engines);
  EXPECT_EQ(more.restart, Names{"capture.local"});
  EXPECT_TRUE(more.options.local.empty());
}

TEST(EngineSettings, OptionsThatFillTheRecordFitAndOneByteMoreDoesNot) {
  Options options;
  const std::string key = "threshold";
  const std::size_t most = EngineSettings::kMostText - key.size() - 2;
  options.detector_options.set(key, std::string(most, 'x'), "");
  const auto full = EngineSettings::pack(options);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->detector(), options.detector_options);
  options.detector_options.set(key, std::string(most + 1, 'x'), "");
  EXPECT_FALSE(EngineSettings::pack(options));
}

TEST(EngineSettings, AnEmptyValueIsOne) {
  Options options;
  options.detector_options.set("a", "", "");
  options.detector_options.set("b", "2", "");
  EXPECT_EQ(EngineSettings::pack(options)->detector(), options.detector_options);
}

}  // namespace
}  // namespace scanlogd
