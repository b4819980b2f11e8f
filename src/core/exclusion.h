// Why a packet is not judged although it came: the lists of the configuration that say so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scanlogd {

/// Which list has left a packet out; the first that does, in this order.
enum class Exclusion : std::uint8_t {
  ignored_source,
  ignored_target,
  ignored_port,
  unwatched_target,  ///< of none of the networks that are to be watched
  unwatched_port,
  none,
};

/// How many lists there are.
inline constexpr std::size_t kExclusions = static_cast<std::size_t>(Exclusion::none);

/// What each is called where packets are counted.
inline constexpr std::array<std::string_view, kExclusions> kExclusionCounters = {
    "ignored_source", "ignored_target", "ignored_port", "unwatched_target", "unwatched_port"};

/// The key of each list.
inline constexpr std::array<std::string_view, kExclusions> kExclusionKeys = {
    "ignore_sources", "ignore_targets", "ignore_ports", "watch_targets", "watch_ports"};

}  // namespace scanlogd
