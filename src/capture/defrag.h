// Reassembly of IPv4 and IPv6 fragments as far as detection needs it: the bytes up to and including
// the transport header, and the certainty that the datagram was complete. For back ends whose
// kernel interface hands over fragments (pcap, file). RFC 791, RFC 815, RFC 5722, RFC 8200 4.5.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/decode.h"
#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/result.h"

namespace scanlogd {

/// Counts since construction. Each datagram begun has one end or waits: `started` = `completed` +
/// `overlapping` + `expired` + `evicted` + `waiting`. The time-out is noticed when the room is
/// needed, so until then what timed out counts as waiting.
struct DefragStats {
  std::uint64_t fragments = 0;    ///< taken in, good or bad
  std::uint64_t bad = 0;          ///< fragments with impossible headers; they belong to no datagram
  std::uint64_t started = 0;      ///< datagrams of which a fragment came
  std::uint64_t completed = 0;    ///< datagrams
  std::uint64_t overlapping = 0;  ///< datagrams discarded because fragments overlapped
  std::uint64_t expired = 0;      ///< datagrams given up after 30 s (IPv4) or 60 s (IPv6)
  std::uint64_t evicted = 0;      ///< live datagrams given up for want of room
  std::uint64_t waiting = 0;      ///< datagrams in the table now
};

/// Fixed memory, allocated at construction and touched as used. Overlaps are resolved as Linux does
/// (RFC 5722): an exact repeat of bytes already there is ignored, any other overlap discards the
/// whole datagram. A datagram is delivered when all its bytes were seen, as the host itself would.
class Defragmenter {
 public:
  /// `datagrams` in flight at most, rounded up to a power of two of at least 8.
  [[nodiscard]] static Result<Defragmenter> make(std::size_t datagrams, HashKey key);

  Defragmenter(Defragmenter&&) noexcept;
  Defragmenter& operator=(Defragmenter&&) noexcept;
  ~Defragmenter();

  /// Takes in one fragment (`decode_ip` said so). Returns `Decoded::packet` and fills `out` when it
  /// completes a datagram whose transport header decodes; `fragment` while bytes are missing or
  /// when it was discarded; another reason for a completed datagram that does not decode.
  [[nodiscard]] Decoded add(std::span<const std::byte> datagram, std::size_t wire_size,
                            std::chrono::nanoseconds now, Packet& out) noexcept;

  [[nodiscard]] const DefragStats& stats() const noexcept;

  /// Bytes reserved, whether touched or not.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  struct State;
  explicit Defragmenter(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace scanlogd
