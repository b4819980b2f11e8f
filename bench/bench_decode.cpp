// What it costs to get from a frame to a packet: link layer off, IP and TCP decoded. One frame, hot
// in the cache, so that the code is measured and not the memory; a live capture adds one cache
// miss.
#include <benchmark/benchmark.h>

#include "core/decode.h"
#include "core/link.h"
#include "per_packet.h"
#include "support/frame_builder.h"

namespace scanlogd::bench {
namespace {

using namespace scanlogd::test;

constexpr std::size_t kFrames = 256;

void decode(benchmark::State& state, LinkType link, const Bytes& frame) {
  const std::vector<Bytes> frames(kFrames, frame);
  Packet packet;
  for (auto _ : state) {
    for (const Bytes& each : frames) {
      const auto payload = strip_link(link, each);
      if (!payload ||
          decode_ip(payload->datagram, payload->datagram.size(), packet) != Decoded::packet) {
        return state.SkipWithError("the frame does not decode");
      }
      benchmark::DoNotOptimize(packet);
    }
  }
  report_packets(state, kFrames);
}

void decode_ipv4_syn(benchmark::State& state) {
  decode(state, LinkType::ethernet, ethernet(ipv4_datagram()));
}
BENCHMARK(decode_ipv4_syn)->Name("decode/ipv4 SYN");

void decode_ipv4_syn_with_options(benchmark::State& state) {
  const TcpHeader as_linux_sends{.options =
                                     hex("0204 05b4 0402 080a 0000 0001 0000 0000 0103 0307")};
  decode(state, LinkType::ethernet, ethernet(ipv4_datagram({}, tcp_segment(as_linux_sends))));
}
BENCHMARK(decode_ipv4_syn_with_options)->Name("decode/ipv4 SYN, five TCP options");

void decode_vlan_syn(benchmark::State& state) {
  decode(state, LinkType::ethernet, ethernet(ipv4_datagram(), {VlanTag{.tci = 7}}));
}
BENCHMARK(decode_vlan_syn)->Name("decode/ipv4 SYN, one VLAN tag");

void decode_ipv6_syn(benchmark::State& state) {
  const Bytes payload = join({extension_header(6), tcp_segment()});
  decode(state, LinkType::ethernet,
         ethernet(ipv6_datagram({.next = next_header::destination}, payload)));
}
BENCHMARK(decode_ipv6_syn)->Name("decode/ipv6 SYN, one extension header");

void decode_cooked_syn(benchmark::State& state) {
  decode(state, LinkType::linux_sll2, cooked2(ipv4_datagram()));
}
BENCHMARK(decode_cooked_syn)->Name("decode/ipv4 SYN, cooked v2");

}  // namespace
}  // namespace scanlogd::bench
