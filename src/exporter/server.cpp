// See server.h. tcp(7), unix(7), accept4(2).
#include "exporter/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

namespace scanlogd::exporter {
namespace {

constexpr int kBacklog = 16;
constexpr std::chrono::seconds kFresh{1};

std::string response(std::string_view status, std::string_view type, std::string_view body) {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      status, type, body.size(), body);
}

std::string refusal(std::string_view status) {
  return response(status, "text/plain", fmt::format("{}\n", status));
}

Result<UniqueFd> bind_and_listen(UniqueFd socket, const sockaddr* address, socklen_t size,
                                 std::string_view name) {
  if (::bind(socket.get(), address, size) != 0) return fail_errno("bind", name, errno);
  if (::listen(socket.get(), kBacklog) != 0) return fail_errno("listen", name, errno);
  return socket;
}

/// Is there a socket at `path` on which nobody listens?
bool is_left_over(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
             0 &&
         errno == ECONNREFUSED;
}

}  // namespace

Result<UniqueFd> listen_tcp(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon);
  const std::string_view number =
      colon == std::string_view::npos ? std::string_view() : address.substr(colon + 1);
  in_port_t port = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  const bool is_ipv4 = host == "127.0.0.1";
  if (error != std::errc() || end != number.data() + number.size() ||
      (!is_ipv4 && host != "[::1]")) {
    return fail(fmt::format("--listen: '{}' must be 127.0.0.1:PORT or [::1]:PORT", address));
  }
  UniqueFd socket(
      ::socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("socket", address, errno);
  const int yes = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));  // else bind fails
  if (is_ipv4) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(port);
    native.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind_and_listen(std::move(socket), reinterpret_cast<const sockaddr*>(&native),
                           sizeof(native), address);
  }
  sockaddr_in6 native{};
  native.sin6_family = AF_INET6;
  native.sin6_port = htons(port);
  native.sin6_addr = in6addr_loopback;
  return bind_and_listen(std::move(socket), reinterpret_cast<const sockaddr*>(&native),
                         sizeof(native), address);
}

Result<UniqueFd> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return fail_errno("bind", path, ENAMETOOLONG);
  std::ranges::copy(path, address.sun_path);
  if (is_left_over(path, address) && ::unlink(path.c_str()) != 0) {
    return fail_errno("unlink", path, errno);
  }
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("socket", path, errno);
  const mode_t before = ::umask(0117);
  auto listening = bind_and_listen(std::move(socket), reinterpret_cast<const sockaddr*>(&address),
                                   sizeof(address), path);
  (void)::umask(before);
  return listening;
}

void Server::serve(std::chrono::milliseconds patience) {
  std::vector<pollfd> polled;
  polled.reserve(sockets_.size() + clients_.size());
  const bool has_room = clients_.size() < kMaxClients;
  for (const UniqueFd& socket : sockets_) {
    polled.push_back({.fd = has_room ? socket.get() : -1, .events = POLLIN, .revents = 0});
  }
  for (const Client& client : clients_) {
    const short events = client.answer.empty() ? POLLIN : POLLOUT;
    polled.push_back({.fd = client.socket.get(), .events = events, .revents = 0});
  }
  const std::size_t before = clients_.size();
  if (::poll(polled.data(), polled.size(), static_cast<int>(patience.count())) > 0) {
    for (std::size_t i = 0; i < before; ++i) {
      if (polled[sockets_.size() + i].revents != 0) advance(clients_[i]);
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (polled[i].revents != 0) accept_from(sockets_[i].get());
    }
  }
  const auto now = Clock::now();
  std::erase_if(clients_, [&](const Client& each) { return each.is_done || now >= each.end; });
}

void Server::accept_from(int socket) {
  UniqueFd client(::accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client) clients_.push_back({.socket = std::move(client), .end = Clock::now() + kPatience});
}

void Server::advance(Client& client) {
  if (client.answer.empty()) {
    std::array<char, kMaxRequest> part{};
    const ssize_t size = ::recv(client.socket.get(), part.data(), part.size(), 0);
    if (size <= 0) {
      client.is_done = size == 0 || (errno != EAGAIN && errno != EINTR);
      return;
    }
    client.request.append(part.data(), static_cast<std::size_t>(size));
    if (client.request.size() > kMaxRequest) {
      client.answer = refusal("431 Request Header Fields Too Large");
    } else if (client.request.find("\r\n\r\n") != std::string::npos) {
      client.answer = answer_to(client.request);
    } else {
      return;
    }
  }
  const std::string_view rest = std::string_view(client.answer).substr(client.sent);
  const ssize_t sent = ::send(client.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    client.is_done = errno != EAGAIN && errno != EINTR;
    return;
  }
  client.sent += static_cast<std::size_t>(sent);
  client.is_done = client.sent == client.answer.size();
}

std::string Server::answer_to(std::string_view request) {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last ||
      !line.substr(last).starts_with(" HTTP/1.")) {
    return refusal("400 Bad Request");
  }
  if (line.substr(0, first) != "GET") return refusal("405 Method Not Allowed");
  std::string_view path = line.substr(first + 1, last - first - 1);
  path = path.substr(0, path.find('?'));
  if (path == "/") return response("200 OK", "text/plain", "scanlogd-exporter: see /metrics\n");
  if (path != "/metrics") return refusal("404 Not Found");
  return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", page());
}

/// Whoever asks in a hurry gets the same again: it costs the daemon and the store something.
const std::string& Server::page() {
  const auto now = Clock::now();
  if (latest_.empty() || now - made_ >= kFresh) {
    latest_ = page_();
    made_ = now;
  }
  return latest_;
}

}  // namespace scanlogd::exporter
