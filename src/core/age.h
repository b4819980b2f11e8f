// How long ago: the ages that commands are asked for with `--since` and the like.
#pragma once

#include <chrono>
#include <string_view>

#include "core/result.h"

namespace scanlogd {

/// `90s`, `30m`, `12h`, `1d`, `2w`: from 1 to 100,000 of them. `option` is named in complaints.
[[nodiscard]] Result<std::chrono::seconds> parse_age(std::string_view option,
                                                     std::string_view text);

}  // namespace scanlogd
