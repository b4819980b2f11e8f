// A BPF array that its programs write and we read, for as long as somebody wants to know
// (BPF_F_MMAPABLE).
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

#include "core/result.h"

namespace scanlogd {

/// The memory of one. The kernel writes while we read; each word is read by itself (`read_now`).
template <class Item>
class MappedArray {
 public:
  /// The `count` items of the map `fd`, which need not stay open.
  [[nodiscard]] static Result<MappedArray> map(int fd, std::size_t count) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t size = (count * sizeof(Item) + page - 1) / page * page;
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return fail_errno("mmap", "BPF array", errno);
    return MappedArray({static_cast<const Item*>(memory), count}, size);
  }
  MappedArray(MappedArray&& other) noexcept
      : items_(std::exchange(other.items_, {})), size_(std::exchange(other.size_, 0)) {}
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() {
    if (size_ != 0) (void)::munmap(const_cast<Item*>(items_.data()), size_);  // cannot fail
  }

  [[nodiscard]] std::span<const Item> items() const noexcept { return items_; }

 private:
  MappedArray(std::span<const Item> items, std::size_t size) noexcept
      : items_(items), size_(size) {}

  std::span<const Item> items_;
  std::size_t size_;
};

/// What `word` holds now.
template <class Word>
[[nodiscard]] Word read_now(const Word& word) noexcept {
  return *const_cast<const volatile Word*>(&word);
}

}  // namespace scanlogd
