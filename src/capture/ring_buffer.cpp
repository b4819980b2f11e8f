// See ring_buffer.h.
#include "capture/ring_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace scanlogd {
namespace {

// linux/bpf.h: a record begins with its length and these two bits, then four bytes for the kernel.
constexpr std::uint32_t kBusy = std::uint32_t{1} << 31;
constexpr std::uint32_t kDiscarded = std::uint32_t{1} << 30;
constexpr std::size_t kHeader = 8;

template <class Word>
std::atomic_ref<Word> shared(std::byte* at) noexcept {
  return std::atomic_ref(*static_cast<Word*>(static_cast<void*>(at)));
}

}  // namespace

Result<RingBuffer> RingBuffer::map(int fd, std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  RingBuffer ring;
  void* const consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer == MAP_FAILED) return fail_errno("mmap", "BPF ring buffer", errno);
  ring.consumer_ = {static_cast<std::byte*>(consumer), page};
  const std::size_t rest = page + 2 * size;
  void* const producer = ::mmap(nullptr, rest, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) return fail_errno("mmap", "BPF ring buffer", errno);
  ring.producer_ = {static_cast<std::byte*>(producer), rest};
  ring.mask_ = size - 1;
  ring.position_ = ring.last_ = ring.said_ = shared<std::uint64_t>(ring.consumer_.data()).load();
  return ring;
}

RingBuffer::RingBuffer(RingBuffer&& other) noexcept
    : consumer_(std::exchange(other.consumer_, {})),
      producer_(std::exchange(other.producer_, {})),
      mask_(other.mask_),
      position_(other.position_),
      last_(other.last_),
      said_(other.said_) {}

RingBuffer& RingBuffer::operator=(RingBuffer&& other) noexcept {
  std::swap(consumer_, other.consumer_);
  std::swap(producer_, other.producer_);
  std::swap(mask_, other.mask_);
  std::swap(position_, other.position_);
  std::swap(last_, other.last_);
  std::swap(said_, other.said_);
  return *this;
}

RingBuffer::~RingBuffer() { unmap(); }

void RingBuffer::unmap() noexcept {
  if (!consumer_.empty()) (void)::munmap(consumer_.data(), consumer_.size());  // cannot fail
  if (!producer_.empty()) (void)::munmap(producer_.data(), producer_.size());
}

std::span<const std::byte> RingBuffer::next() noexcept {
  std::byte* const pages = producer_.data();
  std::byte* const data = pages + (producer_.size() - 2 * (mask_ + 1));
  for (;;) {
    const auto end = shared<const std::uint64_t>(pages).load(std::memory_order_acquire);
    if (position_ >= end) return {};
    std::byte* const record = data + (position_ & mask_);
    // What another processor has just written takes long to come.
    constexpr std::size_t kAhead = 512;
    __builtin_prefetch(record + kAhead);
    const auto header = shared<const std::uint32_t>(record).load(std::memory_order_acquire);
    if ((header & kBusy) != 0) return {};
    const std::size_t size = header & ~(kBusy | kDiscarded);
    last_ = position_;
    position_ += (kHeader + size + 7) & ~std::uint64_t{7};
    if ((header & kDiscarded) == 0) return {record + kHeader, size};
  }
}

void RingBuffer::release(Wake wake) noexcept {
  // What follows must not be read before this is seen, or a record that comes between would neither
  // be read nor wake us.
  said_ = std::max(said_, wake == Wake::next ? position_ : last_);
  shared<std::uint64_t>(consumer_.data()).store(said_, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace scanlogd
