// The reassembler: fragments per second for a scan in fragments (nmap -f), for large datagrams, and
// for first fragments that never get a second one, which fill the table and push each other out.
#include <benchmark/benchmark.h>

#include <chrono>
#include <vector>

#include "capture/defrag.h"
#include "core/keyed_hash.h"
#include "per_packet.h"
#include "support/frame_builder.h"

namespace scanlogd::bench {
namespace {

using namespace scanlogd::test;
using namespace std::chrono_literals;

constexpr std::size_t kInFlight = 4096;  // as the capture back ends have it

void reassemble(benchmark::State& state, const std::vector<Bytes>& fragments) {
  auto defragmenter = Defragmenter::make(kInFlight, {.a = 1, .b = 2});
  if (!defragmenter) return state.SkipWithError("no memory");
  Packet packet;
  for (auto _ : state) {
    for (const Bytes& each : fragments) {
      benchmark::DoNotOptimize(defragmenter->add(each, each.size(), 1s, packet));
    }
  }
  report_packets(state, fragments.size());
}

void append(std::vector<Bytes>& to, std::vector<Bytes> more) {
  for (Bytes& each : more) to.push_back(std::move(each));
}

void defrag_scan(benchmark::State& state) {
  std::vector<Bytes> fragments;
  for (std::uint16_t id = 0; id < 1024; ++id) {
    append(fragments, ipv4_fragments({.id = id}, tcp_segment(), 8));
  }
  reassemble(state, fragments);
}
BENCHMARK(defrag_scan)->Name("defrag/SYN in three fragments");

void defrag_large(benchmark::State& state) {
  std::vector<Bytes> fragments;
  const Bytes segment = tcp_segment({.flags = tcp_flag::ack}, Bytes(60000));
  for (std::uint16_t id = 0; id < 8; ++id)
    append(fragments, ipv4_fragments({.id = id}, segment, 1480));
  reassemble(state, fragments);
}
BENCHMARK(defrag_large)->Name("defrag/60 kB in fragments of 1480");

void defrag_orphans(benchmark::State& state) {
  std::vector<Bytes> fragments;
  for (unsigned id = 0; id < 65536; ++id) {
    fragments.push_back(
        ipv4_datagram({.id = static_cast<std::uint16_t>(id), .more = true}, Bytes(24)));
  }
  reassemble(state, fragments);
}
BENCHMARK(defrag_orphans)->Name("defrag/flood of first fragments");

}  // namespace
}  // namespace scanlogd::bench
