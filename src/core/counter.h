// Named counters, the parts of the accounting line.
#pragma once

#include <cstdint>
#include <string_view>

namespace scanlogd {

/// One line of the accounts. `name` has static lifetime.
struct Counter {
  std::string_view name;
  std::uint64_t value = 0;
};

}  // namespace scanlogd
