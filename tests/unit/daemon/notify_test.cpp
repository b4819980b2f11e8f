// What a service manager hears, and when its watchdog is fed.
#include "daemon/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/unique_fd.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

/// A service manager with an abstract socket, and the environment it gives a service.
class NotifierTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = "scanlogd-notify-test-" + std::to_string(::getpid());
    manager_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(::bind(manager_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }
  void TearDown() override {
    for (const char* const name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
      ::unsetenv(name);
    }
  }

  /// What it hears next; empty: nothing.
  [[nodiscard]] std::string heard() const {
    std::array<char, 512> text{};
    const ssize_t size = ::recv(manager_.get(), text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
  }

  static Notifier notifier() {
    auto made = Notifier::from_environment();
    EXPECT_TRUE(made) << made.error().what;
    return made ? std::move(*made) : Notifier();
  }

  UniqueFd manager_;
};

TEST_F(NotifierTest, TellsOfTheStartAReloadAndTheEnd) {
  const Notifier told = notifier();
  told.ready("watching");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=watching");
  told.reloading();
  EXPECT_TRUE(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  told.stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(NotifierTest, WithoutAManagerItIsMute) {
  ::unsetenv("NOTIFY_SOCKET");
  ::setenv("WATCHDOG_USEC", "1000000", 1);
  Notifier told = notifier();
  told.ready("watching");
  EXPECT_EQ(heard(), "");
  EXPECT_LT(told.until_beat(Notifier::Clock::now()), 0ms);
}

TEST_F(NotifierTest, AManagerThatIsNotThereIsAnErrorAtTheStart) {
  ::setenv("NOTIFY_SOCKET", "@scanlogd-nobody", 1);
  EXPECT_FALSE(Notifier::from_environment());
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(Notifier::from_environment());
}

TEST_F(NotifierTest, WithoutAWatchdogNothingIsEverDue) {
  const Notifier told = notifier();
  EXPECT_FALSE(told.is_due(Notifier::Clock::now() + 1000h));
  EXPECT_LT(told.until_beat(Notifier::Clock::now()), 0ms);
}

TEST_F(NotifierTest, TheWatchdogIsFedAtHalfItsTime) {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  Notifier told = notifier();
  const auto start = Notifier::Clock::now();
  EXPECT_FALSE(told.is_due(start));
  EXPECT_LE(told.until_beat(start), 15s);
  EXPECT_TRUE(told.is_due(start + 15s));
  EXPECT_EQ(told.until_beat(start + 16s), 0ms);
  told.beat(start + 16s, "3 scans");
  EXPECT_EQ(heard(), "WATCHDOG=1\nSTATUS=3 scans");
  told.beat(start + 16s, {});
  EXPECT_EQ(heard(), "WATCHDOG=1");
  EXPECT_FALSE(told.is_due(start + 31s - 1ms));
  EXPECT_TRUE(told.is_due(start + 31s));
  EXPECT_EQ(told.until_beat(start + 31s - 1500us), 2ms) << "rounded up: not too early";
}

TEST_F(NotifierTest, AWatchdogOfAnotherProcessIsNotOurs) {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_LT(notifier().until_beat(Notifier::Clock::now()), 0ms);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_GE(notifier().until_beat(Notifier::Clock::now()), 0ms);
}

TEST_F(NotifierTest, NonsenseInTheEnvironmentIsNoWatchdog) {
  for (const char* const nonsense : {"", "-1", "soon", "30s", "0"}) {
    ::setenv("WATCHDOG_USEC", nonsense, 1);
    EXPECT_LT(notifier().until_beat(Notifier::Clock::now()), 0ms) << nonsense;
  }
}

}  // namespace
}  // namespace scanlogd
