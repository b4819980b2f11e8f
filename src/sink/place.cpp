// See place.h.
#include "sink/place.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace scanlogd {

Result<Place> Place::open(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash + 1 == path.size()) return fail_errno("open", path, EINVAL);
  const std::string directory = slash == 0 ? "/" : path.substr(0, slash);
  UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno("open", directory, errno);
  return Place(path, std::move(fd), path.substr(slash + 1));
}

UniqueFd Place::try_append(mode_t mode) const noexcept {
  return UniqueFd(::openat(
      directory_.get(), name_.c_str(),
      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode));
}

Result<UniqueFd> Place::append(mode_t mode) const {
  UniqueFd file = try_append(mode);
  if (!file) return fail_errno("open", path_, errno);
  return file;
}

bool Place::end_line(const UniqueFd& file) const noexcept {
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size <= 0) return true;  // empty, or nothing that keeps what is written
  const UniqueFd reader(
      ::openat(directory_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  char last = '\n';
  // A file that may not be read is taken for whole.
  if (!reader || ::pread(reader.get(), &last, 1, size - 1) != 1 || last == '\n') return true;
  return ::write(file.get(), "\n", 1) == 1;
}

Result<void> Place::give(const UniqueFd& file) const {
  if (::geteuid() != 0) return {};
  struct stat directory {};
  struct stat status {};
  if (::fstat(directory_.get(), &directory) != 0 || ::fstat(file.get(), &status) != 0) {
    return fail_errno("fstat", path_, errno);
  }
  // Who owns the directory could have put a second name of anybody's file there. One that is not
  // root's is somebody's already.
  const bool is_new = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == 0;
  if (directory.st_uid == 0 || !is_new) return {};
  if (::fchown(file.get(), directory.st_uid, directory.st_gid) != 0) {
    return fail_errno("fchown", path_, errno);
  }
  return {};
}

UniqueFd Place::try_connect(int type) const noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name_.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::ranges::copy(name_, address.sun_path);
  UniqueFd socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // connect(2) takes a path only, so the directory becomes the working directory for a moment.
  if (!socket || ::fchdir(directory_.get()) != 0) return {};
  const bool connected =
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int code = errno;
  // A working directory outside a chroot is a way out of it.
  if (::chdir("/") != 0) return {};
  if (!connected) {
    socket.reset();
    errno = code;
  }
  return socket;
}

Result<UniqueFd> Place::connect(int type) const {
  UniqueFd socket = try_connect(type);
  if (!socket) return fail_errno("connect", path_, errno);
  return socket;
}

}  // namespace scanlogd
