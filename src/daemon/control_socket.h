// The socket on which scanlogctl asks: unix(7), SOCK_SEQPACKET, one datagram each way and the
// connection is over. Nothing here waits for anybody, and there is a bound to everything.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/allowed_call.h"
#include "core/control.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// Who may ask, beside root.
struct ControlAdmission {
  uid_t user = 0;                             ///< the daemon's own
  std::optional<gid_t> group = std::nullopt;  ///< and this group's members
};

/// Is somebody of these ids let in? `groups` are the further ones.
[[nodiscard]] bool is_admitted(const ControlAdmission& admission, uid_t user, gid_t group,
                               std::span<const gid_t> groups) noexcept;

/// Makes the socket `path`, for those admitted only; takes the right to write in its directory;
/// that and the one it is in are made where they are missing. What a daemon that has ended left
/// there is replaced; one that lives is EADDRINUSE.
[[nodiscard]] Result<UniqueFd> open_control_socket(const std::string& path,
                                                   const ControlAdmission& admission);

/// Serves those who connect.
class ControlServer {
 public:
  using Clock = std::chrono::steady_clock;

  /// At once; of more, those that have asked nothing yet are closed, the oldest first.
  static constexpr std::size_t kMostClients = 8;

  /// Answers a request; nullopt: cannot yet, ask again soon. `is_new`: for the first time.
  using Answer =
      std::function<std::optional<ControlAnswer>(const ControlRequest& request, bool is_new)>;

  ControlServer(UniqueFd listener, ControlAdmission admission) noexcept
      : listener_(std::move(listener)), admission_(admission) {}

  /// The system calls of all that, as in `Capture::calls`, beside those of a recorder.
  [[nodiscard]] std::vector<AllowedCall> calls() const;

  /// Adds what is to be waited for.
  void watch(std::vector<pollfd>& polled, Clock::time_point now) const;

  /// Lets in who waits, takes what was asked, answers what can be answered.
  void serve(Clock::time_point now, const Answer& answer);

  /// Is there a request without an answer, or somebody who may be waiting to be let in? Then
  /// `serve` is to be called again soon, whatever poll(2) says.
  [[nodiscard]] bool is_waiting() const noexcept;

 private:
  struct Client {
    UniqueFd socket;
    bool is_welcome = false;
    std::optional<ControlRequest> request = std::nullopt;
    bool is_new = true;  ///< the request: was not passed on yet
    unsigned refusals = 0;
    bool is_done = false;
  };

  void admit(Clock::time_point now);
  [[nodiscard]] static bool is_called(const UniqueFd& socket) noexcept;
  [[nodiscard]] bool has_room() const noexcept;
  void make_room();
  [[nodiscard]] bool is_welcome(const UniqueFd& socket) const;
  static void read(Client& client);
  static void send(Client& client, const ControlAnswer& answer);

  UniqueFd listener_;
  ControlAdmission admission_;
  std::vector<Client> clients_;  ///< the oldest first
  /// After a fault of the kernel's nobody is let in for a while.
  std::optional<Clock::time_point> closed_until_;
};

}  // namespace scanlogd
