// What a detector makes of one source at one moment: its sums beside their thresholds, and so why
// there is an alarm or none. A plain value, asked for by people, never per packet.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/address.h"
#include "core/exclusion.h"
#include "core/packet.h"
#include "core/scan_event.h"

namespace scanlogd {

/// How much is known of a source.
enum class Knowledge : std::uint8_t {
  not_kept,  ///< the detector keeps no sums
  nothing,   ///< no contact of it counted, or that was forgotten, or it got no place
  some,      ///< there are sums
};

/// The answer to "what about this address?".
struct SourceExplanation {
  static constexpr std::size_t kScales = 3;
  static constexpr std::size_t kMaxPorts = 20;
  static constexpr std::size_t kMaxOpen = 6;

  /// When one of the sums makes a scan.
  struct Scale {
    ScanRule rule = ScanRule::fast;
    std::uint8_t least_contacts = 0;
    double threshold = 0;      ///< points
    double leak_per_hour = 0;  ///< points
  };

  /// The sums of a source or a network, as they are now.
  struct Sums {
    std::array<double, kScales> score{};  ///< points
    double waiting = 0;                   ///< points of them that an answer may yet take back
    std::uint32_t contacts = 0;           ///< that counted; 255 may be more
    std::uint32_t first_ago = 0;          ///< seconds since the first that counted
    std::uint32_t last_ago = 0;           ///< and the last
  };

  Knowledge knowledge = Knowledge::not_kept;
  Address source;           ///< as asked
  std::uint8_t prefix = 0;  ///< the addresses that are kept as one source with it
  std::array<Scale, kScales> scales{};
  bool is_ignored = false;  ///< nothing of it is judged, as it was asked for
  /// Packets that each list of the configuration left out, since the start ...
  std::array<std::uint64_t, kExclusions> excluded{};
  /// ... and of this source, lately.
  std::array<std::uint64_t, kExclusions> excluded_of_it{};
  Sums sums;                 ///< here and below: where there are some
  bool is_crafted = false;   ///< a SYN of it had the marks of a raw-packet tool
  bool is_scanning = false;  ///< it has an open scan ...
  std::uint64_t record = 0;  ///< ... whose events have this number (`ScanEvent::record`) ...
  ScanKind kind{};           ///< ... that is of this kind ...
  ScanRule rule{};           ///< ... and was found by this
  bool sees_answers = true;  ///< is what we send seen? If not, UDP is not judged
  Technique technique = Technique::unknown;  ///< of the last contact
  Tool tool = Tool::unknown;
  Verdict verdict = Verdict::unverified;
  std::uint32_t hosts = 0;              ///< distinct targets, an estimate
  std::uint8_t closed = 0;              ///< ports that answered so, before any scan
  std::uint8_t strays = 0;              ///< segments of no connection, of late
  std::uint8_t low_strays = 0;          ///< of those to ports below 1024
  std::uint8_t port_count = 0;          ///< valid entries of `ports`
  std::uint8_t open_count = 0;          ///< of `open`
  std::array<Port, kMaxPorts> ports{};  ///< of the first contacts
  std::array<Port, kMaxOpen> open{};    ///< of those before any scan

  bool has_network = false;           ///< is something known of its network?
  std::uint8_t network_prefix = 0;    ///< here and below: if so
  std::uint32_t network_sources = 0;  ///< an estimate
  std::uint8_t least_sources = 0;     ///< that make a scan
  std::uint8_t network_factor = 1;    ///< thresholds are so many times those of a source
  bool is_network_scanning = false;
  Sums network;

  [[nodiscard]] std::span<const Port> port_view() const noexcept {
    return {ports.data(), port_count};
  }
  [[nodiscard]] std::span<const Port> open_view() const noexcept {
    return {open.data(), open_count};
  }
};
static_assert(std::is_trivially_copyable_v<SourceExplanation>);

/// The scale that is nearest to an alarm, as an index: that whose sum, without what waits, lacks
/// the fewest points.
[[nodiscard]] std::size_t nearest_scale(const SourceExplanation& explanation) noexcept;

/// Why there is or is no alarm, as a sentence without a full stop.
[[nodiscard]] std::string verdict_line(const SourceExplanation& explanation);

/// All of it for people, at most some twenty lines without line ends.
[[nodiscard]] std::vector<std::string> to_lines(const SourceExplanation& explanation);

}  // namespace scanlogd
