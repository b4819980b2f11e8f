// What each part of scanlogd has to go on asking of the kernel when it is locked in.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "capture/capture.h"
#include "capture/interfaces.h"
#include "daemon/recorder.h"
#include "daemon/sandbox.h"

namespace scanlogd {

/// Of the half that sees packets, beside its way to the recorder; `signals` is its signalfd.
[[nodiscard]] Needs engine_needs(const Captures& captures,
                                 const std::optional<InterfaceMonitor>& interfaces, int signals);

/// Of the half that touches the world; in the directories `writable`, held open, it makes files.
[[nodiscard]] Needs recorder_needs(std::span<const Recorder::Child> engines,
                                   std::vector<int> writable);

/// Of whoever is `one` and `other`.
[[nodiscard]] Needs both(Needs one, const Needs& other);

}  // namespace scanlogd
