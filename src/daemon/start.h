// The start of scanlogd, in one numbered function.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/interfaces.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/analysis.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/reporter.h"

namespace scanlogd {

/// What one engine needs.
struct EngineParts {
  Captures captures;
  Analysis analysis;
};

/// What a start leaves behind: all that the loops need, and no right to anything else.
struct Started {
  std::vector<EngineParts> engines;            ///< at least one
  std::optional<InterfaceMonitor> interfaces;  ///< of a single engine; none where not allowed
  std::unique_ptr<Reporter> reporter;
  UniqueFd signals;  ///< signalfd of the signals that we know
  Notifier notifier;
  std::string watching;  ///< "watching ...": what, how, with how much memory
  std::string missing;   ///< what this machine could not give, or empty
  bool parent = false;   ///< this is the process that stays behind in the foreground: exit with 0
};

/// Starts as `options` say: see the numbered steps. On failure nothing of it remains.
[[nodiscard]] Result<Started> start(const Options& options);

}  // namespace scanlogd
