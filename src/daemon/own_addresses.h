// The addresses of this machine.
#pragma once

#include <vector>

#include "core/address.h"

namespace scanlogd {

/// What its interfaces have now, each as a network of one, and the loopback networks; only these
/// where the kernel does not tell. To be asked before rights are given up.
[[nodiscard]] std::vector<Network> own_addresses();

}  // namespace scanlogd
