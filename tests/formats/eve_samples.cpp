// Prints EVE events of scans and notices with every value of every enumeration and otherwise random
// members (a fixed seed), for check_eve.py to judge.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "core/eve.h"
#include "core/port_ranges.h"

namespace {

using namespace scanlogd;

std::mt19937 random_numbers{20'261'126};

std::uint32_t number() { return static_cast<std::uint32_t>(random_numbers()); }
std::uint32_t pick(std::uint32_t below) { return number() % below; }
std::uint8_t byte() { return static_cast<std::uint8_t>(pick(256)); }
/// 0 as often as not.
std::uint32_t maybe() { return number() * pick(2); }

std::chrono::system_clock::time_point some_time() {
  return std::chrono::system_clock::time_point(
      std::chrono::microseconds(std::int64_t{number()} * 1'000'000 + pick(1'000'000)));
}

Address some_address() {
  if (pick(2) == 0) return {Family::ipv4, ipv4_bytes(number())};
  Address address{Family::ipv6, {}};
  // Zeros, so that the short forms of IPv6 come, too.
  for (auto& each : address.bytes) each = static_cast<std::uint8_t>(pick(2) * byte());
  return address;
}

void set_totals(ScanEvent& event) {
  event.packets = maybe();
  event.ports_total = maybe();
  event.hosts_total = maybe();
  event.sources_total = maybe();
  event.open_total = maybe();
  event.closed_total = maybe();
  event.filtered_total = maybe();
}

void set_lists(ScanEvent& event) {
  event.port_count = static_cast<std::uint8_t>(pick(ScanEvent::kMaxPorts + 1));
  event.open_count = static_cast<std::uint8_t>(pick(ScanEvent::kMaxOpen + 1));
  event.group_count = static_cast<std::uint8_t>(pick(ScanEvent::kMaxGroup + 1));
  for (Port& port : event.ports) port = static_cast<Port>(number());
  for (Port& port : event.open) port = static_cast<Port>(number());
  for (Address& address : event.group) address = some_address();
}

Scan some_scan(std::uint32_t at) {
  constexpr std::array kProtocols = {IpProto::tcp,    IpProto::udp, IpProto::sctp, IpProto::icmp,
                                     IpProto::icmpv6, IpProto{0},   IpProto{255}};
  Scan scan;
  scan.id = at + 1;
  scan.started = some_time();
  scan.detected = some_time();
  scan.at = some_time();
  scan.announce = static_cast<Announce>(at % 4);
  ScanEvent& event = scan.event;
  event.source = some_address();
  event.target = some_address();
  event.source_port = static_cast<Port>(number());
  event.phase = static_cast<Phase>(at % 3);
  event.reason = static_cast<EndReason>(at / 3 % 4);
  event.kind = static_cast<ScanKind>(at % 10);
  event.rule = static_cast<ScanRule>(at / 2 % 9);
  event.technique = static_cast<Technique>(at % 20);
  event.techniques = static_cast<std::uint16_t>(number());
  event.tool = static_cast<Tool>(at % 7);
  event.verdict = static_cast<Verdict>(at % 5);
  event.protocol = kProtocols[at / 5 % kProtocols.size()];
  event.flags_or = byte();
  event.flags_and = static_cast<std::uint8_t>(event.flags_or & byte());
  event.varies = byte() & 0xf;
  event.tos = byte();
  event.ttl = byte();
  event.syn_window = static_cast<std::uint16_t>(number());
  event.syn_options = maybe();
  event.source_prefix = pick(3) == 0 ? 64 : 0;
  set_totals(event);
  set_lists(event);
  if (event.kind == ScanKind::egress && pick(2) == 0) {
    event.sender = {.cgroup = maybe(), .uid = number(), .is_known = true};
    std::string name(pick(100), ' ');
    for (char& each : name) each = static_cast<char>(byte());
    scan.unit = clean_unit(name);
  }
  if (at % 3 == 0) {
    std::vector<Port> ports(pick(at % 100 == 0 ? 60'000 : 100));
    std::ranges::generate(ports, [] { return static_cast<Port>(number()); });
    scan.ports = to_string(to_ranges(ports));
  }
  return scan;
}

}  // namespace

int main() {
  constexpr std::uint32_t kScans = 3000;
  for (std::uint32_t at = 0; at < kScans; ++at) {
    std::string event;
    append_eve(event, some_scan(at), {.boot = pick(3), .sequence = at + 1});
    (void)std::puts(event.c_str());
  }
  for (const Severity severity :
       {Severity::alert, Severity::error, Severity::warning, Severity::info}) {
    std::string event;
    append_eve(event, make_notice(severity, some_time(), "a \"notice\" \\ with \x01\xff bytes"),
               {.boot = pick(3), .sequence = pick(9) + 1});
    (void)std::puts(event.c_str());
  }
}
