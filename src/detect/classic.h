// The detector of scanlogd(8), with a key of the caller's choice.
#pragma once

#include <memory>

#include "core/keyed_hash.h"
#include "core/result.h"
#include "core/section.h"
#include "detect/detector.h"

namespace scanlogd {

/// What the profile `classic` makes of `options`, where sources belong as `key` says. Whoever knows
/// the key can choose addresses that push each other out, so it must be random and secret but in
/// measurements and tests that are to give the same each time.
[[nodiscard]] Result<std::unique_ptr<Detector>> make_classic(const Section& options, HashKey key);

}  // namespace scanlogd
