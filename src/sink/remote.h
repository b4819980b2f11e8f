// A log collector: where it is, how to reach it, and what the sandbox has to leave open for that.
// Addresses are numbers: nobody asks a name server from inside a sandbox.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/allowed_call.h"
#include "core/packet.h"
#include "core/result.h"
#include "sink/delivery.h"
#include "sink/place.h"

namespace scanlogd {

/// One of `udp:ADDRESS:PORT`, `tcp:ADDRESS:PORT` (IPv6 in brackets), `unix:/PATH` (datagrams),
/// `unix_stream:/PATH`.
class Remote {
 public:
  /// Parses it; a directory of a socket has to exist, its socket need not. `origin` begins
  /// complaints.
  [[nodiscard]] static Result<std::shared_ptr<const Remote>> parse(std::string_view text,
                                                                   const std::string& origin);

  /// Connects, without waiting for TCP to have done so; without a descriptor: not now.
  [[nodiscard]] Delivery::Way connect() const noexcept;

  /// As it was written.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  [[nodiscard]] bool is_stream() const noexcept { return type_ == SOCK_STREAM; }

  /// The calls by which `connect` works, beside those of every recorder.
  [[nodiscard]] std::vector<AllowedCall> calls() const;

  /// Its TCP port; 0: it is not reached by TCP.
  [[nodiscard]] Port tcp_port() const noexcept;

 private:
  Remote() = default;
  [[nodiscard]] UniqueFd connect_network() const noexcept;

  std::string name_;
  int type_ = SOCK_DGRAM;
  Port port_ = 0;
  std::optional<Place> place_;  ///< none: the network
  sockaddr_storage address_{};
  socklen_t address_size_ = 0;
};

/// The name of this machine as a header has it: printable, without blanks; `fallback` where it has
/// none.
[[nodiscard]] std::string host_name(std::string_view fallback);

}  // namespace scanlogd
