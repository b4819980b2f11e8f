// The little there is of HTTP: what is answered, what is refused, and that nobody can keep it busy.
#include "exporter/server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string>

#include "support/temporary_directory.h"

namespace scanlogd::exporter {
namespace {

class HttpServer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto socket = listen_unix(path());
    ASSERT_TRUE(socket) << socket.error().what;
    std::vector<UniqueFd> sockets;
    sockets.push_back(std::move(*socket));
    server_.emplace(std::move(sockets), [this] {
      ++pages_;
      return std::string("scanlogd_up 1\n");
    });
  }

  std::string path() const { return folder_.file("socket"); }
  UniqueFd connect() const {
    UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return client;
  }
  void turn() {
    for (int i = 0; i < 4; ++i) server_->serve(std::chrono::milliseconds(0));
  }
  std::string ask(const std::string& request) {
    const UniqueFd client = connect();
    EXPECT_EQ(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    turn();
    return read(client);
  }
  static std::string read(const UniqueFd& client) {
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t size = 0; (size = ::recv(client.get(), part.data(), part.size(), 0)) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(size));
    }
    return all;
  }

  test::TemporaryDirectory folder_;
  int pages_ = 0;
  std::optional<Server> server_;
};

TEST_F(HttpServer, AnswersWithThePage) {
  const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  EXPECT_NE(answer.find("Content-Length: 14\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nscanlogd_up 1\n"));
}

TEST_F(HttpServer, RefusesWhateverElse) {
  EXPECT_TRUE(ask("GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET  \r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(std::string(Server::kMaxRequest + 1, 'x')).starts_with("HTTP/1.1 431 "));
  EXPECT_EQ(pages_, 0);
}

TEST_F(HttpServer, ARequestMayComeInPieces) {
  const UniqueFd client = connect();
  for (const std::string_view piece : {"GET /met", "rics HTTP/1.0\r", "\n\r\n"}) {
    (void)::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    turn();
  }
  EXPECT_TRUE(read(client).starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServer, ThePageIsMadeOnceForWhoeverAsksInAHurry) {
  for (int i = 0; i < 5; ++i) (void)ask("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_LE(pages_, 2);
}

TEST_F(HttpServer, BeyondTheMostClientsOthersWait) {
  std::vector<UniqueFd> silent;
  for (std::size_t i = 0; i < Server::kMaxClients; ++i) silent.push_back(connect());
  for (std::size_t i = 0; i <= Server::kMaxClients; ++i) turn();
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\n\r\n"), "");
  silent.clear();
  turn();
  EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST(Listening, IsForThisMachineOnly) {
  EXPECT_TRUE(listen_tcp("127.0.0.1:0"));
  for (const std::string_view address : {"0.0.0.0:9977", "192.0.2.1:9977", "127.0.0.1", "[::]:1",
                                         "127.0.0.1:x", "127.0.0.1:65536", "localhost:1", ""}) {
    EXPECT_FALSE(listen_tcp(address)) << address;
  }
}

TEST(Listening, TakesThePlaceOfASocketThatIsLeftOverAndOfNothingElse) {
  const test::TemporaryDirectory folder;
  { const auto dead = listen_unix(folder.file("socket")); }
  const auto alive = listen_unix(folder.file("socket"));
  EXPECT_TRUE(alive);
  EXPECT_FALSE(listen_unix(folder.file("socket")));
  EXPECT_FALSE(listen_unix("/nonexistent/socket"));
}

}  // namespace
}  // namespace scanlogd::exporter
