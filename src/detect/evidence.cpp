// See evidence.h.
#include "detect/evidence.h"

#include <algorithm>

namespace scanlogd {

Result<Services> Services::make() {
  auto sets = ReservedMemory<Set>::make(kServices / kWays, "services");
  if (!sets) return std::unexpected(sets.error());
  return Services(std::move(*sets));
}

void Services::enter(FlowHash port, Tick now) noexcept {
  Set& home = set_of(port);
  Service* oldest = home.services.data();
  for (Service& each : home.services) {
    if (oldest->port == 0) continue;
    if (each.port == 0 || elapsed(each.last, now) > elapsed(oldest->last, now)) oldest = &each;
  }
  *oldest = {.port = port, .last = now, .unused = 0};
}

Result<Questions> Questions::make() {
  auto blocks = ReservedMemory<Block>::make(2 * kBlocks, "outbound filter");
  if (!blocks) return std::unexpected(blocks.error());
  return Questions(std::move(*blocks));
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

Handshakes::Proof Handshakes::judge_known(Handshake& slot, const Packet& packet) noexcept {
  // Whoever did not get our SYN-ACK has to guess one of 2^32 numbers, and hits this with 2^-16.
  constexpr std::uint32_t kWindow = 0xffff;
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

}  // namespace scanlogd
