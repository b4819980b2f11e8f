// See output_file.h.
#include "ctl/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace scanlogd::ctl {

Result<OutputFile> OutputFile::open(const std::string& path) {
  struct stat status {};
  const bool is_other =
      ::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode);
  if (is_other || path.starts_with("/dev/")) {
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) return fail_errno("open", path, errno);
    return OutputFile(std::move(file), path, {});
  }
  std::string temporary = path + ".XXXXXX";
  UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return fail_errno("open", path, errno);
  constexpr mode_t kMode = 0640;
  const mode_t mask = ::umask(0);
  (void)::umask(mask);
  (void)::fchmod(file.get(), kMode & ~mask);  // else its owner alone may read it
  return OutputFile(std::move(file), path, std::move(temporary));
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) (void)::unlink(temporary_.c_str());  // there is nobody to tell
}

void OutputFile::write(std::string_view text) {
  constexpr std::size_t kEnough = std::size_t{256} << 10;
  waiting_ += text;
  if (waiting_.size() >= kEnough) (void)write_out();  // `finish` says so
}

bool OutputFile::write_out() noexcept {
  std::string_view rest = waiting_;
  while (!rest.empty() && failure_ == 0) {
    const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      failure_ = errno;
    }
  }
  waiting_.clear();
  return failure_ == 0;
}

Result<void> OutputFile::finish() {
  if (!write_out()) return fail_errno("write", path_, failure_);
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return fail_errno("rename", path_, errno);
  temporary_.clear();
  return {};
}

}  // namespace scanlogd::ctl
