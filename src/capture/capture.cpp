// The parts of capture.h that back ends share.
#include "capture/capture.h"

#include <utility>

namespace scanlogd {

void CaptureStats::count(Decoded reason) noexcept {
  switch (reason) {
    case Decoded::packet:
      break;
    case Decoded::fragment:
      ++fragments;
      break;
    case Decoded::not_ip:
      ++not_ip;
      break;
    case Decoded::truncated:
      ++truncated;
      break;
    case Decoded::bad_header:
      ++bad_header;
      break;
  }
}

Result<std::vector<Captures>> open_each(
    const CaptureRequest& request,
    Result<std::unique_ptr<Capture>> (*open)(const CaptureRequest& request,
                                             const std::string* interface)) {
  Captures captures;
  for (const std::string& interface : request.interfaces) {
    auto capture = open(request, &interface);
    if (!capture) return std::unexpected(capture.error());
    captures.push_back(std::move(*capture));
  }
  if (captures.empty()) {
    auto capture = open(request, nullptr);
    if (!capture) return std::unexpected(capture.error());
    captures.push_back(std::move(*capture));
  }
  std::vector<Captures> engines;
  engines.push_back(std::move(captures));
  return engines;
}

}  // namespace scanlogd
