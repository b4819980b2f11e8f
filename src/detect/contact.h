// The contact CUSUM: one rule for vertical, horizontal and slow scans of every protocol. Only the
// first contact of a source with each (target, protocol, port) counts, and only if it failed or if
// no ordinary system makes it; three leaky sums with thresholds of their own see scans from a
// thousand probes a second to one in some hours (docs/detection.md). Beside each source its network
// is judged, by the first contacts of each of its sources.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "core/source_diary.h"
#include "detect/admission.h"
#include "detect/contact_table.h"
#include "detect/distributed.h"
#include "detect/leaky_sums.h"
#include "detect/pending.h"
#include "detect/source_key.h"
#include "detect/technique.h"

namespace scanlogd {

/// Misses less, alarms more.
inline constexpr Thresholds kHighSensitivity = {7, 10, 16};
/// The ones that were measured.
inline constexpr Thresholds kNormalSensitivity = {9, 12, 20};
/// For servers whose clients fail very often.
inline constexpr Thresholds kLowSensitivity = {12, 16, 24};

/// Contacts that a scale needs.
inline constexpr std::array<std::uint8_t, kScales> kLeastContacts = {4, 5, 6};

/// Thresholds of networks are so many times those of sources ...
inline constexpr std::uint8_t kNetworkFactor = 2;
/// ... and this many of their sources must have failed.
inline constexpr std::uint8_t kNetworkSources = 3;

/// Rules that can be left out, to see what each is worth (tests/evaluation).
namespace left_out {
inline constexpr std::uint32_t families = 0x01;  ///< related ports weigh less
inline constexpr std::uint32_t marks = 0x02;     ///< those of raw-packet tools
inline constexpr std::uint32_t waiting = 0x04;   ///< contacts are taken back
inline constexpr std::uint32_t repeats = 0x08;   ///< only first contacts count
inline constexpr std::uint32_t slow = 0x10;      ///< the two longer time scales
inline constexpr std::uint32_t networks = 0x20;  ///< sums of networks
}  // namespace left_out

/// A packet that asks for something, and all that was worked out about it.
struct Sighting {
  const Packet* packet = nullptr;
  Probe probe;
  SourceKey source = 0;
  std::uint64_t hash = 0;   ///< see `Side::hash`
  FlowHash port = 0;        ///< see `port_hash`
  FlowHash flow = 0;        ///< see `flow_hash`
  std::uint64_t local = 0;  ///< `address_word` of the target
  Tick now = 0;
  std::uint8_t victim = Distributed::kNone;  ///< which one the target is

  /// The bit of the target among 64 (`ContactSource::hosts_seen`).
  [[nodiscard]] unsigned local_bit() const noexcept {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
    constexpr unsigned kUpperSix = 58;
    return static_cast<unsigned>(local * kGolden >> kUpperSix);
  }
};

/// A rule that was broken. `index` is valid until the next call that is not const.
struct Alarm {
  std::uint32_t index = 0;
  SourceKey source = 0;
  bool is_network = false;
  ScanRule rule = ScanRule::fast;
};

/// What became of a contact.
enum class Counted : std::uint8_t {
  refused,   ///< no room for its source now
  repeated,  ///< known already
  nothing,   ///< weighs nothing
  waits,     ///< counted, but for its answer
  counted,
};

/// The sources and networks that had failures, and their sums.
class ContactDetector {
 public:
  /// For `sources` of them.
  [[nodiscard]] static Result<ContactDetector> make(std::size_t sources,
                                                    const Thresholds& thresholds, HashKey key,
                                                    std::uint32_t left_out = 0);

  /// Where `source` belongs.
  [[nodiscard]] ContactTable::Place place(SourceKey source) const noexcept {
    return sources_.place(source);
  }
  /// The same, of whom the hash under the key of this detector is known.
  [[nodiscard]] ContactTable::Place place_of_hash(std::uint64_t hash) const noexcept {
    return sources_.place_of_hash(hash);
  }
  /// Asks the processor for what stands there.
  void prefetch(const ContactTable::Place& place) const noexcept { sources_.prefetch(place); }
  /// Asks for what decides whether a source with this hash is let in.
  void prefetch_door(std::uint64_t hash) const noexcept { admission_.prefetch(hash); }
  /// Asks for the entry there, as `ContactTable::prefetch_entry` does.
  [[nodiscard]] std::optional<std::uint32_t> prefetch_entry(
      const ContactTable::Place& place) const noexcept {
    return sources_.prefetch_entry(place);
  }
  /// The entry of `source`, or nullptr.
  [[nodiscard]] ContactSource* find(const ContactTable::Place& place, SourceKey source) noexcept {
    return sources_.find(place, source);
  }

  /// The entry of the network of `source`, or nullptr.
  [[nodiscard]] ContactSource* find_network(SourceKey source) noexcept {
    const SourceKey key = network_key(source);
    return networks_.find(networks_.place(key), key);
  }

  /// A contact that failed, or will unless it is revoked. `entry` is that of its source, made here
  /// if there is none; nullptr where it is refused.
  [[nodiscard]] Counted count(const Sighting& sighting, ContactSource*& entry) noexcept;

  /// A contact that failed without doubt, seen by our answer to it.
  [[nodiscard]] Counted count_probe(const Sighting& sighting, Weight weight,
                                    ContactSource*& entry) noexcept;

  /// A contact with a service: half a point less.
  void credit(const Sighting& sighting, ContactSource& entry) noexcept;

  /// An unsolicited segment. To ports below 1024 that are no service (`is_low`) such count, once
  /// they are too many for the answers to what somebody sent in our name.
  [[nodiscard]] Counted count_stray(const Sighting& sighting, bool is_low,
                                    ContactSource*& entry) noexcept;

  /// The network that the last contact was counted for, too, or nullptr.
  [[nodiscard]] ContactSource* network() noexcept { return network_; }
  [[nodiscard]] std::uint32_t network_index() const noexcept {
    return networks_.index_of(*network_);
  }

  /// Our answer to the contact of `flow` was a refusal.
  void confirm(FlowHash flow) noexcept {
    Pending* const contact = pending_.find(flow);
    if (contact == nullptr || !contact->waits) return;
    contact->waits = false;
    settle(*contact, DiaryStep::refused);
  }
  /// It was that of a service: it never failed. True where it was known at all.
  bool revoke(FlowHash flow) noexcept {
    Pending* const contact = pending_.find(flow);
    return contact != nullptr && take_back(*contact);
  }
  /// Is there a contact of `flow`?
  [[nodiscard]] bool has_pending(FlowHash flow) noexcept { return pending_.find(flow) != nullptr; }
  /// Time has come to `now`: contacts older than `patience` will have no answer.
  void expire(Tick now, Tick patience) noexcept;

  /// The scan of `entry` is over.
  void forget(ContactSource& entry, bool is_network) noexcept;
  /// The entry of an alarm, or of a scan; nullptr where it has gone.
  [[nodiscard]] ContactSource* at(std::uint32_t index, SourceKey source, bool is_network) noexcept {
    return (is_network ? networks_ : sources_).at(index, source);
  }
  /// The number of `entry`, a source.
  [[nodiscard]] std::uint32_t index_of(const ContactSource& entry) const noexcept {
    return sources_.index_of(entry);
  }
  /// `entry` was reported: it counts for its network no more.
  void set_alarmed(ContactSource& entry, bool is_network, Tick now) noexcept;
  /// Failures of sources that were not in the table, and how many of those were let in.
  [[nodiscard]] std::uint64_t newcomers() const noexcept { return newcomers_; }
  [[nodiscard]] std::uint64_t admitted() const noexcept { return admitted_; }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return sources_.evicted(); }

  /// Is there anything to be taken by the next two?
  [[nodiscard]] bool has_news() const noexcept { return (alarm_count_ | novelty_count_) != 0; }

  /// Calls `raise(alarm)` for each rule broken since the last time.
  template <class Raise>
  void take_alarms(Raise raise) noexcept {
    for (std::size_t i = 0; i < alarm_count_; ++i) raise(alarms_[i]);
    alarm_count_ = 0;
  }

  /// Calls `tell(novelty)` for each contact that was settled since, of a source that had hardly
  /// any.
  template <class Tell>
  void take_novelties(Tell tell) noexcept {
    for (std::size_t i = 0; i < novelty_count_; ++i) tell(novelties_[i]);
    novelty_count_ = 0;
  }

  [[nodiscard]] const Thresholds& thresholds() const noexcept { return thresholds_; }
  /// Sums that are above the new ones already count with the next contact.
  void set_thresholds(const Thresholds& thresholds) noexcept { thresholds_ = thresholds; }
  [[nodiscard]] std::size_t memory() const noexcept {
    return sources_.memory() + networks_.memory() + admission_.memory() + pending_.memory();
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return sources_.capacity(); }

  /// From now on writes down what becomes of `source`; nullptr: of nobody. Not owned.
  void keep_diary(SourceDiary* diary, SourceKey source) noexcept {
    diary_ = diary;
    diarist_ = source;
  }

  /// The three sums of `entry` as they would be at `now`, in points.
  [[nodiscard]] static std::array<double, kScales> scores(const ContactSource& entry,
                                                          Tick now) noexcept;

 private:
  ContactDetector(ContactTable sources, ContactTable networks, Admission admission,
                  PendingContacts pending, const Thresholds& thresholds, HashKey key,
                  std::uint32_t left_out) noexcept
      : sources_(std::move(sources)),
        networks_(std::move(networks)),
        admission_(std::move(admission)),
        pending_(std::move(pending)),
        thresholds_(thresholds),
        key_(key),
        left_out_(left_out) {}

  [[nodiscard]] ContactSource* enter(const Sighting& sighting) noexcept;
  [[nodiscard]] bool uses(std::uint32_t rule) const noexcept { return (left_out_ & rule) == 0; }
  [[nodiscard]] Weight weigh(const Sighting& sighting, ContactSource& entry,
                             PortFamily& first_of) const noexcept;
  [[nodiscard]] Counted add(const Sighting& sighting, ContactSource& entry, Weight weight,
                            bool waits, PortFamily first_of) noexcept;
  [[nodiscard]] std::uint32_t add_to_network(const Sighting& sighting, Weight weight, bool waits,
                                             Weight& added) noexcept;
  [[nodiscard]] ContactSource* network_of(const Pending& contact) noexcept;
  void settle(Pending& contact, DiaryStep step) noexcept;
  [[nodiscard]] bool take_back(Pending& contact) noexcept;
  void tell_novelty(const Pending& contact) noexcept;
  void decide(ContactSource& entry, bool is_network) noexcept;
  [[nodiscard]] bool is_diarist(SourceKey source) const noexcept {
    return diary_ != nullptr && source == diarist_;
  }
  void write_down(DiaryStep step, const Sighting& sighting, const ContactSource& entry,
                  Weight weight) noexcept;
  void write_down(DiaryStep step, const Pending& contact, const ContactSource& entry) noexcept;

  ContactTable sources_;
  ContactTable networks_;
  Admission admission_;
  PendingContacts pending_;
  Thresholds thresholds_;
  HashKey key_;
  std::uint32_t left_out_;
  ContactSource* network_ = nullptr;
  std::uint64_t newcomers_ = 0;
  std::uint64_t admitted_ = 0;
  static constexpr std::size_t kNovelties = 64;  // more at once are no distributed scan
  std::array<Novelty, kNovelties> novelties_{};
  std::size_t novelty_count_ = 0;
  static constexpr std::size_t kAlarms = 64;
  std::array<Alarm, kAlarms> alarms_{};
  std::size_t alarm_count_ = 0;
  SourceDiary* diary_ = nullptr;  ///< of `diarist_`, if somebody asked for it
  SourceKey diarist_ = 0;
};

}  // namespace scanlogd
