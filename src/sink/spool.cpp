// See spool.h. Each message is stored as two length bytes, high first, and its text.
#include "sink/spool.h"

namespace scanlogd {
namespace {
constexpr std::size_t kLengthBytes = 2;
}

bool Spool::push(std::string_view message) noexcept {
  const std::size_t size = message.size();
  if (size > kMaxMessage || used_ + size + kLengthBytes > capacity_) return false;
  put(static_cast<char>(size >> 8));
  put(static_cast<char>(size & 0xff));
  for (const char byte : message) put(byte);
  ++messages_;
  return true;
}

std::string_view Spool::front() noexcept {
  if (empty()) return {};
  const std::size_t size = front_size();
  for (std::size_t i = 0; i < size; ++i) scratch_[i] = at(kLengthBytes + i);
  return {scratch_.get(), size};
}

void Spool::pop() noexcept {
  if (empty()) return;
  const std::size_t whole = kLengthBytes + front_size();
  head_ = (head_ + whole) % capacity_;
  used_ -= whole;
  --messages_;
}

void Spool::put(char byte) noexcept { ring_[(head_ + used_++) % capacity_] = byte; }

std::size_t Spool::front_size() const noexcept {
  const auto high = static_cast<unsigned char>(at(0));
  const auto low = static_cast<unsigned char>(at(1));
  return static_cast<std::size_t>(high) << 8 | low;
}

}  // namespace scanlogd
