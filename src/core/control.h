// The protocol of the control socket (docs/control.md): one datagram asks, one answers, both lines
// of printable ASCII. Words only; sockets are for daemon/control_socket.cpp and ctl/client.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/result.h"

namespace scanlogd {

/// Of a request, in bytes; a longer one is refused.
inline constexpr std::size_t kMostControlRequest = 128;
/// Of an answer, in bytes; what does not fit is left out, and said to be.
inline constexpr std::size_t kMostControlAnswer = std::size_t{32} << 10;

/// What can be asked for.
enum class ControlVerb : std::uint8_t {
  status,   ///< how the daemon fares
  reload,   ///< read the configuration again, as at SIGHUP
  explain,  ///< why a source did or did not alarm
  trace,    ///< from now on, or so far: how far a scan by a source has come
};

/// `1 status`, `1 explain 192.0.2.1`: the version of the protocol, and what is asked.
struct ControlRequest {
  ControlVerb verb = ControlVerb::status;
  Address source{};  ///< of `explain` and `trace`
};

/// The datagram that asks for it.
[[nodiscard]] std::string to_string(const ControlRequest& request);

/// Understands one; an error says what is wrong with it, without its bytes.
[[nodiscard]] Result<ControlRequest> parse_control_request(std::string_view text);

/// What comes back: names and values, or why not.
class ControlAnswer {
 public:
  ControlAnswer() = default;
  /// A refusal, or a failure.
  explicit ControlAnswer(std::string_view why);

  /// Adds a line; what is not printable ASCII becomes '?'. Names may come more than once.
  void add(std::string_view name, std::string_view value);
  /// The same for a number.
  void add(std::string_view name, std::uint64_t value) { add(name, std::to_string(value)); }

  [[nodiscard]] bool is_failure() const noexcept { return is_failure_; }
  /// Why it failed.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

  /// The value of the first line of that name, if there is one.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// All values of that name, in order.
  [[nodiscard]] std::vector<std::string_view> find_all(std::string_view name) const;
  /// The first value of that name as a number; 0 where there is none.
  [[nodiscard]] std::uint64_t number(std::string_view name) const;

  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& lines() const noexcept {
    return lines_;
  }

  /// The datagram; at most `kMostControlAnswer` bytes.
  [[nodiscard]] std::string format() const;

  /// Understands one. An error: no daemon of this protocol says that.
  [[nodiscard]] static Result<ControlAnswer> parse(std::string_view text);

 private:
  bool is_failure_ = false;
  std::string reason_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace scanlogd
