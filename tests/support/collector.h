// Whoever is behind a sink, for tests: a UNIX datagram socket in a directory of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {

/// Binds `path()` at construction and keeps what comes until it is read.
class Collector {
 public:
  Collector() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  [[nodiscard]] std::string path() const { return folder_.file("socket"); }

  /// The next message; empty where there is none.
  std::string read() {
    std::string text(65536, '\0');
    const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

 private:
  TemporaryDirectory folder_;
  UniqueFd socket_;
};

}  // namespace scanlogd::test
