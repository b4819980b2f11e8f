// See state_directory.h.
#include "record/state_directory.h"

#include <fcntl.h>

#include <cerrno>

namespace scanlogd {

Result<StateDirectory> StateDirectory::open(std::string path) {
  // For reading, not O_PATH: SQLite syncs the directory after it has made a file in it.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno("open", path, errno);
  return StateDirectory(std::move(path), std::move(fd));
}

}  // namespace scanlogd
