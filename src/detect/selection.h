// What of all that comes is judged: the lists of those who may do what scanners do, of what they
// may do it to, and of what is to be watched and nothing else. What is left out is counted, so that
// silence can be explained.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/address.h"
#include "core/exclusion.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/section.h"
#include "detect/network_set.h"
#include "detect/port_set.h"
#include "detect/source_key.h"

namespace scanlogd {

/// The networks that `key` of `options` lists; none where it is missing.
[[nodiscard]] Result<NetworkSet> parse_network_list(const Section& options, std::string_view key);
/// The same for ports.
[[nodiscard]] Result<PortSet> parse_port_list(const Section& options, std::string_view key);

/// The lists. What one costs for each packet is bounded by its length; ports cost one bit.
class Selection {
 public:
  /// Networks of one list; more are refused.
  static constexpr std::size_t kMostNetworks = 64;

  /// Leaves nothing out.
  Selection() noexcept = default;

  /// Those that the keys `kExclusionKeys` name.
  [[nodiscard]] static Result<Selection> parse(const Section& options);

  /// Which list leaves `packet`, which came in, out?
  [[nodiscard]] Exclusion judge(const Packet& packet) const noexcept {
    return is_empty_ ? Exclusion::none : look_up(packet);
  }

  /// Is nothing judged that comes from there?
  [[nodiscard]] bool ignores(const Address& source) const noexcept {
    return ignored_sources_.contains(source.family, source.bytes);
  }

 private:
  [[nodiscard]] Exclusion look_up(const Packet& packet) const noexcept;

  bool is_empty_ = true;
  NetworkSet ignored_sources_;
  NetworkSet ignored_targets_;
  NetworkSet watched_targets_;
  PortSet ignored_ports_;
  PortSet watched_ports_;
};

/// How much was left out: of all, and lately of each source, as far as there is room.
class ExclusionCounts {
 public:
  /// Packets that each list has left out.
  using Counts = std::array<std::uint64_t, kExclusions>;

  /// One of `source`, which is not none.
  void add(Exclusion why, SourceKey source) noexcept;

  [[nodiscard]] const Counts& all() const noexcept { return all_; }
  /// Those of `source`; none where others came in between.
  [[nodiscard]] Counts of(SourceKey source) const noexcept;

 private:
  static constexpr std::size_t kSlots = 256;
  struct Slot {
    SourceKey source = 0;
    std::array<std::uint32_t, kExclusions> counts{};
  };
  [[nodiscard]] static std::size_t index_of(SourceKey source) noexcept {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
    constexpr unsigned kUpperEight = 56;
    return source * kGolden >> kUpperEight;
  }

  Counts all_{};
  std::array<Slot, kSlots> slots_{};
};

}  // namespace scanlogd
