// What the parts of the full profile share: the evidence, the contacts, the scans, the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "core/section.h"
#include "detect/backscatter.h"
#include "detect/contact.h"
#include "detect/decoy.h"
#include "detect/distributed.h"
#include "detect/egress.h"
#include "detect/evidence.h"
#include "detect/flood.h"
#include "detect/idle_probe.h"
#include "detect/scan_reports.h"
#include "detect/selection.h"
#include "detect/sides.h"

namespace scanlogd {

/// First of the local ports that programs get for outgoing connections, on most systems.
inline constexpr Port kFirstEphemeral = 32768;
/// First port that needs no privilege to listen on.
inline constexpr Port kFirstUnprivileged = 1024;

/// All of the memory of one detector, and what several of its parts do with it.
struct FullState {
  Sides sides;
  Selection selection;
  ExclusionCounts excluded;
  Services services;
  Questions questions;
  Strays strays;
  Handshakes handshakes;
  ContactDetector contacts;
  ScanReports reports;
  Decoys decoys;
  Distributed distributed;
  IdleProbes idle_probes;
  Flood flood;
  Backscatter backscatter;
  Egress egress;
  EventList* events = nullptr;  ///< of the call
  std::uint64_t answers_seen = 0;
  std::uint64_t asked = 0;
  std::chrono::nanoseconds time{};  ///< of the packet, or of the call
  Tick now = 0;                     ///< the same

  /// With the `options` of docs/detection.md.
  [[nodiscard]] static Result<FullState> make(const Section& options, HashKey key);

  /// Did we see for sure what is sent from here?
  [[nodiscard]] bool has_seen_answers() const noexcept;
  /// Do we see what is sent from here? Until enough came to tell, we hope so.
  [[nodiscard]] bool sees_answers() const noexcept;

  /// `packet`, which is `probe`, seen from the side that it goes to, now.
  [[nodiscard]] Sighting sight(const Packet& packet, const Side& side,
                               const Probe& probe) const noexcept;

  /// The entry of the other side, or nullptr.
  [[nodiscard]] ContactSource* source_of(const Side& side) noexcept {
    return contacts.find(contacts.place_of_hash(side.hash), side.remote);
  }

  /// Is the port of `side` that of a service, and nothing is kept of the other side?
  [[nodiscard]] bool is_idle_service(const Side& side) noexcept {
    return services.knows(side.port, now) && source_of(side) == nullptr;
  }

  /// What is now known of the address of the other side.
  void prove(const Side& side, Proof proof) noexcept {
    if (proof == Proof::nothing) return;
    if (ContactSource* const entry = source_of(side)) reports.prove(*entry, proof);
  }

  /// Adds a packet to the scan of `entry`, which is its source's. False where there is none.
  [[nodiscard]] bool follow(const Sighting& sighting, ContactSource& entry) noexcept;

  /// Notes a contact that was counted. True where there was one to note.
  bool note(Counted counted, const Sighting& sighting, ContactSource* entry) noexcept;

  /// Looks for others that sent the same as `sighting`, of `entry`.
  void compare(const Sighting& sighting, ContactSource& entry) noexcept;

  /// Begins the scans of all alarms, and of all novelties that are too many.
  void raise() noexcept {
    if (contacts.has_news()) raise_all();
  }

  /// What the egress alarm makes of `packet`, which is one of ours or one of others.
  void judge_egress(const Packet& packet, const Look& look) noexcept;

  /// What a second has brought; `packet` is the last one that came, or nullptr.
  void pass_second(const Packet* packet) noexcept;

  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  void raise_all() noexcept;
};

/// The thresholds that the key `sensitivity` names.
[[nodiscard]] Result<Thresholds> parse_sensitivity(const Section& options);

}  // namespace scanlogd
