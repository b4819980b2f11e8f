// The part of capture.h that all back ends share: the accounts of what did not become a packet.
#include "capture/capture.h"

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

}  // namespace scanlogd
