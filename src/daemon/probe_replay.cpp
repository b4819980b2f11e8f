// See probe_replay.h.
#include "daemon/probe_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "core/port_ranges.h"
#include "core/scan_words.h"

namespace scanlogd {
namespace {

using std::chrono::nanoseconds;

/// Longer than any table needs to take a probe in, shorter than anybody waits.
constexpr std::chrono::microseconds kAnswerTime{50};

std::uint8_t flags_of(const ScanEvent& event) noexcept {
  switch (event.technique) {
    case Technique::fin:
      return tcp_flag::fin;
    case Technique::null:
      return 0;
    case Technique::xmas:
      return tcp_flag::fin | tcp_flag::psh | tcp_flag::urg;
    case Technique::maimon:
      return tcp_flag::fin | tcp_flag::ack;
    case Technique::ack_or_window:
      return tcp_flag::ack;
    case Technique::syn_ack:
      return tcp_flag::syn | tcp_flag::ack;
    case Technique::odd_flags:
      return event.flags_or;
    default:
      return tcp_flag::syn;
  }
}

/// The class of options of the first SYN, of all that is kept of it.
TcpOptions options_of(SynSummary summary) noexcept {
  const auto kinds = summary.kinds();
  if (kinds[0] == TcpOption::none) return TcpOptions::none;
  const bool is_alone = kinds[0] == TcpOption::mss && kinds[1] == TcpOption::none;
  return is_alone ? TcpOptions::mss_only : TcpOptions::other;
}

/// What those of TCP have of their own.
void shape_tcp(const ScanEvent& event, Packet& packet) noexcept {
  packet.flags = flags_of(event);
  packet.window = event.syn_window;
  if (!packet.is_syn()) {
    if ((packet.flags & tcp_flag::ack) != 0) packet.acknowledgement = ~packet.sequence;
    return;
  }
  packet.acknowledgement = event.syn_options;
  packet.set_options(options_of(packet.syn_summary()));
}

/// ICMP and ICMPv6 types (RFC 792, 950, 4443).
Port message_type(const ScanEvent& event) noexcept {
  constexpr Port kEcho = 8;
  constexpr Port kTimestamp = 13;
  constexpr Port kMask = 17;
  constexpr Port kEchoV6 = 128;
  if (event.protocol == IpProto::icmpv6) return kEchoV6;
  if (event.technique == Technique::icmp_timestamp) return kTimestamp;
  return event.technique == Technique::icmp_mask ? kMask : kEcho;
}

/// The probe number `number` of a scan, without its time.
Packet probe_of(const Scan& scan, const ProbePoint& point, std::uint32_t number) noexcept {
  constexpr Port kFirstPort = 33000;  // as of systems that take a new one for each connection
  constexpr std::uint32_t kPorts = 27000;
  constexpr std::uint32_t kGolden = 0x9e3779b1;
  constexpr std::uint16_t kEmptyPayload = 8;
  const ScanEvent& event = scan.event;
  const bool keeps_port = (event.varies & varies::source_port) == 0;
  const Address& target = point.target.family == Family::none ? event.target : point.target;
  Packet packet;
  packet.family = event.source.family;
  packet.source = event.source.bytes;
  packet.target = target.bytes;
  packet.protocol = event.protocol;
  packet.ttl = event.ttl;
  packet.tos = event.tos;
  packet.sequence = (number + 1) * kGolden;
  packet.ip_id = packet.family == Family::ipv4 ? static_cast<std::uint16_t>(number + 1) : 0;
  packet.source_port =
      keeps_port ? event.source_port : static_cast<Port>(kFirstPort + number % kPorts);
  packet.target_port = point.port;
  switch (event.protocol) {
    case IpProto::tcp:
      shape_tcp(event, packet);
      break;
    case IpProto::udp:
      packet.window = kEmptyPayload;
      break;
    case IpProto::sctp: {
      constexpr std::uint8_t kInit = 1;  // RFC 9260 3.2
      constexpr std::uint8_t kCookieEcho = 10;
      packet.flags = event.technique == Technique::sctp_cookie_echo ? kCookieEcho : kInit;
      break;
    }
    case IpProto::icmp:
    case IpProto::icmpv6:
      packet.source_port = message_type(event);
      packet.target_port = 0;
      break;
  }
  if (event.technique == Technique::fragments) packet.traits |= trait::fragmented;
  return packet;
}

/// What we sent back.
std::optional<Packet> answer_of(const Packet& probe, ProbeOutcome outcome) noexcept {
  if (outcome != ProbeOutcome::open && outcome != ProbeOutcome::closed) return {};
  const bool is_open = outcome == ProbeOutcome::open;
  Packet answer = probe;
  std::swap(answer.source, answer.target);
  std::swap(answer.source_port, answer.target_port);
  answer.time += kAnswerTime;
  answer.traits = trait::outgoing;
  if (probe.protocol == IpProto::tcp) {
    answer.flags = tcp_flag::ack | (is_open ? tcp_flag::syn : tcp_flag::rst);
    answer.acknowledgement = probe.sequence + 1;
    return answer;
  }
  if (probe.protocol != IpProto::udp) return {};
  if (is_open) return answer;
  // "Port unreachable" (RFC 792, RFC 4443), as `Packet` has it.
  const bool is_ipv4 = probe.family == Family::ipv4;
  answer.protocol = is_ipv4 ? IpProto::icmp : IpProto::icmpv6;
  answer.flags = static_cast<std::uint8_t>(probe.protocol);
  answer.sequence = std::uint32_t{probe.source_port} << 16 | probe.target_port;
  answer.acknowledgement = is_ipv4 ? ipv4_value(probe.target) : 0;
  answer.source_port = is_ipv4 ? 3 : 1;
  answer.target_port = is_ipv4 ? 3 : 4;
  answer.window = 0;
  return answer;
}

/// Has it one source, and a packet for each point of its sample?
bool can_be_sent(const ScanEvent& event) noexcept {
  const bool is_of_one = event.kind == ScanKind::vertical || event.kind == ScanKind::horizontal ||
                         event.kind == ScanKind::block;
  return is_of_one && event.source_prefix == 0 && event.technique != Technique::ip_protocol;
}

/// The ports asked for before the alarm, in the order that is known: those that the sample would
/// have if they had come after it. Of a sample of some probes only, those that came first.
std::vector<Port> early_ports(const Scan& scan, const ProbeSample& sample) {
  std::vector<bool> is_known(std::size_t{1} << 16);
  for (const ProbePoint& point : sample.points) is_known[point.port] = true;
  std::vector<Port> ports;
  const auto take = [&](Port port) {
    if (is_known[port]) return;
    is_known[port] = true;
    ports.push_back(port);
  };
  for (const Port port : std::span(scan.event.ports).first(scan.event.port_count)) take(port);
  if (sample.shift > 0) return ports;
  for (const PortRange& range : parse_ranges(scan.ports).value_or(PortRanges{})) {
    for (std::uint32_t port = range.first; port <= range.last; ++port) {
      take(static_cast<Port>(port));
    }
  }
  return ports;
}

/// What came before the alarm, of which times are not kept: they are taken to be even.
std::vector<ProbePoint> early_points(const Scan& scan, const ProbeSample& sample) {
  if (!has_ports(scan.event)) return {};
  const std::vector<Port> ports = early_ports(scan, sample);
  const auto open = std::span(scan.event.open).first(scan.event.open_count);
  const ProbeOutcome other =
      scan.event.closed_total > 0 ? ProbeOutcome::closed : ProbeOutcome::unknown;
  const nanoseconds span = scan.detected - scan.started;
  const auto pauses = static_cast<nanoseconds::rep>(ports.size()) + 1;
  std::vector<ProbePoint> points;
  points.reserve(ports.size());
  for (const Port port : ports) {
    const bool is_open = std::ranges::find(open, port) != open.end();
    points.push_back({.time = span / pauses * static_cast<nanoseconds::rep>(points.size() + 1),
                      .target = {},
                      .port = port,
                      .outcome = is_open ? ProbeOutcome::open : other});
  }
  return points;
}

ScanFinding found_of(const Scan& scan) noexcept {
  return {.started = scan.started.time_since_epoch(),
          .detected = scan.detected.time_since_epoch(),
          .last = scan.last.time_since_epoch(),
          .source = scan.event.source,
          .target = scan.event.target,
          .probes_to_find = 0,
          .probes = scan.event.packets,
          .ports = scan.event.ports_total,
          .hosts = scan.event.hosts_total,
          .kind = scan.event.kind,
          .rule = scan.event.rule,
          .technique = scan.event.technique};
}

}  // namespace

bool append_probes(const Scan& scan, const ProbeSample& sample, std::vector<Packet>& packets) {
  if (sample.points.empty() || !can_be_sent(scan.event)) return false;
  auto number = static_cast<std::uint32_t>(packets.size());
  std::vector<ProbePoint> points = early_points(scan, sample);
  points.insert(points.end(), sample.points.begin(), sample.points.end());
  for (const ProbePoint& point : points) {
    Packet packet = probe_of(scan, point, number++);
    packet.time = scan.started.time_since_epoch() + point.time;
    packets.push_back(packet);
    if (const auto answer = answer_of(packet, point.outcome)) packets.push_back(*answer);
  }
  return true;
}

Result<RecordedProbes> read_probes(const StoreReader& store,
                                   std::optional<std::chrono::system_clock::time_point> since,
                                   std::size_t most) {
  ScanFilter filter;
  filter.since = since;
  filter.limit = most + 1;
  auto scans = store.list(filter);
  if (!scans) return std::unexpected(scans.error());
  RecordedProbes recorded;
  recorded.is_cut = scans->size() > most;
  if (recorded.is_cut) scans->resize(most);
  for (const Scan& scan : *scans) {
    const auto sample = store.sample(scan.id);
    if (!sample) return std::unexpected(sample.error());
    if (!append_probes(scan, *sample, recorded.packets)) {
      ++recorded.left_out;
      continue;
    }
    recorded.scans.push_back(found_of(scan));
    if (sample->shift > 0) ++recorded.thinned;
  }
  std::ranges::stable_sort(recorded.packets, {}, &Packet::time);
  return recorded;
}

void replay(const RecordedProbes& probes, Outlet& outlet) {
  const auto batch = std::make_unique<PacketBatch>();
  for (std::span<const Packet> rest = probes.packets; !rest.empty();) {
    batch->size = std::min(rest.size(), PacketBatch::kCapacity);
    std::ranges::copy(rest.first(batch->size), batch->packets.begin());
    rest = rest.subspan(batch->size);
    outlet.process(*batch);
  }
  outlet.advance(Detector::kEndOfTime, {});
}

std::vector<std::string> notes_on(const RecordedProbes& probes, const ScanComparison& comparison) {
  const auto is_found = [&](const ScanFinding& scan) {
    const auto matches = [&](const ScanFinding& found) { return is_same(scan, found); };
    return std::ranges::any_of(comparison.same, matches, &FoundByBoth::one) ||
           std::ranges::any_of(comparison.more, matches) ||
           std::ranges::any_of(comparison.fewer, matches);
  };
  const auto not_found =
      static_cast<std::size_t>(std::ranges::count_if(probes.scans, std::not_fn(is_found)));
  std::vector<std::string> notes;
  notes.push_back(
      fmt::format("judged again: {} {} on record, by the sample of probes that was kept of each",
                  probes.scans.size(), probes.scans.size() == 1 ? "scan" : "scans"));
  const auto note = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) notes.push_back(fmt::format("{} {}", count, what));
  };
  note(probes.thinned, "of them sent more probes than were kept, and are easier to miss here");
  note(not_found, "of them are found by neither: their samples do not hold enough");
  note(probes.left_out, "others have no sample, or several sources, and are left out");
  if (probes.is_cut) notes.emplace_back("older scans are left out: --since says how far to go");
  notes.emplace_back("what was never found is not on record: for that read a capture (--read)");
  return notes;
}

}  // namespace scanlogd
