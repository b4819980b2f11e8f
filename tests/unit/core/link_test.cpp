// Frames to datagrams, one link layer after the other.
#include "core/link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>
#include <vector>

#include "support/frame_builder.h"

namespace scanlogd {
namespace {

using test::Bytes;
using test::cooked;
using test::cooked2;
using test::ethernet;
using test::ethernet_frame;
using test::hex;
using test::ipv4_datagram;
using test::ipv6_datagram;
using test::join;
using test::loopback;
using test::ppp;
using test::pppoe;
using test::resized;
using test::VlanTag;
namespace ethertype = test::ethertype;

struct Frame {
  LinkType type;
  Bytes bytes;
  Bytes datagram;
};

// One frame of every shape that carries IP.
std::vector<Frame> ip_frames() {
  const std::vector<VlanTag> qinq = {{.tci = 7, .tpid = ethertype::service_vlan}, {.tci = 0x600a}};
  std::vector<Frame> frames;
  for (const Bytes& datagram : {ipv4_datagram(), ipv6_datagram()}) {
    const bool is_ipv6 = datagram[0] == std::byte{0x60};
    const std::uint16_t protocol = is_ipv6 ? test::kPppIpv6 : test::kPppIpv4;
    const auto add = [&](LinkType type, Bytes bytes) {
      frames.push_back({type, std::move(bytes), datagram});
    };
    add(LinkType::ethernet, ethernet(datagram));
    add(LinkType::ethernet, ethernet(datagram, qinq));
    add(LinkType::ethernet,
        ethernet_frame(ethertype::pppoe_session, pppoe(ppp(protocol, datagram, false)), qinq));
    add(LinkType::linux_sll, cooked(datagram));
    add(LinkType::linux_sll, cooked(datagram, test::kOutgoing, qinq));
    add(LinkType::linux_sll2, cooked2(datagram));
    add(LinkType::linux_sll2, cooked2(datagram, test::kOutgoing, qinq));
    add(LinkType::raw, datagram);
    add(is_ipv6 ? LinkType::ipv6 : LinkType::ipv4, datagram);
    for (const std::uint32_t family : {2u, 10u, 24u, 28u, 30u}) {
      if ((family == 2) == is_ipv6) continue;
      add(LinkType::null, loopback(family, datagram, std::endian::big));
      add(LinkType::null, loopback(family, datagram, std::endian::little));
      add(LinkType::loop, loopback(family, datagram));
    }
    for (const LinkType type : {LinkType::ppp, LinkType::ppp_hdlc}) {
      for (const bool hdlc : {false, true}) {
        add(type, ppp(protocol, datagram, hdlc, false));
        add(type, ppp(protocol, datagram, hdlc, true));
      }
    }
    add(LinkType::pppoe, pppoe(ppp(protocol, datagram, false)));
    add(LinkType::pppoe, pppoe(ppp(protocol, datagram, false, true)));
  }
  return frames;
}

bool carries_ip(LinkType type, const Bytes& frame) { return strip_link(type, frame).has_value(); }

TEST(StripLink, FindsTheDatagramInEveryKindOfFrame) {
  for (const Frame& frame : ip_frames()) {
    const auto payload = strip_link(frame.type, frame.bytes);
    ASSERT_TRUE(payload) << static_cast<int>(frame.type);
    EXPECT_TRUE(std::ranges::equal(payload->datagram, frame.datagram))
        << static_cast<int>(frame.type);
    EXPECT_EQ(payload->header_size, frame.bytes.size() - frame.datagram.size());
  }
}

TEST(StripLink, EveryPrefixOfAFrameGivesTheBeginningOfTheSameDatagramOrNothing) {
  for (const Frame& frame : ip_frames()) {
    const std::size_t header_size = frame.bytes.size() - frame.datagram.size();
    for (std::size_t size = 0; size <= frame.bytes.size(); ++size) {
      const Bytes prefix(frame.bytes.begin(),
                         frame.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const auto payload = strip_link(frame.type, prefix);
      ASSERT_EQ(payload.has_value(), size >= header_size) << static_cast<int>(frame.type);
      if (!payload) continue;
      EXPECT_EQ(payload->header_size, header_size);
      EXPECT_TRUE(
          std::ranges::equal(payload->datagram, resized(frame.datagram, size - header_size)));
    }
  }
}

TEST(StripLink, KeepsThePaddingForDecodeToIgnore) {
  const Bytes frame = resized(ethernet(ipv4_datagram()), 60);
  EXPECT_EQ(strip_link(LinkType::ethernet, frame).value().datagram.size(), 46u);
}

TEST(StripLink, RefusesALinkLayerThatSaysOneIpVersionBeforeADatagramOfTheOther) {
  for (const auto& [type, frame] : {
           std::pair{LinkType::ethernet, ethernet_frame(ethertype::ipv4, ipv6_datagram())},
           std::pair{LinkType::ethernet, ethernet_frame(ethertype::ipv6, ipv4_datagram())},
           std::pair{LinkType::ethernet,
                     ethernet_frame(ethertype::ipv4, ipv4_datagram({.version = 5}))},
           std::pair{LinkType::ipv4, ipv6_datagram()},
           std::pair{LinkType::ipv6, ipv4_datagram()},
           std::pair{LinkType::null, loopback(2, ipv6_datagram())},
           std::pair{LinkType::loop, loopback(24, ipv4_datagram())},
           std::pair{LinkType::ppp, ppp(test::kPppIpv4, ipv6_datagram())},
           std::pair{LinkType::ppp, ppp(test::kPppIpv6, ipv4_datagram())},
       }) {
    EXPECT_FALSE(carries_ip(type, frame)) << static_cast<int>(type);
  }
}

TEST(StripLink, LeavesTheVersionOfRawFramesToDecode) {
  EXPECT_TRUE(carries_ip(LinkType::raw, hex("5f")));
  EXPECT_TRUE(carries_ip(LinkType::raw, {}));
}

TEST(StripEthernet, OtherTypesCarryNoIp) {
  EXPECT_FALSE(carries_ip(LinkType::ethernet, ethernet_frame(ethertype::arp, ipv4_datagram())));
  EXPECT_FALSE(carries_ip(LinkType::ethernet, ethernet_frame(0x8847, ipv4_datagram())));  // MPLS
  EXPECT_FALSE(carries_ip(LinkType::ethernet, ethernet_frame(0x8863, ipv4_datagram())));
}

TEST(StripEthernet, ALengthInPlaceOfTheTypeCarriesNoIp) {
  // IEEE 802.2 SNAP with EtherType 0x0800, RFC 1042.
  const Bytes snap = join({hex("aa aa 03 00 00 00 08 00"), ipv4_datagram()});
  EXPECT_FALSE(carries_ip(LinkType::ethernet, ethernet_frame(48, snap)));
  EXPECT_FALSE(carries_ip(LinkType::ethernet, ethernet_frame(0x5ff, ipv4_datagram())));
}

TEST(StripEthernet, EachKindOfVlanTagIsTakenOff) {
  for (const std::uint16_t tpid : {ethertype::vlan, ethertype::service_vlan, ethertype::old_qinq}) {
    for (const std::uint16_t tci : {std::uint16_t{0}, std::uint16_t{7}, std::uint16_t{0xffff}}) {
      EXPECT_TRUE(
          carries_ip(LinkType::ethernet, ethernet(ipv4_datagram(), {{.tci = tci, .tpid = tpid}})));
    }
  }
  EXPECT_FALSE(
      carries_ip(LinkType::ethernet, ethernet(ipv4_datagram(), {{.tci = 1, .tpid = 0x9200}})));
}

TEST(StripEthernet, UpToFourVlanTagsAreTakenOff) {
  for (const std::size_t tags : {3u, 4u, 5u}) {
    const Bytes frame = ethernet(ipv4_datagram(), std::vector<VlanTag>(tags));
    const auto payload = strip_link(LinkType::ethernet, frame);
    ASSERT_EQ(payload.has_value(), tags <= 4) << tags;
    if (payload) {
      EXPECT_EQ(payload->header_size, 14 + 4 * tags);
    }
  }
}

TEST(StripEthernet, TheVlanIsTheNumberOfTheOutermostTag) {
  const auto vlan = [](const std::vector<VlanTag>& tags) {
    const auto payload = strip_link(LinkType::ethernet, ethernet(ipv4_datagram(), tags));
    return payload.value().vlan;
  };
  EXPECT_EQ(vlan({}), 0);
  EXPECT_EQ(vlan({{.tci = 7}}), 7);
  EXPECT_EQ(vlan({{.tci = 0xefff}}), 0xfff);  // with a priority
  EXPECT_EQ(vlan({{.tci = 0xe000}}), 0);      // of a priority only
  EXPECT_EQ(vlan({{.tci = 5, .tpid = ethertype::service_vlan}, {.tci = 7}}), 5);
  EXPECT_EQ(vlan({{.tci = 0xe000}, {.tci = 7}}), 0);
  EXPECT_EQ(strip_link(LinkType::linux_sll2, cooked2(ipv4_datagram(), test::kToHost, {{.tci = 9}}))
                .value()
                .vlan,
            9);
}

TEST(StripEthernet, ATypeBehindATagThatIsNotIpCarriesNone) {
  EXPECT_FALSE(
      carries_ip(LinkType::ethernet, ethernet_frame(ethertype::arp, ipv4_datagram(), {VlanTag{}})));
}

TEST(StripCooked, ThePacketTypeSaysWhatWeSentOurselves) {
  for (std::uint8_t packet_type = 0; packet_type < 8; ++packet_type) {
    const Bytes first = cooked(ipv4_datagram(), packet_type);
    const Bytes second = cooked2(ipv6_datagram(), packet_type);
    EXPECT_EQ(strip_link(LinkType::linux_sll, first).value().outgoing, packet_type == 4);
    EXPECT_EQ(strip_link(LinkType::linux_sll2, second).value().outgoing, packet_type == 4);
  }
}

TEST(StripCooked, NoOtherLinkLayerClaimsAPacketWasSentByUs) {
  for (const Frame& frame : ip_frames()) {
    if (frame.type == LinkType::linux_sll || frame.type == LinkType::linux_sll2) continue;
    EXPECT_FALSE(strip_link(frame.type, frame.bytes).value().outgoing);
  }
}

TEST(StripCooked, OtherTypesCarryNoIp) {
  Bytes first = cooked(ipv4_datagram());
  first[15] = std::byte{0x06};  // ARP
  EXPECT_FALSE(carries_ip(LinkType::linux_sll, first));
  Bytes second = cooked2(ipv4_datagram());
  second[1] = std::byte{0x06};
  EXPECT_FALSE(carries_ip(LinkType::linux_sll2, second));
}

TEST(StripLoopback, OtherFamiliesCarryNoIp) {
  for (const std::uint32_t family : {0u, 1u, 3u, 9u, 11u, 23u, 25u, 29u, 31u, 0x10002u}) {
    EXPECT_FALSE(carries_ip(LinkType::null, loopback(family, ipv4_datagram()))) << family;
    EXPECT_FALSE(carries_ip(LinkType::null, loopback(family, ipv6_datagram()))) << family;
  }
}

TEST(StripPpp, OtherProtocolsCarryNoIp) {
  for (const std::uint16_t protocol :
       std::array<std::uint16_t, 6>{0x0023, 0x00fd, 0x8021, 0xc021, 0x2100, 0x5700}) {
    EXPECT_FALSE(carries_ip(LinkType::ppp, ppp(protocol, ipv4_datagram()))) << protocol;
    EXPECT_FALSE(carries_ip(LinkType::ppp, ppp(protocol, ipv6_datagram()))) << protocol;
  }
}

TEST(StripPpp, OnlyTheAddressAndControlOfRfc1662ArePassed) {
  const Bytes rest = ppp(test::kPppIpv4, ipv4_datagram(), false);
  EXPECT_TRUE(carries_ip(LinkType::ppp, join({hex("ff03"), rest})));
  EXPECT_FALSE(carries_ip(LinkType::ppp, join({hex("ff13"), rest})));
  EXPECT_FALSE(carries_ip(LinkType::ppp, join({hex("0f00"), rest})));
  EXPECT_FALSE(carries_ip(LinkType::ppp, join({hex("ff03 ff03"), rest})));
}

TEST(StripPppoe, OnlySessionDataOfVersionOneCarriesIp) {
  const Bytes frame = ppp(test::kPppIpv4, ipv4_datagram(), false);
  EXPECT_TRUE(carries_ip(LinkType::pppoe, pppoe(frame, 0x00)));
  EXPECT_FALSE(carries_ip(LinkType::pppoe, pppoe(frame, 0x09)));  // PADI
  EXPECT_FALSE(carries_ip(LinkType::pppoe, pppoe(frame, 0xa7)));  // PADT
  Bytes other_version = pppoe(frame);
  other_version[0] = std::byte{0x21};
  EXPECT_FALSE(carries_ip(LinkType::pppoe, other_version));
}

TEST(LinkTypeOfDlt, EveryKnownTypeIsItsOwnNumber) {
  for (const LinkType type : {LinkType::null, LinkType::ethernet, LinkType::ppp, LinkType::ppp_hdlc,
                              LinkType::pppoe, LinkType::raw, LinkType::loop, LinkType::linux_sll,
                              LinkType::ipv4, LinkType::ipv6, LinkType::linux_sll2}) {
    EXPECT_EQ(link_type(static_cast<int>(type)).value(), type);
  }
}

TEST(LinkTypeOfDlt, RawHasOtherNumbersOnLinuxAndOpenBsd) {
  EXPECT_EQ(link_type(12).value(), LinkType::raw);
  EXPECT_EQ(link_type(14).value(), LinkType::raw);
}

TEST(LinkTypeOfDlt, UnknownNumbersAreAnErrorThatNamesThem) {
  EXPECT_EQ(link_type(105).error().what, "decode(link type 105): not supported");
  for (const int dlt : {-1, 2, 13, 114, 65537}) EXPECT_FALSE(link_type(dlt)) << dlt;
}

}  // namespace
}  // namespace scanlogd
