// Asks the running daemon, through its control socket (docs/control.md).
#pragma once

#include <chrono>
#include <string>

#include "core/control.h"
#include "core/result.h"

namespace scanlogd::ctl {

/// How long an answer may take.
inline constexpr std::chrono::seconds kAnswerPatience{5};

/// Asks at the socket `path`. Codes of errors: ENOENT, ECONNREFUSED, nobody listens there; EACCES,
/// we may not ask; ETIMEDOUT, no answer; EPROTO, whatever answers is no scanlogd of this protocol;
/// ECANCELED, the daemon refuses, or has failed to do it.
[[nodiscard]] Result<ControlAnswer> ask_daemon(const std::string& path,
                                               const ControlRequest& request);

/// Is nobody there to ask?
[[nodiscard]] bool is_absence(const Error& error) noexcept;

}  // namespace scanlogd::ctl
