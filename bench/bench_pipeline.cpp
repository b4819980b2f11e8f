// The whole way of a packet: a capture file (pcap, in the temporary directory, in the page cache)
// -> file back end -> detector -> scan book -> a sink that formats and keeps the lines. As
// `scanlogd -r` does it, without the start of a process.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/pipeline.h"
#include "per_packet.h"
#include "support/captures.h"
#include "support/frame_builder.h"
#include "support/scans.h"

namespace scanlogd::bench {
namespace {

using namespace scanlogd::test;

constexpr std::size_t kPackets = 200'000;

/// A pcap file (pcap-savefile(5)) with Ethernet frames, 100,000 a second; gone with the object.
class CaptureFile {
 public:
  template <class Make>
  explicit CaptureFile(Make make) {
    path_ = std::filesystem::temp_directory_path() /
            ("bench_scanlogd." + std::to_string(::getpid()) + ".pcap");
    std::ofstream file(path_, std::ios::binary);
    put_host(file, {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1});
    for (std::size_t i = 0; i < kPackets; ++i) {
      const Bytes frame = make(i);
      const auto size = static_cast<std::uint32_t>(frame.size());
      put_host(file, {1'700'000'000 + static_cast<std::uint32_t>(i / 100'000),
                      static_cast<std::uint32_t>(i % 100'000 * 10), size, size});
      file.write(static_cast<const char*>(static_cast<const void*>(frame.data())), size);
    }
  }
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;
  ~CaptureFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  static void put_host(std::ofstream& file, std::initializer_list<std::uint32_t> words) {
    for (const std::uint32_t word : words) {
      std::array<char, sizeof(word)> bytes{};
      std::memcpy(bytes.data(), &word, sizeof(word));
      file.write(bytes.data(), bytes.size());
    }
  }

  std::filesystem::path path_;
};

void read_file(benchmark::State& state, const CaptureFile& file) {
  const auto batch = std::make_unique<PacketBatch>();
  for (auto _ : state) {
    RecordingSink::Tape tape;
    auto capture = test::open_file(file.path());
    auto detector = detector_table().front()->make({});
    if (!capture || !detector) return state.SkipWithError("cannot open");
    std::vector<NamedDetector> detectors;
    detectors.push_back({"classic", std::move(*detector)});
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape)});
    Reporter reporter(std::move(sinks));
    Pipeline pipeline(Analysis(std::move(detectors), {}), reporter);
    Result<Poll> found = Poll::more;
    while (found && *found == Poll::more) {
      found = (*capture)->poll(*batch);
      pipeline.process(*batch);
    }
    if ((*capture)->stats().received != kPackets) return state.SkipWithError("packets are missing");
    benchmark::DoNotOptimize(tape.lines);
  }
  report_packets(state, kPackets);
}

std::string random_source(std::mt19937& random) {
  return to_string(Address{Family::ipv4, ipv4_bytes(static_cast<std::uint32_t>(random()) | 1)});
}

Bytes frame_of(const std::string& source, const TcpHeader& header, std::size_t payload = 0) {
  return ethernet(ipv4_datagram({.source = source}, tcp_segment(header, Bytes(payload))));
}

void pipeline_flood(benchmark::State& state) {
  std::mt19937 random(1);
  const CaptureFile file([&](std::size_t) { return frame_of(random_source(random), {}); });
  read_file(state, file);
}
BENCHMARK(pipeline_flood)
    ->Name("pipeline/SYN flood, random sources")
    ->Unit(benchmark::kMillisecond);

void pipeline_scan(benchmark::State& state) {
  const CaptureFile file([](std::size_t i) {
    return frame_of("192.0.2.1", {.target_port = static_cast<Port>(1 + i % 65535)});
  });
  read_file(state, file);
}
BENCHMARK(pipeline_scan)->Name("pipeline/one scan")->Unit(benchmark::kMillisecond);

void pipeline_bulk(benchmark::State& state) {
  const CaptureFile file([](std::size_t i) {
    const bool is_syn = i % 100 == 0;
    return frame_of("192.0.2.1",
                    {.target_port = 443, .flags = is_syn ? tcp_flag::syn : tcp_flag::ack},
                    is_syn ? 0 : 1400);
  });
  read_file(state, file);
}
BENCHMARK(pipeline_bulk)->Name("pipeline/bulk, 1.4 kB segments")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace scanlogd::bench
