// What is said about a scan in words, wherever a person or another program reads it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/scan_event.h"

namespace scanlogd {

/// A scan as rule-based systems file it: the numbers of Snort's port_scan inspector (generator 122,
/// below 1000), or ours (from 1000 on) where it has none. docs/formats.md lists them.
struct Classification {
  static constexpr std::uint32_t kGenerator = 122;

  std::uint32_t signature = 0;
  std::string title;     ///< the same for all scans with this number: `TCP port scan`
  bool is_scan = false;  ///< false for floods and backscatter
};

/// What kind of scan, over which protocol.
[[nodiscard]] Classification classify(const ScanEvent& event);

/// Does `event` have ports: those of TCP, UDP or SCTP?
[[nodiscard]] bool has_ports(const ScanEvent& event) noexcept;

/// Is there one port that all packets of `event` came from?
[[nodiscard]] bool has_source_port(const ScanEvent& event) noexcept;

/// `TCP`, `UDP`, `SCTP`, `ICMP`, `IPv6-ICMP`; three digits for any other.
[[nodiscard]] std::string protocol_name(IpProto protocol);

/// Why the source address is believed or not, as a clause: `it completed a handshake, ...`.
[[nodiscard]] std::string_view reason_of(Verdict verdict) noexcept;

/// What the first SYN looked like, `WINDOW:OPTIONS:MSS:SCALE`, such as
/// `64240:mss-sack_permitted-timestamps-nop:1460:7`: the first four options in their order; a value
/// that was not there is empty. Empty where there was no SYN.
[[nodiscard]] std::string syn_fingerprint(const ScanEvent& event);

/// `2026-11-22T22:40:40.123456+0100`: local time and its distance from UTC, as Suricata writes it
/// and ISO 8601 allows.
[[nodiscard]] std::string format_iso_time(std::chrono::system_clock::time_point at);

}  // namespace scanlogd
