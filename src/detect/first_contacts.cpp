// See first_contacts.h.
#include "detect/first_contacts.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "detect/technique.h"

namespace scanlogd {
namespace {

constexpr std::size_t kShare = 8;  // one place for so many sources

void vote(FirstContacts& first, Tool tool) noexcept {
  if (tool == Tool::unknown) return;
  if (first.tool == tool) {
    if (first.tool_votes != std::numeric_limits<std::uint8_t>::max()) ++first.tool_votes;
  } else if (first.tool_votes > 0) {
    --first.tool_votes;
  } else {
    first.tool = tool;
    first.tool_votes = 1;
  }
}

void note_ttl(FirstContacts& first, std::uint8_t ttl) noexcept {
  if (ttl == first.ttl) return;
  first.varies |= varies::ttl;
  const auto distance =
      static_cast<std::uint8_t>(ttl > first.ttl ? ttl - first.ttl : first.ttl - ttl);
  first.ttl_spread = std::max(first.ttl_spread, distance);
}

// As in the table of sources: a contact is worth two hours.
constexpr std::int64_t kContactWorth = 2 * std::int64_t{kHour};
std::int64_t worth(const FirstContacts& first, Tick now) noexcept {
  if (first.owner == 0) return std::numeric_limits<std::int64_t>::min();
  return first.contacts * kContactWorth - elapsed(first.last, now);
}

// What tells targets apart; see `FirstContacts::host`.
std::uint32_t host_number(Family family, const AddressBytes& bytes) noexcept {
  if (family == Family::ipv4) return ipv4_value(bytes);
  return std::uint32_t{bytes[12]} << 24 | std::uint32_t{bytes[13]} << 16 |
         std::uint32_t{bytes[14]} << 8 | bytes[15];
}

// Adds to a short list of distinct values.
template <class Value, std::size_t kSize>
void insert(std::array<Value, kSize>& list, std::uint8_t& count, Value value) noexcept {
  const auto* const end = list.cbegin() + count;
  if (count < kSize && std::find(list.cbegin(), end, value) == end) list[count++] = value;
}

}  // namespace

Address FirstContacts::host(std::size_t i) const noexcept {
  if (family == Family::ipv4) return {family, ipv4_bytes(hosts[i])};
  Address address{family, target};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    address.bytes[12 + byte] = static_cast<std::uint8_t>(hosts[i] >> (24 - 8 * byte));
  }
  return address;
}

void FirstContacts::add_open(Port port) noexcept { insert(open, open_count, port); }

Result<FirstContactsTable> FirstContactsTable::make(std::size_t sources) {
  const std::size_t count = std::bit_ceil(std::max(sources / kShare, kWays));
  auto slots = ReservedMemory<FirstContacts>::make(count, "first contacts");
  if (!slots) return std::unexpected(slots.error());
  return FirstContactsTable(std::move(*slots));
}

FirstContacts* FirstContactsTable::find(std::uint32_t index, SourceKey owner) noexcept {
  const std::span<FirstContacts> set = set_of(index);
  const auto found = std::ranges::find(set, owner, &FirstContacts::owner);
  return found == set.end() ? nullptr : &*found;
}

void FirstContactsTable::note(std::uint32_t index, SourceKey owner, std::uint8_t contacts,
                              const Packet& packet, Technique technique, Tool tool) noexcept {
  const Tick now = tick_of(packet.time);
  FirstContacts* const known = find(index, owner);
  FirstContacts& slot =
      known != nullptr
          ? *known
          : *std::ranges::min_element(set_of(index), {},
                                      [&](const FirstContacts& each) { return worth(each, now); });
  if (known == nullptr && worth(slot, now) > std::int64_t{contacts} * kContactWorth) return;
  if (known == nullptr || contacts <= 1) {
    slot = FirstContacts{};
    slot.owner = owner;
    slot.started = packet.time;
    slot.source = packet.source;
    slot.target = packet.target;
    slot.source_port = packet.source_port;
    slot.family = packet.family;
    slot.protocol = packet.protocol;
    slot.tos = packet.tos;
    slot.ttl = packet.ttl;
    if (packet.protocol == IpProto::tcp) slot.flags_or = slot.flags_and = packet.flags;
  }
  slot.contacts = contacts;
  slot.last = now;
  add(slot, packet, technique, tool);
}

void FirstContactsTable::add(FirstContacts& first, const Packet& packet, Technique technique,
                             Tool tool) noexcept {
  if (!is_same(packet.target, first.target)) first.varies |= varies::target;
  if (packet.source_port != first.source_port) first.varies |= varies::source_port;
  if (packet.tos != first.tos) first.varies |= varies::tos;
  note_ttl(first, packet.ttl);
  if (packet.protocol == IpProto::tcp) {
    first.flags_or |= packet.flags;
    first.flags_and &= packet.flags;
  }
  if (packet.is_syn() && first.syn_window == 0 && first.syn_options == 0) {
    first.syn_window = packet.window;
    first.syn_options = packet.syn_summary().bits();
  }
  first.techniques |= technique_bit(technique);
  first.technique = technique;
  vote(first, tool);
  insert(first.hosts, first.host_count, host_number(packet.family, packet.target));
  if (has_ports(packet.protocol)) insert(first.ports, first.port_count, packet.target_port);
}

}  // namespace scanlogd
