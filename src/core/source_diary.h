// What became of one source's packets, step by step, and so why its sums are what they are. For
// somebody who asks about a capture file; a daemon keeps none.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/counter.h"
#include "core/packet.h"
#include "core/scan_event.h"
#include "core/source_explanation.h"

namespace scanlogd {

/// What happened to a contact.
enum class DiaryStep : std::uint8_t {
  counted,     ///< it failed
  waits,       ///< it was counted, but an answer may yet take it back
  refused,     ///< we refused it: it stays counted
  silence,     ///< nobody answered: it stays counted
  taken_back,  ///< a service answered: it never failed
  service,     ///< it asked for one that is known
};

/// One step, and the sums of the source after it.
struct DiaryEntry {
  DiaryStep step = DiaryStep::counted;
  bool is_related = false;  ///< to a contact before: another port of the same kind of service
  bool is_marked = false;   ///< with the points for the marks of a raw-packet tool
  IpProto protocol{};
  Technique technique = Technique::unknown;
  Port port = 0;              ///< where the protocol has ports
  Address target{};           ///< no family: that of the contact named the same
  std::uint64_t contact = 0;  ///< what names the contact
  std::chrono::nanoseconds time{};
  double points = 0;  ///< that were added, or are meant
  std::array<double, SourceExplanation::kScales> score{};
  double waiting = 0;  ///< points of them that an answer may yet take back
  std::uint32_t contacts = 0;
};

/// The diary of one source. Its memory is reserved when it is made.
class SourceDiary {
 public:
  /// What comes after so many steps is counted only.
  static constexpr std::size_t kMostEntries = 65536;

  explicit SourceDiary(const Address& source) : source_(source) { entries_.reserve(kMostEntries); }

  [[nodiscard]] const Address& source() const noexcept { return source_; }

  /// Time has come to `now`.
  void set_time(std::chrono::nanoseconds now) noexcept { now_ = now; }
  /// Writes down a step of now.
  void write(DiaryEntry entry) noexcept;
  /// A packet of the source was counted as `outcome`, which has static lifetime.
  void tally(std::string_view outcome) noexcept;

  [[nodiscard]] std::span<const DiaryEntry> entries() const noexcept { return entries_; }
  /// Steps for which there was no room.
  [[nodiscard]] std::uint64_t omitted() const noexcept { return omitted_; }
  /// Its packets by what became of them.
  [[nodiscard]] std::span<const Counter> outcomes() const noexcept {
    return {outcomes_.data(), outcome_count_};
  }

 private:
  static constexpr std::size_t kMostOutcomes = 32;

  Address source_;
  std::chrono::nanoseconds now_{};
  std::vector<DiaryEntry> entries_;
  std::uint64_t omitted_ = 0;
  std::array<Counter, kMostOutcomes> outcomes_{};
  std::size_t outcome_count_ = 0;
};

/// A table for people, a line for each step, oldest first, with the thresholds of `explanation` at
/// its end, and between them `events`, which are of scans that the source has a part in. Lines are
/// without ends. Times are those of the wall.
[[nodiscard]] std::vector<std::string> to_lines(const SourceDiary& diary,
                                                const SourceExplanation& explanation,
                                                std::span<const ScanEvent> events);

}  // namespace scanlogd
