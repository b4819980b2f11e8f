// The names of what is said about scans, as the store, structured outputs and commands use them.
// Names stay when enumerators move; new ones are added, none is changed.
#pragma once

#include <optional>
#include <string_view>

#include "core/scan.h"

namespace scanlogd {

/// The name of a value of any enumeration in scan_event.h and scan.h, such as `ftp_bounce`; empty
/// for one that is none of the enumerators.
template <class Value>
[[nodiscard]] std::string_view name_of(Value value) noexcept;

/// The value of that name, if there is one.
template <class Value>
[[nodiscard]] std::optional<Value> value_of(std::string_view name) noexcept;

}  // namespace scanlogd
