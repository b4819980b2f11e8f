// The detector of the full profile with its default tables, in batches as a capture fills them:
// packets that are judged, and those that cannot raise a score. Filling the batch is part of what
// is measured, and by itself a benchmark, too.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "core/address.h"
#include "detect/full.h"
#include "per_packet.h"

namespace scanlogd::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPackets = std::size_t{1} << 16;  // what is filled in comes from a near cache
constexpr std::uint32_t kHost = 0xc6336401;             // 198.51.100.1
constexpr std::uint32_t kScanner = 0xcb007107;          // 203.0.113.7
constexpr Port kService = 443;

/// A SYN as connect(2) sends it.
Packet syn(std::uint32_t source, Port source_port, Port port) {
  Packet packet;
  packet.source = ipv4_bytes(source);
  packet.target = ipv4_bytes(kHost);
  packet.source_port = source_port;
  packet.target_port = port;
  packet.sequence = source * 2654435761U + source_port;
  packet.window = 64240;
  packet.flags = tcp_flag::syn;
  packet.protocol = IpProto::tcp;
  packet.ttl = 57;
  packet.family = Family::ipv4;
  packet.set_options(TcpOptions::other);
  return packet;
}

/// A SYN of nmap -sS.
Packet nmap_syn(std::uint32_t source, Port port) {
  Packet packet = syn(source, 43210, port);
  packet.window = 1024;
  packet.set_options(TcpOptions::mss_only);
  return packet;
}

/// What this host says to `packet`.
Packet answer(const Packet& packet, std::uint8_t flags) {
  Packet answer = packet;
  std::swap(answer.source, answer.target);
  std::swap(answer.source_port, answer.target_port);
  answer.sequence = 0x1234'5678;
  answer.acknowledgement = packet.sequence + 1;
  answer.flags = flags;
  answer.ttl = 64;
  answer.traits = trait::outgoing;
  return answer;
}

/// What `packet` is followed by, of the same connection.
Packet next(const Packet& packet, std::uint8_t flags) {
  Packet next = packet;
  ++next.sequence;
  next.acknowledgement = 0x1234'5679;
  next.flags = flags;
  return next;
}

/// Fills a batch from `packets`, `pause` apart, and has it judged.
class Judge {
 public:
  explicit Judge(std::chrono::nanoseconds pause) : pause_(pause) {
    batch_->size = PacketBatch::kCapacity;
    const Network own{{Family::ipv4, ipv4_bytes(kHost)}, 32};
    detector_->set_local({&own, 1});
  }
  /// Waits until nobody is worth anything any more.
  void pass() {
    now_ += 50h;
    events_->clear();
    detector_->advance(now_, *events_);
  }
  void see(const std::vector<Packet>& packets) {
    for (auto packet = packets.cbegin(); packet != packets.cend();) {
      packet = fill(packet);
      events_->clear();
      detector_->inspect(batch_->view(), *events_);
    }
  }

  /// All that `see` does besides.
  void pass_over(const std::vector<Packet>& packets) {
    for (auto packet = packets.cbegin(); packet != packets.cend();) {
      packet = fill(packet);
      benchmark::DoNotOptimize(batch_->packets.data());
      benchmark::ClobberMemory();
    }
  }

 private:
  std::vector<Packet>::const_iterator fill(std::vector<Packet>::const_iterator packet) {
    for (Packet& each : batch_->packets) {
      each = *packet++;
      each.time = now_ += pause_;
    }
    return packet;
  }

  std::chrono::nanoseconds pause_;
  std::chrono::nanoseconds now_ = 1h;
  std::unique_ptr<Detector> detector_ =
      make_full({}, HashKey{.a = 0x0123'4567'89ab'cdef, .b = 0xfedc'ba98'7654'3210}).value();
  std::unique_ptr<EventList> events_ = std::make_unique<EventList>();
  std::unique_ptr<PacketBatch> batch_ = std::make_unique<PacketBatch>();
};

/// `count` packets of what `make(i, packets)` adds for i = 0, 1 ...
template <class Make>
std::vector<Packet> collect(std::size_t count, Make make) {
  std::vector<Packet> packets;
  packets.reserve(count + 8);
  for (std::size_t i = 0; packets.size() < count; ++i) make(i, packets);
  packets.resize(count);
  return packets;
}

/// Judges them, `pause` apart, again and again.
template <class Make>
void judge(benchmark::State& state, std::chrono::nanoseconds pause, Make make,
           std::size_t count = kPackets) {
  const std::vector<Packet> packets = collect(count, make);
  Judge judge(pause);
  for (auto _ : state) judge.see(packets);
  report_packets(state, count);
}
static_assert(kPackets % PacketBatch::kCapacity == 0);

Port some_port(std::size_t i) { return static_cast<Port>(1 + i * 7919 % 65535); }

void judge_scan(benchmark::State& state) {
  judge(state, 1us, [](std::size_t i, std::vector<Packet>& packets) {
    packets.push_back(nmap_syn(kScanner, some_port(i)));
    packets.push_back(answer(packets.back(), tcp_flag::rst | tcp_flag::ack));
  });
}
BENCHMARK(judge_scan)->Name("full/a scan that goes on, and its refusals");

// Each of 20,480 new sources asks for three ports, which is no scan yet: nothing is repeated,
// nothing refused. Slow enough for all to be let in, so that each packet comes in a tick of its
// own.
void judge_contacts(benchmark::State& state) {
  constexpr std::size_t kContacts = std::size_t{20'480} * 3;
  Judge judge(100ms);
  std::uint32_t sources = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto packets = collect(kContacts * 2, [&](std::size_t i, std::vector<Packet>& made) {
      if (i % 3 == 0) ++sources;
      made.push_back(syn(sources * 2654435761U | 0x0100'0000U, 40000, some_port(i)));
      made.push_back(answer(made.back(), tcp_flag::rst | tcp_flag::ack));
    });
    judge.pass();
    state.ResumeTiming();
    judge.see(packets);
  }
  report_packets(state, kContacts * 2);
}
BENCHMARK(judge_contacts)->Name("full/first contacts that fail, and their refusals");

void judge_flood(benchmark::State& state) {
  std::mt19937 random(1);
  judge(
      state, 1us,
      [&](std::size_t /*i*/, std::vector<Packet>& packets) {
        packets.push_back(
            syn(static_cast<std::uint32_t>(random()) | 0x0100'0000U, 40000, kService));
      },
      16 * kPackets);
}
BENCHMARK(judge_flood)->Name("full/SYN flood, random sources");

void judge_connections(benchmark::State& state) {
  judge(state, 10us, [](std::size_t i, std::vector<Packet>& packets) {
    // As it comes through the filter: established data does not.
    const auto source = static_cast<std::uint32_t>(0x0a00'0000 + i * 7919 % 50'000);
    const Packet first = syn(source, static_cast<Port>(32768 + i % 28000), kService);
    packets.push_back(first);
    packets.push_back(answer(first, tcp_flag::syn | tcp_flag::ack));
    packets.push_back(answer(first, tcp_flag::fin | tcp_flag::ack));
    packets.push_back(next(first, tcp_flag::fin | tcp_flag::ack));
  });
}
BENCHMARK(judge_connections)->Name("full/connections with a service, 50,000 clients");

void judge_service_syns(benchmark::State& state) {
  judge(state, 1us, [](std::size_t i, std::vector<Packet>& packets) {
    const auto source = static_cast<std::uint32_t>(0x0a00'0000 + i * 7919 % 50'000);
    const Packet first = syn(source, static_cast<Port>(32768 + i % 28000), kService);
    packets.push_back(first);
    if (i == 0) packets.push_back(answer(first, tcp_flag::syn | tcp_flag::ack));
  });
}
BENCHMARK(judge_service_syns)->Name("full/SYNs to a service, 50,000 clients");

void judge_refusals(benchmark::State& state) {
  judge(state, 1us, [](std::size_t i, std::vector<Packet>& packets) {
    const auto source = static_cast<std::uint32_t>(0x0a00'0000 + i * 7919 % 50'000);
    Packet reset = next(syn(source, static_cast<Port>(32768 + i % 28000), kService), tcp_flag::rst);
    packets.push_back(reset);
  });
}
BENCHMARK(judge_refusals)->Name("full/resets that come, 50,000 clients");

void judge_client(benchmark::State& state) {
  judge(state, 1us, [](std::size_t i, std::vector<Packet>& packets) {
    const auto server = static_cast<std::uint32_t>(0x0a00'0000 + i * 7919 % 50'000);
    Packet asked =
        answer(syn(server, kService, static_cast<Port>(32768 + i % 28000)), tcp_flag::syn);
    asked.acknowledgement = 0;
    packets.push_back(asked);
  });
}
BENCHMARK(judge_client)->Name("full/SYNs that this host sends, 50,000 servers");

Packet client_syn(std::size_t i) {
  const auto source = static_cast<std::uint32_t>(0x0a00'0000 + i * 7919 % 50'000);
  return syn(source, static_cast<Port>(32768 + i % 28000), kService);
}

/// Judges them, of connections that clients have with the service.
template <class Make>
void judge_served(benchmark::State& state, Make make) {
  Judge judge(1us);
  judge.see(collect(kPackets, [](std::size_t i, std::vector<Packet>& packets) {
    packets.push_back(client_syn(i));
    packets.push_back(answer(packets.back(), tcp_flag::syn | tcp_flag::ack));
  }));
  const auto packets = collect(kPackets, make);
  for (auto _ : state) judge.see(packets);
  report_packets(state, kPackets);
}

void fill_only(benchmark::State& state) {
  const auto packets = collect(
      kPackets, [](std::size_t i, std::vector<Packet>& made) { made.push_back(client_syn(i)); });
  Judge judge(1us);
  for (auto _ : state) judge.pass_over(packets);
  report_packets(state, kPackets);
}
BENCHMARK(fill_only)->Name("full/filling the batch, without a judge");

void judge_acknowledgements(benchmark::State& state) {
  judge_served(state, [](std::size_t i, std::vector<Packet>& packets) {
    packets.push_back(next(client_syn(i), tcp_flag::ack));
  });
}
BENCHMARK(judge_acknowledgements)->Name("full/acknowledgements to a service, 50,000 clients");

void judge_served_resets(benchmark::State& state) {
  judge_served(state, [](std::size_t i, std::vector<Packet>& packets) {
    packets.push_back(next(client_syn(i), tcp_flag::rst));
  });
}
BENCHMARK(judge_served_resets)->Name("full/resets to a service, 50,000 clients");

void judge_syn_acks(benchmark::State& state) {
  judge_served(state, [](std::size_t i, std::vector<Packet>& packets) {
    packets.push_back(answer(client_syn(i), tcp_flag::syn | tcp_flag::ack));
  });
}
BENCHMARK(judge_syn_acks)->Name("full/SYN-ACKs of a service, 50,000 clients");

void judge_sent(benchmark::State& state) {
  judge_served(state, [](std::size_t i, std::vector<Packet>& packets) {
    packets.push_back(answer(client_syn(i), tcp_flag::psh | tcp_flag::ack));
  });
}
BENCHMARK(judge_sent)->Name("full/data of a service, 50,000 clients");

}  // namespace
}  // namespace scanlogd::bench
