// Reads an input as a capture file, once as a whole and once with one more byte shown each time,
// and checks that both ways give the same frames, that no frame lies outside what was shown, and
// that reading comes to an end.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "capture/savefile.h"

namespace scanlogd {
namespace {

using ByteView = std::span<const std::byte>;
using Found = Savefile::Found;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct Seen {
  std::size_t begin = 0;  // of the frame, in the file
  std::size_t size = 0;
  std::size_t wire_size = 0;
  std::chrono::nanoseconds time{};
  LinkType link{};

  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Reading {
  std::vector<Seen> frames;
  std::string failure;

  friend bool operator==(const Reading&, const Reading&) = default;
};

void check_frame(const Frame& frame, ByteView shown) {
  require(frame.bytes.empty() ||
          (frame.bytes.data() >= shown.data() &&
           frame.bytes.data() + frame.bytes.size() <= shown.data() + shown.size()));
  require(frame.time.count() >= 0 && frame.time.count() < std::int64_t{1} << 62);
}

// `step`: how many more bytes are shown after those shown were too few.
Reading read(ByteView file, std::size_t step) {
  Reading reading;
  Savefile parser;
  std::size_t at = 0;
  std::size_t shown = std::min(step, file.size());
  while (at < file.size()) {
    const ByteView bytes = file.subspan(at, std::max(shown, at) - at);
    const Savefile::Item item = parser.next(bytes);
    switch (item.found) {
      case Found::broken:
        require(!parser.failure().empty());
        reading.failure = parser.failure();
        return reading;
      case Found::incomplete:
        require(bytes.size() < Savefile::kMaxBytes);
        if (shown == file.size()) return reading;
        shown = std::min(std::max(shown, at) + step, file.size());
        continue;
      case Found::frame:
        check_frame(item.frame, bytes);
        reading.frames.push_back(
            {.begin = static_cast<std::size_t>(item.frame.bytes.data() - file.data()),
             .size = item.frame.bytes.size(),
             .wire_size = item.frame.wire_size,
             .time = item.frame.time,
             .link = item.link});
        break;
      case Found::nothing:
        break;
    }
    require(item.size > 0);
    at += std::min(item.size, file.size() - at);
  }
  return reading;
}

}  // namespace
}  // namespace scanlogd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scanlogd;
  const ByteView file = std::as_bytes(std::span(data, size));
  require(read(file, size) == read(file, 1));
  return 0;
}
