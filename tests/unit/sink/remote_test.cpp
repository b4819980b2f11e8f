// Collectors: what is understood, and what the sandbox is asked for.
#include "sink/remote.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>

#include "support/collector.h"

namespace scanlogd::test {
namespace {

std::string complaint(std::string_view text) {
  const auto remote = Remote::parse(text, "FILE:1");
  return remote ? "none" : remote.error().what;
}

TEST(Remote, UnderstandsUdpTcpAndUnix) {
  EXPECT_FALSE((*Remote::parse("udp:192.0.2.1:514", ""))->is_stream());
  EXPECT_TRUE((*Remote::parse("tcp:[2001:db8::1]:6514", ""))->is_stream());
  EXPECT_FALSE((*Remote::parse("unix:/dev/log", ""))->is_stream());
  EXPECT_TRUE((*Remote::parse("unix_stream:/dev/log", ""))->is_stream());
}

TEST(Remote, SaysWhatIsWrong) {
  EXPECT_EQ(complaint("192.0.2.1"),
            "FILE:1: '192.0.2.1' must begin with udp:, tcp:, unix: or unix_stream:");
  for (const std::string address :
       {"log.example:514", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[::1]",
        "192.0.2.1:5x", "2001:db8::1:514", "[192.0.2.1]:514", ""}) {
    EXPECT_EQ(complaint("udp:" + address),
              "FILE:1: '" + address +
                  "' must be ADDRESS:PORT, such as 192.0.2.1:514 or [2001:db8::1]:514");
  }
  EXPECT_EQ(complaint("unix:log"), "open(log): Invalid argument");
}

TEST(Remote, NamesThePortThatItNeedsByTcpOnly) {
  EXPECT_EQ((*Remote::parse("tcp:192.0.2.1:6514", ""))->tcp_port(), 6514);
  EXPECT_EQ((*Remote::parse("udp:192.0.2.1:514", ""))->tcp_port(), 0);
  EXPECT_EQ((*Remote::parse("unix:/dev/log", ""))->tcp_port(), 0);
}

TEST(Remote, AsksForSocketsOfItsFamilyOnly) {
  const auto calls = (*Remote::parse("udp:[::1]:514", ""))->calls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].name, "socket");
  EXPECT_EQ(calls[0].tests[0].value, static_cast<std::uint64_t>(AF_INET6));
  EXPECT_TRUE((*Remote::parse("unix:/dev/log", ""))->calls().empty());
}

TEST(Remote, ConnectsToAUnixSocket) {
  Collector collector;
  const auto remote = Remote::parse("unix:" + collector.path(), "");
  ASSERT_TRUE(remote);
  const auto way = (*remote)->connect();
  ASSERT_EQ(::write(way.out.get(), "x", 1), 1);
  EXPECT_EQ(collector.read(), "x");
}

TEST(Remote, ConnectsByTcpWithoutWaiting) {
  const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  ASSERT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto remote = Remote::parse("tcp:127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "");
  ASSERT_TRUE(remote);
  const auto way = (*remote)->connect();
  ASSERT_TRUE(way.out);
  pollfd ready{.fd = way.out.get(), .events = POLLOUT, .revents = 0};
  ASSERT_EQ(::poll(&ready, 1, 5000), 1);
  EXPECT_EQ(::write(way.out.get(), "x", 1), 1);
}

TEST(Remote, TheNameOfThisMachineHasNoBlanks) {
  const std::string name = host_name("-");
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find(' '), std::string::npos);
}

}  // namespace
}  // namespace scanlogd::test
