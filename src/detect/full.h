// Makes the detector of the full profile, for its plug-in and for tests that need the same hashes
// each time.
#pragma once

#include <memory>

#include "core/keyed_hash.h"
#include "core/result.h"
#include "core/section.h"
#include "detect/detector.h"

namespace scanlogd {

/// A detector with the `options` of docs/detection.md, whose tables are keyed with `key`.
[[nodiscard]] Result<std::unique_ptr<Detector>> make_full(const Section& options, HashKey key);

}  // namespace scanlogd
