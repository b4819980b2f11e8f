// The directory of what must outlive the process, held open so that it stays within reach when the
// process has given up every path: inside a chroot, under Landlock.
#pragma once

#include <string>
#include <utility>

#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// A directory, and its name for messages.
class StateDirectory {
 public:
  /// Opens `path`, which must exist.
  [[nodiscard]] static Result<StateDirectory> open(std::string path);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  StateDirectory(std::string path, UniqueFd fd) noexcept
      : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace scanlogd
