// Tests the predicate, and that the kernel's program never drops what the predicate lets through:
// the program runs in libpcap's interpreter over frames of every kind.
#include "capture/filter.h"

#include <gtest/gtest.h>
#include <pcap/bpf.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/decode.h"
#include "core/link.h"
#include "support/frame_builder.h"
#include "support/packet_builder.h"

namespace scanlogd {
namespace {

using test::Bytes;
using test::VlanTag;

constexpr Interest kTcp{};
constexpr Interest kAll{.other_protocols = true};

TEST(CanMatter, ABareAckAndPshAckCannot) {
  EXPECT_FALSE(can_matter(test::tcp().flags("A"), kTcp));
  EXPECT_FALSE(can_matter(test::tcp().flags("PA"), kTcp));
  EXPECT_FALSE(can_matter(test::tcp().flags("PAUEW"), kTcp));
}

TEST(CanMatter, EveryOtherTcpPacketCan) {
  for (const char* const flags :
       {"", "S", "SA", "F", "FA", "R", "RA", "FPU", "P", "U", "E", "W", "SEW", "FPA", "FSRPAUEW"}) {
    EXPECT_TRUE(can_matter(test::tcp().flags(flags), kTcp)) << flags;
  }
}

TEST(CanMatter, TcpThatWasFragmentedCanWhateverItsFlags) {
  EXPECT_TRUE(can_matter(test::tcp().flags("A").fragmented(), kTcp));
}

TEST(CanMatter, OtherProtocolsCanWhereTheyAreWanted) {
  EXPECT_TRUE(can_matter(test::udp(), kAll));
  EXPECT_FALSE(can_matter(test::tcp().flags("A"), kAll));
}

TEST(CanMatter, OtherProtocolsCannotFragmentedOrNot) {
  EXPECT_FALSE(can_matter(test::udp(), kTcp));
  EXPECT_FALSE(can_matter(test::udp().fragmented(), kTcp));
}

// How a datagram becomes a frame of each link type that has a program.
struct Link {
  const char* name;
  LinkType type;
  std::uint32_t header_size;
  std::function<Bytes(const Bytes& datagram)> wrap;
  bool followed = true;  // does the program look behind all of the tags and headers?
};

bool is_ipv6(const Bytes& datagram) {
  return test::ethertype_of(datagram) == test::ethertype::ipv6;
}

const std::vector<std::vector<VlanTag>>& tag_stacks() {
  static const std::vector<std::vector<VlanTag>> stacks = {
      {},
      {{.tci = 7}},
      {{.tpid = test::ethertype::service_vlan}},
      {{.tpid = test::ethertype::old_qinq}, {.tci = 0xe123}},
      {{.tpid = test::ethertype::service_vlan}, {.tci = 1}},
      {{.tci = 1}, {.tci = 2}, {.tci = 3}},
      {{.tci = 1}, {.tci = 2}, {.tci = 3}, {.tci = 4}},
  };
  return stacks;
}

Bytes pppoe(const Bytes& datagram, bool compressed) {
  const std::uint16_t protocol = is_ipv6(datagram) ? test::kPppIpv6 : test::kPppIpv4;
  return test::pppoe(test::ppp(protocol, datagram, false, compressed));
}

std::vector<Link> links() {
  std::vector<Link> all = {
      {"raw", LinkType::raw, 0, [](const Bytes& d) { return d; }},
      {"null", LinkType::null, 4,
       [](const Bytes& d) { return test::loopback(is_ipv6(d) ? 30 : 2, d, std::endian::little); }},
      {"loop", LinkType::loop, 4,
       [](const Bytes& d) { return test::loopback(is_ipv6(d) ? 24 : 2, d); }},
      {"ipv4", LinkType::ipv4, 0, [](const Bytes& d) { return d; }},
      {"ipv6", LinkType::ipv6, 0, [](const Bytes& d) { return d; }},
  };
  for (const auto& tags : tag_stacks()) {
    const bool followed = tags.size() <= 2;
    all.push_back({"ethernet", LinkType::ethernet, 14,
                   [tags](const Bytes& d) { return test::ethernet(d, tags); }, followed});
    all.push_back({"cooked", LinkType::linux_sll, 16,
                   [tags](const Bytes& d) { return test::cooked(d, test::kToHost, tags); },
                   followed});
    all.push_back({"cooked2", LinkType::linux_sll2, 20,
                   [tags](const Bytes& d) { return test::cooked2(d, test::kOutgoing, tags); },
                   followed});
    for (const bool compressed : {false, true}) {
      all.push_back({"pppoe", LinkType::ethernet, 14,
                     [tags, compressed](const Bytes& d) {
                       return test::ethernet_frame(test::ethertype::pppoe_session,
                                                   pppoe(d, compressed), tags);
                     },
                     followed && !compressed});
    }
  }
  return all;
}

std::vector<bpf_insn> compiled(LinkType type, const Interest& interest = kTcp) {
  std::vector<bpf_insn> code;
  for (const FilterInstruction& from : make_filter(type, interest, 256)) {
    code.push_back({.code = from.code, .jt = from.if_true, .jf = from.if_false, .k = from.operand});
  }
  return code;
}

unsigned run(const std::vector<bpf_insn>& code, const Bytes& frame) {
  const auto size = static_cast<u_int>(frame.size());
  return bpf_filter(code.data(), static_cast<const u_char*>(static_cast<const void*>(frame.data())),
                    size, size);
}

// What user space makes of the frame: does it deliver it, or give it to the reassembler?
bool user_space_wants(LinkType type, const Bytes& frame, const Interest& interest = kTcp) {
  const auto payload = strip_link(type, frame);
  if (!payload) return false;
  Packet packet;
  switch (decode_ip(payload->datagram, payload->datagram.size(), packet)) {
    case Decoded::packet:
      return can_matter(packet, interest);
    case Decoded::fragment:
      // IPv4 names its protocol in every fragment; of IPv6 only the first has to.
      return interest.other_protocols || (payload->datagram[0] >> 4) == std::byte{6} ||
             payload->datagram[9] == std::byte{6};
    default:
      return false;
  }
}

std::vector<Bytes> datagrams() {
  std::vector<Bytes> all;
  for (unsigned flags = 0; flags < 256; ++flags) {
    const Bytes segment = test::tcp_segment({.flags = static_cast<std::uint8_t>(flags)});
    all.push_back(test::ipv4_datagram({}, segment));
    all.push_back(test::ipv4_datagram({.options = Bytes(40)}, segment));
    all.push_back(test::ipv6_datagram({}, segment));
  }
  const Bytes ack = test::tcp_segment({.flags = tcp_flag::ack});
  const Bytes syn = test::tcp_segment({});
  for (const Bytes& segment : {syn, ack}) {
    for (const auto& fragment : test::ipv4_fragments({.id = 7}, segment, 8))
      all.push_back(fragment);
    for (const auto& fragment : test::ipv6_fragments({}, 6, 7, segment, 8)) all.push_back(fragment);
    for (const std::uint8_t extension :
         {test::next_header::hop_by_hop, test::next_header::routing, test::next_header::destination,
          test::next_header::mobility, test::next_header::hip, test::next_header::shim6}) {
      all.push_back(test::ipv6_datagram({.next = extension},
                                        test::join({test::extension_header(6, 16), segment})));
    }
    all.push_back(test::ipv6_datagram({.next = test::next_header::authentication},
                                      test::join({test::authentication_header(6), segment})));
    all.push_back(test::ipv6_datagram(
        {.next = test::next_header::fragment},
        test::join({test::fragment_header(6, 0, false, 9), segment})));  // atomic
    all.push_back(test::ipv4_datagram({.total_length = 0}, segment));
    all.push_back(test::ipv4_datagram({.dont_fragment = true, .reserved = true}, segment));
    all.push_back(test::ipv4_datagram({.ihl = 4}, segment));
    all.push_back(test::ipv4_datagram({.version = 5}, segment));
  }
  all.push_back(test::ipv4_datagram({.protocol = 17}, test::udp_datagram(1, 53)));
  all.push_back(test::ipv4_datagram({.protocol = 17, .more = true}, test::udp_datagram(1, 53)));
  all.push_back(test::ipv4_datagram({.protocol = 1}, test::icmp_message(8, 0)));
  all.push_back(test::ipv6_datagram({.next = 17}, test::udp_datagram(1, 53)));
  return all;
}

TEST(KernelFilter, LetsThroughWhateverUserSpaceWants) {
  int wanted = 0;
  for (const Link& link : links()) {
    for (const Interest& interest : {kTcp, kAll}) {
      const auto code = compiled(link.type, interest);
      for (const Bytes& datagram : datagrams()) {
        const Bytes frame = link.wrap(datagram);
        if (!user_space_wants(link.type, frame, interest)) continue;
        ++wanted;
        ASSERT_NE(run(code, frame), 0u) << link.name << " " << ::testing::PrintToString(frame);
      }
    }
  }
  EXPECT_GT(wanted, 10'000);
}

TEST(KernelFilter, LetsThroughWhateverUserSpaceWantsOfFramesCutAnywhere) {
  for (const Link& link : links()) {
    const auto code = compiled(link.type);
    for (const Bytes& segment : {test::tcp_segment({}), test::tcp_segment({.flags = 0x10})}) {
      for (const Bytes& datagram :
           {test::ipv4_datagram({}, segment), test::ipv4_datagram({.more = true}, segment),
            test::ipv6_datagram({}, segment)}) {
        const Bytes whole = link.wrap(datagram);
        for (std::size_t size = 0; size <= whole.size(); ++size) {
          const Bytes frame = test::resized(whole, size);
          if (!user_space_wants(link.type, frame)) continue;
          ASSERT_NE(run(code, frame), 0u) << link.name << " cut to " << size;
        }
      }
    }
  }
}

TEST(KernelFilter, DropsBareAcksAndOtherProtocolsBehindUpToTwoTagsAndPppoe) {
  const std::vector<Bytes> unwanted = {
      test::ipv4_datagram({}, test::tcp_segment({.flags = tcp_flag::ack})),
      test::ipv4_datagram({}, test::tcp_segment({.flags = tcp_flag::ack | tcp_flag::psh})),
      test::ipv4_datagram({.options = Bytes(40)}, test::tcp_segment({.flags = tcp_flag::ack})),
      test::ipv4_datagram({.dont_fragment = true}, test::tcp_segment({.flags = tcp_flag::ack})),
      test::ipv4_datagram({.protocol = 17}, test::udp_datagram(1, 53)),
      test::ipv4_datagram({.protocol = 17, .more = true}, test::udp_datagram(1, 53)),
      test::ipv6_datagram({}, test::tcp_segment({.flags = tcp_flag::ack})),
      test::ipv6_datagram({.next = 17}, test::udp_datagram(1, 53)),
  };
  int dropped = 0;
  for (const Link& link : links()) {
    if (!link.followed) continue;
    const auto code = compiled(link.type);
    for (const Bytes& datagram : unwanted) {
      EXPECT_EQ(run(code, link.wrap(datagram)), 0u) << link.name;
      ++dropped;
    }
  }
  EXPECT_GT(dropped, 100);
}

TEST(KernelFilter, DropsWhatIsNotIp) {
  const auto code = compiled(LinkType::ethernet);
  EXPECT_EQ(run(code, test::ethernet_frame(test::ethertype::arp, Bytes(28))), 0u);
  EXPECT_EQ(run(code, test::ethernet_frame(test::ethertype::arp, Bytes(28), {{.tci = 1}})), 0u);
}

TEST(KernelFilter, ReturnsTheSnapLength) {
  const Bytes frame = test::ethernet(test::ipv4_datagram());
  EXPECT_EQ(run(compiled(LinkType::ethernet), frame), 256u);
}

TEST(KernelFilter, IsAProgramThatKernelsTake) {
  for (const Link& link : links()) {
    const auto code = compiled(link.type);
    EXPECT_TRUE(bpf_validate(code.data(), static_cast<int>(code.size()))) << link.name;
  }
}

// What libpcap needs to move the program to a cooked socket, where the link header is not there.
TEST(KernelFilter, LoadsNothingFromTheLinkHeaderButTheProtocol) {
  for (const Link& link : links()) {
    std::set<std::uint32_t> protocol;
    for (const FilterInstruction& instruction : make_filter(link.type, kTcp, 256)) {
      if (BPF_CLASS(instruction.code) != BPF_LD) continue;
      ASSERT_TRUE(BPF_MODE(instruction.code) == BPF_ABS || BPF_MODE(instruction.code) == BPF_IND);
      if (instruction.operand >= link.header_size) continue;
      ASSERT_EQ(BPF_MODE(instruction.code), BPF_ABS) << link.name;
      protocol.insert(instruction.operand);
    }
    const std::set<std::uint32_t> expected = link.type == LinkType::ethernet    ? std::set{12u}
                                             : link.type == LinkType::linux_sll ? std::set{14u}
                                             : link.type == LinkType::linux_sll2
                                                 ? std::set{0u}
                                                 : std::set<unsigned>{};
    EXPECT_EQ(protocol, expected) << link.name;
  }
}

TEST(KernelFilter, IsEmptyWhereTheLinkHeaderHasNoFixedSize) {
  for (const LinkType type : {LinkType::ppp, LinkType::ppp_hdlc, LinkType::pppoe}) {
    EXPECT_TRUE(make_filter(type, kTcp, 256).empty());
  }
}

}  // namespace
}  // namespace scanlogd
