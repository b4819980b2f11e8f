// The keyed hash that names the bucket of each source: how long one takes when the next cannot
// start before it is done, and when several are under way as in a batch.
#include <benchmark/benchmark.h>

#include "core/keyed_hash.h"
#include "per_packet.h"

namespace scanlogd::bench {
namespace {

constexpr std::size_t kHashes = 1024;
constexpr HashKey kKey{.a = 0x0123456789abcdef, .b = 0xfedcba9876543210};

void hash_chained(benchmark::State& state) {
  std::uint64_t value = 1;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kHashes; ++i) value = keyed_hash(kKey, value);
    benchmark::DoNotOptimize(value);
  }
  report_packets(state, kHashes);
}
BENCHMARK(hash_chained)->Name("hash/one after the other");

void hash_independent(benchmark::State& state) {
  std::uint64_t sum = 0;
  std::uint64_t source = 1;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kHashes; ++i) sum ^= keyed_hash(kKey, ++source);
    benchmark::DoNotOptimize(sum);
  }
  report_packets(state, kHashes);
}
BENCHMARK(hash_independent)->Name("hash/in a batch");

}  // namespace
}  // namespace scanlogd::bench
