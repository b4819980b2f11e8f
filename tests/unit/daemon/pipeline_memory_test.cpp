// Memory is flat: however many packets come, of a million sources, over IPv4 and IPv6, no profile
// takes more of it than after the first of them. SCANLOGD_LONG says how many, such as 1000000000,
// which with optimised code takes some minutes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/pipeline.h"
#include "support/detector_bench.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSources = 1'000'000;
constexpr std::uint32_t kScanners = 1000;  // the first of them
constexpr std::uint64_t kPackets = 4'000'000;
/// So much of them is for the tables to be full, and for the scan book to know as many ports of
/// open scans as it may.
constexpr std::uint64_t kWarmUpOfShort = 3'000'000;
constexpr std::uint64_t kWarmUpShareOfLong = 10;
/// kB that the rest may take meanwhile, such as the heap for the ports of open scans.
constexpr long kSlack = 2048;

/// kB of this process that are in memory.
long resident() {
  std::ifstream pages("/proc/self/statm");
  long all = 0;
  long there = 0;
  pages >> all >> there;
  return there * (::sysconf(_SC_PAGESIZE) / 1024);
}

/// A million clients that ask for four ports each, over and over, refused or not, and scanners, of
/// whom each sixteenth packet is; half of all over IPv6.
class Traffic {
 public:
  void fill(PacketBatch& batch) {
    batch.size = 0;
    while (!batch.full()) batch.push(next());
  }

 private:
  Packet next() {
    now_ += 10us;
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    const auto chosen = static_cast<std::uint32_t>(state_ >> 32);
    const auto bits = static_cast<unsigned>(state_);
    const bool is_scan = (bits & 0xf0000U) == 0;
    const std::uint32_t number = chosen % (is_scan ? kScanners : kSources);
    Packet packet;
    packet.time = now_;
    packet.family = (bits & 1U) == 0 ? Family::ipv4 : Family::ipv6;
    packet.protocol = (bits & 14U) == 0 ? IpProto::udp : IpProto::tcp;
    packet.flags = packet.protocol == IpProto::tcp ? tcp_flag::syn : 0;
    packet.ttl = 57;
    packet.source_port = static_cast<Port>(32768 + bits % 28000);
    packet.target_port = static_cast<Port>(1000 + number % 50 + (bits >> 8 & 3U));
    packet.sequence = bits;
    if (is_scan) packet.target_port = static_cast<Port>(bits >> 4 & 0xfffU);
    put(packet.source, packet.family, number * 2654435761U);
    put(packet.target, packet.family, kOurs);
    if ((bits & 0x30U) == 0) answer(packet);
    return packet;
  }

  static void put(AddressBytes& bytes, Family family, std::uint32_t value) {
    bytes = ipv4_bytes(value);
    if (family == Family::ipv4) return;
    // Each in a network of its own.
    bytes = {0x20, 0x01, bytes[0], bytes[1], bytes[2], bytes[3]};
    bytes[15] = 1;
  }

  static void answer(Packet& packet) {
    std::swap(packet.source, packet.target);
    std::swap(packet.source_port, packet.target_port);
    packet.traits |= trait::outgoing;
    if (packet.protocol == IpProto::tcp) packet.flags = tcp_flag::rst | tcp_flag::ack;
    packet.acknowledgement = packet.sequence + 1;
  }

  static constexpr std::uint32_t kOurs = 0xc633'6401;  // 198.51.100.1
  std::uint64_t state_ = 0x9e37'79b9'7f4a'7c15;
  std::chrono::nanoseconds now_ = std::chrono::hours(1000);
};

class PipelineMemory : public ::testing::TestWithParam<const char*> {};

TEST_P(PipelineMemory, IsFlatWhateverComesFromAMillionSources) {
  const char* const asked = std::getenv("SCANLOGD_LONG");
  const std::uint64_t all = asked == nullptr ? kPackets : std::strtoull(asked, nullptr, 10);
  const std::uint64_t warm_up = asked == nullptr ? kWarmUpOfShort : all / kWarmUpShareOfLong;
  const std::uint64_t packets = all - warm_up;
  Section options;
  const bool is_full = GetParam() == std::string_view("full");
  if (is_full) options.set("egress", "true", "test");
  std::vector<NamedDetector> detectors;
  detectors.push_back({GetParam(), make_detector(GetParam(), options).value(), is_full});
  Reporter reporter({}, {.style = is_full ? LogStyle::digest : LogStyle::classic});
  Analysis analysis(std::move(detectors), {});
  analysis.set_own(parse_networks("198.51.100.1,2001:c633:6401::1").value());
  const std::size_t reserved = analysis.memory();
  Pipeline pipeline(std::move(analysis), reporter);
  const auto batch = std::make_unique<PacketBatch>();
  Traffic traffic;
  const auto process = [&](std::uint64_t count) {
    for (std::uint64_t done = 0; done < count; done += PacketBatch::kCapacity) {
      traffic.fill(*batch);
      pipeline.process(*batch);
      pipeline.settle();
    }
  };

  process(warm_up);
  const long before = resident();
  const auto begun = std::chrono::steady_clock::now();
  process(packets);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const long after = resident();
  std::cout << GetParam() << ": " << packets << " packets in " << took.count() << " s, resident "
            << before << " kB before, " << after << " kB after, " << reporter.book().detected
            << " scans, tables " << reserved / 1024 << " kB\n";
  EXPECT_LE(after, before + kSlack);
  EXPECT_GT(reporter.book().detected, 100U) << "no scans in it: too easy";
}

INSTANTIATE_TEST_SUITE_P(Profiles, PipelineMemory, ::testing::Values("classic", "full"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace scanlogd::test
