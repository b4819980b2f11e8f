// A frame between the back end that captured it and the code that takes it apart.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace scanlogd {

/// One frame as captured. Does not own its bytes.
struct Frame {
  std::span<const std::byte> bytes;
  std::size_t wire_size = 0;        ///< before the capture cut it
  std::chrono::nanoseconds time{};  ///< becomes `Packet::time`
  bool is_outgoing = false;         ///< sent by this machine, as far as is known
  bool is_checked = false;          ///< checksums are not to be looked at
  std::optional<std::uint16_t> vlan =
      std::nullopt;  ///< of a tag that was taken off before the capture
};

}  // namespace scanlogd
