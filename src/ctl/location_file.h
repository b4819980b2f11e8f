// Databases of libloc, version 1 (<libloc/format.h>): is what is in one what libloc takes it for?
// It follows offsets and the tree of networks without looking, so that a damaged file would end the
// process.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace scanlogd {

/// What is wrong with it; empty: nothing that could hurt. What it says of networks, countries and
/// names may still be anything.
[[nodiscard]] std::string_view find_damage(std::span<const std::byte> file);

}  // namespace scanlogd
