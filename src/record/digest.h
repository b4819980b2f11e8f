// What the limiter holds back, told together: one line for many scans, which names their sources.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/scan.h"

namespace scanlogd {

/// Collects scans and names their sources, each once, in lines such as
/// `Held back: 37 scans from 30 sources in 20 s: 192.0.2.7(22,23,80) 198.51.100.9(443) +12 more`.
/// No such line can be taken for that of a scan: nothing in it reads `ADDRESS to`. Memory is
/// bounded; of sources that it has no room for it keeps the number. Sources whose address is proven
/// have room of their own and come first.
class Digest {
 public:
  static constexpr std::chrono::seconds kInterval{20};
  static constexpr std::size_t kMaxLine = 1000;  ///< bytes
  static constexpr std::size_t kSourcesPerLine = 64;
  static constexpr std::size_t kLinesPerInterval = 8;
  static constexpr std::size_t kMaxSources = 512;  ///< proven ones, and as many others
  /// Ports that are named of a source; where many are to be named, fewer.
  static constexpr std::size_t kPortsPerSource = 3;
  static constexpr std::size_t kManySources = 64;       ///< more than these: one port each
  static constexpr std::size_t kVeryManySources = 256;  ///< more than these: none

  /// One line, and how many scans it stands for.
  struct Line {
    std::string text;
    std::uint64_t scans = 0;
  };

  /// Adds a scan; `now` is monotonic, here and below.
  void add(const Scan& scan, std::chrono::nanoseconds now);

  /// Adds scans that nothing but their number is known of.
  void add(std::uint64_t scans, std::chrono::nanoseconds now);

  /// Is there something to tell, and was the last time 20 seconds ago?
  [[nodiscard]] bool is_due(std::chrono::nanoseconds now) const noexcept;

  /// The lines to write now. Sources that they have no room for are in the next ones.
  [[nodiscard]] std::vector<Line> take(std::chrono::nanoseconds now);

  /// Scans that no line has stood for yet.
  [[nodiscard]] std::uint64_t pending() const noexcept { return pending_; }

  /// No scan with a smaller id waits to be named.
  [[nodiscard]] std::uint64_t first_id() const noexcept;

 private:
  /// An address, or a network of them.
  using Source = std::pair<Address, std::uint8_t>;

  struct Entry {
    Source source;
    std::uint64_t first_id = 0;
    std::uint64_t scans = 0;
    std::vector<Port> ports;
    bool has_more_ports = false;
    bool is_proven = false;
  };

  /// Sources in the order they came.
  struct Lane {
    std::deque<Entry> entries;
    std::map<Source, std::uint64_t> places;  ///< number of the entry since the first ever
    std::uint64_t taken = 0;                 ///< entries that have gone
  };

  [[nodiscard]] static std::string text_of(const Entry& entry, std::size_t ports);
  /// Moves entries from the front of `lane` into a line while they fit, with so many ports.
  static void fill(Lane& lane, std::size_t ports, std::vector<std::string>& names,
                   std::size_t& size, std::uint64_t& scans);

  Lane proven_;
  Lane others_;
  std::uint64_t pending_ = 0;
  std::uint64_t unnamed_ = 0;  ///< of these, scans whose source is not kept
  std::chrono::nanoseconds since_{};
};

}  // namespace scanlogd
