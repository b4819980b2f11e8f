// A mapped classic pcap file as the loops of mapped_savefile.cpp look at it, record by record.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "capture/assembler.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/plain_tcp.h"

namespace scanlogd {

/// A record, as far as its header and a look at its frame tell.
struct PcapRecord {
  static constexpr std::size_t kHeader = 16;
  static constexpr std::uint32_t kMaxCaptured = 256 << 10;  ///< as `Savefile`

  /// `plain` is a `plain_tcp` that matters, without TCP options; `other` is for `Assembler::take`.
  enum class Kind : std::uint8_t { unreadable, bulk, plain, other };

  Kind kind = Kind::unreadable;
  std::uint32_t captured = 0;
  std::uint64_t next = 0;  ///< where the one after it begins
};

namespace detail {
inline constexpr std::size_t kEthernetHeader = 14;
inline constexpr std::size_t kCookedHeader = 16;

// Whoever calls these has compared with what is there.
inline unsigned byte_at(const std::byte* at) noexcept { return std::to_integer<unsigned>(*at); }
inline unsigned half_at(const std::byte* at) noexcept { return byte_at(at) << 8 | byte_at(at + 1); }
}  // namespace detail

/// What the loops need of a file, for one size of the link header, which ends with an EtherType (0:
/// none that ends so), and one byte order: all that is the same for each record is known to the
/// compiler or in a register. Does not own the file.
template <std::size_t kLink, bool kSwapped>
class SavefileView {
 public:
  SavefileView(std::span<const std::byte> file, LinkType link, std::uint32_t multiplier) noexcept
      : file_(file.data()), size_(file.size()), multiplier_(multiplier), link_(link) {}

  /// Asks for what is at `at`, which may lie behind the end.
  [[gnu::always_inline]] void prefetch(std::uint64_t at) const noexcept {
    __builtin_prefetch(file_ + at);
  }

  /// The record at `at`, not behind the end of the file.
  [[nodiscard, gnu::always_inline]] PcapRecord look(std::uint64_t at) const noexcept {
    const std::uint64_t left = size_ - at;
    if (left < PcapRecord::kHeader) return {};
    const std::uint32_t captured = word(at + 8);
    if (captured > PcapRecord::kMaxCaptured || captured > left - PcapRecord::kHeader) return {};
    return {.kind = kind_of(at + PcapRecord::kHeader, captured, word(at + 12)),
            .captured = captured,
            .next = at + PcapRecord::kHeader + captured};
  }

  /// Where `glance` may be asked: before that, no record can reach beyond the end of the file.
  [[nodiscard]] std::uint64_t glance_end() const noexcept {
    constexpr std::uint64_t kMargin = PcapRecord::kHeader + PcapRecord::kMaxCaptured;
    return kLink != 0 && size_ > kMargin ? size_ - kMargin : 0;
  }

  /// As `look`, with next to no comparisons: says `bulk` or `plain` of what nearly all records are,
  /// and `unreadable` where `look` is to be asked.
  [[nodiscard, gnu::always_inline]] PcapRecord glance(std::uint64_t at) const noexcept {
    constexpr std::uint32_t kLeast = kLink + plain_tcp::kSize;
    constexpr std::uint16_t kIpv4 = plain_tcp::detail::native(std::uint16_t{0x0800});
    const std::uint32_t captured = word(at + 8);
    const std::byte* const ip = file_ + at + PcapRecord::kHeader + kLink;
    std::uint16_t type;
    std::memcpy(&type, ip - 2, sizeof(type));
    if (captured - kLeast > PcapRecord::kMaxCaptured - kLeast || type != kIpv4) return {};
    const std::uint32_t wire_size = std::max(word(at + 12), captured);
    if (!plain_tcp::is_plain(ip, wire_size - kLink)) return {};
    PcapRecord record{.kind = PcapRecord::Kind::bulk,
                      .captured = captured,
                      .next = at + PcapRecord::kHeader + captured};
    if (plain_tcp::is_bulk(ip)) return record;
    if (!is_simple(at + PcapRecord::kHeader, ip)) return {};
    record.kind = PcapRecord::Kind::plain;
    return record;
  }

  /// Decodes a record that is `plain`.
  [[gnu::always_inline]] void decode(std::uint64_t at, Packet& out) const noexcept {
    plain_tcp::decode(file_ + at + PcapRecord::kHeader + kLink, time_of(at), out);
  }

  /// Gives any other to the assembler.
  void give(std::uint64_t at, std::uint32_t captured, Assembler& assembler,
            PacketBatch& batch) const noexcept {
    assembler.take(link_,
                   {.bytes = {file_ + at + PcapRecord::kHeader, captured},
                    .wire_size = word(at + 12),
                    .time = time_of(at)},
                   batch);
  }

 private:
  [[nodiscard, gnu::always_inline]] std::uint32_t word(std::uint64_t at) const noexcept {
    std::uint32_t value;
    std::memcpy(&value, file_ + at, sizeof(value));
    return kSwapped ? std::byteswap(value) : value;
  }

  [[nodiscard, gnu::always_inline]] std::chrono::nanoseconds time_of(
      std::uint64_t at) const noexcept {
    constexpr std::int64_t kPerSecond = 1'000'000'000;
    const std::int64_t fraction =
        std::min<std::int64_t>(std::int64_t{word(at + 4)} * multiplier_, kPerSecond - 1);
    return std::chrono::nanoseconds(std::int64_t{word(at)} * kPerSecond + fraction);
  }

  // Says `bulk` and `plain` only where `Assembler::take` would come to the same.
  [[nodiscard, gnu::always_inline]] PcapRecord::Kind kind_of(std::uint64_t at, std::size_t captured,
                                                             std::size_t wire_size) const noexcept {
    using enum PcapRecord::Kind;
    if (kLink == 0 || captured < kLink + plain_tcp::kSize) return other;
    const std::byte* const ip = file_ + at + kLink;
    const std::size_t rest = std::max(wire_size, captured) - kLink;
    const unsigned type = detail::half_at(ip - 2);
    if (type == 0x0800 && plain_tcp::is_plain(ip, rest)) {
      if (plain_tcp::is_bulk(ip)) return bulk;
      return is_simple(at, ip) ? plain : other;
    }
    return type == 0x86dd && is_ipv6_bulk(ip, captured - kLink, rest) ? bulk : other;
  }

  // Is there nothing to say of it that `plain_tcp::decode` does not?
  [[nodiscard, gnu::always_inline]] bool is_simple(std::uint64_t at,
                                                   const std::byte* ip) const noexcept {
    constexpr unsigned kOutgoing = 4;  // PACKET_OUTGOING, packet(7)
    if (kLink == detail::kCookedHeader && detail::half_at(file_ + at) == kOutgoing) return false;
    return !plain_tcp::has_options(ip);
  }

  [[nodiscard]] static bool is_ipv6_bulk(const std::byte* ip, std::size_t here,
                                         std::size_t wire_size) noexcept {
    constexpr unsigned kTelling = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
    constexpr std::size_t kIpv6Header = 40;
    constexpr std::size_t kTcpHeader = 20;
    if (here < kIpv6Header + kTcpHeader) return false;
    const std::size_t payload = detail::half_at(ip + 4);
    return detail::byte_at(ip) >> 4 == 6 && detail::byte_at(ip + 6) == 6 && payload >= kTcpHeader &&
           payload + kIpv6Header <= wire_size &&
           (detail::byte_at(ip + kIpv6Header + 13) & kTelling) == tcp_flag::ack;
  }

  const std::byte* file_;
  std::uint64_t size_;
  std::uint32_t multiplier_;
  LinkType link_;
};

}  // namespace scanlogd
