// From one process to several: one for each engine, and the recorder.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/recorder.h"

namespace scanlogd {

/// What this process is after `split`.
struct Role {
  std::optional<std::size_t> engine;      ///< its number; none: this is the recorder
  UniqueFd socket;                        ///< of an engine: to the recorder
  std::vector<Recorder::Child> children;  ///< of the recorder
};

/// Forks `engines` processes. Each has what this one had, its rights included, and is told
/// (SIGTERM) when the recorder ends, however that is. On failure those already there are killed.
[[nodiscard]] Result<Role> split(std::size_t engines);

}  // namespace scanlogd
