// Who on this machine sent something, as far as the kernel tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace scanlogd {

/// The owner of the socket that a packet left by, as it was when the socket was made.
struct Sender {
  std::uint64_t cgroup = 0;  ///< number of its control group (cgroups(7), version 2); 0: not known
  std::uint32_t uid = 0;     ///< its user
  bool is_known = false;     ///< otherwise there is nothing here

  friend bool operator==(const Sender&, const Sender&) = default;
};

/// The longest name of a unit that is shown.
inline constexpr std::size_t kMaxUnit = 64;

/// The name of a unit or control group as it may be shown: letters, digits and `:_.@-\`, at most
/// `kMaxUnit` of them; any other byte becomes '?'. Whoever may make control groups chooses names.
[[nodiscard]] std::string clean_unit(std::string_view name);

}  // namespace scanlogd
