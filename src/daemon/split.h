// From one process to several: one for each engine, and the recorder.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/recorder.h"

namespace scanlogd {

/// What this process is after `split`.
struct ProcessRole {
  std::optional<std::size_t> engine;      ///< its number; none: this is the recorder
  pid_t recorder = 0;                     ///< its process
  UniqueFd socket;                        ///< of an engine: to the recorder
  std::vector<Recorder::Child> children;  ///< of the recorder
};

/// Forks `engines` processes. Each has what this one had, its rights included. On failure those
/// already there are killed.
[[nodiscard]] Result<ProcessRole> split(std::size_t engines);

/// In an engine: it is killed when the recorder ends, however that is. A change of the user undoes
/// it. An error where the recorder has ended already.
[[nodiscard]] Result<void> end_with(pid_t recorder);

/// In the recorder: waits until each engine has said how its start went. Returns what this machine
/// could not give them; the error is that of the first that could not start.
[[nodiscard]] Result<std::string> await_engines(std::vector<Recorder::Child>& children);

}  // namespace scanlogd
