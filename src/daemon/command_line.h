// The command line of scanlogd(8).
#pragma once

#include "core/result.h"
#include "daemon/options.h"

namespace scanlogd {

/// Parses `main`'s arguments. An error is a message for standard error.
[[nodiscard]] Result<Options> parse_command_line(int argc, const char* const* argv);

}  // namespace scanlogd
