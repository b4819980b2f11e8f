// Ports of protocols, asked about for each packet: those to ignore, those to watch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/packet.h"
#include "core/result.h"

namespace scanlogd {

/// One bit for each port of TCP, UDP and SCTP, and one for ICMP, which has none. Built at the
/// start, read in the hot path.
class PortSet {
 public:
  /// More entries than these are refused.
  static constexpr std::size_t kMostEntries = 64;

  /// Contains nothing.
  PortSet() noexcept = default;

  /// Parses entries with commas between them: `22`, `53/udp`, `8000-8100`, `1-1023/tcp`, `icmp`.
  /// Without a protocol all that have ports are meant, without a port all of the protocol's.
  [[nodiscard]] static Result<PortSet> parse(std::string_view text);

  [[nodiscard]] bool empty() const noexcept { return bits_.empty(); }

  /// Is the port one of them? Never for protocols that have none, except ICMP.
  [[nodiscard]] bool contains(IpProto protocol, Port port) const noexcept {
    if (bits_.empty()) return false;
    const std::size_t row = row_of(protocol);
    if (row >= kRows) return row == kIcmp && has_icmp_;
    return (bits_[row * kWords + port / kWordBits] >> port % kWordBits & 1) != 0;
  }

 private:
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kWords = 65536 / kWordBits;
  static constexpr std::size_t kRows = 3;
  static constexpr std::size_t kIcmp = kRows;
  static constexpr std::size_t kOther = kRows + 1;

  [[nodiscard]] static constexpr std::size_t row_of(IpProto protocol) noexcept {
    switch (protocol) {
      case IpProto::tcp:
        return 0;
      case IpProto::udp:
        return 1;
      case IpProto::sctp:
        return 2;
      case IpProto::icmp:
      case IpProto::icmpv6:
        return kIcmp;
    }
    return kOther;
  }

  [[nodiscard]] Result<void> add(std::string_view entry);
  void insert(std::size_t row, Port first, Port last) noexcept;

  std::vector<std::uint64_t> bits_;  ///< none where there is no entry
  bool has_icmp_ = false;
};

}  // namespace scanlogd
