// The egress alarm: does this machine itself scan others? The contact rule (contact.h) the other
// way round and ten times as patient: what counts is a first contact of an address of ours with a
// (target, protocol, port) that failed, three times: for that port, for that target, and for all.
// What succeeded counts against it, so that a proxy, a mail server, a resolver or a crawler, most
// of whose contacts are answered, is no scanner (the walk of TRW, Jung et al. 2004). Own answers
// are no contacts; what is forwarded for others is not judged. Its memory is its own and fixed; a
// scan is told once for each address, however many targets it has. What it cannot know:
// docs/detection.md.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "core/section.h"
#include "detect/evidence.h"
#include "detect/leaky_sums.h"
#include "detect/network_set.h"
#include "detect/port_set.h"
#include "detect/scan_records.h"
#include "detect/sides.h"
#include "detect/source_key.h"
#include "detect/technique.h"

namespace scanlogd {

/// What of all that this machine sends is judged.
struct EgressOptions {
  bool is_on = false;
  NetworkSet ignored_targets;
  PortSet ignored_ports;

  /// By the keys `kKeys`.
  [[nodiscard]] static Result<EgressOptions> parse(const Section& options);
  static constexpr std::array<std::string_view, 3> kKeys = {"egress", "egress_ignore_ports",
                                                            "egress_ignore_targets"};
};

/// The contacts that addresses of ours made, and what came of them.
class Egress {
 public:
  /// Thresholds and least contacts are so many times those of sources.
  static constexpr std::uint32_t kFactor = 10;
  /// How long an answer may take: a SYN is sent again after one second and after three.
  static constexpr Tick kPatience = 4 * kSecond;
  /// Silence counts once so many contacts were answered: without, answers are not seen here.
  static constexpr std::uint32_t kLeastAnswers = 4;

  /// Switched off.
  [[nodiscard]] static Result<Egress> make(HashKey key);

  /// Judges by `options` and the thresholds of sources from now on.
  void set(EgressOptions options, const Thresholds& thresholds) noexcept;
  [[nodiscard]] bool is_on() const noexcept { return options_.is_on; }

  /// Where scans are told.
  struct Desk {
    ScanRecords& records;
    EventList& events;
    std::chrono::nanoseconds time{};  ///< now
  };

  /// An address of ours sent `packet`, which is no answer; `theirs` is the view of its target.
  void ask(const Packet& packet, const Side& theirs, Tick now, Desk desk) noexcept;

  /// `packet` came to an address of ours; `sides` knows the view of whoever sent it.
  void hear(const Packet& packet, const Sides& sides, Tick now, Desk desk) noexcept;

  /// Time has come to `now`.
  void expire(Tick now, Desk desk) noexcept;

  /// Bytes that it may come to occupy: none while it is off.
  [[nodiscard]] std::size_t memory() const noexcept {
    if (!is_on()) return 0;
    return contacts_.items().size_bytes() + index_.items().size_bytes() +
           seen_.items().size_bytes() + sums_.items().size_bytes();
  }

 private:
  /// What a contact counts for: all contacts of its address, those with its port, with its target.
  static constexpr std::size_t kViews = 3;
  static constexpr std::size_t kAll = 0;
  static constexpr std::size_t kSamePort = 1;
  static constexpr std::size_t kSameTarget = 2;
  using Keys = std::array<std::uint64_t, kViews>;

  enum class Fate : std::uint8_t {
    none,
    waits,
    silent,    ///< nothing came
    refused,   ///< a reset or an ICMP error
    answered,  ///< by a service
    dropped,   ///< nobody knows
  };

  struct Contact {
    Packet packet;
    FlowHash flow;
    Keys keys;
    SourceKey own;
    Tick at;
    Fate fate;
    bool is_loud;      ///< no ordinary system sends it
    bool is_recorded;  ///< it is part of a scan
    Probe probe;
  };

  /// What is known of one view.
  struct Sum {
    std::uint64_t key;  ///< 0: none
    SourceKey own;
    LeakySums score;
    Tick last;
    std::uint16_t contacts;
    bool is_alarmed;
  };

  /// A contact that was made once.
  struct Seen {
    std::uint32_t mark;  ///< 0: none
    Tick last;
  };

  /// An address of ours that scans.
  struct Scanner {
    SourceKey own = 0;
    ScanRecords::Handle record = ScanRecords::kNoRecord;
  };

  static constexpr std::size_t kContacts = 2048;
  static constexpr std::size_t kIndex = 16384;
  static constexpr std::size_t kSeen = 16384;
  static constexpr std::size_t kSums = 1024;
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kScanners = 16;

  Egress(ReservedMemory<Contact> contacts, ReservedMemory<std::uint16_t> index,
         ReservedMemory<Seen> seen, ReservedMemory<Sum> sums, HashKey key) noexcept
      : contacts_(std::move(contacts)),
        index_(std::move(index)),
        seen_(std::move(seen)),
        sums_(std::move(sums)),
        key_(key) {}

  [[nodiscard]] Contact& contact_at(std::uint64_t number) const noexcept {
    return contacts_.items()[number % kContacts];
  }
  [[nodiscard]] std::array<std::uint16_t*, 2> places_of(FlowHash flow) const noexcept;
  [[nodiscard]] std::uint16_t* place_for(FlowHash flow) const noexcept;
  [[nodiscard]] Contact* find(FlowHash flow) const noexcept;
  [[nodiscard]] bool note_seen(FlowHash flow, Tick now) noexcept;
  [[nodiscard]] std::span<Sum> set_of(std::uint64_t key) const noexcept;
  [[nodiscard]] Sum* find_sum(std::uint64_t key) const noexcept;
  [[nodiscard]] Sum& enter(std::uint64_t key, SourceKey own, Tick now) noexcept;
  [[nodiscard]] bool make_room(bool is_loud) noexcept;
  [[nodiscard]] Scanner* scanner_of(SourceKey own) noexcept;
  void part_with(SourceKey own, Desk desk) noexcept;
  void release(Scanner& scanner) noexcept;
  [[nodiscard]] ScanRecords::Handle scan_of(const Contact& contact, Desk desk) noexcept;
  static void record(Contact& contact, ScanRecords::Handle handle, Desk desk) noexcept;
  void follow(Contact& contact, Desk desk) noexcept;
  void settle(Contact& contact, ProbeOutcome outcome, Tick now, Desk desk) noexcept;
  [[nodiscard]] static Weight weight_in(std::size_t view, const Contact& contact) noexcept;
  void fail(Contact& contact, Tick now, Desk desk) noexcept;
  void credit(const Contact& contact, bool had_failed, Tick now) noexcept;
  void decide(const Contact& contact, Sum& sum, std::size_t view, Desk desk) noexcept;
  [[nodiscard]] bool begin(const Contact& last, const Sum& sum, std::size_t view, ScanRule rule,
                           Desk desk) noexcept;
  static void include(const Contact& contact, ScanEvent& event) noexcept;
  static void describe(const Contact& contact, ScanEvent& event) noexcept;

  EgressOptions options_;
  Thresholds thresholds_{};
  ReservedMemory<Contact> contacts_;  ///< a ring in order of time
  ReservedMemory<std::uint16_t> index_;
  ReservedMemory<Seen> seen_;
  ReservedMemory<Sum> sums_;
  HashKey key_;
  std::array<Scanner, kScanners> scanners_{};
  std::size_t next_scanner_ = 0;
  std::uint64_t head_ = 0;  ///< the next to be written
  std::uint64_t tail_ = 0;  ///< the oldest that may wait
  std::uint32_t answers_ = 0;
  Tick heard_ = 0;  ///< when something came last
};

}  // namespace scanlogd
