// Random packet streams: the detector and the naive reference must report the same, always.
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <random>
#include <vector>

#include "support/detector_bench.h"
#include "support/packet_builder.h"
#include "support/reference_classic.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

/// A stream in which scans, near misses, pauses around the limit, answers and odd flags all happen.
class Stream {
 public:
  Stream(std::uint32_t seed, const ReferenceRule& rule)
      : random_(seed), delay_(rule.delay_ticks * 10ms) {}

  Packet next() {
    now_ += gap();
    PacketBuilder packet = pick(20) == 0 ? udp() : tcp();
    packet.from("192.0.2." + std::to_string(pick(6)), static_cast<Port>(40000 + pick(8) / 7))
        .to("198.51.100." + std::to_string(1 + pick(30) / 29), port())
        .ttl(static_cast<std::uint8_t>(64 + pick(40) / 39))
        .tos(static_cast<std::uint8_t>(pick(40) / 39))
        .at(now_);
    if (pick(40) == 0) packet.from("0.0.0.0");
    if (pick(3) != 0) return packet;
    return packet.flag_byte(static_cast<std::uint8_t>(pick(256)));
  }

 private:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  Port port() { return static_cast<Port>(pick(2) == 0 ? 1000 + pick(60) : pick(65536)); }

  std::chrono::nanoseconds gap() {
    switch (pick(400)) {
      case 0:
        return delay_ - 10ms + std::chrono::milliseconds(pick(30));  // around the limit
      case 1:
        return -std::chrono::milliseconds(pick(200));  // runs backwards
      case 2:
        return 0ns;
      default:
        return std::chrono::nanoseconds(delay_.count() / 64 * pick(3));
    }
  }

  std::mt19937 random_;
  std::chrono::nanoseconds delay_;
  std::chrono::nanoseconds now_ = 1000s;
};

bool same(const ScanEvent& left, const ScanEvent& right) {
  return left.started == right.started && left.detected == right.detected &&
         left.source == right.source && left.target == right.target &&
         left.source_port == right.source_port && left.flags_or == right.flags_or &&
         left.flags_and == right.flags_and && left.varies == right.varies &&
         left.tos == right.tos && left.ttl == right.ttl && left.port_count == right.port_count &&
         left.ports == right.ports;
}

struct Variant {
  const char* name;
  ReferenceRule rule;

  friend void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }
};

class ClassicProperty : public ::testing::TestWithParam<Variant> {};

TEST_P(ClassicProperty, AgreesWithTheNaiveReferenceOnRandomStreams) {
  const ReferenceRule rule = GetParam().rule;
  Section options;
  options.set("threshold", std::to_string(rule.threshold), "test");
  options.set("delay", std::to_string(rule.delay_ticks * 10) + "ms", "test");
  options.set("low_weight", std::to_string(rule.low_weight), "test");
  options.set("high_weight", std::to_string(rule.high_weight), "test");

  int scans = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    DetectorBench bench("classic", options);
    ReferenceClassic reference(rule);
    Stream stream(seed, rule);
    for (int i = 0; i < 5000; ++i) {
      const Packet packet = stream.next();
      const auto found = bench.see(packet);
      const auto expected = reference.see(packet);
      ASSERT_EQ(found.has_value(), expected.has_value()) << "seed " << seed << ", packet " << i;
      if (!expected) continue;
      ++scans;
      ASSERT_TRUE(same(*found, *expected)) << "seed " << seed << ", packet " << i;
    }
  }
  EXPECT_GT(scans, 100) << "the streams hold too few scans to tell anything";
}

INSTANTIATE_TEST_SUITE_P(Rules, ClassicProperty,
                         ::testing::Values(Variant{"default_rule", {}},
                                           Variant{"low_threshold", {5, 300, 2, 1}},
                                           Variant{"many_ports", {50, 400, 1, 1}},
                                           Variant{"short_delay", {21, 10, 3, 1}}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace scanlogd::test
