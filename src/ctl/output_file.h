// A file that is there as a whole or not at all.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd::ctl {

/// Written beside the place it is to have, and moved there when it is complete: nobody reads half
/// of it, a link that stands there is replaced rather than followed, and what was there before
/// stays if anything fails. What is no regular file, or lies in /dev, is written to directly.
class OutputFile {
 public:
  /// Readable by its owner and group, as far as the umask allows.
  [[nodiscard]] static Result<OutputFile> open(const std::string& path);

  OutputFile(OutputFile&& other) noexcept
      : file_(std::move(other.file_)),
        path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, {})),
        waiting_(std::move(other.waiting_)),
        failure_(other.failure_) {}
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Appends; the first failure is told by `finish`.
  void write(std::string_view text);

  /// Puts it in its place.
  [[nodiscard]] Result<void> finish();

 private:
  OutputFile(UniqueFd file, std::string path, std::string temporary) noexcept
      : file_(std::move(file)), path_(std::move(path)), temporary_(std::move(temporary)) {}

  [[nodiscard]] bool write_out() noexcept;

  UniqueFd file_;
  std::string path_;
  std::string temporary_;  ///< empty: written to directly, or moved already
  std::string waiting_;
  int failure_ = 0;
};

}  // namespace scanlogd::ctl
