// The start of scanlogd, in one numbered function.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/interfaces.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/analysis.h"
#include "daemon/control_socket.h"
#include "daemon/engine_link.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/recorder.h"
#include "daemon/reporter.h"

namespace scanlogd {

/// What one engine needs.
struct EngineParts {
  Captures captures;
  Analysis analysis;
  std::optional<InterfaceMonitor> interfaces;  ///< none where not allowed, and for files
  bool is_first = true;                        ///< of all engines: the one that tells of interfaces
};

/// Which of its processes a start has come to.
enum class Part : std::uint8_t {
  alone,     ///< it is the only one: engine and recorder
  engine,    ///< sees packets, touches nothing
  recorder,  ///< touches the world, sees no packet
  parent,    ///< stays behind in the foreground, and is to exit with `Started::status`
};

/// What a start leaves behind: all that the loops need, and no right to anything else.
struct Started {
  Part part = Part::alone;
  int status = 0;                         ///< of a parent: 0 once all processes of the daemon run
  std::optional<Analysis> other;          ///< by `Options::what_if`, where that was given
  std::vector<EngineParts> engines;       ///< alone or an engine: one; the recorder: none
  std::vector<CounterNames> names;        ///< of the counters of each engine
  std::unique_ptr<LinkedOutlet> link;     ///< of an engine: its way to the recorder
  std::vector<Recorder::Child> children;  ///< of the recorder
  std::unique_ptr<Reporter> reporter;     ///< alone or recorder
  std::optional<ControlServer> control;   ///< alone or recorder; none: there is no such socket
  std::string capture;                    ///< name of the back end
  UniqueFd signals;                       ///< signalfd of the signals that we know
  Notifier notifier;                      ///< alone or recorder
  std::string watching;                   ///< "watching ...": what, how, with how much memory
  std::string missing;                    ///< what this machine could not give, or empty
};

/// The detector of `options`, and nothing else.
[[nodiscard]] Result<Analysis> make_analysis(const Options& options);

/// `options` with what `settings` says in place of their own.
[[nodiscard]] Options judging_by(const Options& options, const WhatIfSettings& settings);

/// Starts as `options` say: see the numbered steps. It returns once in each process; what fails in
/// an engine is the error of its recorder, too. On failure nothing of it remains. In the directory
/// `readable`, held open (-1: there is none), files can be read afterwards, but not by an engine.
[[nodiscard]] Result<Started> start(const Options& options, int readable);

}  // namespace scanlogd
