// The control socket with real connections; what takes other users is in tests/live.
#include "daemon/control_socket.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

class ControlSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto listener = open_control_socket(path_, admission_);
    ASSERT_TRUE(listener) << listener.error().what;
    server_.emplace(std::move(*listener), admission_);
  }

  UniqueFd connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path_, address.sun_path);
    UniqueFd client(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return client;
  }
  static void send(const UniqueFd& client, std::string_view text) {
    EXPECT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// What came, "closed", or "nothing".
  static std::string receive(const UniqueFd& client) {
    std::array<char, 256> bytes{};
    const ssize_t size = ::recv(client.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) return errno == EAGAIN ? "nothing" : "broken";
    return size == 0 ? "closed" : std::string(bytes.data(), static_cast<std::size_t>(size));
  }
  void serve(bool is_known = true) {
    server_->serve(now_, [&](const ControlRequest& request, bool is_new) {
      asked_.push_back(to_string(request) + (is_new ? " new" : ""));
      std::optional<ControlAnswer> answer;
      if (is_known) answer.emplace().add("done", "it");
      return answer;
    });
  }
  std::vector<pollfd> watched() const {
    std::vector<pollfd> polled;
    server_->watch(polled, now_);
    return polled;
  }

  TemporaryDirectory home_;
  std::string path_ = home_.file("below/socket");
  ControlAdmission admission_{.user = ::geteuid()};
  std::optional<ControlServer> server_;
  std::vector<std::string> asked_;
  ControlServer::Clock::time_point now_{};
};

TEST_F(ControlSocketTest, AnswersOnceAndCloses) {
  const UniqueFd client = connect();
  send(client, "1 status");
  serve();
  EXPECT_EQ(receive(client), "scanlogd 1 ok\ndone it\n");
  EXPECT_EQ(receive(client), "closed");
  EXPECT_FALSE(server_->is_waiting());
}

TEST_F(ControlSocketTest, AnAnswerThatIsNotKnownIsAskedForAgain) {
  const UniqueFd client = connect();
  send(client, "1 status");
  serve(false);
  EXPECT_TRUE(server_->is_waiting());
  EXPECT_EQ(receive(client), "nothing");
  EXPECT_EQ(watched().back().fd, -1) << "nothing more is to be read from it";
  serve();
  EXPECT_EQ(receive(client), "scanlogd 1 ok\ndone it\n");
  EXPECT_EQ(asked_, (std::vector<std::string>{"1 status new", "1 status"}));
}

TEST_F(ControlSocketTest, NonsenseIsRefusedAndNotPassedOn) {
  const UniqueFd client = connect();
  send(client, std::string(5000, 'x'));
  serve();
  EXPECT_EQ(receive(client), "scanlogd 1 error request: is too long\n");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ControlSocketTest, WhoGoesIsForgotten) {
  { const UniqueFd client = connect(); }
  serve();
  EXPECT_EQ(watched().size(), 1U) << "the listener only";
}

TEST_F(ControlSocketTest, ThoseWhoSayNothingMakeRoomTheOldestFirst) {
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i < ControlServer::kMostClients; ++i) silent.push_back(connect());
  serve();
  EXPECT_EQ(receive(silent.front()), "nothing");
  const UniqueFd client = connect();
  send(client, "1 status");
  serve();
  EXPECT_EQ(receive(client), "scanlogd 1 ok\ndone it\n");
  EXPECT_EQ(receive(silent[0]), "closed");
  EXPECT_EQ(receive(silent[1]), "nothing");
}

TEST_F(ControlSocketTest, WhileAllWaitForAnswersNobodyIsLetIn) {
  std::vector<UniqueFd> waiting;
  for (std::size_t i = 0; i < ControlServer::kMostClients; ++i) {
    waiting.push_back(connect());
    send(waiting.back(), "1 status");
  }
  serve(false);
  const UniqueFd late = connect();
  send(late, "1 reload");
  serve(false);
  for (const pollfd& each : watched()) EXPECT_EQ(each.fd, -1) << "poll(2) would not wait";
  serve();
  EXPECT_EQ(receive(waiting.back()), "scanlogd 1 ok\ndone it\n");
  serve();
  EXPECT_EQ(receive(late), "scanlogd 1 ok\ndone it\n");
}

TEST_F(ControlSocketTest, IsForItsOwnerOnly) {
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TEST_F(ControlSocketTest, ALivingOneIsNotReplacedButOneThatWasLeftIs) {
  const auto again = open_control_socket(path_, admission_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, EADDRINUSE);
  server_.reset();
  EXPECT_TRUE(open_control_socket(path_, admission_));
}

TEST_F(ControlSocketTest, WhatIsNoSocketIsLeftAlone) {
  const auto opened = open_control_socket(home_.path(), admission_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, EEXIST);
  EXPECT_EQ(open_control_socket("/" + std::string(200, 'x'), admission_).error().code,
            ENAMETOOLONG);
  EXPECT_EQ(open_control_socket(home_.file("a/b/c/socket"), admission_).error().code, ENOENT)
      << "only the last two directories are made";
}

TEST(ControlAdmission, RootTheUserAndTheGroupAreLetIn) {
  const ControlAdmission alone{.user = 7};
  EXPECT_TRUE(is_admitted(alone, 0, 9, {}));
  EXPECT_TRUE(is_admitted(alone, 7, 9, {}));
  EXPECT_FALSE(is_admitted(alone, 8, 7, {}));
  const ControlAdmission shared{.user = 7, .group = 4};
  const std::array<gid_t, 2> groups = {3, 4};
  EXPECT_TRUE(is_admitted(shared, 8, 4, {}));
  EXPECT_TRUE(is_admitted(shared, 8, 9, groups));
  EXPECT_FALSE(is_admitted(shared, 8, 9, std::span(groups).first(1)));
  EXPECT_FALSE(is_admitted(shared, 4, 9, {}));
}

TEST_F(ControlSocketTest, WhereNobodyCanBeLetInTheDoorIsClosedForASecondAndThenLookedAt) {
  const UniqueFd client = connect();
  send(client, "1 status");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  serve();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(watched().front().fd, -1) << "poll(2) would only say again that it is readable";
  EXPECT_TRUE(server_->is_waiting()) << "and so the loop has to look of its own accord";
  now_ += 1s - 1ns;
  serve();
  EXPECT_EQ(receive(client), "nothing");
  now_ += 1ns;
  serve();
  EXPECT_EQ(receive(client), "scanlogd 1 ok\ndone it\n");
  EXPECT_FALSE(server_->is_waiting());
}

}  // namespace
}  // namespace scanlogd::test
