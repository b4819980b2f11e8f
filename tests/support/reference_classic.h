// The rule of scanlogd(8) once more, as naively as it can be written: unbounded maps, no hashing,
// no table, one branch for each sentence of docs/detection.md. The property test holds the real
// detector against it. Shares nothing with src/detect.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/packet.h"
#include "core/scan_event.h"

namespace scanlogd::test {

struct ReferenceRule {
  int threshold = 21;
  std::int64_t delay_ticks = 300;
  int low_weight = 3;
  int high_weight = 1;
};

class ReferenceClassic {
 public:
  explicit ReferenceClassic(ReferenceRule rule = {}) : rule_(rule) {}

  std::optional<ScanEvent> see(const Packet& packet) {
    if (packet.family != Family::ipv4 || packet.protocol != IpProto::tcp) return {};
    const std::uint32_t from = ipv4_value(packet.source);
    if (from == 0) return {};
    const std::int64_t now = packet.time / std::chrono::milliseconds(10);
    const bool ack = (packet.flags & tcp_flag::ack) != 0;
    const bool rst = (packet.flags & tcp_flag::rst) != 0;
    const int weight = packet.target_port < 1024 ? rule_.low_weight : rule_.high_weight;

    const auto known = sources_.find(from);
    if (known != sources_.end()) {
      const std::int64_t pause = now - known->second.last;
      if (pause < 0 || pause > rule_.delay_ticks) sources_.erase(known);
    }
    if (!sources_.contains(from)) {
      if (ack) return {};
      sources_[from] = {packet, {packet.target_port}, {packet}, weight, now};
      return {};
    }
    State& state = sources_[from];
    if (std::ranges::count(state.ports, packet.target_port) > 0) {
      state.flags_only.push_back(packet.flags);
      return {};
    }
    if (ack || rst) return {};
    state.last = now;
    if (state.weight >= rule_.threshold) return {};
    state.counted.push_back(packet);
    state.weight += weight;
    if (state.weight < rule_.threshold) {
      state.ports.push_back(packet.target_port);
      return {};
    }
    return report(state, packet);
  }

 private:
  struct State {
    Packet first;
    std::vector<Port> ports;
    std::vector<Packet> counted;
    int weight = 0;
    std::int64_t last = 0;
    std::vector<std::uint8_t> flags_only{};
  };

  static ScanEvent report(const State& state, const Packet& packet) {
    ScanEvent event;
    event.started = state.first.time;
    event.detected = packet.time;
    event.source = state.first.source_address();
    event.target = state.first.target_address();
    event.source_port = state.first.source_port;
    event.tos = state.first.tos;
    event.ttl = state.first.ttl;
    event.flags_and = 0xff;
    for (const Packet& each : state.counted) {
      event.flags_or |= each.flags;
      event.flags_and &= each.flags;
      if (each.target != state.first.target) event.varies |= varies::target;
      if (each.source_port != state.first.source_port) event.varies |= varies::source_port;
      if (each.tos != state.first.tos) event.varies |= varies::tos;
      if (each.ttl != state.first.ttl) event.varies |= varies::ttl;
    }
    for (const std::uint8_t flags : state.flags_only) {
      event.flags_or |= flags;
      event.flags_and &= flags;
    }
    event.port_count =
        static_cast<std::uint8_t>(std::min(state.ports.size(), ScanEvent::kMaxPorts));
    std::copy_n(state.ports.begin(), event.port_count, event.ports.begin());
    return event;
  }

  ReferenceRule rule_;
  std::map<std::uint32_t, State> sources_;
};

}  // namespace scanlogd::test
