// How every benchmark here reports: CPU time of the measuring thread for each packet.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

namespace scanlogd::bench {

/// Reports that each iteration handled `packets`: as items, and as the seconds one packet took.
inline void report_packets(benchmark::State& state, std::size_t packets) {
  const auto count = static_cast<double>(packets);
  state.SetItemsProcessed(static_cast<std::int64_t>(packets) * state.iterations());
  state.counters["time/packet"] = benchmark::Counter(
      count, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

}  // namespace scanlogd::bench
