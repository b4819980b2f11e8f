// See evidence.h.
#include "detect/evidence.h"

#include <algorithm>

namespace scanlogd {

Result<Services> Services::make() {
  auto sets = ReservedMemory<Set>::make(kServices / kWays, "services");
  if (!sets) return std::unexpected(sets.error());
  return Services(std::move(*sets));
}

void Services::learn(FlowHash port, Tick now) noexcept {
  Set& home = set_of(port);
  Service* oldest = home.services.data();
  for (Service& each : home.services) {
    if (each.port == port) {
      each.last = now;
      return;
    }
    if (oldest->port == 0) continue;
    if (each.port == 0 || elapsed(each.last, now) > elapsed(oldest->last, now)) oldest = &each;
  }
  *oldest = {.port = port, .last = now, .unused = 0};
}

bool Services::knows(FlowHash port, Tick now) const noexcept {
  const Set& home = set_of(port);
  return std::ranges::any_of(home.services, [&](const Service& each) {
    return each.port == port && elapsed(each.last, now) <= kLifetime;
  });
}

Result<Questions> Questions::make() {
  auto blocks = ReservedMemory<Block>::make(2 * kBlocks, "outbound filter");
  if (!blocks) return std::unexpected(blocks.error());
  return Questions(std::move(*blocks));
}

namespace {
// Three of the 512 bits of a block.
template <class Use>
bool each_bit(FlowHash flow, Use use) noexcept {
  constexpr unsigned kBitsPerIndex = 9;
  for (int i = 0; i < 3; ++i, flow >>= kBitsPerIndex) {
    if (!use((flow >> 6) & 7, std::uint64_t{1} << (flow & 63))) return false;
  }
  return true;
}
}  // namespace

void Questions::note(FlowHash flow) noexcept {
  Block& home = block(current_, flow);
  (void)each_bit(flow, [&](std::size_t word, std::uint64_t bit) {
    home.words[word] |= bit;
    return true;
  });
}

bool Questions::has(FlowHash flow) const noexcept {
  const auto in = [&](std::size_t filter) {
    const Block& home = block(filter, flow);
    return each_bit(
        flow, [&](std::size_t word, std::uint64_t bit) { return (home.words[word] & bit) != 0; });
  };
  return in(current_) || in(1 - current_);
}

void Questions::clear(std::size_t filter) noexcept {
  std::ranges::fill(blocks_.items().subspan(filter * kBlocks, kBlocks), Block{});
}

void Questions::turn(Tick now) noexcept {
  if (!has_turned_) {
    has_turned_ = true;
    turned_ = now;
  }
  const Tick age = elapsed(turned_, now);
  if (age < kTurn) return;
  if (age >= 2 * kTurn) clear(current_);
  current_ = 1 - current_;
  clear(current_);
  turned_ = now;
}

Result<Strays> Strays::make() {
  auto slots = ReservedMemory<Slot>::make(kSlots, "stray segments");
  if (!slots) return std::unexpected(slots.error());
  return Strays(std::move(*slots));
}

void Strays::note(FlowHash flow, std::uint8_t flags, Tick now) noexcept {
  slot_of(flow) = {.flow = flow, .at = now, .flags = flags};
}

std::uint8_t Strays::take(FlowHash flow, Tick now) noexcept {
  Slot& slot = slot_of(flow);
  if (slot.flow != flow || elapsed(slot.at, now) > kLifetime) return 0;
  slot.flow = 0;
  return slot.flags;
}

Result<Handshakes> Handshakes::make() {
  auto slots = ReservedMemory<Handshake>::make(kSlots, "handshakes");
  if (!slots) return std::unexpected(slots.error());
  return Handshakes(std::move(*slots));
}

void Handshakes::note(FlowHash flow, SourceKey remote, const Packet& packet, Tick now) noexcept {
  Handshake& slot = slot_of(flow, packet.target_port);
  const bool is_repeat =
      slot.flow == flow && slot.remote_port == packet.target_port && slot.ours == packet.sequence;
  if (is_repeat) return;
  slot = {.flow = flow,
          .remote = remote,
          .ours = packet.sequence,
          .theirs = packet.acknowledgement,
          .at = now,
          .remote_port = packet.target_port,
          .local_port = packet.source_port,
          .is_proven = false,
          .is_answered = false};
}

Handshakes::Proof Handshakes::judge(FlowHash flow, const Packet& packet) noexcept {
  // Whoever did not get our SYN-ACK has to guess one of 2^32 numbers, and hits this with 2^-16.
  constexpr std::uint32_t kWindow = 0xffff;
  Handshake& slot = slot_of(flow, packet.source_port);
  if (slot.flow != flow || slot.remote_port != packet.source_port) return Proof::nothing;
  if ((packet.flags & tcp_flag::ack) != 0) {
    if (packet.acknowledgement - slot.ours - 1 > kWindow) return Proof::nothing;
    slot.is_proven = true;
    return Proof::proven;
  }
  if ((packet.flags & tcp_flag::rst) != 0 && packet.sequence == slot.theirs) {
    slot.is_answered = true;
    return Proof::answered;
  }
  return Proof::nothing;
}

bool Handshakes::closes(FlowHash flow, Port remote_port) noexcept {
  Handshake& slot = slot_of(flow, remote_port);
  if (slot.flow != flow || slot.remote_port != remote_port) return false;
  slot.is_proven = true;
  return true;
}

}  // namespace scanlogd
