// Locking a process in, once it has no rights any more: no file, no socket, no call that it does
// not need. See docs/decisions/0008.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/allowed_call.h"
#include "core/packet.h"
#include "core/result.h"

namespace scanlogd {

/// What a process still needs. Memory, clocks, poll(2), closing, and its own end go without
/// saying.
struct Needs {
  std::vector<AllowedCall> calls{};
  /// Directories that are held open, in which it reads, makes, writes, renames and removes files.
  std::vector<int> writable{};
  /// Directories that are held open, in which it reads files.
  std::vector<int> readable{};
  /// Directories that are held open, below which it sees names and no more.
  std::vector<int> listable{};
  /// Ports to which it connects by TCP.
  std::vector<Port> tcp_ports{};
  int new_descriptors = 0;  ///< that it may have at once beside those it has now
  bool writes_files = false;
  bool sends_signals = false;  ///< to a process that locks itself in on its own
};

/// The calls of whoever writes logs and keeps records: files in directories that are held open,
/// local sockets.
[[nodiscard]] std::span<const AllowedCall> recorder_calls() noexcept;

/// The calls that every process makes.
[[nodiscard]] std::span<const AllowedCall> common_calls() noexcept;

/// Leaves this process, for good, what it `needs`, by Landlock (files, TCP, abstract sockets,
/// signals), by limits (processes, descriptors, sizes of files, core files) and by seccomp, which
/// kills it when it asks for more. no_new_privs has to be set. Returns what this kernel could not
/// do, one sentence, or an empty string.
[[nodiscard]] Result<std::string> enter_sandbox(const Needs& needs);

}  // namespace scanlogd
