// The life of scans on record: every detection becomes a scan with an id here, before any decision
// about the log; what is said later finds it; it ends with its totals. After a restart it goes on.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/address.h"
#include "core/port_ranges.h"
#include "core/scan.h"
#include "record/announcer.h"
#include "record/digest.h"
#include "record/units.h"

namespace scanlogd {

/// How many scans were found, and what they got:
/// detected = lines + more_follow + held_back + digested + pending. All but `recorded` count on
/// over restarts, where there is a store.
struct BookStats {
  std::uint64_t detected = 0;
  std::uint64_t lines = 0;
  std::uint64_t more_follow = 0;  ///< their place was taken by "More possible port scans follow"
  std::uint64_t held_back = 0;    ///< on record only
  std::uint64_t digested = 0;     ///< told of in a digest
  std::uint64_t pending = 0;      ///< to be told of in a digest
  std::uint64_t egress = 0;       ///< of `detected`: scans by this machine
  std::uint64_t recorded = 0;     ///< begins of this run, those that continued a scan included

  // What became of the lines, for whoever has sinks to say: lines + more_follow = delivered +
  // waiting + lost.
  std::uint64_t delivered = 0;
  std::uint64_t waiting = 0;
  std::uint64_t lost = 0;
};

/// What a book adds to what it is given: a scan to tell of, or a line about several.
using BookEntry = std::variant<Scan, Notice>;

/// Turns events into scans.
class ScanBook {
 public:
  /// Scans that are followed at once; beyond, the one that was silent for longest has ended.
  static constexpr std::size_t kMaxOpen = 4096;

  /// Ports that wait for the event they belong to; and samples.
  static constexpr std::size_t kMaxWaitingPorts = 64;

  /// Numbers that are to outlive the process, by name.
  using Numbers = std::map<std::string, std::int64_t, std::less<>>;

  /// Of these, the smallest id of a scan that a digest is to name.
  static constexpr std::string_view kFirstPending = "first_pending";
  /// Of these, how many scans by this machine were found.
  static constexpr std::string_view kEgress = "egress";

  /// The time: of packets, and of the clock on the wall.
  struct Now {
    std::chrono::nanoseconds monotonic{};
    std::chrono::system_clock::time_point wall;
  };

  /// `units` name those who scan from here.
  explicit ScanBook(LogStyle style, Units units = {})
      : announcer_(style), units_(std::move(units)) {}

  [[nodiscard]] const Units& units() const noexcept { return units_; }

  /// Enters `event` of engine number `engine`, and appends what is to be told. `said` is the time
  /// of saying it; `wall_minus_monotonic` is that of the batch it came from. An event of a scan
  /// that is not known, because its begin was lost, begins it. One without a record number is all
  /// that its detector says: the scan ends by itself.
  void enter(const ScanEvent& event, std::size_t engine, const Now& said,
             std::chrono::nanoseconds wall_minus_monotonic, std::vector<BookEntry>& out);

  /// Keeps the ports for the event of that engine that follows.
  void keep(const ScanPorts& ports, std::size_t engine);
  /// Keeps the sample for the same.
  void keep(const ScanSample& sample, std::size_t engine);
  /// Keeps the sources for the same.
  void keep(const ScanSources& sources, std::size_t engine);

  /// Appends what is to be told because time has come to `now`: digests, lines of scans that go on,
  /// the end of those that did not go on after a restart.
  void advance(const Now& now, std::vector<BookEntry>& out);

  /// Appends the digests that are left: nothing comes after.
  void finish(const Now& now, std::vector<BookEntry>& out);

  /// Has `advance` something to wait for?
  [[nodiscard]] bool is_waiting() const noexcept;

  [[nodiscard]] BookStats stats() const noexcept;

  /// What `restore` wants to know.
  [[nodiscard]] Numbers numbers(const Now& now) const;

  /// What another process left: its numbers, and the last id it gave. What was entered here before
  /// that comes after it: its ids rise by as much.
  void restore(const Now& now, std::uint64_t last_id, const Numbers& numbers);
  /// A begin of the same source, within the time that its rule waits, continues this scan.
  void restore_open(Scan scan);
  /// The next digest names this scan.
  void restore_digest(const Scan& scan, std::chrono::nanoseconds now);
  /// All that a digest was to name has been restored.
  void end_restore(std::chrono::nanoseconds now);

  /// Every scan from now on gets a larger id than this.
  void raise_ids(std::uint64_t last_id) noexcept { last_id_ = std::max(last_id_, last_id); }
  [[nodiscard]] std::uint64_t last_id() const noexcept { return last_id_; }

 private:
  struct Key {
    std::size_t engine = 0;
    std::uint64_t record = 0;

    friend auto operator<=>(const Key&, const Key&) = default;
  };

  struct Open {
    Key key;
    Scan scan;
    PortRanges ports;                  ///< all known
    std::uint64_t packets_before = 0;  ///< counted before a restart
    std::uint32_t hosts_before = 0;
    std::string sample_before;
    bool is_digested = false;  ///< told of in a digest only
    bool wants_line = false;   ///< and it goes on
  };
  using OpenList = std::list<Open>;

  struct WaitingPorts {
    Key key;
    PortRanges ranges;
  };

  struct WaitingSample {
    Key key;
    ScanSample sample;
  };

  struct WaitingSources {
    Key key;
    ScanSources sources;
  };

  /// The key of a scan of which its detector says nothing more, so that it ends by itself.
  [[nodiscard]] Key attend(const ScanEvent& event);
  [[nodiscard]] OpenList::iterator find(const Key& key, Phase phase);
  [[nodiscard]] OpenList::iterator resume(const ScanEvent& event, const Key& key,
                                          std::chrono::nanoseconds wall_minus_monotonic,
                                          std::vector<BookEntry>& out);
  [[nodiscard]] OpenList::iterator open(Open made, std::vector<BookEntry>& out);
  void begin(const ScanEvent& event, const Key& key, std::chrono::nanoseconds wall_minus_monotonic,
             std::vector<BookEntry>& out);
  void update(Open& open, const ScanEvent& event, const Now& said,
              std::chrono::nanoseconds wall_minus_monotonic);
  void take_ports(Open& open);
  void take_sources(Open& open);
  void take_sample(Open& open, std::chrono::nanoseconds wall_minus_monotonic);
  void announce(Open& open, std::vector<BookEntry>& out);
  void want_line(Open& open, const Now& said);
  void end(OpenList::iterator open, EndReason reason, const Now& said, std::vector<BookEntry>& out);
  void forget(OpenList::iterator open);
  void tell(const std::vector<Digest::Line>& lines, const Now& now, std::vector<BookEntry>& out);

  Announcer announcer_;
  Units units_;
  Digest digest_;
  BookStats stats_;
  std::uint64_t last_id_ = 0;
  OpenList open_;  ///< the one that was silent for longest first
  std::map<Key, OpenList::iterator> by_key_;
  std::multimap<Address, Scan> left_;  ///< by another process, going on perhaps
  std::deque<WaitingPorts> ports_;
  std::deque<WaitingSample> samples_;
  std::deque<WaitingSources> sources_;
  /// Scans that their detector says no more about, and when they are over.
  std::deque<std::pair<std::chrono::nanoseconds, Key>> unattended_;
  std::uint64_t unattended_number_ = 0;
  std::size_t late_ = 0;                ///< open scans that want a line
  std::uint64_t restored_pending_ = 0;  ///< scans that digests are to tell of after `restore`
};

}  // namespace scanlogd
