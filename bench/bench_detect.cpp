// The detector of the classic profile with its default table, in batches as a capture fills them.
// Time runs at a million packets a second, so that sources go stale as they would under such a
// flood. Filling the batch, some 2 ns a packet, is part of what is measured.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "detect/detector.h"
#include "per_packet.h"
#include "support/original_list.h"

namespace scanlogd::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPackets = std::size_t{1} << 20;
constexpr std::chrono::nanoseconds kPause = 1us;

/// What differs between the packets of a benchmark.
struct Probe {
  std::uint32_t source = 0xc0000201;  // 192.0.2.1
  Port port = 443;
  std::uint8_t flags = tcp_flag::syn;
};

Packet to_us() {
  Packet packet;
  packet.target = ipv4_bytes(0xc6336401);  // 198.51.100.1
  packet.source_port = 40000;
  packet.protocol = IpProto::tcp;
  packet.ttl = 64;
  packet.family = Family::ipv4;
  return packet;
}

template <class Make>
void detect(benchmark::State& state, Make make, const Section& options = {}) {
  auto detector = detector_table().front()->make(options);
  if (!detector) return state.SkipWithError(detector.error().what.c_str());
  std::vector<Probe> probes;
  probes.reserve(kPackets);
  for (std::size_t i = 0; i < kPackets; ++i) probes.push_back(make(i));
  const auto events = std::make_unique<EventList>();
  const auto batch = std::make_unique<PacketBatch>();
  batch->size = PacketBatch::kCapacity;
  batch->packets.fill(to_us());
  std::chrono::nanoseconds now = 1h;
  for (auto _ : state) {
    for (auto probe = probes.begin(); probe != probes.end();) {
      for (Packet& packet : batch->packets) {
        packet.time = now += kPause;
        packet.source = ipv4_bytes(probe->source);
        packet.target_port = probe->port;
        packet.flags = probe->flags;
        ++probe;
      }
      events->clear();
      (*detector)->inspect(batch->view(), *events);
    }
  }
  report_packets(state, kPackets);
}
static_assert(kPackets % PacketBatch::kCapacity == 0);

Port some_port(std::size_t i) { return static_cast<Port>(1 + i * 7919 % 65535); }

void detect_one_scanner(benchmark::State& state) {
  detect(state, [](std::size_t i) { return Probe{.port = some_port(i)}; });
}
BENCHMARK(detect_one_scanner)->Name("detect/one scanner");

void detect_thousand(benchmark::State& state) {
  detect(state, [](std::size_t i) {
    return Probe{.source = 0xc0000000 + static_cast<std::uint32_t>(i % 1000),
                 .port = some_port(i / 1000)};
  });
}
BENCHMARK(detect_thousand)->Name("detect/1,000 sources");

void detect_million(benchmark::State& state) {
  std::mt19937 random(1);
  detect(state,
         [&](std::size_t) { return Probe{.source = static_cast<std::uint32_t>(random()) | 1}; });
}
BENCHMARK(detect_million)->Name("detect/a million random sources");

// All of them fit.
void detect_known_million(benchmark::State& state) {
  std::mt19937 random(1);
  Section options;
  options.set("memory", "64M", "bench");
  detect(
      state, [&](std::size_t) { return Probe{.source = static_cast<std::uint32_t>(random()) | 1}; },
      options);
}
BENCHMARK(detect_known_million)->Name("detect/a million random sources, 64 MB");

// What an attacker could send to make packets cost more than they do in such a flood: sources of
// one chain of the original, and sources that are worth a place among the scanners.
void detect_chosen(benchmark::State& state) {
  std::mt19937 random(1);
  detect(state, [&](std::size_t) {
    const auto source = static_cast<std::uint32_t>(random()) & ~0x1ffU;
    return Probe{.source = source | test::original_hash(source)};
  });
}
BENCHMARK(detect_chosen)->Name("detect/sources of one chain of the original");

void detect_ports(benchmark::State& state, std::size_t ports) {
  std::mt19937 random(1);
  std::uint32_t source = 0;
  detect(state, [&](std::size_t i) {
    if (i % ports == 0) source = static_cast<std::uint32_t>(random()) | 1;
    return Probe{.source = source, .port = static_cast<Port>(20 + i % ports)};
  });
}
void detect_two_ports(benchmark::State& state) { detect_ports(state, 2); }
BENCHMARK(detect_two_ports)->Name("detect/random sources, two ports each");
void detect_six_ports(benchmark::State& state) { detect_ports(state, 6); }
BENCHMARK(detect_six_ports)->Name("detect/random sources, six ports each");

void detect_bulk(benchmark::State& state) {
  detect(state,
         [](std::size_t i) { return Probe{.flags = i == 0 ? tcp_flag::syn : tcp_flag::ack}; });
}
BENCHMARK(detect_bulk)->Name("detect/bulk ACK to a known port");

void detect_bulk_unknown(benchmark::State& state) {
  std::mt19937 random(1);
  detect(state, [&](std::size_t) {
    return Probe{.source = 0xc0000000 + static_cast<std::uint32_t>(random() % 5000),
                 .flags = tcp_flag::ack};
  });
}
BENCHMARK(detect_bulk_unknown)->Name("detect/bulk ACK of 5,000 clients not in the table");

}  // namespace
}  // namespace scanlogd::bench
