// The interfaces of this machine and what happens to them, from the kernel by rtnetlink(7). Needs
// no right, reads no file, and goes on working in a chroot.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "core/allowed_call.h"
#include "core/interface.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// A list of interfaces that is kept up to date. Single-threaded; not copyable.
class InterfaceMonitor {
 public:
  /// Opens it and reads the list. Its socket belongs to the network namespace of the caller.
  [[nodiscard]] static Result<InterfaceMonitor> open();

  /// Readable when `poll` has work.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  /// The interfaces there are, as of the last `poll`.
  [[nodiscard]] std::span<const Interface> interfaces() const noexcept { return interfaces_; }

  /// Takes in what the kernel has said, without waiting, and returns what changed, in order. Where
  /// the kernel had more to say than there was room for, the list is read anew and compared. While
  /// `is_stale`, it is to be called again, readable or not.
  [[nodiscard]] Result<std::vector<InterfaceChange>> poll();

  /// Was something missed that the next `poll` will make up for?
  [[nodiscard]] bool is_stale() const noexcept { return is_stale_; }

  /// Had the kernel nothing at all to say at the last `poll`?
  [[nodiscard]] bool was_silent() const noexcept { return was_silent_; }

  /// The system calls of `poll`, as in `Capture::calls`.
  [[nodiscard]] std::vector<AllowedCall> calls() const;

  /// Takes in one datagram of the kernel; for tests and `poll`. Messages that are cut short or not
  /// understood are left out.
  void take(std::span<const std::byte> datagram, std::vector<InterfaceChange>& changes);

 private:
  explicit InterfaceMonitor(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] Result<void> ask_for_all();
  void take_link(std::span<const std::byte> message, bool is_there,
                 std::vector<InterfaceChange>& changes);
  void take_change(Interface now, std::vector<InterfaceChange>& changes);
  void forget_unlisted(std::vector<InterfaceChange>& changes);

  UniqueFd socket_;
  std::vector<Interface> interfaces_;
  bool is_stale_ = false;  ///< something was not heard: all is to be asked for anew
  bool was_silent_ = false;
  bool is_listing_ = false;  ///< an answer to `ask_for_all` is under way
  std::vector<int> listed_;  ///< interfaces in it so far
};

}  // namespace scanlogd
