// Makes a store with many scans, as a year of a busy address would leave it, to measure scanlogctl
// against: bench_make_store DIRECTORY SCANS. The same scans each time, but for the newest, which
// was found just now. Sources are drawn from a heavy-tailed distribution, ports from the favourites
// of scanners and from whole ranges; each scan has its begin and its end.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/port_ranges.h"
#include "core/probe_sample.h"
#include "record/store.h"

namespace {

using namespace scanlogd;

constexpr std::uint64_t kScansOfATransaction = 10'000;
constexpr std::chrono::seconds kBetweenScans{31};

constexpr std::array<Port, 24> kFavourites = {22,   23,   80,   443,  445,  3389, 8080, 8443,
                                              21,   25,   110,  143,  993,  995,  1433, 3306,
                                              5432, 5900, 6379, 9200, 2375, 5060, 8888, 27017};

class Generator {
 public:
  /// The scan `id`, as found.
  Scan begin(std::uint64_t id, std::chrono::system_clock::time_point at) {
    Scan scan;
    scan.id = id;
    scan.started = at - std::chrono::seconds(pick(60));
    scan.detected = scan.at = at;
    ScanEvent& event = scan.event;
    event.source = source();
    event.target = {Family::ipv4, ipv4_bytes(0xcb007100u + pick(16))};
    event.source_port = static_cast<Port>(1024 + pick(60'000));
    event.kind = pick(5) == 0 ? ScanKind::horizontal : ScanKind::vertical;
    event.rule = ScanRule::fast;
    event.technique = pick(3) == 0 ? Technique::connect : Technique::syn;
    event.techniques =
        static_cast<std::uint16_t>(1u << (static_cast<unsigned>(event.technique) - 1));
    event.tool = static_cast<Tool>(pick(7));
    event.verdict = pick(4) == 0 ? Verdict::proven : Verdict::unverified;
    event.flags_or = event.flags_and = tcp_flag::syn;
    event.ttl = static_cast<std::uint8_t>(30 + pick(200));
    std::vector<Port> ports;
    for (std::size_t i = 0; i < 7; ++i) ports.push_back(kFavourites[pick(kFavourites.size())]);
    set_ports(scan, ports, {});
    return scan;
  }

  /// How it ended.
  void end(Scan& scan) {
    scan.at += std::chrono::seconds(1 + pick(600));
    scan.event.phase = Phase::end;
    scan.event.reason = EndReason::idle;
    std::vector<PortRange> ranges;
    if (pick(10) == 0) ranges.push_back({1, static_cast<Port>(1 + pick(10'000))});
    std::vector<Port> ports(scan.event.ports.begin(),
                            scan.event.ports.begin() + scan.event.port_count);
    for (std::size_t i = pick(20); i > 0; --i) ports.push_back(static_cast<Port>(pick(65'536)));
    set_ports(scan, ports, ranges);
    scan.event.open_total = pick(3);
    scan.event.closed_total = scan.event.ports_total - scan.event.open_total;
    scan.event.packets = scan.event.ports_total + pick(50);
    scan.last = scan.at;
    set_sample(scan);
  }

 private:
  std::uint32_t pick(std::size_t below) { return static_cast<std::uint32_t>(random_() % below); }

  Address source() {
    // One in 20 speaks IPv6; of the others, few come often and many once.
    if (pick(20) == 0) {
      Address address{Family::ipv6, {0x20, 0x01, 0x0d, 0xb8}};
      address.bytes[5] = static_cast<std::uint8_t>(pick(64));
      address.bytes[15] = static_cast<std::uint8_t>(pick(256));
      return address;
    }
    const std::uint32_t spread = 1u << pick(22);
    return {Family::ipv4, ipv4_bytes(0x01000000u + pick(spread) * 977u)};
  }

  /// As many points as a scan of so many packets leaves.
  void set_sample(Scan& scan) {
    ProbeSample sample;
    std::uint64_t count = scan.event.packets;
    for (; count >= ScanSample::kMaxPoints; count /= 2) ++sample.shift;
    const std::vector<PortRange> ranges = parse_ranges(scan.ports).value_or(PortRanges{});
    const auto pause = (scan.last - scan.started) / static_cast<std::int64_t>(count + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      const PortRange& range = ranges[i * ranges.size() / count];
      const std::size_t size = std::size_t{range.last} - range.first + 1;
      sample.points.push_back({.time = static_cast<std::int64_t>(i) * pause,
                               .target = scan.event.target,
                               .port = static_cast<Port>(range.first + pick(size)),
                               .outcome = ProbeOutcome::closed});
    }
    scan.sample = pack(sample);
  }

  static void set_ports(Scan& scan, std::vector<Port> ports, const std::vector<PortRange>& ranges) {
    const PortRanges all = merge(to_ranges(ports), ranges);
    scan.ports = to_string(all);
    scan.event.ports_total = count(all);
    scan.event.hosts_total = 1;
    scan.event.port_count = static_cast<std::uint8_t>(std::min(ports.size(), ScanEvent::kMaxPorts));
    std::copy_n(ports.begin(), scan.event.port_count, scan.event.ports.begin());
  }

  std::mt19937 random_{20'261'126};  // NOLINT: the same scans each time
};

Result<void> fill(Store& store, std::uint64_t scans) {
  Generator generator;
  const auto now = std::chrono::system_clock::now();
  Stamp stamp{.boot = 1, .sequence = 0};
  for (std::uint64_t id = 1; id <= scans;) {
    if (auto begun = store.begin(Store::Sync::process); !begun) return begun;
    const std::uint64_t last = std::min(scans, id + kScansOfATransaction - 1);
    for (; id <= last; ++id) {
      Scan scan = generator.begin(id, now - kBetweenScans * static_cast<std::int64_t>(scans - id));
      ++stamp.sequence;
      if (auto added = store.add({stamp, scan}); !added) return added;
      if (scans - id < 3) continue;  // the newest go on
      generator.end(scan);
      ++stamp.sequence;
      if (auto added = store.add({stamp, scan}); !added) return added;
    }
    if (auto done = store.commit(); !done) return done;
  }
  return {};
}

int complain(const std::string& what) {
  (void)std::fprintf(stderr, "bench_make_store: %s\n", what.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return complain("usage: bench_make_store DIRECTORY SCANS");
  auto directory = StateDirectory::open(argv[1]);
  if (!directory) return complain(directory.error().what);
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 40;
  auto store = Store::open(*directory, {.bytes = kNoLimit});
  if (!store) return complain(store.error().what);
  const auto filled = fill(*store, std::strtoull(argv[2], nullptr, 10));
  return filled ? 0 : complain(filled.error().what);
}
