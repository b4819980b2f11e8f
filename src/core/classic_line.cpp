// See classic_line.h. Formats into the caller's buffer; only numbers and addresses that we format
// ourselves ever reach a line.
#include "core/classic_line.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "core/port_ranges.h"
#include "core/scan_names.h"
#include "core/scan_words.h"

namespace scanlogd {
namespace {

/// Open ports that a line lists at most.
constexpr std::size_t kMaxOpenShown = 8;

tm local_time(std::chrono::system_clock::time_point at) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  const time_t clock = seconds;
  tm parts{};
  // Not localtime(3): that one looks for the zone file again, which a chroot has not.
  (void)::localtime_r(&clock, &parts);  // fails only past the year 2^31; zeros are printed then
  return parts;
}

/// Appends to a fixed buffer; what does not fit is cut, which no valid line comes near to.
class Writer {
 public:
  explicit Writer(LineBuffer& buffer) noexcept : buffer_(buffer) {}

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    const auto room = buffer_.size() - size_;
    const auto result =
        fmt::format_to_n(buffer_.data() + size_, room, format, std::forward<Args>(args)...);
    size_ += std::min(room, result.size);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), size_}; }

 private:
  LineBuffer& buffer_;
  std::size_t size_ = 0;
};

std::string host(const Address& address) {
  return address.family == Family::ipv6 ? "[" + to_string(address) + "]" : to_string(address);
}

std::string amount(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// What else is known, each with a comma before it; nothing for the original's rule, whose line
/// says what the original's said.
std::string marks(const Scan& scan) {
  const ScanEvent& event = scan.event;
  if (event.rule == ScanRule::classic) return {};
  std::string text;
  const auto add = [&](std::string_view mark) { text.append(", ").append(mark); };
  switch (event.protocol) {
    case IpProto::udp:
      add("UDP");
      break;
    case IpProto::sctp:
      add("SCTP");
      break;
    case IpProto::icmp:
    case IpProto::icmpv6:
      add("ICMP");
      break;
    case IpProto::tcp:
      break;
  }
  switch (event.kind) {
    case ScanKind::horizontal:
      add("sweep");
      break;
    case ScanKind::distributed:
      add(fmt::format("distributed {}", event.sources_total));
      break;
    case ScanKind::decoys:
      add(fmt::format("decoys {}", event.sources_total));
      break;
    case ScanKind::idle_probe:
      add("idle probe");
      break;
    case ScanKind::ftp_bounce:
      add("FTP bounce");
      break;
    case ScanKind::vertical:
    case ScanKind::block:
    case ScanKind::flood:
    case ScanKind::backscatter:
    case ScanKind::egress:
      break;
  }
  if (event.rule == ScanRule::slow || event.rule == ScanRule::glacial) add(name_of(event.rule));
  if (event.source_prefix != 0) add(fmt::format("network /{}", event.source_prefix));
  if (event.verdict == Verdict::proven || event.verdict == Verdict::suspect ||
      event.verdict == Verdict::impossible) {
    add(name_of(event.verdict));
  }
  if (event.open_count > 0) {
    const std::size_t shown = std::min<std::size_t>(event.open_count, kMaxOpenShown);
    add(fmt::format("open {}{}", fmt::join(std::span(event.open).first(shown), ","),
                    event.open_total > shown ? ",..." : ""));
  }
  if (event.sender.is_known) add(fmt::format("uid {}", event.sender.uid));
  if (!scan.unit.empty()) {
    add("unit " + scan.unit);
  } else if (event.sender.cgroup != 0) {
    add(fmt::format("cgroup {}", event.sender.cgroup));
  }
  return text;
}

/// What is no scan of somebody else does not look like one, because readers of the log act on
/// scans: whoever bans the source of this one bans himself.
constexpr std::string_view kEgress = "Egress: ";

void add_beginning(Writer& line, const ScanEvent& event, bool with_port) {
  if (event.kind == ScanKind::egress) line.add("{}", kEgress);
  line.add("{}", host(event.source));
  if (with_port) line.add(":{}", event.source_port);
  line.add(" to {}{} ports ", host(event.target),
           (event.varies & varies::target) != 0 ? " and others," : "");
}

void add_flags(Writer& line, const ScanEvent& event) {
  const auto flags = format_flags(event.flags_or, event.flags_and);
  line.add(", {}", std::string_view(flags.data(), flags.size()));
}

void add_clock(Writer& line, const tm& clock) {
  line.add(" @{:02}:{:02}:{:02}", clock.tm_hour, clock.tm_min, clock.tm_sec);
}

std::string_view format_with_ports(const ScanEvent& event, std::size_t ports,
                                   std::string_view marks, const tm& clock, LineBuffer& buffer) {
  Writer line(buffer);
  add_beginning(line, event, has_source_port(event));
  for (std::size_t i = 0; i < ports; ++i) line.add("{}, ", event.ports[i]);
  line.add("...");
  add_flags(line, event);
  if ((event.varies & varies::tos) == 0) line.add(", TOS {:02x}", event.tos);
  if ((event.varies & varies::ttl) == 0) line.add(", TTL {}", event.ttl);
  line.add("{}", marks);
  add_clock(line, clock);
  return line.view();
}

std::string_view format_begin(const Scan& scan, const tm& clock, LineBuffer& buffer) {
  const std::string more = marks(scan);
  const std::size_t most =
      scan.event.rule == ScanRule::classic ? kMaxLineLength : kMaxLongLineLength;
  for (std::size_t ports = scan.event.port_count;; --ports) {
    const std::string_view line = format_with_ports(scan.event, ports, more, clock, buffer);
    if (line.size() <= most || ports <= 1) return line;
  }
}

std::string_view format_end_with(const Scan& scan, std::string_view ports, const tm& clock,
                                 LineBuffer& buffer) {
  const ScanEvent& event = scan.event;
  Writer line(buffer);
  add_beginning(line, event, false);
  line.add("{}", ports);
  add_flags(line, event);
  line.add("{}, end: ", marks(scan));
  if (event.ports_total > 0) line.add("{}, ", amount(event.ports_total, "port"));
  if (event.hosts_total > 0) line.add("{}, ", amount(event.hosts_total, "host"));
  const auto time = std::chrono::round<std::chrono::seconds>(scan.last - scan.started);
  line.add("{} s", std::max<std::int64_t>(time.count(), 0));
  add_clock(line, clock);
  return line.view();
}

std::string_view format_end(const Scan& scan, const tm& clock, LineBuffer& buffer) {
  const auto ranges = parse_ranges(scan.ports).value_or(PortRanges{});
  const std::size_t rest = format_end_with(scan, "", clock, buffer).size();
  const std::size_t room = kMaxLongLineLength > rest ? kMaxLongLineLength - rest : 0;
  const std::string ports = ranges.empty() ? "..." : to_string(ranges, room);
  return format_end_with(scan, ports, clock, buffer);
}

/// What is no scan of somebody does not look like one, because readers of the log act on scans.
std::string_view format_other(const Scan& scan, const tm& clock, LineBuffer& buffer) {
  const ScanEvent& event = scan.event;
  Writer line(buffer);
  if (event.kind == ScanKind::flood) {
    line.add("Flood: {}, first {}", amount(event.sources_total, "new source"), host(event.source));
  } else {
    line.add("Backscatter: answers from {}, {}", host(event.source),
             amount(event.ports_total, "port"));
  }
  add_clock(line, clock);
  return line.view();
}

}  // namespace

std::array<char, 8> format_flags(std::uint8_t flags_or, std::uint8_t flags_and) noexcept {
  constexpr std::string_view kLetters = "fsrpauxy";
  std::array<char, 8> text{};
  for (std::size_t bit = 0; bit < text.size(); ++bit) {
    const bool ever = (flags_or >> bit & 1) != 0;
    const bool always = (flags_and >> bit & 1) != 0;
    const char letter = kLetters[bit];
    text[bit] = always ? static_cast<char>(letter - 'a' + 'A') : ever ? '?' : letter;
  }
  return text;
}

std::string_view format_classic_line(const Scan& scan, LineBuffer& buffer) {
  if (!has_line(scan)) return {};
  if (scan.announce == Announce::more_follow) return kMoreFollow;
  const tm clock = local_time(scan.started);
  const ScanEvent& event = scan.event;
  if (event.kind == ScanKind::flood || event.kind == ScanKind::backscatter) {
    return format_other(scan, clock, buffer);
  }
  return scan.has_ended() ? format_end(scan, clock, buffer) : format_begin(scan, clock, buffer);
}

std::string_view format_syslog_time(std::chrono::system_clock::time_point at,
                                    std::array<char, 16>& buffer) noexcept {
  // RFC 3164 month names whatever the locale.
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const tm clock = local_time(at);
  const auto month = static_cast<std::size_t>(clock.tm_mon);
  const auto end = fmt::format_to_n(buffer.data(), buffer.size(), "{} {:2} {:02}:{:02}:{:02}",
                                    kMonths[month % kMonths.size()], clock.tm_mday, clock.tm_hour,
                                    clock.tm_min, clock.tm_sec);
  return {buffer.data(), std::min(end.size, buffer.size())};
}

}  // namespace scanlogd
