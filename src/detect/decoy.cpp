// See decoy.h.
#include "detect/decoy.h"

#include <algorithm>
#include <span>
#include <utility>

namespace scanlogd {

bool DecoyGroup::has(SourceKey source) const noexcept {
  const std::span known{members.data(), count};
  return std::ranges::find(known, source) != known.end();
}

void DecoyGroup::add(SourceKey source, const Address& address) noexcept {
  if (count == kMost || has(source)) return;
  addresses[count] = address;
  members[count++] = source;
}

void DecoyGroup::prefer(SourceKey source) noexcept {
  const auto* const found = std::find(members.begin(), members.begin() + count, source);
  const auto at = static_cast<std::size_t>(found - members.begin());
  if (at == 0 || at >= count) return;
  std::swap(members.front(), members[at]);
  std::swap(addresses.front(), addresses[at]);
}

Result<Decoys> Decoys::make(HashKey key) {
  auto slots = ReservedMemory<Slot>::make(kSlots, "decoys");
  if (!slots) return std::unexpected(slots.error());
  return Decoys(std::move(*slots), key);
}

// 0: it has nothing that others could not have by chance.
std::uint64_t Decoys::hash_of(const Sighting& sighting) const noexcept {
  const Packet& packet = *sighting.packet;
  const bool is_tcp = packet.protocol == IpProto::tcp;
  if (is_tcp && !sighting.probe.is_crafted && !sighting.probe.is_illegal) return 0;
  if (!is_tcp && (packet.protocol != IpProto::udp || packet.ip_id == 0)) return 0;
  const std::uint64_t ports = std::uint64_t{packet.source_port} << 16 | packet.target_port;
  const std::uint64_t marks = std::uint64_t{packet.sequence} << 16 | packet.ip_id;
  return keyed_hash(key_, sighting.local ^ ports << 32, marks);
}

// The group of the target; where there is none, the place of the oldest.
DecoyGroup& Decoys::group_of(const Sighting& sighting) noexcept {
  DecoyGroup* oldest = groups_.data();
  for (DecoyGroup& group : groups_) {
    if (group.target == sighting.local && elapsed(group.last, sighting.now) <= kGroupLifetime) {
      return group;
    }
    if (elapsed(group.last, sighting.now) > elapsed(oldest->last, sighting.now)) oldest = &group;
  }
  *oldest = DecoyGroup{};
  oldest->target = sighting.local;
  return *oldest;
}

DecoyGroup* Decoys::note(const Sighting& sighting, bool& is_news) noexcept {
  is_news = false;
  const std::uint64_t probe = hash_of(sighting);
  if (probe == 0) return nullptr;
  Slot& slot = slots_.items()[probe & (kSlots - 1)];
  const Slot before = slot;
  slot = {.probe = probe,
          .source = sighting.source,
          .address = sighting.packet->source,
          .at = sighting.now};
  const bool is_same = before.probe == probe && before.source != sighting.source &&
                       elapsed(before.at, sighting.now) <= kTogether;
  if (!is_same) return nullptr;
  DecoyGroup& group = group_of(sighting);
  group.last = sighting.now;
  group.add(before.source, {sighting.packet->family, before.address});
  group.add(sighting.source, sighting.packet->source_address());
  const Port port = sighting.packet->target_port;
  const std::span known{group.ports.data(), group.port_count};
  if (std::ranges::find(known, port) == known.end()) {
    if (group.port_count == group.ports.size()) {
      is_news = group.record == ScanRecords::kNoRecord;
    } else {
      group.ports[group.port_count++] = port;
    }
  }
  return &group;
}

}  // namespace scanlogd
