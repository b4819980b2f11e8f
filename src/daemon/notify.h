// Telling systemd how we fare: the datagram protocol of sd_notify(3) and sd_watchdog_enabled(3),
// without their library.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// Connected to the service manager if there is one; otherwise says nothing.
class Notifier {
 public:
  using Clock = std::chrono::steady_clock;

  Notifier() = default;

  /// Connects to the socket that NOTIFY_SOCKET names (a path or `@abstract`); to be called before a
  /// chroot. Without that variable the notifier is mute. A watchdog, where WATCHDOG_USEC asks this
  /// process for one (WATCHDOG_PID), is fed at half its time.
  [[nodiscard]] static Result<Notifier> from_environment();

  /// Start-up is done, or a reload; `status` is one line for people.
  void ready(std::string_view status) const;

  /// The configuration is being read again; `ready` has to follow.
  void reloading() const;

  /// We are about to end.
  void stopping() const;

  /// How long to wait for events at most, lest `beat` come too late; negative: for ever.
  [[nodiscard]] std::chrono::milliseconds until_beat(Clock::time_point now) const noexcept;

  /// Is it time to beat?
  [[nodiscard]] bool is_due(Clock::time_point now) const noexcept;

  /// All is well at `now`; `status` as above, empty: as it was.
  void beat(Clock::time_point now, std::string_view status);

 private:
  Notifier(UniqueFd socket, std::chrono::microseconds interval) noexcept
      : socket_(std::move(socket)), interval_(interval), next_(Clock::now() + interval) {}
  void send(std::string_view state) const noexcept;

  UniqueFd socket_;
  std::chrono::microseconds interval_{0};  ///< between beats; 0: nobody asks for them
  Clock::time_point next_;
};

}  // namespace scanlogd
