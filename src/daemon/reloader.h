// Reading the configuration again while it runs: the file, what is wrong with it, what comes of it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "daemon/configuration.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/reload.h"
#include "daemon/reporter.h"

namespace scanlogd {

/// What a loop is to do otherwise from now on.
struct Orders {
  std::chrono::milliseconds accounts{0};  ///< how often to write them; 0: at the end only
  std::optional<EngineSettings> engines;  ///< what detectors are to be told
};

/// What came of it.
struct Reloaded {
  std::optional<Orders> orders;  ///< none: there is no file, or it is wrong, and all stays as it is
  bool is_refused = false;       ///< it is wrong
  std::string said;              ///< one line: what changed, or FILE:LINE and what is wrong
};

/// Reads, checks and compares, all or nothing; tells the log and the service manager how it went.
class Reloader {
 public:
  /// None of the references is owned. `status` is what the service manager was told when all was
  /// ready.
  Reloader(const Configuration& configuration, Reporter& reporter, const Notifier& notifier,
           std::string status)
      : configuration_(configuration),
        reporter_(reporter),
        notifier_(notifier),
        status_(std::move(status)),
        running_(configuration.options()) {}

  /// Does all that.
  [[nodiscard]] Reloaded reload();

 private:
  [[nodiscard]] Result<Reload> plan() const;

  const Configuration& configuration_;
  Reporter& reporter_;
  const Notifier& notifier_;
  std::string status_;
  Options running_;
};

}  // namespace scanlogd
