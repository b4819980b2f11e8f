// Memory for the large tables: a fixed number of items, zero-filled, given back at the end.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/result.h"

namespace scanlogd {

namespace detail {
/// Are indices checked? In debug builds, and in those for AddressSanitizer, which knows nothing of
/// memory that is mapped.
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kChecksIndices = true;
#elif defined(__has_feature)
inline constexpr bool kChecksIndices = __has_feature(address_sanitizer);
#else
inline constexpr bool kChecksIndices = false;
#endif
}  // namespace detail

/// Pages from mmap(2) that the kernel hands out at their first use: a table costs what it holds,
/// never more than what was reserved. `Item` must be valid when all its bytes are zero.
template <class Item>
class ReservedMemory {
  static_assert(std::is_trivially_copyable_v<Item>);

 public:
  /// Room for `count` items; `purpose` is for the error message.
  [[nodiscard]] static Result<ReservedMemory> make(std::size_t count, std::string_view purpose) {
    void* const memory = ::mmap(nullptr, count * sizeof(Item), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return fail_errno("mmap", purpose, errno);
    // Random accesses to small pages cost as much for their addresses as for themselves.
    constexpr std::size_t kWorthwhile = std::size_t{2} << 20;
    if (count * sizeof(Item) >= kWorthwhile) {
      (void)::madvise(memory, count * sizeof(Item), MADV_HUGEPAGE);  // a hint
    }
    return ReservedMemory({static_cast<Item*>(memory), count});
  }

  ReservedMemory(ReservedMemory&& other) noexcept : items_(std::exchange(other.items_, {})) {}
  ReservedMemory& operator=(ReservedMemory&& other) noexcept {
    std::swap(items_, other.items_);
    return *this;
  }
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;
  ~ReservedMemory() {
    if (!items_.empty()) (void)::munmap(items_.data(), items_.size_bytes());  // cannot fail
  }

  /// All of it, for as long as this object lives.
  [[nodiscard]] std::span<Item> items() const noexcept { return items_; }

  /// Item `index`. Not checked in a release, for each packet comes here several times: for those
  /// whose index is masked, or came from the table itself.
  [[nodiscard]] Item& operator[](std::size_t index) const noexcept {
    if constexpr (detail::kChecksIndices) {
      if (index >= items_.size()) __builtin_trap();
    }
    return items_.data()[index];
  }

 private:
  explicit ReservedMemory(std::span<Item> items) noexcept : items_(items) {}

  std::span<Item> items_;
};

}  // namespace scanlogd
