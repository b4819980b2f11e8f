// See configuration.h. open(2), openat(2).
#include "daemon/configuration.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "daemon/command_line.h"
#include "daemon/config_file.h"

namespace scanlogd {
namespace {

Result<Options> parse(const std::vector<std::string>& arguments, Options base) {
  std::vector<const char*> pointers;
  pointers.reserve(arguments.size());
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  return parse_command_line(static_cast<int>(pointers.size()), pointers.data(), std::move(base));
}

/// Is a file wanted, and is there one?
bool is_absent(const Error& error, ConfigUse use) noexcept {
  return use == ConfigUse::if_present && (error.code == ENOENT || error.code == ENOTDIR);
}

Error with_hint(Error error, ConfigUse use) {
  if (use == ConfigUse::if_present && error.code == EACCES) {
    error.what += "; --no-config does without it";
  }
  return error;
}

}  // namespace

Result<ConfigFile> ConfigFile::open(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  std::string directory = ".";
  if (slash != std::string::npos) directory = slash == 0 ? "/" : path.substr(0, slash);
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty()) return fail_errno("open", path, EISDIR);
  UniqueFd held(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!held) return fail_errno("open", path, errno);
  return ConfigFile(std::move(held), path, std::move(name));
}

Result<std::string> ConfigFile::read() const {
  // Not waiting for whoever writes, should it be a pipe.
  const UniqueFd file(
      ::openat(directory_.get(), name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail_errno("open", path_, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("fstat", path_, errno);
  if (!S_ISREG(status.st_mode)) return fail("open(" + path_ + "): not a regular file");
  std::string text;
  std::array<char, 16384> part{};
  for (;;) {
    const ssize_t size = ::read(file.get(), part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno("read", path_, errno);
    if (size == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
    if (text.size() > kMostBytes) return fail_errno("read", path_, EFBIG);
  }
}

Result<Configuration> Configuration::load(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  // Once without a file, to learn which one, and whether one is needed at all.
  auto options = parse(arguments, default_options());
  if (!options) return std::unexpected(options.error());
  Configuration configuration(std::move(arguments), std::move(*options));
  const ConfigUse use = configuration.options_.config_use;
  const Action action = configuration.options_.action;
  if (use == ConfigUse::none || action == Action::print || action == Action::list) {
    return configuration;
  }
  auto file = ConfigFile::open(configuration.options_.config);
  if (!file && is_absent(file.error(), use)) return configuration;
  if (!file) return std::unexpected(with_hint(file.error(), use));
  const auto text = file->read();
  if (!text && is_absent(text.error(), use)) return configuration;
  if (!text) return std::unexpected(with_hint(text.error(), use));
  configuration.file_.emplace(std::move(*file));
  auto merged = configuration.merge(*text);
  if (!merged) return std::unexpected(merged.error());
  configuration.options_ = std::move(*merged);
  return configuration;
}

Result<Options> Configuration::reread() const {
  if (!file_) return options_;
  const auto text = file_->read();
  if (!text) return std::unexpected(text.error());
  return merge(*text);
}

Result<Options> Configuration::merge(const std::string& text) const {
  auto base = parse_config(text, options_.config, default_options());
  if (!base) return base;
  return parse(arguments_, std::move(*base));
}

}  // namespace scanlogd
