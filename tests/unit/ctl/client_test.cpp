// Asking a daemon; what it may be told by others is in tests/live/test_control.py.
#include "ctl/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <thread>

#include "core/unique_fd.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path_, address.sun_path);
    listener_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    ASSERT_EQ(::listen(listener_.get(), 1), 0);
  }
  /// The result of asking somebody who answers with `text`.
  Result<ControlAnswer> ask(const std::string& text) {
    std::jthread server([&] {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      request_.resize(256);
      const ssize_t size = ::recv(client.get(), request_.data(), request_.size(), 0);
      request_.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      (void)::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
    });
    return ctl::ask_daemon(path_, {.verb = ControlVerb::reload});
  }

  TemporaryDirectory home_;
  std::string path_ = home_.file("socket");
  UniqueFd listener_;
  std::string request_;
};

TEST_F(ClientTest, GetsTheAnswer) {
  const auto answer = ask("scanlogd 1 ok\ndone x\n");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->find("done"), "x");
  EXPECT_EQ(request_, "1 reload");
}

TEST_F(ClientTest, ARefusalIsAnError) {
  const auto answer = ask("scanlogd 1 error s.toml:3: wrong\n");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ECANCELED);
  EXPECT_EQ(answer.error().what, "s.toml:3: wrong");
}

TEST_F(ClientTest, NonsenseIsAnError) {
  EXPECT_EQ(ask("hello").error().code, EPROTO);
  EXPECT_EQ(ask("").error().code, EPROTO);
  EXPECT_EQ(ask("scanlogd 1 ok\nx " + std::string(kMostControlAnswer, 'y') + "\n").error().code,
            EPROTO);
}

TEST_F(ClientTest, AbsenceIsKnown) {
  listener_.reset();
  EXPECT_TRUE(ctl::is_absence(ctl::ask_daemon(path_, {}).error()));
  EXPECT_TRUE(ctl::is_absence(ctl::ask_daemon(home_.file("none"), {}).error()));
  EXPECT_EQ(ctl::ask_daemon("/" + std::string(200, 'x'), {}).error().code, ENAMETOOLONG);
}

}  // namespace
}  // namespace scanlogd::test
