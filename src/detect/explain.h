// What the full profile knows of one source, for people who ask.
#pragma once

#include "core/address.h"
#include "core/source_explanation.h"
#include "detect/full_state.h"

namespace scanlogd {

/// All that `state` keeps of `source` and its network, as it is now. Changes nothing.
[[nodiscard]] SourceExplanation explain(FullState& state, const Address& source) noexcept;

}  // namespace scanlogd
