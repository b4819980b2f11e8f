// See selection.h.
#include "detect/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

namespace scanlogd {
namespace {

std::string_view key_of(Exclusion list) noexcept {
  return kExclusionKeys[static_cast<std::size_t>(list)];
}

}  // namespace

Result<NetworkSet> parse_network_list(const Section& options, std::string_view key) {
  const std::string_view text = options.text(key).value_or("");
  if (text.empty()) return NetworkSet();
  const auto networks = parse_networks(text);
  if (!networks) return fail(fmt::format("{}: {}", options.origin(key), networks.error().what));
  if (networks->size() > Selection::kMostNetworks) {
    return fail(
        fmt::format("{}: more than {} networks", options.origin(key), Selection::kMostNetworks));
  }
  return NetworkSet(*networks);
}

Result<PortSet> parse_port_list(const Section& options, std::string_view key) {
  auto ports = PortSet::parse(options.text(key).value_or(""));
  if (!ports) return fail(fmt::format("{}: {}", options.origin(key), ports.error().what));
  return ports;
}

Result<Selection> Selection::parse(const Section& options) {
  auto ignored_sources = parse_network_list(options, key_of(Exclusion::ignored_source));
  if (!ignored_sources) return std::unexpected(ignored_sources.error());
  auto ignored_targets = parse_network_list(options, key_of(Exclusion::ignored_target));
  if (!ignored_targets) return std::unexpected(ignored_targets.error());
  auto ignored_ports = parse_port_list(options, key_of(Exclusion::ignored_port));
  if (!ignored_ports) return std::unexpected(ignored_ports.error());
  auto watched_targets = parse_network_list(options, key_of(Exclusion::unwatched_target));
  if (!watched_targets) return std::unexpected(watched_targets.error());
  auto watched_ports = parse_port_list(options, key_of(Exclusion::unwatched_port));
  if (!watched_ports) return std::unexpected(watched_ports.error());
  Selection selection;
  selection.is_empty_ = ignored_sources->empty() && ignored_targets->empty() &&
                        ignored_ports->empty() && watched_targets->empty() &&
                        watched_ports->empty();
  selection.ignored_sources_ = std::move(*ignored_sources);
  selection.ignored_targets_ = std::move(*ignored_targets);
  selection.ignored_ports_ = std::move(*ignored_ports);
  selection.watched_targets_ = std::move(*watched_targets);
  selection.watched_ports_ = std::move(*watched_ports);
  return selection;
}

Exclusion Selection::look_up(const Packet& packet) const noexcept {
  if (ignored_sources_.contains(packet.family, packet.source)) return Exclusion::ignored_source;
  if (ignored_targets_.contains(packet.family, packet.target)) return Exclusion::ignored_target;
  if (ignored_ports_.contains(packet.protocol, packet.target_port)) return Exclusion::ignored_port;
  if (!watched_targets_.empty() && !watched_targets_.contains(packet.family, packet.target)) {
    return Exclusion::unwatched_target;
  }
  if (!watched_ports_.empty() && !watched_ports_.contains(packet.protocol, packet.target_port)) {
    return Exclusion::unwatched_port;
  }
  return Exclusion::none;
}

void ExclusionCounts::add(Exclusion why, SourceKey source) noexcept {
  const auto list = static_cast<std::size_t>(why);
  ++all_[list];
  Slot& slot = slots_[index_of(source)];
  if (slot.source != source) slot = Slot{.source = source, .counts = {}};
  std::uint32_t& count = slot.counts[list];
  if (count != std::numeric_limits<std::uint32_t>::max()) ++count;
}

ExclusionCounts::Counts ExclusionCounts::of(SourceKey source) const noexcept {
  Counts counts{};
  const Slot& slot = slots_[index_of(source)];
  if (slot.source == source) std::ranges::copy(slot.counts, counts.begin());
  return counts;
}

}  // namespace scanlogd
