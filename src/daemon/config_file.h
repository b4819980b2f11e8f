// The configuration file, scanlogd.conf(5): TOML 1.0 (toml.io), parsed by toml++, whose header is
// in config_file.cpp only. Sections are sorted by who has to understand them; those of plug-ins are
// passed on as text, each value with `FILE:LINE`. Knows nothing of where the text comes from.
#pragma once

#include <string_view>

#include "core/result.h"
#include "daemon/options.h"

namespace scanlogd {

/// `base`, with what `text` says over it. A complaint is the first of the file and begins with
/// `name`, a colon, and the line: unknown sections and keys, wrong types and values. What only a
/// plug-in can judge, its start does.
[[nodiscard]] Result<Options> parse_config(std::string_view text, std::string_view name,
                                           Options base);

}  // namespace scanlogd
