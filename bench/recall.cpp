// How many scans the classic detector finds among floods of forged sources, for tables of several
// sizes and beside the list of the original: simulated with fixed seeds and a fixed key, so that
// the figures are the same each time. Prints one line for each flood:
// PACKETS/S PACKETS-OF-A-SOURCE DETECTABLE ORIGINAL 1M 16M 64M, the latter four in scans found.
// With `flat` it prints how much memory a million sources take, and then a thousand million packets
// of theirs.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "detect/classic.h"
#include "support/hidden_scans.h"

namespace scanlogd::bench {
namespace {

using test::Crowd;
using test::CrowdPlan;

constexpr HashKey kKey{.a = 0x3bd39e10cb0ef593, .b = 0xc0acf169b5f18a8c};
constexpr std::uint64_t kSeed = 1;

/// As many as leave 250 that can be found.
constexpr std::uint32_t kScans = 415;

std::unique_ptr<Detector> make_detector(std::string_view memory) {
  Section options;
  options.set("memory", memory, "bench_recall");
  auto detector = make_classic(options, kKey);
  if (!detector) {
    (void)std::fprintf(stderr, "bench_recall: %s\n", detector.error().what.c_str());
    std::exit(1);
  }
  return std::move(*detector);
}

void recall() {
  const auto scans = test::detectable(test::various_scans(kScans, kSeed));
  for (const std::uint32_t rate : {10'000U, 100'000U, 1'000'000U}) {
    for (const Crowd crowd : {Crowd::one_packet, Crowd::two_ports, Crowd::six_ports}) {
      const CrowdPlan plan{.crowd = crowd, .packets_per_second = rate, .seed = kSeed};
      const int packets = crowd == Crowd::one_packet ? 1 : crowd == Crowd::two_ports ? 2 : 6;
      test::OriginalWatcher original;
      (void)std::printf("%u %d %zu %zu", rate, packets, scans.size(),
                        test::count_found(original, scans, plan));
      for (const std::string_view memory : {"1M", "16M", "64M"}) {
        const auto detector = make_detector(memory);
        test::DetectorWatcher watcher(*detector);
        (void)std::printf(" %zu", test::count_found(watcher, scans, plan));
      }
      (void)std::printf("\n");
      (void)std::fflush(stdout);
    }
  }
}

/// Bytes of this process that are in memory.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t pages = 0;
  file >> all >> pages;
  return pages * 4096;
}

void flat() {
  const auto detector = make_detector("16M");
  test::DetectorWatcher watcher(*detector);
  std::set<std::uint32_t> reported;
  const auto batch = std::make_unique<PacketBatch>();
  constexpr std::uint64_t kSources = 1'000'000;
  Packet packet;
  packet.source_port = 40000;
  packet.flags = tcp_flag::syn;
  packet.protocol = IpProto::tcp;
  packet.family = Family::ipv4;
  const auto send = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      packet.time = test::kCurtain + std::chrono::microseconds(i);
      packet.source = ipv4_bytes(static_cast<std::uint32_t>(1 + i % kSources * 4099));
      packet.target_port = static_cast<Port>(i / kSources);
      batch->push(packet);
      if (!batch->full()) continue;
      watcher.watch(batch->view(), reported);
      reported.clear();
      batch->size = 0;
    }
  };
  constexpr std::uint64_t kWarmUp = 10 * kSources;
  constexpr std::uint64_t kPackets = 1000 * kSources;
  send(0, kWarmUp);
  const std::size_t before = resident();
  send(kWarmUp, kPackets);
  (void)std::printf("%zu %zu\n", before, resident());
}

}  // namespace
}  // namespace scanlogd::bench

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "flat") {
    scanlogd::bench::flat();
  } else {
    scanlogd::bench::recall();
  }
  return 0;
}
