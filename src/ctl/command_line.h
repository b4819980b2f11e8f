// The command line of scanlogctl.
#pragma once

#include <chrono>

#include "core/result.h"
#include "ctl/request.h"

namespace scanlogd::ctl {

/// Parses it; `now` is what times such as `--since 1d` are counted from. An error is a usage error,
/// ready to print.
[[nodiscard]] Result<Request> parse_command_line(int argc, const char* const* argv,
                                                 std::chrono::system_clock::time_point now);

}  // namespace scanlogd::ctl
