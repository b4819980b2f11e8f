// See savefile.h. No number of the file is used as a length before it was compared with what may be
// and with what is there.
#include "capture/savefile.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "capture/live_pcap.h"

namespace scanlogd {
namespace {

using ByteView = std::span<const std::byte>;
using Found = Savefile::Found;
__extension__ using Wide = __int128;

// First word of a pcap file, in the byte order of the machine that wrote it.
namespace magic {
constexpr std::uint32_t microseconds = 0xa1b2c3d4;
constexpr std::uint32_t nanoseconds = 0xa1b23c4d;
constexpr std::uint32_t patched = 0xa1b2cd34;  // Linux of the 1990s: longer record headers
constexpr std::uint32_t section_byte_order = 0x1a2b3c4d;
}  // namespace magic

// Block types of pcapng.
namespace block {
constexpr std::uint32_t section = 0x0a0d0d0a;  // the same in either byte order
constexpr std::uint32_t interface = 1;
constexpr std::uint32_t old_packet = 2;
constexpr std::uint32_t simple_packet = 3;
constexpr std::uint32_t packet = 6;
}  // namespace block

constexpr std::size_t kPcapHeader = 24;
constexpr std::size_t kPatchedRecordHeader = 24;
constexpr std::size_t kBlockHeader = 8;
constexpr std::size_t kBlockEnd = 4;  // the length again
constexpr std::size_t kSectionHeader = 28;
constexpr std::size_t kInterfaceHeader = 16;
constexpr std::size_t kPacketHeader = 28;
constexpr std::size_t kSimplePacketHeader = 12;

// What libpcap and tcpdump allow.
constexpr std::uint32_t kMaxCaptured = 256 << 10;
static_assert(kMaxCaptured + kPacketHeader <= Savefile::kMaxBytes);

// No file has nearly as many; without a bound, a file could fill the memory with them.
constexpr std::size_t kMaxInterfaces = 65536;

// The year 2116: differences and sums of two times cannot overflow.
constexpr std::int64_t kLatest = (std::int64_t{1} << 62) - 1;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kLargestPowerOfTen = 10'000'000'000'000'000'000u;

Savefile::Item incomplete() noexcept { return {.found = Found::incomplete, .frame = {}}; }

Savefile::Item nothing(std::size_t size) noexcept {
  return {.found = Found::nothing, .size = size, .frame = {}};
}

std::chrono::nanoseconds clamped(Wide nanoseconds) noexcept {
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::clamp<Wide>(nanoseconds, 0, kLatest)));
}

}  // namespace

std::uint16_t Savefile::half(ByteView bytes, std::size_t at) const noexcept {
  std::uint16_t value;
  std::memcpy(&value, bytes.subspan(at, sizeof(value)).data(), sizeof(value));
  return is_swapped_ ? std::byteswap(value) : value;
}

std::uint32_t Savefile::word(ByteView bytes, std::size_t at) const noexcept {
  std::uint32_t value;
  std::memcpy(&value, bytes.subspan(at, sizeof(value)).data(), sizeof(value));
  return is_swapped_ ? std::byteswap(value) : value;
}

Savefile::Item Savefile::broken(std::string reason) {
  failure_ = std::move(reason);
  return {.found = Found::broken, .frame = {}};
}

Savefile::Item Savefile::next(ByteView bytes) {
  switch (format_) {
    case Format::unknown:
      return read_magic(bytes);
    case Format::pcap:
      return read_pcap_record(bytes);
    case Format::pcapng:
      return read_block(bytes);
  }
  return incomplete();
}

bool Savefile::add_interface(std::uint32_t link, Interface interface) {
  const auto known = link_type(static_cast<int>(link));
  if (!known) {
    failure_ = describe_link(static_cast<int>(link)) + " is not supported";
    return false;
  }
  interface.link = *known;
  interfaces_.push_back(interface);
  return true;
}

Savefile::Item Savefile::read_magic(ByteView bytes) {
  if (bytes.size() < 4) return incomplete();
  std::uint32_t first = word(bytes, 0);
  if (first == block::section) {
    format_ = Format::pcapng;
    return read_section(bytes);
  }
  for (const bool is_swapped : {false, true}) {
    is_swapped_ = is_swapped;
    first = word(bytes, 0);
    if (first == magic::microseconds || first == magic::nanoseconds || first == magic::patched) {
      break;
    }
    if (is_swapped) return broken("not a pcap or pcapng file");
  }
  if (bytes.size() < kPcapHeader) return incomplete();
  if (half(bytes, 4) != 2) return broken("pcap of a version other than 2");
  // The upper bits tell of checksums behind the frames.
  const std::uint32_t link = word(bytes, 20) & 0x03ff'ffff;
  const std::uint64_t multiplier = first == magic::nanoseconds ? 1 : 1000;
  if (!add_interface(link, {.multiplier = multiplier})) return broken(failure_);
  if (first == magic::patched) record_header_ = kPatchedRecordHeader;
  format_ = Format::pcap;
  return nothing(kPcapHeader);
}

Savefile::Item Savefile::read_pcap_record(ByteView bytes) {
  if (bytes.size() < record_header_) return incomplete();
  const std::uint32_t captured = word(bytes, 8);
  if (captured > kMaxCaptured) return broken("a record of more than 262144 bytes");
  const std::size_t size = record_header_ + captured;
  if (bytes.size() < size) return incomplete();
  const Interface& source = interfaces_.front();
  const std::uint64_t fraction =
      std::min<std::uint64_t>(word(bytes, 4) * source.multiplier, kNanosecondsPerSecond - 1);
  return {.found = Found::frame,
          .size = size,
          .link = source.link,
          .frame = {.bytes = bytes.subspan(record_header_, captured),
                    .wire_size = word(bytes, 12),
                    .time = clamped(Wide{word(bytes, 0)} * kNanosecondsPerSecond + fraction)}};
}

Savefile::Item Savefile::read_block(ByteView bytes) {
  if (bytes.size() < kBlockHeader) return incomplete();
  const std::uint32_t type = word(bytes, 0);
  if (type == block::section) return read_section(bytes);
  const std::size_t size = word(bytes, 4);
  if (size < kBlockHeader + kBlockEnd || size % 4 != 0)
    return broken("a block of impossible length");
  switch (type) {
    case block::interface:
      if (size < kInterfaceHeader + kBlockEnd || size > kMaxBytes) {
        return broken("an interface block of impossible length");
      }
      if (bytes.size() < size) return incomplete();
      return read_interface(bytes.first(size));
    case block::packet:
    case block::old_packet:
      if (size < kPacketHeader + kBlockEnd) return broken("a packet block of impossible length");
      if (bytes.size() < kPacketHeader) return incomplete();
      return read_packet(bytes, size, type == block::packet ? word(bytes, 8) : half(bytes, 8));
    case block::simple_packet:
      if (size < kSimplePacketHeader + kBlockEnd) {
        return broken("a packet block of impossible length");
      }
      if (bytes.size() < kSimplePacketHeader) return incomplete();
      return read_simple_packet(bytes, size);
    default:
      return nothing(size);
  }
}

// Each section has its own byte order and interfaces.
Savefile::Item Savefile::read_section(ByteView bytes) {
  if (bytes.size() < kSectionHeader) return incomplete();
  is_swapped_ = false;
  if (word(bytes, 8) != magic::section_byte_order) is_swapped_ = true;
  if (word(bytes, 8) != magic::section_byte_order) return broken("a section without byte order");
  const std::size_t size = word(bytes, 4);
  if (size < kSectionHeader || size % 4 != 0) return broken("a section of impossible length");
  if (half(bytes, 12) != 1) return broken("pcapng of a version other than 1");
  interfaces_.clear();
  return nothing(size);
}

Savefile::Item Savefile::read_interface(ByteView block) {
  if (interfaces_.size() == kMaxInterfaces) return broken("more than 65536 interfaces");
  Interface interface { .snap_length = word(block, 12) };
  read_interface_options(
      block.subspan(kInterfaceHeader, block.size() - kInterfaceHeader - kBlockEnd), interface);
  if (!add_interface(half(block, 8), interface)) return broken(failure_);
  return nothing(block.size());
}

void Savefile::read_interface_options(ByteView options, Interface& out) const noexcept {
  constexpr std::uint16_t kEnd = 0;
  constexpr std::uint16_t kResolution = 9;
  constexpr std::uint16_t kOffset = 14;
  while (options.size() >= 4) {
    const std::uint16_t code = half(options, 0);
    const std::size_t length = half(options, 2);
    const ByteView value = options.subspan(4);
    if (code == kEnd || length > value.size()) return;
    if (code == kResolution && length == 1) {
      set_resolution(std::to_integer<std::uint8_t>(value[0]), out);
    }
    if (code == kOffset && length == 8) {
      const std::uint64_t first = word(value, 0);
      const std::uint64_t second = word(value, 4);
      const bool is_low_first = is_swapped_ == (std::endian::native == std::endian::big);
      out.offset_seconds =
          static_cast<std::int64_t>(is_low_first ? second << 32 | first : first << 32 | second);
    }
    options = value.subspan(std::min((length + 3) / 4 * 4, value.size()));
  }
}

// if_tsresol: ticks of 10^-n seconds, or with the upper bit set, of 2^-n.
void Savefile::set_resolution(std::uint8_t resolution, Interface& out) noexcept {
  unsigned exponent = resolution & 0x7f;
  out.multiplier = out.divisor = 1;
  if ((resolution & 0x80) != 0) {
    out.multiplier = kNanosecondsPerSecond;
    out.shift = static_cast<std::uint8_t>(exponent);
    return;
  }
  for (; exponent < 9; ++exponent) out.multiplier *= 10;
  for (; exponent > 9 && out.divisor < kLargestPowerOfTen; --exponent) out.divisor *= 10;
}

std::chrono::nanoseconds Savefile::time_of(std::uint64_t ticks, const Interface& source) noexcept {
  const Wide scaled = static_cast<Wide>(ticks) * source.multiplier;
  const Wide divided = source.divisor == 1 ? scaled : scaled / source.divisor;
  return clamped((divided >> source.shift) + Wide{source.offset_seconds} * kNanosecondsPerSecond);
}

Savefile::Item Savefile::read_packet(ByteView bytes, std::size_t size, std::uint32_t interface) {
  if (interface >= interfaces_.size()) return broken("a packet of an unknown interface");
  const std::uint32_t captured = word(bytes, 20);
  if (captured > kMaxCaptured) return broken("a packet of more than 262144 bytes");
  if (captured > size - kPacketHeader - kBlockEnd) return broken("a packet longer than its block");
  if (bytes.size() < kPacketHeader + captured) return incomplete();
  const Interface& source = interfaces_[interface];
  const std::uint64_t ticks = std::uint64_t{word(bytes, 12)} << 32 | word(bytes, 16);
  return {.found = Found::frame,
          .size = size,
          .link = source.link,
          .frame = {.bytes = bytes.subspan(kPacketHeader, captured),
                    .wire_size = word(bytes, 24),
                    .time = time_of(ticks, source)}};
}

// Has neither a time nor an interface: the latter is the first of the section.
Savefile::Item Savefile::read_simple_packet(ByteView bytes, std::size_t size) {
  if (interfaces_.empty()) return broken("a packet of an unknown interface");
  const Interface& source = interfaces_.front();
  const std::size_t wire_size = word(bytes, 8);
  std::size_t captured = std::min(wire_size, size - kSimplePacketHeader - kBlockEnd);
  if (source.snap_length != 0) captured = std::min<std::size_t>(captured, source.snap_length);
  if (captured > kMaxCaptured) return broken("a packet of more than 262144 bytes");
  if (bytes.size() < kSimplePacketHeader + captured) return incomplete();
  return {.found = Found::frame,
          .size = size,
          .link = source.link,
          .frame = {.bytes = bytes.subspan(kSimplePacketHeader, captured),
                    .wire_size = wire_size,
                    .time = {}}};
}

}  // namespace scanlogd
