// Scans hidden among the packets of others: how many of them are found. Everything comes from a
// seed, so that a run can be repeated.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/detector.h"
#include "support/original_list.h"
#include "support/reference_classic.h"

namespace scanlogd::test {

/// What the others send.
enum class Crowd : std::uint8_t {
  nobody,
  one_packet,  ///< each source one SYN, all to the same port
  two_ports,   ///< each two, to random ports
  six_ports,   ///< each six, to privileged ports: just below the threshold
  clients,     ///< each opens a connection to one port: SYN, ACK, data
};

/// Packets that hide scans.
struct CrowdPlan {
  Crowd crowd = Crowd::nobody;
  std::uint32_t packets_per_second = 0;
  /// Addresses of the one chain of the original that scanners of `Chains::one` are in.
  bool is_chosen = false;
  std::uint64_t seed = 1;
};

/// One scanner: `ports` at equal distances from `start` on.
struct HiddenScan {
  std::uint32_t source = 0;
  std::chrono::nanoseconds start{};
  std::chrono::nanoseconds gap{};
  std::vector<Port> ports;
};

/// Time before which nothing happens.
inline constexpr std::chrono::nanoseconds kCurtain = std::chrono::seconds(1000);

/// Where the original keeps the scanners.
enum class Chains : std::uint8_t { all, one };

/// A source address for the nth scanner, in 10.0.0.0/8.
[[nodiscard]] inline std::uint32_t scanner_address(std::uint32_t n, Chains chains = Chains::all) {
  const std::uint32_t upper = 10U << 24 | (n + 1) << 9;
  return upper | (chains == Chains::one ? original_hash(upper) : n * 7 % 512);
}

/// `count` scans of `size` ports each, privileged ones or others, the starts spread over one gap.
[[nodiscard]] inline std::vector<HiddenScan> equal_scans(std::uint32_t count, std::size_t size,
                                                         Port first, std::chrono::nanoseconds gap) {
  std::vector<HiddenScan> scans(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    HiddenScan& scan = scans[n];
    scan.source = scanner_address(n);
    scan.start = kCurtain + std::chrono::seconds(1) + gap * n / count;
    scan.gap = gap;
    for (std::size_t i = 0; i < size; ++i) scan.ports.push_back(static_cast<Port>(first + i));
  }
  return scans;
}

/// Scans of all sorts: 7 to 25 ports in 3, 10 or 30 seconds, privileged, other, or both.
[[nodiscard]] inline std::vector<HiddenScan> various_scans(std::uint32_t count, std::uint64_t seed,
                                                           Chains chains = Chains::all) {
  std::mt19937_64 random(seed);
  std::vector<HiddenScan> scans(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    HiddenScan& scan = scans[n];
    const std::size_t size = 7 + random() % 19;
    const std::array<int, 3> seconds = {3, 10, 30};
    const std::uint64_t sort = random() % 3;
    scan.source = scanner_address(n, chains);
    scan.start = kCurtain + std::chrono::seconds(1) + std::chrono::milliseconds(random() % 2000);
    scan.gap = std::chrono::nanoseconds(std::chrono::seconds(seconds[random() % 3])) /
               static_cast<std::int64_t>(size);
    std::set<Port> ports;
    while (ports.size() < size) {
      const bool is_privileged = sort == 0 || (sort == 2 && random() % 2 == 0);
      ports.insert(
          static_cast<Port>(is_privileged ? 1 + random() % 1023 : 1024 + random() % 64512));
    }
    scan.ports.assign(ports.begin(), ports.end());
    std::ranges::shuffle(scan.ports, random);
  }
  return scans;
}

/// What sees the packets, and tells of each source that it reports.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void watch(std::span<const Packet> packets, std::set<std::uint32_t>& reported) = 0;
};

/// A detector.
class DetectorWatcher final : public Watcher {
 public:
  explicit DetectorWatcher(Detector& detector) : detector_(detector) {}

  void watch(std::span<const Packet> packets, std::set<std::uint32_t>& reported) override {
    events_->clear();
    detector_.inspect(packets, *events_);
    take(reported);
    if (packets.back().time - advanced_ < std::chrono::seconds(1)) return;
    advanced_ = packets.back().time;
    detector_.advance(advanced_, *events_);
    take(reported);
  }

 private:
  void take(std::set<std::uint32_t>& reported) {
    for (const ScanEvent& event : events_->view()) {
      if (event.phase == Phase::begin) reported.insert(ipv4_value(event.source.bytes));
    }
    events_->clear();
  }

  Detector& detector_;
  std::chrono::nanoseconds advanced_{};
  std::unique_ptr<EventList> events_ = std::make_unique<EventList>();
};

/// The rule with unlimited memory.
class ReferenceWatcher final : public Watcher {
 public:
  void watch(std::span<const Packet> packets, std::set<std::uint32_t>& reported) override {
    for (const Packet& packet : packets) {
      if (reference_.see(packet)) reported.insert(ipv4_value(packet.source));
    }
  }

 private:
  ReferenceClassic reference_;
};

/// The rule with the memory of the original.
class OriginalWatcher final : public Watcher {
 public:
  void watch(std::span<const Packet> packets, std::set<std::uint32_t>& reported) override {
    for (const Packet& packet : packets) {
      if (list_.see(packet)) reported.insert(ipv4_value(packet.source));
    }
  }

 private:
  OriginalList list_;
};

/// Packets of a crowd, one after the other.
class CrowdSource {
 public:
  explicit CrowdSource(const CrowdPlan& plan) : plan_(plan), state_(plan.seed) {
    packet_.target = ipv4_bytes(0xc6336401);  // 198.51.100.1
    packet_.source_port = 40000;
    packet_.protocol = IpProto::tcp;
    packet_.ttl = 64;
    packet_.family = Family::ipv4;
  }

  /// The next packet, at `time`.
  const Packet& next(std::chrono::nanoseconds time) {
    if (sent_ == packets_of_each()) {
      sent_ = 0;
      packet_.source = ipv4_bytes(address());
    }
    packet_.time = time;
    packet_.flags = tcp_flag::syn;
    switch (plan_.crowd) {
      case Crowd::two_ports:
        packet_.target_port = static_cast<Port>(random());
        break;
      case Crowd::six_ports:
        packet_.target_port = static_cast<Port>(20 + sent_);
        break;
      case Crowd::clients:
        packet_.target_port = 443;
        if (sent_ > 0) packet_.flags = tcp_flag::ack;
        if (sent_ > 1) packet_.flags |= tcp_flag::psh;
        break;
      default:
        packet_.target_port = 80;
        break;
    }
    ++sent_;
    return packet_;
  }

 private:
  // splitmix64 (public domain): the crowd is large, and its making should not take long.
  std::uint64_t random() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  // Not of the network of the scanners.
  std::uint32_t address() noexcept {
    for (;;) {
      auto address = static_cast<std::uint32_t>(random());
      if (plan_.is_chosen) {
        address &= ~0x1ffU;
        address |= original_hash(address);
      }
      if (address >> 24 != 10 && address != 0) return address;
    }
  }

  [[nodiscard]] unsigned packets_of_each() const noexcept {
    switch (plan_.crowd) {
      case Crowd::two_ports:
        return 2;
      case Crowd::six_ports:
        return 6;
      case Crowd::clients:
        return 3;
      default:
        return 1;
    }
  }

  CrowdPlan plan_;
  std::uint64_t state_;
  Packet packet_;
  unsigned sent_ = packets_of_each();
};

/// How many of `scans` `watcher` reports among the crowd, which begins a second earlier.
[[nodiscard]] inline std::size_t count_found(Watcher& watcher, std::span<const HiddenScan> scans,
                                             const CrowdPlan& plan) {
  std::vector<Packet> probes;
  for (const HiddenScan& scan : scans) {
    for (std::size_t i = 0; i < scan.ports.size(); ++i) {
      Packet probe;
      probe.time = scan.start + scan.gap * static_cast<std::int64_t>(i);
      probe.source = ipv4_bytes(scan.source);
      probe.target = ipv4_bytes(0xc6336401);
      probe.source_port = 40000;
      probe.target_port = scan.ports[i];
      probe.flags = tcp_flag::syn;
      probe.protocol = IpProto::tcp;
      probe.ttl = 64;
      probe.family = Family::ipv4;
      probes.push_back(probe);
    }
  }
  std::ranges::stable_sort(probes, {}, &Packet::time);

  CrowdSource crowd(plan);
  std::set<std::uint32_t> reported;
  const auto batch = std::make_unique<PacketBatch>();
  const auto push = [&](const Packet& packet) {
    batch->push(packet);
    if (!batch->full()) return;
    watcher.watch(batch->view(), reported);
    batch->size = 0;
  };
  std::uint64_t sent = 0;
  const auto next = [&] {
    return kCurtain + std::chrono::nanoseconds(sent * 1'000'000'000 / plan.packets_per_second);
  };
  for (const Packet& probe : probes) {
    while (plan.crowd != Crowd::nobody && next() <= probe.time) {
      push(crowd.next(next()));
      ++sent;
    }
    push(probe);
  }
  if (batch->size > 0) watcher.watch(batch->view(), reported);
  return static_cast<std::size_t>(std::ranges::count_if(
      scans, [&](const HiddenScan& scan) { return reported.contains(scan.source); }));
}

/// Those of `scans` that the rule finds when nothing is forgotten.
[[nodiscard]] inline std::vector<HiddenScan> detectable(std::vector<HiddenScan> scans) {
  std::erase_if(scans, [](const HiddenScan& scan) {
    ReferenceWatcher reference;
    return count_found(reference, {&scan, 1}, {}) == 0;
  });
  return scans;
}

}  // namespace scanlogd::test
