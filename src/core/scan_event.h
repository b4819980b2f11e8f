// What a detector says about a scan as it begins, goes on and ends, and the list it says it in.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "core/packet.h"
#include "core/probe_sample.h"
#include "core/sender.h"

namespace scanlogd {

/// Bits of `ScanEvent::varies`: what did not stay as in the first packet of the source.
namespace varies {
inline constexpr std::uint8_t target = 0x01;
inline constexpr std::uint8_t source_port = 0x02;
inline constexpr std::uint8_t tos = 0x04;
inline constexpr std::uint8_t ttl = 0x08;
}  // namespace varies

/// Where in the life of a scan an event stands.
enum class Phase : std::uint8_t {
  begin,   ///< it was found
  update,  ///< it goes on: its totals so far
  end,     ///< it is over: its totals
};

/// Why a scan ended; `none` before.
enum class EndReason : std::uint8_t {
  none,
  idle,      ///< nothing new for as long as its rule waits
  shutdown,  ///< scanlogd ended
  evicted,   ///< its record was needed for another scan
};

/// What was scanned, or what else was seen.
enum class ScanKind : std::uint8_t {
  vertical,     ///< many ports of few hosts
  horizontal,   ///< few ports of many hosts
  block,        ///< many ports of many hosts
  distributed,  ///< many ports of one host, by many sources
  decoys,       ///< the same probes from several sources at once
  idle_probe,   ///< somebody uses this host as the zombie of an idle scan
  ftp_bounce,   ///< through an FTP server
  flood,        ///< more new sources than any scan has
  backscatter,  ///< answers to what others sent in our name; no scan
  egress,       ///< this machine scans others: the source is ours, and nobody to act against
};

/// Which rule found it.
enum class ScanRule : std::uint8_t {
  classic,  ///< the man page's
  fast,     ///< contact CUSUM, three time scales
  slow,
  glacial,
  prefix,       ///< contacts of a network's sources together
  novelty,      ///< ports of a host that nobody asked for before
  same_probe,   ///< equal ports, sequence number and IP id from different sources
  answers,      ///< unsolicited answers
  new_sources,  ///< their rate
};

/// How long a scan may pause and still goes on, by the rule that found it.
[[nodiscard]] constexpr std::chrono::nanoseconds idle_of(ScanRule rule) noexcept {
  using namespace std::chrono_literals;
  switch (rule) {
    case ScanRule::classic:
      return 3s;
    case ScanRule::slow:
      return 6h;
    case ScanRule::glacial:
      return 48h;
    default:
      return 10min;
  }
}

/// How the scanner probes, as nmap names it.
enum class Technique : std::uint8_t {
  unknown,
  syn,
  connect,
  syn_or_connect,
  fin,
  null,
  xmas,
  maimon,
  ack_or_window,
  syn_ack,
  odd_flags,
  fragments,
  udp,
  sctp_init,
  sctp_cookie_echo,
  ip_protocol,
  icmp_echo,
  icmp_timestamp,
  icmp_mask,
  ftp_bounce,
};

/// The program, by its fingerprint.
enum class Tool : std::uint8_t { unknown, nmap, masscan, zmap, hping, nping, mirai };

/// Whether the source address can be believed.
enum class Verdict : std::uint8_t {
  unverified,  ///< nothing speaks for or against it
  proven,      ///< completed a handshake: only the holder of the address can
  answered,    ///< reacted to our answer in a way that a spoofer could guess
  suspect,     ///< one of a group of decoys, or its packets come from different distances
  impossible,  ///< an address that nobody can have
};

/// Every port that a scan has asked for, in ascending order.
struct PortRange {
  Port first = 0;
  Port last = 0;
};

/// The ports of one scan as ranges; goes beside an event that tells of an end (or an update).
struct ScanPorts {
  static constexpr std::size_t kMaxRanges = 1024;

  std::uint64_t record = 0;  ///< `ScanEvent::record`
  std::uint32_t total = 0;   ///< distinct ports, those left off included
  std::uint16_t count = 0;   ///< valid entries of `ranges`
  bool is_cut = false;       ///< there were more ranges than fit; the highest are left off
  std::array<PortRange, kMaxRanges> ranges{};

  [[nodiscard]] std::span<const PortRange> view() const noexcept { return {ranges.data(), count}; }
};
static_assert(std::is_trivially_copyable_v<ScanPorts>);

/// The sources of a group of which the event has room for some only; goes beside it.
struct ScanSources {
  static constexpr std::size_t kMost = 128;

  std::uint64_t record = 0;  ///< `ScanEvent::record`
  std::uint16_t count = 0;   ///< valid entries of `sources`; more than these are only counted
  std::array<Address, kMost> sources{};  ///< begins as `ScanEvent::group`

  [[nodiscard]] std::span<const Address> view() const noexcept { return {sources.data(), count}; }
};
static_assert(std::is_trivially_copyable_v<ScanSources>);

/// One thing to say about a scan, a plain value. `source_port`, `target`, `tos`, `ttl` are the
/// first packet's. Totals are those since the first packet, as far as the detector keeps them; 0
/// where it keeps none.
struct ScanEvent {
  /// More ports than any log line can show (120 bytes, three bytes for the shortest port).
  static constexpr std::size_t kMaxPorts = 40;
  /// Open ports that are listed.
  static constexpr std::size_t kMaxOpen = 16;
  /// Sources of a group that are listed here; `ScanSources` has more.
  static constexpr std::size_t kMaxGroup = 16;

  std::chrono::nanoseconds started{};   ///< first packet, monotonic (as in `Packet::time`)
  std::chrono::nanoseconds detected{};  ///< the packet, or the time, that this event comes from
  std::uint64_t record = 0;  ///< the same in all events of one scan, in no other of this detector
  std::uint64_t packets = 0;
  Sender sender;   ///< of a scan by this machine
  Address source;  ///< of a group: the likeliest, or the first; of a network: its base
  Address target;
  std::uint32_t ports_total = 0;     ///< distinct target ports
  std::uint32_t hosts_total = 0;     ///< distinct targets; an estimate when many
  std::uint32_t sources_total = 0;   ///< of a group: its size; an estimate when many
  std::uint32_t open_total = 0;      ///< probed ports that answered as open
  std::uint32_t closed_total = 0;    ///< as closed
  std::uint32_t filtered_total = 0;  ///< not at all
  Port source_port = 0;
  std::uint16_t techniques = 0;   ///< bit n: `Technique` n + 1 was seen (16 of them)
  std::uint16_t syn_window = 0;   ///< of the first SYN
  std::uint32_t syn_options = 0;  ///< of the first SYN, packed as in `Packet`
  std::uint8_t flags_or = 0;      ///< TCP flags set in at least one packet
  std::uint8_t flags_and = 0;     ///< TCP flags set in all packets
  std::uint8_t varies = 0;        ///< `varies` bits
  std::uint8_t tos = 0;
  std::uint8_t ttl = 0;
  Phase phase = Phase::begin;
  EndReason reason = EndReason::none;
  ScanKind kind = ScanKind::vertical;
  ScanRule rule = ScanRule::classic;
  Technique technique = Technique::unknown;  ///< the prevailing one
  Tool tool = Tool::unknown;
  Verdict verdict = Verdict::unverified;
  IpProto protocol = IpProto::tcp;      ///< of the first packet
  std::uint8_t source_prefix = 0;       ///< of a network of sources: its length; else 0
  std::uint8_t port_count = 0;          ///< valid entries of `ports`
  std::uint8_t open_count = 0;          ///< of `open`
  std::uint8_t group_count = 0;         ///< of `group`
  std::array<Port, kMaxPorts> ports{};  ///< in the order first seen
  std::array<Port, kMaxOpen> open{};
  std::array<Address, kMaxGroup> group{};
};
static_assert(std::is_trivially_copyable_v<ScanEvent>);

/// What detectors have to say about one batch, or at one moment. Bounded: what does not fit is
/// refused, and the detector says it later or counts it.
class EventList {
 public:
  /// A packet gives at most two events.
  static constexpr std::size_t kCapacity = 2 * PacketBatch::kCapacity;
  static constexpr std::size_t kPortsCapacity = 16;
  static constexpr std::size_t kSamplesCapacity = 16;
  static constexpr std::size_t kSourcesCapacity = 16;

  /// Appends; false where the list is full.
  [[nodiscard]] bool push(const ScanEvent& event) noexcept {
    if (size_ == kCapacity) return false;
    events_[size_++] = event;
    return true;
  }
  /// Room for the ports of one scan, to be filled in by the caller; nullptr where there is none.
  [[nodiscard]] ScanPorts* add_ports() noexcept {
    return ports_size_ == kPortsCapacity ? nullptr : &ports_[ports_size_++];
  }
  /// The same for a sample of its probes.
  [[nodiscard]] ScanSample* add_sample() noexcept {
    return samples_size_ == kSamplesCapacity ? nullptr : &samples_[samples_size_++];
  }

  /// The same for the sources of a group.
  [[nodiscard]] ScanSources* add_sources() noexcept {
    return sources_size_ == kSourcesCapacity ? nullptr : &sources_[sources_size_++];
  }

  [[nodiscard]] std::span<const ScanEvent> view() const noexcept { return {events_.data(), size_}; }
  /// The ports; those of an event that has any are to be passed on before it.
  [[nodiscard]] std::span<const ScanPorts> ports() const noexcept {
    return {ports_.data(), ports_size_};
  }
  /// The samples, likewise.
  [[nodiscard]] std::span<const ScanSample> samples() const noexcept {
    return {samples_.data(), samples_size_};
  }
  /// The sources of groups, likewise.
  [[nodiscard]] std::span<const ScanSources> sources() const noexcept {
    return {sources_.data(), sources_size_};
  }
  void clear() noexcept { size_ = ports_size_ = samples_size_ = sources_size_ = 0; }

 private:
  std::array<ScanEvent, kCapacity> events_;
  std::size_t size_ = 0;
  std::array<ScanPorts, kPortsCapacity> ports_;
  std::size_t ports_size_ = 0;
  std::array<ScanSample, kSamplesCapacity> samples_;
  std::size_t samples_size_ = 0;
  std::array<ScanSources, kSourcesCapacity> sources_;
  std::size_t sources_size_ = 0;
};

}  // namespace scanlogd
