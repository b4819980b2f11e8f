// See units.h.
#include "record/units.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sender.h"

namespace scanlogd {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { (void)::closedir(directory); }  // only read
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

// A machine has some hundred groups; whoever makes more than this has them to hide in.
constexpr std::size_t kMostGroups = 16384;
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Directory open_below(int root, const std::string& path) {
  const int fd = ::openat(root, path.empty() ? "." : path.c_str(), kOpenFlags);
  if (fd < 0) return nullptr;
  Directory directory(::fdopendir(fd));
  if (directory == nullptr) (void)::close(fd);  // otherwise it goes with the directory
  return directory;
}

// The innermost part of `path` that is a unit with processes of its own, or else the last one.
std::string unit_of(std::string_view path) {
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = rest.rfind('/');
    const std::string_view part = rest.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (part.ends_with(".service") || part.ends_with(".scope")) return clean_unit(part);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
  }
  return clean_unit(path.substr(path.rfind('/') + 1));
}

}  // namespace

Units Units::open() {
  for (const char* const path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    UniqueFd directory(::open(path, kOpenFlags));
    struct statfs status {};
    if (directory && ::fstatfs(directory.get(), &status) == 0 &&
        status.f_type == CGROUP2_SUPER_MAGIC) {
      return Units(std::move(directory));
    }
  }
  return {};
}

std::string Units::name(std::uint64_t cgroup) const {
  if (!directory_ || cgroup == 0) return {};
  std::vector<std::string> waiting = {""};
  for (std::size_t looked = 0; !waiting.empty() && looked < kMostGroups; ++looked) {
    const std::string path = std::move(waiting.back());
    waiting.pop_back();
    const Directory directory = open_below(directory_.get(), path);
    if (directory == nullptr) continue;
    while (const dirent* const entry = ::readdir(directory.get())) {
      const std::string_view name(entry->d_name);
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      std::string below = path.empty() ? std::string(name) : path + "/" + std::string(name);
      if (entry->d_ino == cgroup) return unit_of(below);
      if (waiting.size() < kMostGroups) waiting.push_back(std::move(below));
    }
  }
  return {};
}

}  // namespace scanlogd
