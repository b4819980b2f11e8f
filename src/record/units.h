// From the number of a control group to the unit that it belongs to. The tree of cgroup version 2
// is walked below a directory that is held open since the start, by names alone: no file in it is
// read (cgroups(7), systemd.unit(5)). Only when a scan by this machine begins.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/unique_fd.h"

namespace scanlogd {

/// The control groups of this machine.
class Units {
 public:
  /// Knows of none.
  Units() noexcept = default;
  /// Those of the tree below `directory`, held open.
  explicit Units(UniqueFd directory) noexcept : directory_(std::move(directory)) {}

  /// Those of the system, where it has a tree of version 2 and lets us see it.
  [[nodiscard]] static Units open();

  /// The unit that group number `cgroup` belongs to, or else its own name; cleaned (`clean_unit`).
  /// Empty where there is no such group any more, or it is the root.
  [[nodiscard]] std::string name(std::uint64_t cgroup) const;

  /// The directory, or -1.
  [[nodiscard]] int directory() const noexcept { return directory_.get(); }

 private:
  UniqueFd directory_;
};

}  // namespace scanlogd
