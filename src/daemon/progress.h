// How far the reading of files has come, for a person at a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace scanlogd {

/// What is known of a reading.
struct Progress {
  std::chrono::milliseconds elapsed{0};
  std::uint64_t packets = 0;
  std::uint64_t position = 0;  ///< bytes read
  std::uint64_t size = 0;      ///< of all bytes; 0: not known
};

/// `12,345,678 packets, 45 %, 3,200,000 a second, 0:12 left`; share and rest only where they are
/// known. Nothing in the first second, which is when most readings end.
[[nodiscard]] std::string to_string(const Progress& progress);

}  // namespace scanlogd
