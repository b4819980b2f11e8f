// See client.h. unix(7), SOCK_SEQPACKET.
#include "ctl/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

#include "core/unique_fd.h"

namespace scanlogd::ctl {
namespace {

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return fail_errno("connect", path, ENAMETOOLONG);
  std::ranges::copy(path, address.sun_path);
  // Not to wait for a daemon that hangs.
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("socket", "AF_UNIX, SOCK_SEQPACKET", errno);
  const auto end = std::chrono::steady_clock::now() + kAnswerPatience;
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
         0) {
    if (errno != EAGAIN || std::chrono::steady_clock::now() >= end) {
      return fail_errno("connect", path, errno == EAGAIN ? ETIMEDOUT : errno);
    }
    constexpr int kMilliseconds = 20;
    (void)::poll(nullptr, 0, kMilliseconds);  // too many ask at once
  }
  return socket;
}

}  // namespace

bool is_absence(const Error& error) noexcept {
  return error.code == ENOENT || error.code == ECONNREFUSED;
}

Result<ControlAnswer> ask_daemon(const std::string& path, const ControlRequest& request) {
  const auto socket = connect_to(path);
  if (!socket) return std::unexpected(socket.error());
  const std::string text = to_string(request);
  // A daemon that has no room for us has closed the connection by now, and may have said why.
  (void)::send(socket->get(), text.data(), text.size(), MSG_NOSIGNAL);
  pollfd answer{.fd = socket->get(), .events = POLLIN, .revents = 0};
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kAnswerPatience);
  int found = 0;
  do {
    found = ::poll(&answer, 1, static_cast<int>(patience.count()));
  } while (found < 0 && errno == EINTR);
  if (found < 0) return fail_errno("poll", path, errno);
  if (found == 0) return fail_errno("recv", path, ETIMEDOUT);
  // One byte more than may be: what is too long shows.
  std::string bytes(kMostControlAnswer + 1, '\0');
  const ssize_t size = ::recv(socket->get(), bytes.data(), bytes.size(), 0);
  if (size < 0) return fail_errno("recv", path, errno);
  if (size == 0) return fail("recv(" + path + "): closed without an answer", EPROTO);
  bytes.resize(static_cast<std::size_t>(size));
  auto parsed = ControlAnswer::parse(bytes);
  if (!parsed) return fail("recv(" + path + "): " + parsed.error().what, EPROTO);
  if (parsed->is_failure()) return fail(parsed->reason(), ECANCELED);
  return parsed;
}

}  // namespace scanlogd::ctl
