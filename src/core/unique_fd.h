// Ownership of one file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace scanlogd {

/// Closes its descriptor when it goes; -1 means it owns none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Closes what it owns and takes over `fd`.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) (void)::close(fd_);  // nothing useful can be done about a failed close
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace scanlogd
