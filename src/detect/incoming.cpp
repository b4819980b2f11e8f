// See incoming.h.
#include "detect/incoming.h"

#include "detect/group_reports.h"
#include "detect/verdict.h"

namespace scanlogd {
namespace {

// A SYN-ACK that nobody asked for, to a service or not.
void look_for_idle_scan(FullState& state, const Packet& packet, const Side& side) noexcept {
  IdleProbes::Asker* const asker = state.idle_probes.note(side.remote, packet, state.now);
  if (asker == nullptr) return;
  (void)note_idle_probe(state.reports.records(), *asker, packet, *state.events);  // or the next
}

[[gnu::noinline]] Incoming take_probe(FullState& state, const Sighting& sighting,
                                      const Side& side) noexcept {
  const Packet& packet = *sighting.packet;
  const Probe& probe = sighting.probe;
  const bool is_loud = probe.is_illegal || probe.is_crafted;
  ContactSource* entry = state.source_of(side);
  if (entry != nullptr && state.follow(sighting, *entry)) return Incoming::scanning;
  if (entry != nullptr) entry = state.source_of(side);  // a scan that ended takes it along
  if (!is_loud && probe.has_ports && state.services.knows(side.port, state.now)) {
    if (entry != nullptr) state.contacts.credit(sighting, *entry);
    return Incoming::service;
  }
  if (packet.protocol == IpProto::udp) {
    if (!state.sees_answers()) return Incoming::unjudged;
    // Answers to what was asked too long ago.
    if (packet.source_port < kFirstUnprivileged && packet.target_port >= kFirstEphemeral) {
      return Incoming::weightless;
    }
  }
  Sighting contact = sighting;
  contact.victim = state.distributed.victim_of(sighting.local, packet.target_address());
  const Counted counted = state.contacts.count(contact, entry);
  (void)state.note(counted, contact, entry);
  switch (counted) {
    case Counted::refused:
      return Incoming::refused;
    case Counted::repeated:
      return Incoming::repeated;
    case Counted::nothing:
      return Incoming::weightless;
    case Counted::waits:
    case Counted::counted:
      break;
  }
  return Incoming::contact;
}

}  // namespace

Incoming take_stray(FullState& state, const Packet& packet, const Side& side) noexcept {
  if (state.services.knows(side.port, state.now)) {
    state.prove(side, state.handshakes.judge(side.flow, packet));
    if (!state.questions.has(side.flow)) look_for_idle_scan(state, packet, side);
    return Incoming::connection;
  }
  if (state.questions.has(side.flow)) return Incoming::connection;
  // Where our SYN-ACKs are not seen, whoever goes on after his SYN must have got one.
  const bool goes_on = (packet.flags & tcp_flag::syn) == 0;
  if (goes_on && !state.has_seen_answers() && state.contacts.revoke(side.flow)) {
    return Incoming::connection;
  }
  look_for_idle_scan(state, packet, side);
  state.backscatter.note(side.remote, side.port, packet);
  state.strays.note(side.flow, packet.flags, state.now);
  // NFS clients use low ports themselves, and servers are slow to let go of them.
  constexpr Port kNfs = 2049;
  constexpr Port kPortmapper = 111;
  const bool is_low = packet.target_port < kFirstUnprivileged && packet.source_port != kNfs &&
                      packet.source_port != kPortmapper;
  ContactSource* entry = state.source_of(side);
  if (entry != nullptr && (entry->flags & source_flag::alarmed) != 0) return Incoming::stray;
  const Sighting sighting = state.sight(packet, side, classify(packet));
  const Counted counted = state.contacts.count_stray(sighting, is_low, entry);
  (void)state.note(counted, sighting, entry);
  return Incoming::stray;
}

Incoming take_reset(FullState& state, const Packet& packet, const Side& side) noexcept {
  const bool has_ack = (packet.flags & tcp_flag::ack) != 0;
  if (has_ack && !state.has_seen_answers()) (void)state.contacts.revoke(side.flow);
  state.prove(side, state.handshakes.judge(side.flow, packet));
  if (!state.services.knows(side.port, state.now) && !state.questions.has(side.flow)) {
    state.backscatter.note(side.remote, side.port, packet);
  }
  return Incoming::answers;
}

Incoming take_other(FullState& state, const Packet& packet, const Side& side) noexcept {
  const Probe probe = classify(packet);
  if (probe.role != Role::probe) return Incoming::answers;
  const bool is_loud = probe.is_illegal || probe.is_crafted;
  if (!is_loud && probe.has_ports && state.is_idle_service(side)) return Incoming::service;
  const bool is_icmp = packet.protocol == IpProto::icmp || packet.protocol == IpProto::icmpv6;
  if (!is_loud && !is_icmp && state.questions.has(side.flow)) return Incoming::reply;
  return take_probe(state, state.sight(packet, side, probe), side);
}

}  // namespace scanlogd
