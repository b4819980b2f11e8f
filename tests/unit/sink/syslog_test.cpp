// The system log as a sink, with a socket of our own in the place of /dev/log.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "support/scans.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

/// A log daemon: binds the socket, reads what comes, can stop and come back.
class Receiver {
 public:
  Receiver(std::string path, int type) : path_(std::move(path)), type_(type) { start(); }
  ~Receiver() { stop(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  void start() {
    socket_.reset(::socket(AF_UNIX, type_ | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    if (type_ == SOCK_STREAM) {
      ASSERT_EQ(::listen(socket_.get(), 4), 0);
    }
  }
  void stop() {
    peer_.reset();
    socket_.reset();
    (void)::unlink(path_.c_str());
  }
  std::optional<std::string> read() {
    if (type_ == SOCK_STREAM && !peer_)
      peer_.reset(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK));
    std::array<char, 4096> buffer{};
    const int from = type_ == SOCK_STREAM ? peer_.get() : socket_.get();
    const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
    if (size <= 0) return {};
    return std::string(buffer.data(), static_cast<std::size_t>(size));
  }
  std::vector<std::string> read_all() {
    std::vector<std::string> all;
    while (auto one = read()) all.push_back(*one);
    return all;
  }

 private:
  std::string path_;
  int type_;
  UniqueFd socket_;
  UniqueFd peer_;
};

class SyslogSink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }

  std::string path() const { return directory_.file("log"); }
  std::unique_ptr<Sink> open() const {
    Section options;
    options.set("socket", path(), "test");
    auto sink = open_sink("syslog", options);
    EXPECT_TRUE(sink) << sink.error().what;
    return std::move(*sink);
  }
  static std::string datagram(std::uint64_t id) {
    return "<25>Jan  1 00:00:00 scanlogd: " + some_line(id);
  }

  TemporaryDirectory directory_;
};

TEST_F(SyslogSink, WritesTheDatagramOfTheOriginal) {
  Receiver receiver(path(), SOCK_DGRAM);
  const auto sink = open();
  EXPECT_TRUE(sink->write(some_scan(), {}));
  EXPECT_EQ(receiver.read(), datagram(1));
}

TEST_F(SyslogSink, TheLastWordOfTheLimiterIsAMessageToo) {
  Receiver receiver(path(), SOCK_DGRAM);
  const auto sink = open();
  Scan scan = some_scan();
  scan.announce = Announce::more_follow;
  EXPECT_TRUE(sink->write(scan, {}));
  EXPECT_EQ(receiver.read(), "<25>Jan  1 00:00:00 scanlogd: More possible port scans follow");
}

TEST_F(SyslogSink, TakesScansWithALineOnly) {
  const auto sink = open();
  Scan scan = some_scan();
  EXPECT_TRUE(sink->takes(scan));
  scan.announce = Announce::more_follow;
  EXPECT_TRUE(sink->takes(scan));
  scan.announce = Announce::digest;
  EXPECT_FALSE(sink->takes(scan));
}

TEST_F(SyslogSink, ADigestHasThePriorityOfScans) {
  Receiver receiver(path(), SOCK_DGRAM);
  const auto sink = open();
  EXPECT_TRUE(sink->write(make_notice(Severity::alert, {}, "Held back: 3 scans"), {}));
  EXPECT_EQ(receiver.read(), "<25>Jan  1 00:00:00 scanlogd: Held back: 3 scans");
}

TEST_F(SyslogSink, NoticesKeepTheirSeverity) {
  Receiver receiver(path(), SOCK_DGRAM);
  const auto sink = open();
  EXPECT_TRUE(sink->write(make_notice(Severity::info, {}, "seen 0"), {}));
  EXPECT_EQ(receiver.read(), "<30>Jan  1 00:00:00 scanlogd: seen 0");
}

TEST_F(SyslogSink, WaitsForALogDaemonThatIsNotThereYet) {
  const auto sink = open();
  EXPECT_TRUE(sink->write(some_scan(1), {}));
  EXPECT_TRUE(sink->write(some_scan(2), {}));
  EXPECT_EQ(sink->stats().waiting, 2U);
  Receiver receiver(path(), SOCK_DGRAM);
  sink->flush(Flush::waiting);
  EXPECT_EQ(receiver.read_all(), (std::vector{datagram(1), datagram(2)}));
  EXPECT_EQ(sink->stats().delivered, 2U);
}

TEST_F(SyslogSink, FindsTheLogDaemonAgainAfterItsRestart) {
  Receiver receiver(path(), SOCK_DGRAM);
  const auto sink = open();
  EXPECT_TRUE(sink->write(some_scan(1), {}));
  EXPECT_EQ(receiver.read(), datagram(1));
  receiver.stop();
  EXPECT_TRUE(sink->write(some_scan(2), {}));
  EXPECT_TRUE(sink->write(some_scan(3), {}));
  receiver.start();
  EXPECT_TRUE(sink->write(some_scan(4), {}));
  EXPECT_EQ(receiver.read_all(), (std::vector{datagram(2), datagram(3), datagram(4)}));
}

TEST_F(SyslogSink, AHungLogDaemonBlocksNothingAndGetsEverythingLater) {
  Receiver receiver(path(), SOCK_DGRAM);
  const auto sink = open();
  for (std::uint64_t id = 1; id <= 1000; ++id) EXPECT_TRUE(sink->write(some_scan(id), {}));
  EXPECT_GT(sink->stats().waiting, 0U) << "the socket took all: nothing was hung";
  std::vector<std::string> got;
  while (got.size() < 1000) {
    const auto some = receiver.read_all();
    ASSERT_FALSE(some.empty());
    got.insert(got.end(), some.begin(), some.end());
    sink->flush(Flush::waiting);
  }
  for (std::uint64_t id = 1; id <= 1000; ++id) EXPECT_EQ(got[id - 1], datagram(id));
  EXPECT_EQ(sink->stats().lost, 0U);
}

TEST_F(SyslogSink, SaysHowManyMessagesItLost) {
  const auto sink = open();
  for (std::uint64_t id = 1; id <= 5000; ++id) EXPECT_TRUE(sink->write(some_scan(id), {}));
  const SinkStats full = sink->stats();
  EXPECT_GT(full.waiting, 1000U);
  EXPECT_EQ(full.written, full.waiting + full.lost);
  Receiver receiver(path(), SOCK_DGRAM);
  std::vector<std::string> got;
  while (sink->stats().waiting > 0) {
    sink->flush(Flush::waiting);
    const auto some = receiver.read_all();
    got.insert(got.end(), some.begin(), some.end());
  }
  ASSERT_EQ(got.size(), full.waiting + 1);
  EXPECT_EQ(got.front(), datagram(1));
  EXPECT_TRUE(got.back().starts_with("<28>"));
  EXPECT_TRUE(got.back().ends_with("scanlogd: the system log could not be reached: " +
                                   std::to_string(full.lost) + " messages lost"));
}

TEST_F(SyslogSink, SpeaksToAStreamSocketWithAZeroByteAfterEachMessage) {
  Receiver receiver(path(), SOCK_STREAM);
  const auto sink = open();
  EXPECT_TRUE(sink->write(some_scan(1), {}));
  EXPECT_TRUE(sink->write(some_scan(2), {}));
  EXPECT_EQ(receiver.read(), datagram(1) + '\0' + datagram(2) + '\0');
}

TEST_F(SyslogSink, AHungStreamSocketTearsNoMessageApart) {
  Receiver receiver(path(), SOCK_STREAM);
  const auto sink = open();
  std::string expected;
  std::string got;
  for (std::uint64_t id = 1; id <= 5000; ++id) {
    EXPECT_TRUE(sink->write(some_scan(id), {}));
    expected += datagram(id) + '\0';
    if (sink->stats().waiting < 1000) continue;
    while (auto part = receiver.read()) got += *part;
  }
  while (sink->stats().waiting > 0) {
    while (auto part = receiver.read()) got += *part;
    sink->flush(Flush::waiting);
  }
  while (auto part = receiver.read()) got += *part;
  EXPECT_EQ(got, expected);
}

TEST_F(SyslogSink, FollowsALinkToWhereItLed) {
  const std::string real = directory_.file("real");
  Receiver receiver(real, SOCK_DGRAM);
  ASSERT_EQ(::symlink(real.c_str(), path().c_str()), 0);
  const auto sink = open();
  ASSERT_EQ(::unlink(path().c_str()), 0);
  EXPECT_TRUE(sink->write(some_scan(), {}));
  EXPECT_EQ(receiver.read(), datagram(1));
}

TEST_F(SyslogSink, ReopenFindsASocketThatTookThePlaceOfALiveOne) {
  Receiver old(path(), SOCK_DGRAM);
  const auto sink = open();
  EXPECT_TRUE(sink->write(some_scan(1), {}));
  ASSERT_EQ(::unlink(path().c_str()), 0);
  Receiver fresh(path(), SOCK_DGRAM);
  sink->flush(Flush::reopen);
  EXPECT_TRUE(sink->write(some_scan(2), {}));
  EXPECT_EQ(fresh.read(), datagram(2));
  EXPECT_EQ(old.read_all(), std::vector{datagram(1)});
}

TEST_F(SyslogSink, ARelativePathAndAMissingDirectoryAreRefused) {
  Section options;
  options.set("socket", "dev/log", "--socket");
  auto sink = open_sink("syslog", options);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().what, "--socket: 'dev/log' must be an absolute path");
  Section missing;
  missing.set("socket", directory_.file("nowhere/log"), "--socket");
  EXPECT_FALSE(open_sink("syslog", missing));
}

}  // namespace
}  // namespace scanlogd::test
