// Telling systemd that we are ready: the datagram protocol of sd_notify(3), without its library.
#pragma once

#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// Connected to the service manager if there is one; otherwise says nothing.
class Notifier {
 public:
  Notifier() = default;

  /// Connects to the socket that NOTIFY_SOCKET names (a path or `@abstract`); to be called before a
  /// chroot. Without that variable the notifier is mute.
  [[nodiscard]] static Result<Notifier> from_environment();

  /// Start-up is done.
  void ready() const noexcept { send("READY=1"); }

  /// We are about to end.
  void stopping() const noexcept { send("STOPPING=1"); }

 private:
  explicit Notifier(UniqueFd socket) noexcept : socket_(std::move(socket)) {}
  void send(std::string_view state) const noexcept;

  UniqueFd socket_;
};

}  // namespace scanlogd
