// Which packets detectors want, so that captures can leave out the rest as early as they can.
#pragma once

#include <cstdint>

namespace scanlogd {

/// The packets that can matter to a detector. The bulk of TCP, that is ACK or PSH+ACK and nothing
/// else in segments that came unfragmented, never does: what such a segment could tell, the end of
/// its connection tells too.
struct Interest {
  bool other_protocols = false;  ///< more than TCP
  bool outgoing = false;         ///< what this machine sends, too, where the back end can tell

  /// What both want.
  [[nodiscard]] friend constexpr Interest operator|(const Interest& a, const Interest& b) noexcept {
    return {.other_protocols = a.other_protocols || b.other_protocols,
            .outgoing = a.outgoing || b.outgoing};
  }
};

}  // namespace scanlogd
