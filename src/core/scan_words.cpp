// See scan_words.h.
#include "core/scan_words.h"

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace scanlogd {
namespace {

/// What scans are told apart by beside their kind; the columns of the table below.
enum class Over : std::uint8_t { tcp, udp, sctp, icmp, ip };

constexpr std::size_t kOvers = 5;
constexpr std::array<std::string_view, kOvers> kOverNames = {"TCP", "UDP", "SCTP", "ICMP",
                                                             "IP protocol"};

struct Row {
  ScanKind kind;
  std::string_view title;
  std::array<std::uint32_t, kOvers> signatures;
};

constexpr std::array<Row, 5> kByProtocol = {{
    {ScanKind::vertical, "port scan", {1, 17, 1001, 1006, 9}},
    {ScanKind::decoys, "decoy port scan", {2, 18, 1002, 1007, 10}},
    {ScanKind::horizontal, "port sweep", {3, 19, 1003, 25, 11}},
    {ScanKind::distributed, "distributed port scan", {4, 20, 1004, 1008, 12}},
    {ScanKind::block, "block scan", {1010, 1011, 1012, 1013, 1014}},
}};

Over over_of(const ScanEvent& event) noexcept {
  if (event.technique == Technique::ip_protocol) return Over::ip;
  switch (event.protocol) {
    case IpProto::tcp:
      return Over::tcp;
    case IpProto::udp:
      return Over::udp;
    case IpProto::sctp:
      return Over::sctp;
    case IpProto::icmp:
    case IpProto::icmpv6:
      return Over::icmp;
  }
  return Over::ip;
}

/// `TCP port scan`, `ICMP sweep`, `IP protocol scan`: ports only where there are any.
std::string title_of(std::string_view title, Over over) {
  const std::string_view name = kOverNames[static_cast<std::size_t>(over)];
  std::string text(title);
  if (over == Over::icmp || over == Over::ip) {
    constexpr std::string_view kPort = "port ";
    if (const std::size_t at = text.find(kPort); at != std::string::npos) {
      text.erase(at, kPort.size());
    }
  }
  return fmt::format("{} {}", name, text);
}

}  // namespace

Classification classify(const ScanEvent& event) {
  switch (event.kind) {
    case ScanKind::idle_probe:
      return {1020, "idle scan by way of this host", true};
    case ScanKind::ftp_bounce:
      return {1021, "FTP bounce scan", true};
    case ScanKind::flood:
      return {1022, "flood of new sources", false};
    case ScanKind::backscatter:
      return {1023, "backscatter", false};
    case ScanKind::egress:
      return {1030, "scan of others from this host", true};
    case ScanKind::vertical:
    case ScanKind::horizontal:
    case ScanKind::block:
    case ScanKind::distributed:
    case ScanKind::decoys:
      break;
  }
  const Over over = over_of(event);
  for (const Row& row : kByProtocol) {
    if (row.kind != event.kind) continue;
    return {row.signatures[static_cast<std::size_t>(over)], title_of(row.title, over), true};
  }
  return {1000, "scan", true};  // a kind that came from a newer store
}

bool has_ports(const ScanEvent& event) noexcept {
  const Over over = over_of(event);
  return over == Over::tcp || over == Over::udp || over == Over::sctp;
}

bool has_source_port(const ScanEvent& event) noexcept {
  return has_ports(event) && (event.varies & varies::source_port) == 0;
}

std::string protocol_name(IpProto protocol) {
  switch (protocol) {
    case IpProto::tcp:
      return "TCP";
    case IpProto::udp:
      return "UDP";
    case IpProto::sctp:
      return "SCTP";
    case IpProto::icmp:
      return "ICMP";
    case IpProto::icmpv6:
      return "IPv6-ICMP";
  }
  return fmt::format("{:03}", static_cast<unsigned>(protocol));
}

std::string_view reason_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::proven:
      return "it completed a handshake, which only the holder of the address can";
    case Verdict::answered:
      return "it reacted to our answer, in a way that a spoofer could guess";
    case Verdict::suspect:
      return "its packets are those of decoys, or come from different distances";
    case Verdict::impossible:
      return "nobody can have this address";
    case Verdict::unverified:
      break;
  }
  return "nothing speaks for or against it";
}

std::string syn_fingerprint(const ScanEvent& event) {
  if (event.syn_window == 0 && event.syn_options == 0) return {};
  constexpr std::array<std::string_view, 8> kNames = {
      "", "nop", "mss", "window_scale", "sack_permitted", "timestamps", "end", "other"};
  const SynSummary syn(event.syn_options);
  std::string options;
  for (const TcpOption kind : syn.kinds()) {
    const std::string_view name = kNames[static_cast<std::size_t>(kind)];
    if (name.empty()) break;
    options.append(options.empty() ? "" : "-").append(name);
  }
  const std::string mss = syn.mss() == 0 ? "" : std::to_string(syn.mss());
  const std::string scale =
      syn.window_scale() == SynSummary::kNoWindowScale ? "" : std::to_string(syn.window_scale());
  return fmt::format("{}:{}:{}:{}", event.syn_window, options, mss, scale);
}

std::string format_iso_time(std::chrono::system_clock::time_point at) {
  const auto micro = std::chrono::floor<std::chrono::microseconds>(at.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(micro);
  const time_t clock = seconds.count();
  tm parts{};
  (void)::localtime_r(&clock, &parts);  // fails only past the year 2^31; zeros are printed then
  const long offset = std::labs(parts.tm_gmtoff) / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}{:02}{:02}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (micro - seconds).count(), parts.tm_gmtoff < 0 ? '-' : '+', offset / 60,
                     offset % 60);
}

}  // namespace scanlogd
