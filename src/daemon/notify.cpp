// See notify.h.
#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

namespace scanlogd {
namespace {

/// A number in the environment; nullopt where there is none.
std::optional<std::uint64_t> number_from(const char* name) {
  const char* const variable = std::getenv(name);
  if (variable == nullptr) return std::nullopt;
  const std::string_view text = variable;
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Half of what the service manager waits for at most; 0: it does not wait for us.
std::chrono::microseconds watchdog_interval() {
  constexpr std::uint64_t kMost = 1'000'000'000'000;  // eleven days, and far from overflow
  const auto pid = number_from("WATCHDOG_PID");
  if (pid && *pid != static_cast<std::uint64_t>(::getpid())) return {};
  const auto limit = number_from("WATCHDOG_USEC");
  return std::chrono::microseconds(std::min(limit.value_or(0), kMost) / 2);
}

}  // namespace

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
  return Notifier(std::move(socket), watchdog_interval());
}

void Notifier::ready(std::string_view status) const {
  send(std::string("READY=1\nSTATUS=").append(status));
}

void Notifier::reloading() const {
  // The time tells a manager that asks for it which request this answers (Type=notify-reload).
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void Notifier::stopping() const { send("STOPPING=1"); }

std::chrono::milliseconds Notifier::until_beat(Clock::time_point now) const noexcept {
  if (interval_.count() == 0) return std::chrono::milliseconds(-1);
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(next_ - now),
                  std::chrono::milliseconds(0));
}

bool Notifier::is_due(Clock::time_point now) const noexcept {
  return interval_.count() > 0 && now >= next_;
}

void Notifier::beat(Clock::time_point now, std::string_view status) {
  next_ = now + interval_;
  std::string state = "WATCHDOG=1";
  if (!status.empty()) state.append("\nSTATUS=").append(status);
  send(state);
}

void Notifier::send(std::string_view state) const noexcept {
  if (!socket_) return;
  // A service manager that does not listen is its own problem; ours is to go on watching.
  (void)::send(socket_.get(), state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace scanlogd
