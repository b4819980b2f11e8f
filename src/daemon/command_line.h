// The command line of scanlogd(8).
#pragma once

#include "core/result.h"
#include "daemon/options.h"

namespace scanlogd {

/// What holds where neither the command line nor a configuration file says anything.
[[nodiscard]] Options default_options();

/// Parses `main`'s arguments, which count more than what is in `base`, the options of the
/// configuration file. An error is a message for standard error.
[[nodiscard]] Result<Options> parse_command_line(int argc, const char* const* argv,
                                                 Options base = default_options());

}  // namespace scanlogd
