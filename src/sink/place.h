// A file's or socket's place that stays within reach: its directory held open, and a name in it.
// Inside a chroot, and under Landlock, there is no other way to a path outside.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// Where something is, or will be.
class Place {
 public:
  /// The directory of `path`, which must be absolute, has to exist; what is in it need not.
  [[nodiscard]] static Result<Place> open(const std::string& path);

  /// Opens the file there to append to it, making it with `mode` where there is none. No link is
  /// followed, nothing blocks.
  [[nodiscard]] Result<UniqueFd> append(mode_t mode) const;

  /// Gives `file`, just opened by root in a directory that is not root's, to that directory's owner
  /// and group: whoever root becomes afterwards has to open it again.
  [[nodiscard]] Result<void> give(const UniqueFd& file) const;

  /// As `append`, but without words for a failure: no descriptor, and errno. For who tries often.
  [[nodiscard]] UniqueFd try_append(mode_t mode) const noexcept;

  /// Ends the last line of `file`, opened by the above, where it is cut short, as whoever was
  /// killed while writing it leaves it: what is appended would be a part of it. False where it
  /// could not.
  [[nodiscard]] bool end_line(const UniqueFd& file) const noexcept;

  /// Connects a UNIX socket of `type` (SOCK_DGRAM, SOCK_STREAM) to the one there. Whoever is inside
  /// a chroot is back at its root afterwards.
  [[nodiscard]] Result<UniqueFd> connect(int type) const;

  /// As `connect`, but without words for a failure: no descriptor, and errno.
  [[nodiscard]] UniqueFd try_connect(int type) const noexcept;

  /// Its directory, held open for as long as this object lives.
  [[nodiscard]] int directory() const noexcept { return directory_.get(); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  Place(std::string path, UniqueFd directory, std::string name) noexcept
      : path_(std::move(path)), directory_(std::move(directory)), name_(std::move(name)) {}

  std::string path_;  ///< for messages
  UniqueFd directory_;
  std::string name_;
};

}  // namespace scanlogd
