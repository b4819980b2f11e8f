// File and command line together, on files in a directory of the test's own.
#include "daemon/configuration.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/temporary_directory.h"

namespace scanlogd {
namespace {

namespace fs = std::filesystem;

class ConfigurationTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_.file("scanlogd.toml"); }

  /// Replaces the file, as an editor or a package does: by another one of its name.
  void write(std::string_view text) const {
    std::ofstream(folder_.file("new")) << text;
    std::filesystem::rename(folder_.file("new"), path());
  }

  [[nodiscard]] Result<Configuration> load(const std::vector<std::string>& more = {}) const {
    const std::string option = "--config=" + path();
    std::vector<const char*> arguments = {"scanlogd", option.c_str()};
    for (const std::string& each : more) arguments.push_back(each.c_str());
    return Configuration::load(static_cast<int>(arguments.size()), arguments.data());
  }

  test::TemporaryDirectory folder_;
};

TEST_F(ConfigurationTest, TheFileSaysWhatTheCommandLineDoesNot) {
  write("[daemon]\nuser = 'watcher'\naccounts = '1m'\n[capture]\nbackend = 'raw'\n");
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().what;
  EXPECT_EQ(loaded->options().user, "watcher");
  EXPECT_EQ(loaded->options().accounts, std::chrono::minutes{1});
  EXPECT_EQ(loaded->options().capture, "raw");
  EXPECT_EQ(loaded->options().chroot, SCANLOGD_CHROOT);
  EXPECT_TRUE(loaded->has_file());
}

TEST_F(ConfigurationTest, TheCommandLineWins) {
  write(
      "[daemon]\nuser = 'watcher'\nsingle = true\nsandbox = false\n"
      "[capture]\ninterfaces = ['eth0']\npromiscuous = true\noutgoing = true\n"
      "[detect.classic]\nthreshold = '30,5s,2,1'\n[log]\nsinks = ['stdout']\n");
  const auto loaded =
      load({"--user", "other", "--single=false", "--no-sandbox=false", "-i", "eth1",
            "--promiscuous=false", "--outgoing=false", "--threshold", "40,6s", "--log", "syslog"});
  ASSERT_TRUE(loaded) << loaded.error().what;
  const Options& options = loaded->options();
  EXPECT_EQ(options.user, "other");
  EXPECT_FALSE(options.single);
  EXPECT_TRUE(options.sandbox);
  EXPECT_EQ(options.interfaces, std::vector<std::string>{"eth1"});
  EXPECT_EQ(options.capture_options, Section());
  EXPECT_FALSE(options.outgoing);
  EXPECT_EQ(options.detector_options.text("threshold"), "40");
  EXPECT_EQ(options.detector_options.text("delay"), "6s");
  EXPECT_EQ(options.detector_options.text("low_weight"), "2");
  EXPECT_EQ(options.sinks, std::vector<std::string>{"syslog"});
}

TEST_F(ConfigurationTest, OfTwoWaysToSayTheSizeOfTablesTheCommandLinesCounts) {
  write("[detect]\nmemory = '2M'\n");
  const auto loaded = load({"--sources", "512"});
  ASSERT_TRUE(loaded) << loaded.error().what;
  EXPECT_EQ(loaded->options().detector_options.text("sources"), "512");
  EXPECT_FALSE(loaded->options().detector_options.has("memory"));
}

TEST_F(ConfigurationTest, WhoStartsItByHandSeesTheLines) {
  write("[log]\nsinks = ['syslog']\n");
  EXPECT_EQ(load({"-f"})->options().sinks, std::vector<std::string>{"stdout"});
  EXPECT_EQ(load({"-r", "x.pcap"})->options().sinks, std::vector<std::string>{"stdout"});
  EXPECT_EQ(load({"--supervised"})->options().sinks, std::vector<std::string>{"syslog"});
  EXPECT_TRUE(load({"--supervised"})->options().foreground);
}

TEST_F(ConfigurationTest, OfAFileRunOnlyTheJudgementIsConfigured) {
  write(
      "[daemon]\nengines = 4\naccounts = '1m'\nstate = '/srv/x'\n"
      "[capture]\nbackend = 'raw'\ninterfaces = ['eth0']\npromiscuous = true\noutgoing = true\n"
      "local = ['192.0.2.0/24']\n[detect.classic]\nthreshold = 30\n");
  const auto loaded = load({"-r", "x.pcap"});
  ASSERT_TRUE(loaded) << loaded.error().what;
  const Options& options = loaded->options();
  EXPECT_EQ(options.engines, 1U);
  EXPECT_EQ(options.accounts, std::chrono::milliseconds{0});
  EXPECT_EQ(options.state, "");
  EXPECT_EQ(options.capture, "auto");
  EXPECT_TRUE(options.interfaces.empty());
  EXPECT_EQ(options.capture_options, Section());
  EXPECT_FALSE(options.outgoing);
  EXPECT_EQ(options.local.size(), 1U);
  EXPECT_EQ(options.detector_options.text("threshold"), "30");
}

TEST_F(ConfigurationTest, AFileThatIsNamedHasToBeThere) {
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().what, "open(" + path() + "): No such file or directory");
}

TEST_F(ConfigurationTest, AFileCanBeRefused) {
  const std::vector<const char*> arguments = {"scanlogd", "--no-config"};
  const auto loaded = Configuration::load(2, arguments.data());
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->has_file());
  EXPECT_EQ(loaded->directory(), -1);
  EXPECT_FALSE(load({"--no-config"})) << "both asked for and refused";
}

TEST_F(ConfigurationTest, OnlyARegularFileIsRead) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(load().error().what, "open(" + path() + "): not a regular file");
  fs::remove(path());
  fs::create_directory(path());
  EXPECT_EQ(load().error().what, "open(" + path() + "): not a regular file");
}

TEST_F(ConfigurationTest, AFileMayHaveAMegabyteAndNoMore) {
  write(std::string(ConfigFile::kMostBytes - 1, '#') + "\n");
  EXPECT_TRUE(load());
  write(std::string(ConfigFile::kMostBytes, '#') + "\n");
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EFBIG);
}

TEST_F(ConfigurationTest, AMistakeIsToldWithFileAndLine) {
  write("[daemon]\nusr = 'x'\n");
  EXPECT_EQ(load().error().what, path() + ":2: unknown key 'usr' (did you mean 'user'?)");
}

TEST_F(ConfigurationTest, ItIsReadAgainBeneathTheSameCommandLine) {
  write("[daemon]\naccounts = '1m'\n[detect.classic]\nthreshold = 30\n");
  const auto loaded = load({"--threshold", "40"});
  ASSERT_TRUE(loaded);
  write("[daemon]\naccounts = '2m'\n[detect.classic]\nthreshold = 31\ndelay = '5s'\n");
  const auto again = loaded->reread();
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->accounts, std::chrono::minutes{2});
  EXPECT_EQ(again->detector_options.text("threshold"), "40");
  EXPECT_EQ(again->detector_options.text("delay"), "5s");
}

TEST_F(ConfigurationTest, WhatIsGoneOrWrongWhenReadAgainIsToldAndChangesNothing) {
  write("[daemon]\naccounts = '1m'\n");
  const auto loaded = load();
  ASSERT_TRUE(loaded);
  write("[daemon]\naccounts = 'x'\n");
  EXPECT_EQ(loaded->reread().error().what, path() + ":2: 'x' must be a time of at least 1s, or 0");
  fs::remove(path());
  EXPECT_EQ(loaded->reread().error().what, "open(" + path() + "): No such file or directory");
  EXPECT_EQ(loaded->options().accounts, std::chrono::minutes{1});
}

}  // namespace
}  // namespace scanlogd
