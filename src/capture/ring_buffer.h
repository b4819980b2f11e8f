// The reading half of a BPF ring buffer (BPF_MAP_TYPE_RINGBUF, Documentation/bpf/ringbuf.rst),
// without system calls and without a callback for each record.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.h"

namespace scanlogd {

/// The only reader of one ring buffer. Single-threaded; not copyable.
///
/// The kernel wakes whoever waits when it commits the record at which the reader has said to stand.
/// So a reader that keeps what it says one record behind (`release(Wake::later)`) is never woken,
/// and one that says where it stands and then looks again (`release(Wake::next)`, `next`) misses
/// nothing.
class RingBuffer {
 public:
  /// Maps the ring buffer `fd`, of `size` bytes of data, a power of two and a multiple of the page.
  /// The descriptor is not kept.
  [[nodiscard]] static Result<RingBuffer> map(int fd, std::size_t size);

  RingBuffer(RingBuffer&& other) noexcept;
  RingBuffer& operator=(RingBuffer&& other) noexcept;
  ~RingBuffer();

  /// The next record, or nothing where none is complete. Valid until `release`.
  [[nodiscard]] std::span<const std::byte> next() noexcept;

  /// When the kernel is to wake a waiting reader.
  enum class Wake : std::uint8_t {
    next,   ///< for the next record
    later,  ///< not before the reader says otherwise
  };

  /// Gives back the room of all records that `next` has shown.
  void release(Wake wake) noexcept;

 private:
  RingBuffer() = default;
  void unmap() noexcept;

  std::span<std::byte> consumer_;  ///< one page, shared, ours to write
  std::span<std::byte> producer_;  ///< one page and the data, twice in a row, read-only
  std::size_t mask_ = 0;
  std::uint64_t position_ = 0;  ///< of the next record
  std::uint64_t last_ = 0;      ///< of the record shown last, or `position_` if none was
  std::uint64_t said_ = 0;      ///< where the kernel believes us to be
};

}  // namespace scanlogd
