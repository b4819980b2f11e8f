// The detector of the full profile with a clock, between clients and a host that is ours, and the
// packets that both send: those of ordinary systems, those of scanners, and what we answer.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/detector.h"
#include "detect/full.h"
#include "support/packet_builder.h"

namespace scanlogd::test {

/// Our network, host, and somebody else's.
inline constexpr std::string_view kOurs = "198.51.100.0/24";
inline constexpr std::string_view kHost = "198.51.100.1";
inline constexpr std::string_view kClient = "203.0.113.7";

/// A SYN as connect(2) sends it.
inline Packet system_syn(std::string_view from, std::string_view to, Port port) {
  static std::uint16_t next = 0;
  ++next;
  Packet packet = tcp().from(from, static_cast<Port>(33000 + next % 27000)).to(to, port).flags("S");
  packet.sequence = next * 2654435761U;
  packet.window = 64240;
  packet.ttl = 57;
  packet.set_options(TcpOptions::other);
  return packet;
}

/// A SYN of nmap -sS.
inline Packet nmap_syn(std::string_view from, std::string_view to, Port port) {
  Packet packet = tcp().from(from, 43210).to(to, port).flags("S");
  packet.sequence = 0x1234'5678;
  packet.window = 1024;
  packet.ip_id = static_cast<std::uint16_t>(port * 31U);
  packet.ttl = static_cast<std::uint8_t>(37 + port % 23);
  packet.set_options(TcpOptions::mss_only);
  return packet;
}

/// A segment with `flags` as nmap sends them.
inline Packet segment(std::string_view from, std::string_view to, Port port,
                      std::string_view flags) {
  Packet packet = nmap_syn(from, to, port);
  packet.set_options(TcpOptions::none);
  packet.acknowledgement = 0;
  packet.flags = static_cast<Packet>(tcp().flags(flags)).flags;
  if ((packet.flags & tcp_flag::ack) != 0) packet.acknowledgement = 0x7654'3210;
  return packet;
}

/// A UDP datagram of eight bytes.
inline Packet datagram(std::string_view from, Port source_port, std::string_view to, Port port) {
  Packet packet = udp().from(from, source_port).to(to, port);
  packet.window = 8;
  return packet;
}

/// An ICMP message.
inline Packet icmp_message(std::string_view from, std::string_view to, Port type) {
  Packet packet = PacketBuilder(IpProto::icmp).from(from, type).to(to, 0);
  if (packet.family == Family::ipv6) packet.protocol = IpProto::icmpv6;
  return packet;
}

/// `packet` the other way round, with `flags`.
inline Packet answer_to(const Packet& packet, std::string_view flags = "") {
  Packet answer = packet;
  std::swap(answer.source, answer.target);
  std::swap(answer.source_port, answer.target_port);
  answer.ttl = 64;
  if (packet.protocol == IpProto::tcp) {
    answer.flags = static_cast<Packet>(tcp().flags(flags)).flags;
    const bool has_ack = (answer.flags & tcp_flag::ack) != 0;
    answer.sequence = (packet.flags & tcp_flag::ack) != 0 ? packet.acknowledgement : 0x9abc'def0;
    answer.acknowledgement = has_ack ? packet.sequence + 1 : 0;
    answer.set_options(TcpOptions::other);
  }
  return answer;
}

/// "Port unreachable" for `packet`, from its target.
inline Packet unreachable(const Packet& packet) {
  Packet error = packet;
  std::swap(error.source, error.target);
  const bool is_ipv4 = packet.family == Family::ipv4;
  error.protocol = is_ipv4 ? IpProto::icmp : IpProto::icmpv6;
  error.flags = static_cast<std::uint8_t>(packet.protocol);
  error.sequence = std::uint32_t{packet.source_port} << 16 | packet.target_port;
  error.acknowledgement = is_ipv4 ? ipv4_value(packet.target) : 0;
  error.source_port = is_ipv4 ? 3 : 1;
  error.target_port = is_ipv4 ? 3 : 4;
  error.window = 0;
  return error;
}

/// The detector and its clock.
class FullBench {
 public:
  explicit FullBench(const Section& options = {}, std::string_view local = kOurs) {
    auto made = make_full(options, {.a = 0x0123'4567'89ab'cdef, .b = 0xfedc'ba98'7654'3210});
    EXPECT_TRUE(made) << made.error().what;
    if (!made) return;
    detector_ = std::move(*made);
    if (local.empty()) return;
    const auto networks = parse_networks(local);
    EXPECT_TRUE(networks);
    detector_->set_local(*networks);
  }

  /// Shows a packet now.
  void see(Packet packet) {
    packet.time = now;
    list_->clear();
    detector_->inspect({&packet, 1}, *list_);
    keep();
  }
  /// Shows a packet and, right after it, the answer.
  void see(const Packet& packet, const Packet& answer) {
    see(packet);
    now += std::chrono::microseconds(20);
    see(answer);
  }

  /// Somebody connects to a closed port of ours.
  void refuse(std::string_view from, Port port, std::string_view to = kHost) {
    const Packet syn = system_syn(from, to, port);
    see(syn, answer_to(syn, "RA"));
  }
  /// Somebody connects to a service of ours and closes.
  void serve(std::string_view from, Port port, std::string_view to = kHost) {
    const Packet syn = system_syn(from, to, port);
    const Packet syn_ack = answer_to(syn, "SA");
    see(syn, syn_ack);
    Packet fin = answer_to(syn_ack, "FA");
    see(fin, answer_to(fin, "FA"));
  }
  /// nmap -sS asks for a closed port of ours.
  void probe(std::string_view from, Port port, std::string_view to = kHost) {
    const Packet syn = nmap_syn(from, to, port);
    see(syn, answer_to(syn, "RA"));
  }

  /// Waits.
  void pass(std::chrono::nanoseconds time) {
    now += time;
    list_->clear();
    detector_->advance(now, *list_);
    keep();
  }
  /// The end.
  void finish() {
    list_->clear();
    detector_->advance(Detector::kEndOfTime, *list_);
    keep();
  }

  /// How many scans were found.
  [[nodiscard]] std::size_t found() const {
    return static_cast<std::size_t>(std::ranges::count(events, Phase::begin, &ScanEvent::phase));
  }
  /// The event of that phase which came last.
  [[nodiscard]] ScanEvent last(Phase phase = Phase::begin) const {
    const auto found = std::find_if(events.rbegin(), events.rend(),
                                    [&](const ScanEvent& event) { return event.phase == phase; });
    EXPECT_NE(found, events.rend());
    return found == events.rend() ? ScanEvent{} : *found;
  }

  std::uint64_t counter(std::string_view name) const {
    const auto found = std::ranges::find(detector_->stats().counters, name, &Counter::name);
    EXPECT_NE(found, detector_->stats().counters.end()) << name;
    return found == detector_->stats().counters.end() ? 0 : found->value;
  }

  /// `ask(i)` for i = 0, 1 ... with `gap` between, until a scan is found; how often, or `most` + 1.
  template <class Ask>
  int until_found(int most, std::chrono::nanoseconds gap, Ask ask) {
    for (int i = 0; i < most; ++i) {
      ask(i);
      if (found() > 0) return i + 1;
      now += gap;
    }
    return most + 1;
  }

  [[nodiscard]] Detector& detector() { return *detector_; }

  std::chrono::nanoseconds now = std::chrono::hours(1000);
  std::vector<ScanEvent> events;
  std::vector<ScanSample> samples;
  std::vector<Address>
      sources;  ///< of the group told of last, where it was too large for the event

 private:
  void keep() {
    if (!list_->sources().empty()) {
      const auto all = list_->sources().back().view();
      sources.assign(all.begin(), all.end());
    }
    samples.insert(samples.end(), list_->samples().begin(), list_->samples().end());
    for (const ScanEvent& event : list_->view()) events.push_back(event);
  }

  std::unique_ptr<Detector> detector_;
  std::unique_ptr<EventList> list_ = std::make_unique<EventList>();
};

}  // namespace scanlogd::test
