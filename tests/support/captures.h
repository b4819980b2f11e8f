// Opens the capture back end that reads files.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "capture/capture.h"

namespace scanlogd::test {

/// What `--read` makes of these paths, for a detector that wants `interest`.
inline Result<std::unique_ptr<Capture>> open_files(std::vector<std::string> paths,
                                                   const Interest& interest = {}) {
  CaptureRequest request;
  request.paths = std::move(paths);
  request.interest = interest;
  const auto file = std::ranges::find(capture_table(), "file", &CapturePlugin::name);
  auto engines = (*file)->open(request);
  if (!engines) return std::unexpected(engines.error());
  return std::move(engines->front().front());
}

inline Result<std::unique_ptr<Capture>> open_file(const std::string& path) {
  return open_files({path});
}

}  // namespace scanlogd::test
