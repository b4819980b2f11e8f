// EVE JSON as a sink: a file that is rotated, a disk that is full, sockets.
#include "core/eve.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "core/unique_fd.h"
#include "support/scans.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

class EveSink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }

  std::string in(const std::string& name) const { return directory_.file(name); }

  static Result<std::unique_ptr<Sink>> open(const std::string& path, const std::string& type) {
    Section options;
    options.set("path", path, "test");
    options.set("type", type, "test");
    return open_sink("eve", options);
  }
  static std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static std::string event(std::uint64_t id) {
    std::string text;
    append_eve(text, some_scan(id), {});
    return text + '\n';
  }
  UniqueFd listen(const std::string& path, int type) const {
    UniqueFd socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(socket.get(), 1), 0);
    }
    return socket;
  }
  static std::string receive(int from) {
    std::string text(65536, '\0');
    const ssize_t size = ::recv(from, text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

  TemporaryDirectory directory_;
};

TEST_F(EveSink, WritesOneLineAnEventAndAppends) {
  for (std::uint64_t id = 1; id <= 2; ++id) {
    auto sink = open(in("eve.json"), "file");
    ASSERT_TRUE(sink) << sink.error().what;
    EXPECT_TRUE((*sink)->write(some_scan(id), {}));
    EXPECT_EQ((*sink)->stats().delivered, 1U);
  }
  EXPECT_EQ(contents(in("eve.json")), event(1) + event(2));
}

TEST_F(EveSink, WhatFollowsALineThatAKillHasCutIsALineOfItsOwn) {
  const std::string path = in("eve.json");
  const std::string whole = event(1);
  for (const std::size_t cut : {std::size_t{1}, whole.size() - 1, whole.size()}) {
    std::ofstream(path, std::ios::trunc) << whole.substr(0, cut);
    const auto sink = open(path, "file").value();
    EXPECT_TRUE(sink->write(some_scan(2), {}));
    sink->flush(Flush::reopen);
    EXPECT_TRUE(sink->write(some_scan(3), {}));
    const std::string before = cut < whole.size() ? whole.substr(0, cut) + '\n' : whole;
    EXPECT_EQ(contents(path), before + event(2) + event(3)) << cut;
  }
}

TEST_F(EveSink, TellsOfScansThatTheLogDoesNotTellOf) {
  auto sink = open(in("eve.json"), "file");
  ASSERT_TRUE(sink);
  Scan scan = some_scan();
  scan.announce = Announce::held_back;
  EXPECT_TRUE((*sink)->write(scan, {}));
  EXPECT_NE(contents(in("eve.json")).find(R"("announce":"held_back")"), std::string::npos);
}

TEST_F(EveSink, TellsOfNotices) {
  auto sink = open(in("eve.json"), "file");
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write(make_notice(Severity::info, {}, "seen 1"), {}));
  EXPECT_NE(contents(in("eve.json")).find(R"("engine":{"message":"seen 1"})"), std::string::npos);
}

TEST_F(EveSink, AfterRotationItWritesToTheNewFile) {
  auto sink = open(in("eve.json"), "file");
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write(some_scan(1), {}));
  std::filesystem::rename(in("eve.json"), in("eve.json.1"));
  EXPECT_TRUE((*sink)->write(some_scan(2), {}));
  (*sink)->flush(Flush::reopen);
  EXPECT_TRUE((*sink)->write(some_scan(3), {}));
  EXPECT_EQ(contents(in("eve.json.1")), event(1) + event(2));
  EXPECT_EQ(contents(in("eve.json")), event(3));
}

TEST_F(EveSink, WhatTheDiskHasNoRoomForWaits) {
  // /dev/full stands for the disk.
  auto sink = open("/dev/full", "file");
  ASSERT_TRUE(sink);
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_TRUE((*sink)->write(some_scan(id), {}));
  const SinkStats stats = (*sink)->stats();
  EXPECT_EQ(stats.written, 3U);
  EXPECT_EQ(stats.waiting, 3U);
  EXPECT_EQ(stats.delivered, 0U);
}

TEST_F(EveSink, BeyondTheSpoolEventsAreCountedAsLost) {
  auto sink = open("/dev/full", "file");
  ASSERT_TRUE(sink);
  constexpr std::uint64_t kScans = 3000;
  for (std::uint64_t id = 1; id <= kScans; ++id) EXPECT_TRUE((*sink)->write(some_scan(id), {}));
  const SinkStats stats = (*sink)->stats();
  EXPECT_GT(stats.waiting, 900U);
  EXPECT_GT(stats.lost, 0U);
  EXPECT_EQ(stats.written, stats.delivered + stats.waiting + stats.lost);
}

TEST_F(EveSink, DatagramsWaitForTheirReader) {
  auto sink = open(in("socket"), "unix_dgram");
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write(some_scan(1), {}));
  EXPECT_EQ((*sink)->stats().waiting, 1U);
  const UniqueFd socket = listen(in("socket"), SOCK_DGRAM);
  EXPECT_TRUE((*sink)->write(some_scan(2), {}));
  EXPECT_EQ(receive(socket.get()), event(1));
  EXPECT_EQ(receive(socket.get()), event(2));
}

TEST_F(EveSink, AStreamReaderThatGoesAndComesLosesNothingThatWasNotSent) {
  UniqueFd socket = listen(in("socket"), SOCK_STREAM);
  auto sink = open(in("socket"), "unix_stream");
  ASSERT_TRUE(sink);
  EXPECT_TRUE((*sink)->write(some_scan(1), {}));
  UniqueFd peer(::accept(socket.get(), nullptr, nullptr));
  EXPECT_EQ(receive(peer.get()), event(1));
  peer.reset();
  socket.reset();
  std::filesystem::remove(in("socket"));
  EXPECT_TRUE((*sink)->write(some_scan(2), {}));
  EXPECT_EQ((*sink)->stats().waiting, 1U);
  socket = listen(in("socket"), SOCK_STREAM);
  (*sink)->flush(Flush::waiting);
  UniqueFd next(::accept(socket.get(), nullptr, nullptr));
  EXPECT_EQ(receive(next.get()), event(2));
  EXPECT_EQ((*sink)->stats().delivered, 2U);
}

TEST_F(EveSink, SaysWhatIsWrongWithItsOptions) {
  EXPECT_EQ(open(in("x"), "redis").error().what,
            "test: 'redis' must be file, unix_dgram or unix_stream");
  EXPECT_EQ(open("x", "file").error().what, "open(x): Invalid argument");
  EXPECT_EQ(open(directory_.path(), "file").error().what,
            "open(" + directory_.path() + "): Is a directory");
  Section unknown;
  unknown.set("paht", "/x", "test");
  EXPECT_FALSE(open_sink("eve", unknown));
}

}  // namespace
}  // namespace scanlogd::test
