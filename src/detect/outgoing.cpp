// See outgoing.h.
#include "detect/outgoing.h"

#include <utility>

namespace scanlogd {
namespace {

// A port of ours answered.
void answered(FullState& state, const Side& side, Port port, ProbeOutcome outcome) noexcept {
  ++state.answers_seen;
  // Before it is settled: that may raise an alarm, and the scan begins with this outcome.
  if (const ContactSource* const entry = state.source_of(side)) {
    state.reports.add_outcome(state.contacts.index_of(*entry), *entry, side.flow, outcome, port);
  }
  if (outcome == ProbeOutcome::open) {
    state.services.learn(side.port, state.now);
    (void)state.contacts.revoke(side.flow);  // most were no contact
  } else {
    state.contacts.confirm(side.flow);
  }
}

// A bare RST of ours answers a segment that belongs to nothing: of an ACK, Window or Maimon scan,
// if there is no better reason.
// Not inlined: what it keeps on the stack is made room for only here.
[[gnu::noinline]] void take_bare_reset(FullState& state, const Packet& packet,
                                       const Side& side) noexcept {
  ++state.answers_seen;
  const std::uint8_t cause = state.strays.take(side.flow, state.now);
  if ((cause & tcp_flag::syn) != 0 || packet.source_port >= kFirstEphemeral) return;
  if (state.services.knows(side.port, state.now) || state.questions.has(side.flow)) return;
  Packet asked = packet;
  std::swap(asked.source, asked.target);
  std::swap(asked.source_port, asked.target_port);
  asked.flags = cause != 0 ? cause : tcp_flag::ack;
  if (state.selection.judge(asked) != Exclusion::none) return;
  const Sighting sighting = state.sight(asked, side, classify(asked));
  ContactSource* entry = state.source_of(side);
  if (entry != nullptr && state.follow(sighting, *entry)) return;
  constexpr Weight kWeight = 3 * kPoint;
  const Counted counted = state.contacts.count_probe(sighting, kWeight, entry);
  if (!state.note(counted, sighting, entry)) return;
  // Its own TTL and TOS were not seen.
  const std::uint32_t index = state.contacts.index_of(*entry);
  if (FirstContacts* const first = state.reports.first_contacts(index, side.remote)) {
    first->varies |= varies::ttl | varies::tos;
  }
}

void take_tcp(FullState& state, const Packet& packet, const Side& side) noexcept {
  const std::uint8_t flags = packet.flags;
  const bool has_ack = (flags & tcp_flag::ack) != 0;
  if ((flags & tcp_flag::syn) != 0) {
    if (!has_ack) return state.questions.note(side.flow);
    state.handshakes.note(side.flow, side.remote, packet, state.now);
    return answered(state, side, packet.source_port, ProbeOutcome::open);
  }
  if ((flags & tcp_flag::rst) != 0) {
    if (has_ack) return answered(state, side, packet.source_port, ProbeOutcome::closed);
    state.contacts.confirm(side.flow);
    return take_bare_reset(state, packet, side);
  }
  if (!state.services.knows(side.port, state.now)) return state.questions.note(side.flow);
  if ((flags & tcp_flag::fin) != 0 && state.handshakes.closes(side.flow, packet.target_port)) {
    state.prove(side, Proof::proven);
  }
}

void take_udp(FullState& state, const Packet& packet, const Side& side) noexcept {
  const bool is_answer =
      state.services.knows(side.port, state.now) || state.contacts.has_pending(side.flow);
  if (is_answer) return answered(state, side, packet.source_port, ProbeOutcome::open);
  // A scanner's later packets are no contacts any more. Its own questions are no answers: between
  // two addresses of ours both sides are looked at.
  const ContactSource* const entry = state.source_of(side);
  const bool is_scanned = entry != nullptr && (entry->flags & source_flag::alarmed) != 0 &&
                          state.reports.was_asked(side.flow, *entry);
  if (is_scanned && !state.questions.has(side.flow)) {
    return answered(state, side, packet.source_port, ProbeOutcome::open);
  }
  state.questions.note(side.flow);
}

void take_sctp(FullState& state, const Packet& packet, const Side& side) noexcept {
  constexpr std::uint8_t kInitAck = 2;  // RFC 9260 3.2
  constexpr std::uint8_t kAbort = 6;
  if (packet.flags == kInitAck) {
    answered(state, side, packet.source_port, ProbeOutcome::open);
  } else if (packet.flags == kAbort) {
    answered(state, side, packet.source_port, ProbeOutcome::closed);
  } else {
    state.questions.note(side.flow);
  }
}

// "Unreachable" is the answer to a probe that the message quotes. Not inlined, as above.
[[gnu::noinline]] void take_icmp(FullState& state, const Packet& packet,
                                 const Side& side) noexcept {
  constexpr Port kUnreachable = 3;    // RFC 792
  constexpr Port kUnreachableV6 = 1;  // RFC 4443
  const bool is_ipv4 = packet.protocol == IpProto::icmp;
  if (packet.source_port != (is_ipv4 ? kUnreachable : kUnreachableV6)) {
    return state.questions.note(side.flow);
  }
  const AddressBytes local = is_ipv4 ? ipv4_bytes(packet.acknowledgement) : packet.source;
  const auto port = static_cast<Port>(packet.sequence);
  const Side probed =
      state.sides.side(packet.family, IpProto{packet.flags}, local, port, packet.target);
  answered(state, probed, port, ProbeOutcome::closed);
}

}  // namespace

void take_outgoing(FullState& state, const Packet& packet, const Side& side) noexcept {
  switch (packet.protocol) {
    case IpProto::tcp:
      return take_tcp(state, packet, side);
    case IpProto::udp:
      return take_udp(state, packet, side);
    case IpProto::sctp:
      return take_sctp(state, packet, side);
    case IpProto::icmp:
    case IpProto::icmpv6:
      return take_icmp(state, packet, side);
  }
  state.questions.note(side.flow);
}

}  // namespace scanlogd
