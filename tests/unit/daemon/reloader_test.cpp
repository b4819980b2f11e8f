// Reading a file again: what the log is told, and what the loop is to do.
#include "daemon/reloader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/scans.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

class ReloaderTest : public ::testing::Test {
 protected:
  ReloaderTest() : reporter_(sinks()) {}

  std::vector<NamedSink> sinks() {
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape_)});
    return sinks;
  }
  void write(std::string_view text) const { std::ofstream(path_) << text; }
  void start(std::string_view text) {
    write(text);
    const std::vector<const char*> arguments = {"scanlogd", "--config", path_.c_str()};
    auto loaded = Configuration::load(3, arguments.data());
    ASSERT_TRUE(loaded) << loaded.error().what;
    configuration_.emplace(std::move(*loaded));
    reloader_.emplace(*configuration_, reporter_, notifier_, "watching");
  }
  /// Reads `text` as the new configuration, and returns what the log says of it.
  std::string reload(std::string_view text) {
    write(text);
    Reloaded reloaded = reloader_->reload();
    orders_ = std::move(reloaded.orders);
    reporter_.settle();
    const std::string told = tape_.notices.empty() ? "" : tape_.notices.back();
    EXPECT_EQ(reloaded.said, told) << "whoever asked for it hears what the log does";
    tape_.notices.clear();
    return told;
  }

  TemporaryDirectory home_;
  std::string path_ = home_.file("s.toml");
  RecordingSink::Tape tape_;
  Reporter reporter_;
  Notifier notifier_;
  std::optional<Configuration> configuration_;
  std::optional<Reloader> reloader_;
  std::optional<Orders> orders_;
};

TEST_F(ReloaderTest, AGoodFileGivesOrders) {
  start("");
  EXPECT_EQ(reload("[daemon]\naccounts = '1m'\n[detect.classic]\nthreshold = 12\n"),
            "configuration read again: now in force: daemon.accounts, detect.classic.threshold");
  ASSERT_TRUE(orders_);
  EXPECT_EQ(orders_->accounts, 1min);
  ASSERT_TRUE(orders_->engines);
  EXPECT_EQ(orders_->engines->detector().text("threshold"), "12");
}

TEST_F(ReloaderTest, WhatNeedsOtherTablesWaitsForANewStart) {
  start("");
  EXPECT_EQ(reload("[detect.classic]\nthreshold = 22\n"),
            "configuration read again: after a new start only: detect.classic.threshold");
  ASSERT_TRUE(orders_);
  EXPECT_FALSE(orders_->engines);
  EXPECT_EQ(reload("[detect.classic]\nthreshold = 21\n"),
            "configuration read again: now in force: detect.classic.threshold")
      << "as many ports as before";
}

TEST_F(ReloaderTest, EachFileIsComparedWithWhatRunsByThen) {
  start("");
  (void)reload("[daemon]\naccounts = '1m'\nengines = 2\n");
  EXPECT_EQ(reload("[daemon]\naccounts = '1m'\n"), "configuration read again: nothing has changed");
  ASSERT_TRUE(orders_);
  EXPECT_EQ(orders_->accounts, 1min);
  EXPECT_FALSE(orders_->engines);
}

TEST_F(ReloaderTest, AWrongFileIsToldWithItsLineAndChangesNothing) {
  start("[daemon]\naccounts = '1m'\n");
  EXPECT_EQ(reload("[daemon]\naccounts = '2m'\nusr = 'x'\n"),
            path_ +
                ":3: unknown key 'usr' (did you mean 'user'?); the configuration stays as it "
                "was");
  EXPECT_FALSE(orders_);
  EXPECT_EQ(reload("[daemon]\naccounts = '1m'\n"), "configuration read again: nothing has changed");
}

TEST_F(ReloaderTest, WhatADetectorRefusesIsWrong) {
  start("");
  EXPECT_EQ(reload("[detect.classic]\nthreshold = 3\n"),
            path_ +
                ":2: 3 must be more than one port weighs: a scan is at least two ports; the "
                "configuration stays as it was");
  EXPECT_FALSE(orders_);
  EXPECT_EQ(reload("[detect.full]\nsensitivity = 'much'\n"),
            path_ + ":2: 'much' is none of high, normal, low; the configuration stays as it was");
  EXPECT_FALSE(orders_) << "though another detector runs";
}

TEST_F(ReloaderTest, AFileThatIsGoneChangesNothing) {
  start("");
  std::filesystem::remove(path_);
  const Reloaded reloaded = reloader_->reload();
  EXPECT_FALSE(reloaded.orders);
  EXPECT_TRUE(reloaded.is_refused);
  reporter_.settle();
  ASSERT_EQ(tape_.notices.size(), 1U);
  EXPECT_EQ(tape_.notices[0], "open(" + path_ +
                                  "): No such file or directory; the configuration stays as it "
                                  "was");
}

TEST_F(ReloaderTest, WithoutAFileNothingIsReadAndNothingSaid) {
  const std::vector<const char*> arguments = {"scanlogd", "--no-config"};
  const auto loaded = Configuration::load(2, arguments.data());
  ASSERT_TRUE(loaded);
  Reloader reloader(*loaded, reporter_, notifier_, "watching");
  const Reloaded reloaded = reloader.reload();
  EXPECT_FALSE(reloaded.orders);
  EXPECT_FALSE(reloaded.is_refused);
  EXPECT_EQ(reloaded.said, "there is no configuration file: logs opened anew");
  reporter_.settle();
  EXPECT_TRUE(tape_.notices.empty());
}

}  // namespace
}  // namespace scanlogd::test
