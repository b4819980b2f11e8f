// The options of a run, from the configuration file and the command line, and how to get them again
// once the process has locked itself in.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "daemon/options.h"

namespace scanlogd {

/// A configuration file and the directory it is in, which is held open by path only (O_PATH), so
/// that the file can be read again, and be another one of that name by then, from inside a chroot.
class ConfigFile {
 public:
  /// A file larger than this is a mistake.
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;

  /// `path` need not exist yet; its directory has to.
  [[nodiscard]] static Result<ConfigFile> open(const std::string& path);

  /// All of it, which has to be a regular file.
  [[nodiscard]] Result<std::string> read() const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int directory() const noexcept { return directory_.get(); }

 private:
  ConfigFile(UniqueFd directory, std::string path, std::string name) noexcept
      : directory_(std::move(directory)), path_(std::move(path)), name_(std::move(name)) {}

  UniqueFd directory_;
  std::string path_;  ///< for messages
  std::string name_;  ///< in the directory
};

/// The arguments of `main`, and the file that goes with them.
class Configuration {
 public:
  /// Reads the file that the arguments choose, if any, and puts them over it.
  [[nodiscard]] static Result<Configuration> load(int argc, const char* const* argv);

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// What `options` would be if the process were started now. Takes no right but that to read
  /// beneath `directory`.
  [[nodiscard]] Result<Options> reread() const;

  /// Is there a file?
  [[nodiscard]] bool has_file() const noexcept { return file_.has_value(); }

  /// Descriptor (O_PATH) of the directory of the file; -1 where there is none.
  [[nodiscard]] int directory() const noexcept { return file_ ? file_->directory() : -1; }

 private:
  Configuration(std::vector<std::string> arguments, Options options) noexcept
      : arguments_(std::move(arguments)), options_(std::move(options)) {}

  /// The arguments over the file's `text`.
  [[nodiscard]] Result<Options> merge(const std::string& text) const;

  std::vector<std::string> arguments_;
  Options options_;
  std::optional<ConfigFile> file_;
};

}  // namespace scanlogd
