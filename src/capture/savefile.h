// Capture files, from bytes to frames: pcap, pcap-savefile(5), of either byte order and precision,
// and pcapng, draft-ietf-opsawg-pcapng. Needs no file, waits for nothing and keeps no bytes:
// whoever reads shows it what has come so far. Does not look at names, comments, statistics or
// secrets in pcapng.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "capture/frame.h"
#include "core/link.h"

namespace scanlogd {

/// Takes a capture file apart, one record or block at a time, from front to back.
class Savefile {
 public:
  /// No more than this has to be shown at once.
  static constexpr std::size_t kMaxBytes = (256 << 10) + 64;

  /// What stands at the beginning of the bytes shown.
  enum class Found : std::uint8_t {
    frame,       ///< `frame` is filled
    nothing,     ///< something that carries no frame
    incomplete,  ///< too few bytes to tell
    broken,      ///< nothing that can be read on from: `failure` says what
  };

  /// `frame.time` is the time stamp since the epoch, moved into [1970, 2116] where a broken one is
  /// out of it. `size` bytes are done with; they may be more than were shown.
  struct Item {
    Found found = Found::incomplete;
    std::size_t size = 0;
    LinkType link{};
    Frame frame;
  };

  /// Reads what comes after the last item. `bytes` begin there.
  [[nodiscard]] Item next(std::span<const std::byte> bytes);

  /// Was the header read, and with it, the link layer of the first frames?
  [[nodiscard]] bool is_open() const noexcept { return !interfaces_.empty(); }

  /// Why the last item was `broken`: a reason without operation and object.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  enum class Format : std::uint8_t { unknown, pcap, pcapng };

  // Where frames of pcapng come from; a pcap file has one. A time stamp of t ticks means
  // (t * multiplier / divisor) >> shift nanoseconds.
  struct Interface {
    LinkType link{};
    std::uint8_t shift = 0;
    std::uint32_t snap_length = 0;  // 0: none
    std::uint64_t multiplier = 1000;
    std::uint64_t divisor = 1;
    std::int64_t offset_seconds = 0;
  };

  [[nodiscard]] Item broken(std::string reason);
  [[nodiscard]] Item read_magic(std::span<const std::byte> bytes);
  [[nodiscard]] Item read_pcap_record(std::span<const std::byte> bytes);
  [[nodiscard]] Item read_block(std::span<const std::byte> bytes);
  [[nodiscard]] Item read_section(std::span<const std::byte> bytes);
  [[nodiscard]] Item read_interface(std::span<const std::byte> block);
  void read_interface_options(std::span<const std::byte> options, Interface& out) const noexcept;
  static void set_resolution(std::uint8_t resolution, Interface& out) noexcept;
  [[nodiscard]] static std::chrono::nanoseconds time_of(std::uint64_t ticks,
                                                        const Interface& source) noexcept;
  [[nodiscard]] Item read_packet(std::span<const std::byte> bytes, std::size_t size,
                                 std::uint32_t interface);
  [[nodiscard]] Item read_simple_packet(std::span<const std::byte> bytes, std::size_t size);
  [[nodiscard]] bool add_interface(std::uint32_t link, Interface interface);

  [[nodiscard]] std::uint16_t half(std::span<const std::byte> bytes, std::size_t at) const noexcept;
  [[nodiscard]] std::uint32_t word(std::span<const std::byte> bytes, std::size_t at) const noexcept;

  Format format_ = Format::unknown;
  bool is_swapped_ = false;         // written in the byte order that this machine has not
  std::size_t record_header_ = 16;  // of pcap
  std::vector<Interface> interfaces_;
  std::string failure_;
};

}  // namespace scanlogd
