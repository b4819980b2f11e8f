// The BPF programs, run by the kernel over frames of every kind (BPF_PROG_TEST_RUN): whatever they
// decode is what user space decodes, and what they leave out is what user space leaves out. Needs
// the right to load programs.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "capture/bpf/sample.h"
#include "capture/filter.h"
#include "capture/mapped_array.h"
#include "capture/ring_buffer.h"
#include "core/decode.h"
#include "core/link.h"
#include "core/unique_fd.h"
#include "scanlogd.skel.h"
#include "support/frame_builder.h"

namespace scanlogd {
namespace {

using test::Bytes;

constexpr std::size_t kRingSize = 1 << 20;

struct Closer {
  void operator()(scanlogd_bpf* skeleton) const noexcept { scanlogd_bpf::destroy(skeleton); }
};
using Skeleton = std::unique_ptr<scanlogd_bpf, Closer>;

struct Settings {
  bool other_protocols = true;
  bool host_scope = true;
};

Skeleton opened(const Settings& settings) {
  (void)::libbpf_set_print(nullptr);
  Skeleton skeleton(scanlogd_bpf::open());
  if (!skeleton) return skeleton;
  skeleton->rodata->other_protocols = settings.other_protocols ? 1 : 0;
  skeleton->rodata->host_scope = settings.host_scope ? 1 : 0;
  (void)::bpf_map__set_max_entries(skeleton->maps.senders, bpf_senders);
  (void)::bpf_map__set_max_entries(skeleton->maps.counts,
                                   static_cast<__u32>(::libbpf_num_possible_cpus()));
  return skeleton;
}

// What a program made of a frame. Neither a packet nor a frame: `counts` say why.
struct Outcome {
  std::optional<Packet> packet;
  std::optional<Bytes> frame;
  BpfCounts counts{};
};

BpfCounts sum_of(std::span<const BpfCounts> all) {
  BpfCounts sum{};
  for (const BpfCounts& each : all) {
    sum.seen += each.seen;
    sum.filtered += each.filtered;
    sum.not_ip += each.not_ip;
    sum.other_host += each.other_host;
    sum.bad_checksum += each.bad_checksum;
    sum.dropped += each.dropped;
  }
  return sum;
}

// The loaded programs, and the reading end of what they hand over.
class Programs {
 public:
  explicit Programs(const Settings& settings) : skeleton_(opened(settings)) {
    if (skeleton_) failure_ = scanlogd_bpf::load(skeleton_.get());
    if (failure_ != 0) return;
    const UniqueFd ring(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "test", 0, 0, kRingSize, nullptr));
    const __u32 key = 0;
    const int value = ring.get();
    if (::bpf_map_update_elem(::bpf_map__fd(skeleton_->maps.rings), &key, &value, BPF_ANY) == 0) {
      if (auto mapped = RingBuffer::map(ring.get(), kRingSize)) ring_.emplace(std::move(*mapped));
    }
    auto counts =
        MappedArray<BpfCounts>::map(::bpf_map__fd(skeleton_->maps.counts),
                                    static_cast<std::size_t>(::libbpf_num_possible_cpus()));
    if (counts) counts_.emplace(std::move(*counts));
  }

  /// 0, or why they were not loaded: the negative of an errno.
  [[nodiscard]] int failure() const { return failure_; }
  [[nodiscard]] bool is_ready() const { return ring_ && counts_; }

  Outcome run(const Bytes& frame, bool is_outgoing) {
    const bpf_program* const program =
        is_outgoing ? skeleton_->progs.ethernet_out : skeleton_->progs.ethernet_in;
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.repeat = 1;
    const BpfCounts before = sum_of(counts_->items());
    const int status = ::bpf_prog_test_run_opts(::bpf_program__fd(program), &options);
    EXPECT_EQ(status, 0) << std::strerror(-status) << ", " << frame.size() << " bytes";
    EXPECT_EQ(static_cast<int>(options.retval), -1) << "the packet does not pass on";
    Outcome outcome;
    const BpfCounts after = sum_of(counts_->items());
    outcome.counts = {.seen = after.seen - before.seen,
                      .filtered = after.filtered - before.filtered,
                      .not_ip = after.not_ip - before.not_ip,
                      .other_host = after.other_host - before.other_host,
                      .bad_checksum = after.bad_checksum - before.bad_checksum,
                      .dropped = after.dropped - before.dropped,
                      .unused = {}};
    const auto record = ring_->next();
    if (record.size() == sizeof(Packet)) {
      std::memcpy(&outcome.packet.emplace(), record.data(), sizeof(Packet));
    } else if (!record.empty()) {
      const auto& sample = *static_cast<const BpfFrame*>(static_cast<const void*>(record.data()));
      const auto bytes = std::as_bytes(std::span(sample.bytes)).first(sample.captured);
      outcome.frame.emplace(bytes.begin(), bytes.end());
      EXPECT_EQ(sample.wire_size, frame.size());
      EXPECT_EQ(sample.is_outgoing != 0, is_outgoing);
      EXPECT_EQ(sample.is_ip, 0);
    }
    ring_->release(RingBuffer::Wake::next);
    return outcome;
  }

 private:
  Skeleton skeleton_;
  int failure_ = -ENOMEM;
  std::optional<RingBuffer> ring_;
  std::optional<MappedArray<BpfCounts>> counts_;
};

// Where the kernel runs them, an interface has the address 00:00:00:00:00:00.
Bytes for_this_host(Bytes frame) {
  std::fill_n(frame.begin(), 6, std::byte{0});
  return frame;
}

// Packets as alike and as odd as scanners, hosts and attackers send them.
class Traffic {
 public:
  Bytes frame() {
    const std::vector<test::VlanTag> tags(one_in(6) ? draw(4) : 0, test::VlanTag{.tci = 7});
    Bytes frame = for_this_host(test::ethernet(one_in(3) ? ipv6() : ipv4(), tags));
    constexpr std::size_t kLeast = 14;
    if (one_in(20)) frame.resize(kLeast + draw(frame.size() - kLeast));
    // The kernel looks at the IP header before the programs do, and takes no half of one.
    return test::resized(frame, std::max<std::size_t>(frame.size(), 64));
  }

  std::size_t draw(std::size_t below) { return below == 0 ? 0 : random_() % below; }
  bool one_in(std::size_t count) { return draw(count) == 0; }

 private:
  Bytes ipv4() {
    const auto [protocol, payload] = transport(false);
    test::Ipv4Header header{.protocol = protocol,
                            .ttl = static_cast<std::uint8_t>(draw(256)),
                            .tos = static_cast<std::uint8_t>(draw(256)),
                            .id = static_cast<std::uint16_t>(draw(65536))};
    header.dont_fragment = one_in(2);
    if (one_in(30)) header.offset = 8;
    if (one_in(30)) header.more = true;
    if (one_in(20)) header.options = Bytes(4 * (1 + draw(10)), std::byte{1});
    if (one_in(40)) header.ihl = static_cast<unsigned>(draw(16));
    if (one_in(20)) header.total_length = static_cast<unsigned>(draw(20 + payload.size() + 8));
    Bytes datagram = test::ipv4_datagram(header, payload);
    if (one_in(30)) datagram[10] ^= std::byte{1};
    return datagram;
  }
  Bytes ipv6() {
    auto [protocol, payload] = transport(true);
    if (one_in(10)) {
      payload = test::join({test::extension_header(protocol), payload});
      protocol = test::next_header::destination;
    }
    test::Ipv6Header header{.next = protocol,
                            .hop_limit = static_cast<std::uint8_t>(draw(256)),
                            .traffic_class = static_cast<std::uint8_t>(draw(256))};
    if (one_in(20)) header.payload_length = static_cast<unsigned>(draw(payload.size() + 8));
    return test::ipv6_datagram(header, payload);
  }
  std::pair<std::uint8_t, Bytes> transport(bool is_ipv6) {
    const auto port = [&] { return static_cast<Port>(draw(65536)); };
    const auto byte = [&] { return static_cast<std::uint8_t>(draw(256)); };
    switch (draw(10)) {
      case 0:
        return {17, test::udp_datagram(port(), port(), Bytes(draw(20)))};
      case 1:
        return {is_ipv6 ? 58 : 1, test::icmp_message(byte(), byte(), Bytes(4 + draw(40)))};
      case 2:
        return {one_in(2) ? 132 : 47, test::sctp_packet(port(), port())};
      default:
        return {6, segment()};
    }
  }
  Bytes segment() {
    test::TcpHeader header{.source_port = static_cast<Port>(draw(65536)),
                           .target_port = static_cast<Port>(draw(65536)),
                           .sequence = static_cast<std::uint32_t>(random_()),
                           .acknowledgement = static_cast<std::uint32_t>(random_()),
                           .flags = static_cast<std::uint8_t>(one_in(2) ? 2 : draw(256)),
                           .window = static_cast<std::uint16_t>(draw(65536))};
    if (!one_in(3)) header.options = options();
    if (one_in(30)) header.data_offset = static_cast<unsigned>(draw(16));
    return test::tcp_segment(header, Bytes(one_in(4) ? draw(30) : 0));
  }
  Bytes options() {
    static const std::vector<std::string> kOptions = {"00",
                                                      "01",
                                                      "0204 05b4",
                                                      "0204 0218",
                                                      "0303 07",
                                                      "0402",
                                                      "080a 00000001 00000000",
                                                      "0203 05",
                                                      "0205 05b400",
                                                      "0302",
                                                      "0502",
                                                      "02",
                                                      "03",
                                                      "fd02"};
    constexpr std::size_t kMost = 40;
    Bytes options;
    for (std::size_t left = 1 + draw(6); left > 0; --left) {
      const Bytes more = test::hex(kOptions[draw(kOptions.size())]);
      if (options.size() + more.size() > kMost) break;
      test::put(options, more);
    }
    return options;
  }

  std::mt19937 random_{1};
};

// Is the checksum of the IPv4 header wrong? Only of one that is all there.
bool has_wrong_checksum(std::span<const std::byte> datagram) {
  const std::size_t size = (std::to_integer<std::size_t>(datagram[0]) & 0x0f) * 4;
  if ((datagram[0] >> 4) != std::byte{4} || size < 20 || size > datagram.size()) return false;
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; i += 2)
    sum += std::to_integer<unsigned>(datagram[i]) << 8 | std::to_integer<unsigned>(datagram[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum != 0xffff;
}

// What user space makes of the frame.
struct Expected {
  bool has_wrong_checksum = false;
  Decoded decoded = Decoded::not_ip;
  Packet packet;
  bool is_wanted = false;
};

Expected expected(const Bytes& frame, bool other_protocols) {
  Expected out;
  const auto payload = strip_link(LinkType::ethernet, frame);
  if (!payload) return out;
  out.has_wrong_checksum = has_wrong_checksum(payload->datagram);
  out.decoded = decode_ip(payload->datagram, payload->datagram.size(), out.packet);
  out.packet.vlan = payload->vlan;
  out.is_wanted = out.decoded == Decoded::packet &&
                  can_matter(out.packet, {.other_protocols = other_protocols});
  return out;
}

bool is_same(Packet a, Packet b) {
  a.time = b.time = {};
  return std::memcmp(&a, &b, sizeof(Packet)) == 0;
}

class BpfPrograms : public ::testing::TestWithParam<bool> {
 protected:
  BpfPrograms() : programs_({.other_protocols = GetParam()}) {}
  void SetUp() override {
    const int failure = programs_.failure();
    if (failure == -EPERM) GTEST_SKIP() << "programs cannot be loaded: " << std::strerror(-failure);
    ASSERT_EQ(failure, 0) << std::strerror(-failure);
    ASSERT_TRUE(programs_.is_ready());
  }

  Programs programs_;
};

TEST_P(BpfPrograms, SayOfEachPacketWhatUserSpaceSays) {
  constexpr int kFrames = 50'000;
  Traffic traffic;
  int packets = 0;
  int frames = 0;
  int left_out = 0;
  for (int i = 0; i < kFrames; ++i) {
    const Bytes frame = traffic.frame();
    const bool is_outgoing = traffic.one_in(3);
    const Outcome outcome = programs_.run(frame, is_outgoing);
    Expected wanted = expected(frame, GetParam());
    const auto shown = [&] { return ::testing::PrintToString(frame); };
    ASSERT_EQ(outcome.counts.seen, 1u);
    ASSERT_EQ(outcome.counts.dropped + outcome.counts.other_host, 0u);
    if (outcome.packet) {
      ++packets;
      ASSERT_TRUE(wanted.is_wanted) << shown();
      ASSERT_TRUE(!wanted.has_wrong_checksum || is_outgoing) << shown();
      if (is_outgoing) wanted.packet.traits |= trait::outgoing;
      ASSERT_TRUE(is_same(*outcome.packet, wanted.packet)) << shown();
    } else if (outcome.frame) {
      ++frames;
      ASSERT_EQ(*outcome.frame, test::resized(frame, std::min<std::size_t>(frame.size(), 256)));
    } else {
      ++left_out;
      ASSERT_EQ(outcome.counts.filtered + outcome.counts.not_ip + outcome.counts.bad_checksum, 1u)
          << shown();
      if (outcome.counts.bad_checksum != 0) {
        ASSERT_TRUE(wanted.has_wrong_checksum && !is_outgoing) << shown();
      } else {
        ASSERT_FALSE(wanted.is_wanted) << shown();
        // Fragments of what cannot matter may be left out, others may not.
        ASSERT_TRUE(wanted.decoded != Decoded::fragment || !GetParam()) << shown();
      }
    }
  }
  EXPECT_GT(packets, kFrames / 10);
  EXPECT_GT(frames, kFrames / 10);
  EXPECT_GT(left_out, kFrames / 50);
}

TEST_P(BpfPrograms, DecodeThemselvesWhatScannersAndHostsSendMost) {
  const auto decodes = [&](const test::TcpHeader& header) {
    return programs_
        .run(for_this_host(test::ethernet(test::ipv4_datagram({}, test::tcp_segment(header)))),
             false)
        .packet.has_value();
  };
  EXPECT_TRUE(decodes({}));
  EXPECT_TRUE(decodes({.options = test::hex("0204 05b4")})) << "a SYN of nmap";
  EXPECT_TRUE(decodes({.flags = tcp_flag::fin | tcp_flag::ack,
                       .options = test::hex("0101 080a 00000001 00000002")}));
  EXPECT_TRUE(decodes({.flags = tcp_flag::syn | tcp_flag::ack,
                       .options = test::hex("0204 05b4 0402 080a 00000001 00000002 01 030307")}));
  EXPECT_FALSE(decodes({.options = test::hex("0204 05b4 0402 080a 00000001 00000000 01 030307")}))
      << "what the options of a SYN say, user space reads";
}

INSTANTIATE_TEST_SUITE_P(, BpfPrograms, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "OfAllProtocols" : "OfTcp"; });

// Verifiers give up after a million instructions on all ways through a program; those of older
// kernels go more ways (a loop over TCP options took 6.18 some 100,000, and 6.1 more than it
// bears).
TEST(BpfVerifier, HasLittleToDo) {
  constexpr int kMost = 50'000;
  const Skeleton skeleton = opened({});
  ASSERT_TRUE(skeleton);
  constexpr __u32 kStatistics = 4;  // BPF_LOG_STATS of the kernel
  std::array<std::array<char, 4096>, 4> logs{};
  const std::array programs = {skeleton->progs.ethernet_in, skeleton->progs.ethernet_out,
                               skeleton->progs.ip_in, skeleton->progs.ip_out};
  for (std::size_t i = 0; i < programs.size(); ++i) {
    (void)::bpf_program__set_log_level(programs[i], kStatistics);
    (void)::bpf_program__set_log_buf(programs[i], logs[i].data(), logs[i].size());
  }
  if (const int status = scanlogd_bpf::load(skeleton.get()); status != 0) {
    if (status == -EPERM) GTEST_SKIP() << "programs cannot be loaded: " << std::strerror(-status);
    FAIL() << std::strerror(-status);
  }
  for (const auto& log : logs) {
    const std::string said(log.data());
    std::smatch found;
    ASSERT_TRUE(std::regex_search(said, found, std::regex("processed ([0-9]+) insns"))) << said;
    EXPECT_LT(std::stoi(found[1]), kMost);
  }
}

}  // namespace
}  // namespace scanlogd
