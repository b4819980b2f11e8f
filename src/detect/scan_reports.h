// From broken rules to scans on record: opens a record when a source or network is found to scan,
// says of it what is known, and keeps it up to date with its later packets and our answers.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/packet.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "detect/contact.h"
#include "detect/evidence.h"
#include "detect/first_contacts.h"
#include "detect/scan_records.h"

namespace scanlogd {

/// What our answers say about the address of a source.
using Proof = Handshakes::Proof;

/// The scans that go on, and what is remembered for those that may become one.
class ScanReports {
 public:
  /// For as many `sources` as the contact detector has.
  [[nodiscard]] static Result<ScanReports> make(std::size_t sources, std::size_t scans,
                                                HashKey key);

  /// A contact of the entry `index`, which was counted.
  void note(std::uint32_t index, const ContactSource& entry, const Sighting& sighting) noexcept;
  /// The same for its network.
  void note_network(std::uint32_t index, const ContactSource& network, const Packet& packet,
                    const Probe& probe) noexcept;

  /// A packet of a source that has an open scan.
  void add(std::uint32_t index, ContactSource& entry, const Sighting& sighting) noexcept;

  /// A first contact of a source of `network`, which has an open scan.
  void add_to_network(const ContactSource& network, const Sighting& sighting) noexcept;

  /// Our answer to a probe of `entry`. Nothing happens where no such probe was seen, as when it is
  /// the source's own side that closes, or where it was answered before.
  void add_outcome(std::uint32_t index, const ContactSource& entry, FlowHash flow,
                   ProbeOutcome outcome, Port port) noexcept;

  /// What is known of the address of `entry` now. True where that is more than before.
  void prove(ContactSource& entry, Proof proof) noexcept;

  /// `alarm` was raised for `entry` at `now`: a scan begins. False where there was no room for it.
  bool begin(const Alarm& alarm, ContactSource& entry,
             std::span<const Handshakes::Handshake> handshakes, std::chrono::nanoseconds now,
             EventList& events) noexcept;

  /// Does the scan of `entry` go on?
  [[nodiscard]] bool is_open(const ContactSource& entry) noexcept {
    return records_.event(entry.record) != nullptr;
  }

  [[nodiscard]] ScanRecords& records() noexcept { return records_; }
  /// Asks the processor for the first contacts of the entry `index`.
  void prefetch(std::uint32_t index) const noexcept { firsts_.prefetch(index); }
  /// What is kept of the first contacts of the entry `index`, or nullptr.
  [[nodiscard]] FirstContacts* first_contacts(std::uint32_t index, SourceKey source) noexcept {
    return firsts_.find(index, source);
  }
  [[nodiscard]] std::size_t open_scans() const noexcept { return records_.open_scans(); }
  [[nodiscard]] std::size_t memory() const noexcept {
    return records_.memory() + firsts_.memory() + network_firsts_.memory() +
           asked_.items().size_bytes();
  }

  /// Notes that `entry` asked for `flow`. False where that is known.
  bool ask(FlowHash flow, const ContactSource& entry) noexcept;
  /// Did it, lately?
  [[nodiscard]] bool was_asked(FlowHash flow, const ContactSource& entry) const noexcept;
  /// Notes that it was answered. False where it was before, or was not asked for.
  [[nodiscard]] bool answer(FlowHash flow, const ContactSource& entry) noexcept;

 private:
  [[nodiscard]] std::uint32_t keep(ScanRecords::Handle handle, const FirstContacts& first,
                                   Technique technique, std::chrono::nanoseconds now) noexcept;
  ScanReports(FirstContactsTable firsts, FirstContactsTable network_firsts, ScanRecords records,
              ReservedMemory<std::uint32_t> asked) noexcept
      : firsts_(std::move(firsts)),
        network_firsts_(std::move(network_firsts)),
        records_(std::move(records)),
        asked_(std::move(asked)) {}

  static constexpr std::size_t kAsked = 16384;

  FirstContactsTable firsts_;
  FirstContactsTable network_firsts_;
  ScanRecords records_;
  [[nodiscard]] std::uint32_t& asked_at(FlowHash flow) const noexcept {
    return asked_[(flow >> 8) % kAsked];
  }

  ReservedMemory<std::uint32_t> asked_;  ///< what was asked for and answered lately, by hash
};

/// What a scan's event takes from the first contacts of its source.
void describe(const FirstContacts& first, ScanEvent& event) noexcept;

/// How many of 64 equally likely values were drawn when so many different ones are there.
[[nodiscard]] std::uint32_t linear_count(std::uint64_t seen) noexcept;

/// The kind of a scan with these totals.
[[nodiscard]] ScanKind kind_of(std::uint32_t hosts, std::uint32_t ports) noexcept;

}  // namespace scanlogd
