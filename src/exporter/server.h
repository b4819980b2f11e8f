// As much of HTTP (RFC 9112) as a scraper needs: GET of one page, one request a connection, on
// sockets that nobody else's network reaches. Everything is bounded; one thread, poll(2).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd::exporter {

/// Listens at `address`, `127.0.0.1:PORT` or `[::1]:PORT`; any other is an error, as what is told
/// is not for everybody.
[[nodiscard]] Result<UniqueFd> listen_tcp(std::string_view address);

/// Listens at the UNIX socket `path`, mode 0660, in the place of one that a dead process has left.
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path);

/// Answers whoever connects to its sockets.
class Server {
 public:
  using Clock = std::chrono::steady_clock;

  /// Connections at once; further ones wait.
  static constexpr std::size_t kMaxClients = 16;
  /// Bytes of a request.
  static constexpr std::size_t kMaxRequest = 4096;
  /// How long one may take to ask, and to read.
  static constexpr std::chrono::seconds kPatience{5};

  /// `page` makes what `GET /metrics` gets; it is asked at most once a second.
  Server(std::vector<UniqueFd> sockets, std::function<std::string()> page)
      : sockets_(std::move(sockets)), page_(std::move(page)) {}

  /// Waits for at most `patience` and serves who is there.
  void serve(std::chrono::milliseconds patience);

 private:
  struct Client {
    UniqueFd socket;
    Clock::time_point end;
    std::string request{};
    std::string answer{};
    std::size_t sent = 0;
    bool is_done = false;
  };

  void accept_from(int socket);
  void advance(Client& client);
  [[nodiscard]] std::string answer_to(std::string_view request);
  [[nodiscard]] const std::string& page();

  std::vector<UniqueFd> sockets_;
  std::function<std::string()> page_;
  std::vector<Client> clients_;
  std::string latest_;
  Clock::time_point made_{};
};

}  // namespace scanlogd::exporter
