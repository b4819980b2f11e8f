// A bounded queue of messages that wait for whoever is behind a sink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace scanlogd {

/// First in, first out, in one block of memory taken at construction. Nothing is ever overwritten:
/// when it is full the newest message is refused, because the first lines of an attack say most.
class Spool {
 public:
  /// Longest message it takes: an EVE event and a line end.
  static constexpr std::size_t kMaxMessage = 16 * 1024 + 1;

  /// Room for `bytes`; each message costs its length plus two. Touched only as used.
  explicit Spool(std::size_t bytes)
      : ring_(std::make_unique_for_overwrite<char[]>(bytes)),
        capacity_(bytes),
        scratch_(std::make_unique_for_overwrite<char[]>(kMaxMessage)) {}

  /// False where `message` is too long or does not fit any more.
  [[nodiscard]] bool push(std::string_view message) noexcept;

  /// The oldest message, valid until the next call of any member; empty view where there is none.
  [[nodiscard]] std::string_view front() noexcept;

  /// Removes the oldest message.
  void pop() noexcept;

  [[nodiscard]] bool empty() const noexcept { return messages_ == 0; }
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }

 private:
  void put(char byte) noexcept;
  [[nodiscard]] char at(std::size_t offset) const noexcept {
    return ring_[(head_ + offset) % capacity_];
  }
  [[nodiscard]] std::size_t front_size() const noexcept;

  std::unique_ptr<char[]> ring_;
  std::size_t capacity_;
  std::size_t head_ = 0;  ///< first byte of the oldest message
  std::size_t used_ = 0;
  std::uint64_t messages_ = 0;
  std::unique_ptr<char[]> scratch_;  ///< the oldest message in one piece
};

}  // namespace scanlogd
