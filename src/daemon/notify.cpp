// See notify.h.
#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace scanlogd {

Result<Notifier> Notifier::from_environment() {
  const char* const variable = std::getenv("NOTIFY_SOCKET");
  if (variable == nullptr || *variable == '\0') return Notifier();
  const std::string_view name = variable;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((name[0] != '/' && name[0] != '@') || name.size() >= sizeof(address.sun_path)) {
    return fail_errno("connect", "NOTIFY_SOCKET", EINVAL);
  }
  std::ranges::copy(name, address.sun_path);
  if (name[0] == '@') address.sun_path[0] = '\0';
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket", "AF_UNIX", errno);
  // An abstract name is as long as we say it is; a path ends at its zero byte either way.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return fail_errno("connect", "NOTIFY_SOCKET", errno);
  }
  return Notifier(std::move(socket));
}

void Notifier::send(std::string_view state) const noexcept {
  if (!socket_) return;
  // A service manager that does not listen is its own problem; ours is to go on watching.
  (void)::send(socket_.get(), state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace scanlogd
