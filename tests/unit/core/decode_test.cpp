// Datagrams to packets: every field, every limit at n-1, n and n+1, and every way to be cut short.
#include "core/decode.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/frame_builder.h"
#include "support/packet_builder.h"

namespace scanlogd {
namespace {

using test::authentication_header;
using test::Bytes;
using test::counting;
using test::extension_header;
using test::fragment_header;
using test::hex;
using test::icmp_message;
using test::ip_datagram;
using test::ipv4_datagram;
using test::Ipv4Header;
using test::ipv6_datagram;
using test::Ipv6Header;
using test::join;
using test::resized;
using test::sctp_packet;
using test::tcp_segment;
using test::udp_datagram;
namespace next_header = test::next_header;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

using PacketImage = std::array<std::byte, sizeof(Packet)>;
PacketImage image(const Packet& packet) { return std::bit_cast<PacketImage>(packet); }

// A packet in which every field is wrong, so that a field nobody set shows.
Packet dirty_packet() {
  PacketImage bytes;
  bytes.fill(std::byte{0xa5});
  return std::bit_cast<Packet>(bytes);
}

struct Outcome {
  Decoded decoded;
  Packet packet;
};

Outcome decode(const Bytes& datagram, std::size_t wire_size) {
  Outcome outcome{.decoded = Decoded::not_ip, .packet = dirty_packet()};
  outcome.decoded = decode_ip(datagram, wire_size, outcome.packet);
  return outcome;
}
Outcome decode(const Bytes& datagram) { return decode(datagram, datagram.size()); }

Decoded decoded(const Bytes& datagram) { return decode(datagram).decoded; }

std::string source_of(const Packet& packet) { return to_string(packet.source_address()); }
std::string target_of(const Packet& packet) { return to_string(packet.target_address()); }

// An ICMP or ICMPv6 message about `subject`: four bytes that say nothing here come before it.
Bytes icmp_error(std::uint8_t type, std::uint8_t code, const Bytes& subject) {
  return icmp_message(type, code, join({Bytes(4), subject}));
}

// Datagrams of every kind that decodes to a packet.
std::vector<Bytes> whole_datagrams() {
  return {
      ipv4_datagram(),
      ipv4_datagram({.options = hex("9404 0000")}),
      ipv4_datagram({.options = Bytes(40)}),
      ipv4_datagram({}, tcp_segment({.options = hex("0204 05b4")})),
      ipv4_datagram({}, tcp_segment({.options = hex("0204 05b4 0402 080a 0000 0001 0000 0000")})),
      ipv4_datagram({}, tcp_segment({.data_offset = 15}, counting(50))),
      ipv4_datagram({.protocol = kUdp}, udp_datagram(53, 54, counting(9))),
      ipv4_datagram({.protocol = 1}, icmp_message(8, 0)),
      ipv4_datagram({.protocol = 1}, icmp_error(3, 3, ipv4_datagram())),
      ipv6_datagram({.next = 58}, icmp_error(1, 4, ipv6_datagram())),
      ipv4_datagram({.protocol = 132}, sctp_packet(1, 2, counting(20))),
      ipv4_datagram({.protocol = 47}, counting(30)),
      ipv6_datagram(),
      ipv6_datagram({.next = kUdp}, udp_datagram(53, 54, counting(9))),
      ipv6_datagram({.next = 58}, icmp_message(128, 0)),
      ipv6_datagram({.next = 132}, sctp_packet(1, 2)),
      ipv6_datagram({.next = next_header::none}, {}),
      ipv6_datagram({.next = next_header::hop_by_hop},
                    join({extension_header(next_header::authentication, 16),
                          authentication_header(next_header::fragment),
                          fragment_header(kTcp, 0, false, 7), tcp_segment()})),
  };
}

// Where the bytes are the subject: no builder between the RFC and the test.

TEST(DecodeIpv4, ReadsEachFieldWhereRfc791AndRfc9293PutIt) {
  const Bytes datagram = join({
      hex("45"),           // version 4, IHL 5
      hex("b8"),           // TOS
      hex("00 28"),        // total length 40
      hex("d4 31"),        // identification
      hex("40 00"),        // DF, offset 0
      hex("33"),           // TTL 51
      hex("06"),           // TCP
      hex("be ef"),        // checksum, wrong
      hex("c0 00 02 fe"),  // source 192.0.2.254
      hex("0a 09 08 07"),  // target 10.9.8.7
      hex("9c 41"),        // source port 40001
      hex("01 bb"),        // target port 443
      hex("12 34 56 78"),  // sequence
      hex("9a bc de f0"),  // acknowledgement
      hex("50"),           // data offset 5
      hex("c2"),           // CWR, ECE, SYN
      hex("04 01"),        // window 1025
      hex("de ad"),        // checksum, wrong
      hex("00 00"),        // urgent pointer
  });
  const auto [decoded, packet] = decode(datagram);
  ASSERT_EQ(decoded, Decoded::packet);
  EXPECT_EQ(packet.family, Family::ipv4);
  EXPECT_EQ(packet.source, (AddressBytes{192, 0, 2, 254}));
  EXPECT_EQ(packet.target, (AddressBytes{10, 9, 8, 7}));
  EXPECT_EQ(packet.tos, 0xb8);
  EXPECT_EQ(packet.ip_id, 0xd431);
  EXPECT_EQ(packet.ttl, 51);
  EXPECT_EQ(packet.protocol, IpProto::tcp);
  EXPECT_EQ(packet.source_port, 40001);
  EXPECT_EQ(packet.target_port, 443);
  EXPECT_EQ(packet.sequence, 0x12345678u);
  EXPECT_EQ(packet.acknowledgement, 0x000f0000u);  // of a SYN: no MSS, no window scale, no option
  EXPECT_EQ(packet.flags, tcp_flag::cwr | tcp_flag::ece | tcp_flag::syn);
  EXPECT_EQ(packet.window, 1025);
  EXPECT_EQ(packet.options(), TcpOptions::none);
}

TEST(DecodeIpv6, ReadsEachFieldWhereRfc8200PutsIt) {
  const Bytes datagram = join({
      hex("6b 81 23 45"),  // version 6, traffic class 0xb8, flow label 0x12345
      hex("00 0c"),        // payload length 12
      hex("11"),           // UDP
      hex("ff"),           // hop limit
      hex("20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"),  // source 2001:db8::1
      hex("fe 80 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e"),  // target
      hex("14 e9"),                                            // source port 5353
      hex("00 35"),                                            // target port 53
      hex("00 0c"),                                            // length
      hex("00 00"),                                            // checksum
      hex("01 02 03 04"),                                      // data
  });
  const auto [decoded, packet] = decode(datagram);
  ASSERT_EQ(decoded, Decoded::packet);
  EXPECT_EQ(packet.family, Family::ipv6);
  EXPECT_EQ(source_of(packet), "2001:db8::1");
  EXPECT_EQ(target_of(packet), "fe80:102:304:506:708:90a:b0c:d0e");
  EXPECT_EQ(packet.tos, 0xb8);
  EXPECT_EQ(packet.ttl, 255);
  EXPECT_EQ(packet.ip_id, 0);
  EXPECT_EQ(packet.protocol, IpProto::udp);
  EXPECT_EQ(packet.source_port, 5353);
  EXPECT_EQ(packet.target_port, 53);
  EXPECT_EQ(packet.window, 4);  // bytes of data
}

TEST(Decode, ReturnsEveryFieldOfThePacketThatWasSent) {
  Packet crafted = test::tcp().from("192.0.2.9", 1).to("10.0.0.2", 65535).flags("FPU").ttl(1);
  crafted.sequence = 0xffffffff;
  crafted.acknowledgement = 1;
  crafted.ip_id = 54321;
  crafted.window = 65535;
  crafted.set_options(TcpOptions::mss_only);
  Packet other = test::tcp().from("2001:db8::9", 9).to("2001:db8::a", 10).flag_byte(0xff).tos(255);
  other.set_options(TcpOptions::other);
  Packet ping = test::udp().from("192.0.2.9", 8).to("10.0.0.2", 0);
  ping.protocol = IpProto::icmp;
  Packet init = test::udp().from("2001:db8::9", 9).to("2001:db8::a", 2905);
  init.protocol = IpProto::sctp;
  const Packet query = test::udp().from("192.0.2.9", 5353).to("10.0.0.2", 53).ttl(0);
  for (const Packet& sent : {crafted, other, ping, init, query}) {
    const auto [decoded, packet] = decode(ip_datagram(sent));
    EXPECT_EQ(decoded, Decoded::packet);
    EXPECT_EQ(image(packet), image(sent));  // time and VLAN are 0 in both
  }
}

TEST(Decode, LeavesNothingOfWhatThePacketHeldBefore) {
  for (const Bytes& datagram : whole_datagrams()) {
    Packet clean;
    ASSERT_EQ(decode_ip(datagram, datagram.size(), clean), Decoded::packet);
    EXPECT_EQ(image(decode(datagram).packet), image(clean));
  }
}

TEST(Decode, AnyVersionButFourAndSixIsNotIp) {
  for (unsigned version = 0; version < 16; ++version) {
    const Decoded expected = version == 4 ? Decoded::packet : Decoded::not_ip;
    if (version != 6) {
      EXPECT_EQ(decoded(ipv4_datagram({.version = version})), expected) << version;
    }
  }
  EXPECT_EQ(decoded(ipv6_datagram({.version = 5})), Decoded::not_ip);
  EXPECT_EQ(decoded(ipv6_datagram({.version = 6})), Decoded::packet);
  EXPECT_EQ(decoded(ipv6_datagram({.version = 7})), Decoded::not_ip);
}

TEST(Decode, NoBytesAtAllAreTruncated) { EXPECT_EQ(decoded({}), Decoded::truncated); }

// Takes out what is read from behind the fixed header, where the capture may have been cut.
Packet without_extras(Packet packet) {
  if (packet.protocol == IpProto::tcp) {
    packet.set_options(TcpOptions::none);
    if (packet.is_syn()) packet.acknowledgement = 0;
    return packet;
  }
  packet.flags = 0;
  packet.sequence = packet.acknowledgement = 0;
  return packet;
}

// What the capture cut off is missing, not wrong: the fields that are there are those of the whole.
TEST(Decode, EveryPrefixOfADatagramGivesTheSamePacketOrNone) {
  for (const Bytes& datagram : whole_datagrams()) {
    const Packet whole = decode(datagram).packet;
    bool was_packet = false;
    for (std::size_t size = 0; size <= datagram.size(); ++size) {
      const Bytes prefix(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size));
      auto [decoded, packet] = decode(prefix, datagram.size());
      if (decoded != Decoded::packet) {
        EXPECT_EQ(decoded, Decoded::truncated) << size;
        EXPECT_FALSE(was_packet) << size;  // more bytes never make it worse
        continue;
      }
      was_packet = true;
      EXPECT_EQ(image(without_extras(packet)), image(without_extras(whole))) << size;
    }
    EXPECT_TRUE(was_packet);
  }
}

TEST(Decode, ADatagramLongerThanItsFrameIsTruncated) {
  for (const Bytes& datagram : whole_datagrams()) {
    for (std::size_t size = 0; size < datagram.size(); ++size)
      EXPECT_EQ(decoded(resized(datagram, size)), Decoded::truncated) << size;
  }
}

TEST(Decode, PaddingChangesNothing) {
  for (const Bytes& datagram : whole_datagrams()) {
    const auto [decoded, packet] = decode(join({datagram, counting(100)}));
    EXPECT_EQ(decoded, Decoded::packet);
    EXPECT_EQ(image(packet), image(decode(datagram).packet));
  }
}

TEST(Decode, PaddingDoesNotCompleteAShortHeader) {
  EXPECT_EQ(decoded(ipv4_datagram({.total_length = 39})), Decoded::truncated);
  EXPECT_EQ(decoded(ipv4_datagram({.total_length = 40})), Decoded::packet);
  EXPECT_EQ(decoded(ipv6_datagram({.payload_length = 19})), Decoded::truncated);
  EXPECT_EQ(decoded(ipv6_datagram({.payload_length = 20})), Decoded::packet);
}

TEST(Decode, AWireSizeBelowWhatWasCapturedIsNotBelieved) {
  EXPECT_EQ(decode(ipv4_datagram(), 0).decoded, Decoded::packet);
  EXPECT_EQ(decode(ipv6_datagram({.payload_length = 0}), 0).decoded, Decoded::packet);
}

TEST(DecodeIpv4, HeaderMayBeFiveToFifteenWords) {
  for (unsigned ihl = 5; ihl <= 15; ++ihl) {
    const auto [decoded, packet] = decode(ipv4_datagram({.options = Bytes((ihl - 5) * 4)}));
    EXPECT_EQ(decoded, Decoded::packet) << ihl;
    EXPECT_EQ(packet.target_port, 80) << ihl;
  }
  for (unsigned ihl = 0; ihl < 5; ++ihl)
    EXPECT_EQ(decoded(ipv4_datagram({.ihl = ihl})), Decoded::bad_header) << ihl;
}

TEST(DecodeIpv4, TotalLengthBelowTheHeaderIsImpossible) {
  EXPECT_EQ(decoded(ipv4_datagram({.total_length = 1})), Decoded::bad_header);
  EXPECT_EQ(decoded(ipv4_datagram({.total_length = 19})), Decoded::bad_header);
  EXPECT_EQ(decoded(ipv4_datagram({.total_length = 20})), Decoded::truncated);  // no TCP header
  EXPECT_EQ(decoded(ipv4_datagram({.options = Bytes(4), .total_length = 23})), Decoded::bad_header);
}

TEST(DecodeIpv4, TotalLengthIsComparedWithTheWireNotWithTheCapture) {
  const Bytes datagram = ipv4_datagram({.total_length = 1500});
  EXPECT_EQ(decode(datagram, 1499).decoded, Decoded::truncated);
  EXPECT_EQ(decode(datagram, 1500).decoded, Decoded::packet);
  EXPECT_EQ(decode(datagram, 1501).decoded, Decoded::packet);
}

TEST(DecodeIpv4, TotalLengthZeroMeansAllThatTheWireCarried) {
  const Bytes datagram = ipv4_datagram({.total_length = 0});
  EXPECT_EQ(decode(datagram, 40).decoded, Decoded::packet);
  EXPECT_EQ(decode(datagram, 100'000).decoded, Decoded::packet);
  EXPECT_EQ(decoded(resized(datagram, 39)), Decoded::truncated);
  EXPECT_EQ(decoded(resized(ipv4_datagram({.options = Bytes(8), .total_length = 0}), 24)),
            Decoded::truncated);
}

TEST(DecodeIpv4, ReservedAndDontFragmentBitsDoNotMatter) {
  EXPECT_EQ(decoded(ipv4_datagram({.dont_fragment = true})), Decoded::packet);
  EXPECT_EQ(decoded(ipv4_datagram({.reserved = true})), Decoded::packet);
}

TEST(DecodeIpv4, MoreFragmentsOrAnOffsetMakesAFragment) {
  EXPECT_EQ(decoded(ipv4_datagram({.more = true})), Decoded::fragment);
  EXPECT_EQ(decoded(ipv4_datagram({.offset = 8})), Decoded::fragment);
  EXPECT_EQ(decoded(ipv4_datagram({.offset = 65528})), Decoded::fragment);
  EXPECT_EQ(decoded(ipv4_datagram({.offset = 8, .more = true, .reserved = true})),
            Decoded::fragment);
}

TEST(DecodeIpv4, FragmentsAreHeldToTheSameHeaderRules) {
  EXPECT_EQ(decoded(ipv4_datagram({.more = true, .ihl = 4})), Decoded::bad_header);
  EXPECT_EQ(decoded(ipv4_datagram({.more = true, .total_length = 41})), Decoded::truncated);
}

TEST(DecodeIpv4, NumbersOfIpv6ExtensionHeadersAreOrdinaryProtocols) {
  for (const std::uint8_t protocol : {next_header::hop_by_hop, next_header::fragment,
                                      next_header::authentication, next_header::destination}) {
    const auto [decoded, packet] = decode(
        ipv4_datagram({.protocol = protocol}, join({extension_header(kTcp), tcp_segment()})));
    EXPECT_EQ(decoded, Decoded::packet);
    EXPECT_EQ(packet.protocol, IpProto{protocol});
    EXPECT_EQ(packet.target_port, 0);
  }
}

TEST(DecodeTransport, EachHeaderNeedsItsLeastSize) {
  for (const auto& [protocol, least] :
       {std::pair<std::uint8_t, std::size_t>{kTcp, 20}, {kUdp, 8}, {132, 12}, {1, 4}, {58, 4}}) {
    const Bytes bytes = counting(30);
    for (const std::size_t size : {least - 1, least, least + 1}) {
      const Decoded expected = size < least ? Decoded::truncated : Decoded::packet;
      const Bytes payload = resized(bytes, size);
      EXPECT_EQ(decoded(ipv4_datagram({.protocol = protocol}, payload)), expected);
      EXPECT_EQ(decoded(ipv6_datagram({.next = protocol}, payload)), expected);
      // Likewise when the wire carried more than was captured.
      EXPECT_EQ(
          decode(resized(ipv4_datagram({.protocol = protocol}, bytes), 20 + size), 50).decoded,
          expected);
    }
  }
}

TEST(DecodeTransport, IcmpTypeAndCodeStandForPorts) {
  const Packet unreachable = decode(ipv4_datagram({.protocol = 1}, icmp_message(3, 13))).packet;
  EXPECT_EQ(unreachable.protocol, IpProto::icmp);
  EXPECT_EQ(unreachable.source_port, 3);
  EXPECT_EQ(unreachable.target_port, 13);
  const Packet solicitation = decode(ipv6_datagram({.next = 58}, icmp_message(135, 0))).packet;
  EXPECT_EQ(solicitation.protocol, IpProto::icmpv6);
  EXPECT_EQ(solicitation.source_port, 135);
  EXPECT_EQ(solicitation.target_port, 0);
}

// About a probe from 192.0.2.1, port 0x1234, to 198.51.100.1, port 161.
Bytes udp_probe(Ipv4Header header = {}) {
  header.protocol = kUdp;
  return ipv4_datagram(header, udp_datagram(0x1234, 161, counting(3)));
}

TEST(DecodeTransport, AnIcmpErrorSaysWhatItIsAbout) {
  for (const unsigned type : {3u, 4u, 5u, 11u, 12u}) {
    const Bytes error = icmp_error(static_cast<std::uint8_t>(type), 3, udp_probe());
    const Packet packet = decode(ipv4_datagram({.protocol = 1}, error)).packet;
    EXPECT_EQ(packet.source_port, type);
    EXPECT_EQ(packet.target_port, 3);
    EXPECT_EQ(packet.flags, kUdp);
    EXPECT_EQ(packet.sequence, 0x1234'00a1u);
    EXPECT_EQ(packet.acknowledgement, 0xc633'6401u);  // 198.51.100.1
  }
}

TEST(DecodeTransport, AnIcmpv6ErrorSaysItButForTheAddress) {
  const Bytes probe = ipv6_datagram({.next = kUdp}, udp_datagram(0x1234, 161));
  const Packet packet = decode(ipv6_datagram({.next = 58}, icmp_error(1, 4, probe))).packet;
  EXPECT_EQ(packet.flags, kUdp);
  EXPECT_EQ(packet.sequence, 0x1234'00a1u);
  EXPECT_EQ(packet.acknowledgement, 0u);
}

TEST(DecodeTransport, OtherIcmpMessagesAreAboutNothing) {
  for (const unsigned type : {0u, 2u, 6u, 8u, 10u, 13u}) {
    const Bytes message = icmp_error(static_cast<std::uint8_t>(type), 0, udp_probe());
    const Packet packet = decode(ipv4_datagram({.protocol = 1}, message)).packet;
    EXPECT_EQ(packet.flags, 0) << type;
    EXPECT_EQ(packet.sequence, 0u) << type;
    EXPECT_EQ(packet.acknowledgement, 0u) << type;
  }
  for (const unsigned type : {127u, 128u, 129u}) {
    const Bytes message = icmp_error(static_cast<std::uint8_t>(type), 0, ipv6_datagram());
    EXPECT_EQ(decode(ipv6_datagram({.next = 58}, message)).packet.flags, type < 128 ? kTcp : 0);
  }
}

TEST(DecodeTransport, AnIcmpErrorSaysAllOrNothing) {
  const Bytes error = icmp_error(3, 3, udp_probe());
  for (const std::size_t size : {31u, 32u, 33u}) {  // 8, the IPv4 header, the ports
    const Packet packet = decode(ipv4_datagram({.protocol = 1}, resized(error, size))).packet;
    EXPECT_EQ(packet.flags, size < 32 ? 0 : kUdp) << size;
    EXPECT_EQ(packet.acknowledgement != 0, size >= 32) << size;
    EXPECT_EQ(packet.sequence != 0, size >= 32) << size;
  }
  for (const Bytes& subject : {udp_probe({.version = 6}), udp_probe({.ihl = 4})}) {
    const Bytes about = icmp_error(3, 3, subject);
    EXPECT_EQ(decode(ipv4_datagram({.protocol = 1}, about)).packet.flags, 0);
  }
}

TEST(DecodeTransport, AnIcmpErrorAboutWhatHasNoPortsNamesNone) {
  const Bytes ping = ipv4_datagram({.protocol = 1}, icmp_message(8, 0));
  const Packet of_ping = decode(ipv4_datagram({.protocol = 1}, icmp_error(3, 1, ping))).packet;
  EXPECT_EQ(of_ping.flags, 1);
  EXPECT_EQ(of_ping.sequence, 0u);
  EXPECT_EQ(of_ping.acknowledgement, 0xc633'6401u);
  const Bytes later = udp_probe({.offset = 8});
  const Packet of_later = decode(ipv4_datagram({.protocol = 1}, icmp_error(3, 1, later))).packet;
  EXPECT_EQ(of_later.flags, kUdp);
  EXPECT_EQ(of_later.sequence, 0u);
  const Bytes options = udp_probe({.options = Bytes(40)});
  EXPECT_EQ(decode(ipv4_datagram({.protocol = 1}, icmp_error(3, 1, options))).packet.sequence,
            0x1234'00a1u);
}

TEST(DecodeTransport, TheWindowOfUdpIsThePayloadByTheIpHeader) {
  for (const std::size_t size : {0u, 1u, 1000u, 65507u}) {
    const Bytes datagram = udp_datagram(1, 53, Bytes(size));
    EXPECT_EQ(decode(ipv4_datagram({.protocol = kUdp}, datagram)).packet.window, size);
  }
  Bytes liar = udp_datagram(1, 53, Bytes(9));
  liar[5] = std::byte{200};
  EXPECT_EQ(decode(ipv4_datagram({.protocol = kUdp}, liar)).packet.window, 9);
  const Bytes cut = resized(ipv6_datagram({.next = kUdp}, udp_datagram(1, 53, Bytes(9))), 48);
  EXPECT_EQ(decode(cut, 57).packet.window, 9);
  const Bytes jumbo = ipv6_datagram({.next = kUdp, .payload_length = 0}, udp_datagram(1, 53));
  EXPECT_EQ(decode(jumbo, 40 + 8 + 65535).packet.window, 65535);
  EXPECT_EQ(decode(jumbo, 40 + 8 + 65536).packet.window, 65535);
}

TEST(DecodeTransport, TheFlagsOfSctpAreTheTypeOfTheFirstChunk) {
  constexpr std::uint8_t kInit = 1;
  const auto flags = [](const Bytes& chunks) {
    return decode(ipv4_datagram({.protocol = 132}, sctp_packet(1, 2, chunks))).packet.flags;
  };
  EXPECT_EQ(flags({}), 0);
  EXPECT_EQ(flags({std::byte{kInit}}), kInit);
  EXPECT_EQ(flags(hex("06 00 00 04 01 00 00 04")), 6);
}

TEST(DecodeTransport, ProtocolsWithoutPortsNeedNoBytes) {
  for (const std::uint8_t protocol : std::array<std::uint8_t, 5>{2, 47, 50, 89, 255}) {
    for (const Bytes& payload : {Bytes{}, counting(40)}) {
      const auto [decoded, packet] = decode(ipv4_datagram({.protocol = protocol}, payload));
      EXPECT_EQ(decoded, Decoded::packet);
      EXPECT_EQ(packet.protocol, IpProto{protocol});
      EXPECT_EQ(packet.source_port, 0);
      EXPECT_EQ(packet.target_port, 0);
    }
  }
}

TEST(DecodeTransport, EveryTcpDataOffsetCounts) {
  for (unsigned words = 0; words < 16; ++words) {
    const auto [decoded, packet] = decode(ipv4_datagram({}, tcp_segment({.data_offset = words})));
    EXPECT_EQ(decoded, Decoded::packet) << words;
    EXPECT_EQ(packet.target_port, 80) << words;
    EXPECT_EQ(packet.options(), words <= 5 ? TcpOptions::none : TcpOptions::other) << words;
  }
}

TEST(DecodeTransport, TcpOptionsAreNoneOnlyTheMssOrSomethingElse) {
  for (const auto& [options, expected] : {
           std::pair{"", TcpOptions::none},
           std::pair{"0101 0101", TcpOptions::none},      // NOPs
           std::pair{"0000 0000", TcpOptions::none},      // end of list
           std::pair{"0204 05b4", TcpOptions::mss_only},  // nmap
           std::pair{"0204 05b4 0000 0000", TcpOptions::mss_only},
           std::pair{"0204 05b4 0101 0101", TcpOptions::mss_only},
           std::pair{"0101 0204 05b4 0101", TcpOptions::mss_only},
           std::pair{"0204 05b4 0003 0307", TcpOptions::mss_only},  // nothing counts after the end
           std::pair{"0204 05b4 0204 05b4", TcpOptions::other},     // twice
           std::pair{"0203 0500", TcpOptions::other},               // of the wrong length
           std::pair{"0205 05b4 0000 0000", TcpOptions::other},
           std::pair{"0101 0204", TcpOptions::other},  // runs past the header
           std::pair{"0101 0102", TcpOptions::other},
           std::pair{"0303 0700", TcpOptions::other},
           std::pair{"0402 0000", TcpOptions::other},
           std::pair{"0204 05b4 0402 0000", TcpOptions::other},
           std::pair{"0204 05b4 0402 080a 0000 0001 0000 0000 0103 0307", TcpOptions::other},
           std::pair{"fe00 0000", TcpOptions::other},
       }) {
    const Bytes datagram = ipv4_datagram({}, tcp_segment({.options = hex(options)}));
    EXPECT_EQ(decode(datagram).packet.options(), expected) << options;
  }
}

using Kinds = std::array<TcpOption, SynSummary::kKinds>;

TEST(DecodeTransport, ASynSummaryHoldsMssWindowScaleAndTheFirstFourOptions) {
  using enum TcpOption;
  struct Row {
    const char* options;
    unsigned mss;
    unsigned window_scale;
    Kinds kinds;
  };
  for (const auto& row : {
           Row{"", 0, 15, {none, none, none, none}},
           // Linux, BSD, Windows, nmap.
           Row{"0204 05b4 0402 080a 0000 0001 0000 0000 0103 0307",
               1460,
               7,
               {mss, sack_permitted, timestamps, nop}},
           Row{"0204 05b4 0103 0306 0402 080a 0000 0001 0000 0000",
               1460,
               6,
               {mss, nop, window_scale, sack_permitted}},
           Row{"0204 05b4 0103 0308 0101 0402", 1460, 8, {mss, nop, window_scale, nop}},
           Row{"0204 05b4", 1460, 15, {mss, none, none, none}},
           Row{"0303 0001", 0, 0, {window_scale, nop, none, none}},
           Row{"0303 0e01", 0, 14, {window_scale, nop, none, none}},
           Row{"0303 0f01", 0, 14, {window_scale, nop, none, none}},
           Row{"0303 ff01", 0, 14, {window_scale, nop, none, none}},
           Row{"0204 0001 0204 ffff", 65535, 15, {mss, mss, none, none}},
           Row{"0101 0101 0204 05b4 0000 0000", 1460, 15, {nop, nop, nop, nop}},
           Row{"0000 0000", 0, 15, {end, none, none, none}},
           Row{"0100 0204", 0, 15, {nop, end, none, none}},
           Row{"0505 0000 0001 0204 05b4 0101", 1460, 15, {other, nop, mss, nop}},
           Row{"fe04 0000 0204 05b4", 1460, 15, {other, mss, none, none}},
           // Behind one of the wrong length nothing is read.
           Row{"0203 0000 0204 05b4", 0, 15, {other, none, none, none}},
           Row{"0304 0700 0204 05b4", 0, 15, {other, none, none, none}},
           Row{"0403 0001 0204 05b4", 0, 15, {other, none, none, none}},
           Row{"0809 0000 0001 0000 0000 0204", 0, 15, {other, none, none, none}},
           Row{"fe01 0204", 0, 15, {other, none, none, none}},
           Row{"fe00 0204", 0, 15, {other, none, none, none}},
           Row{"0102 0405 ffff ffff", 1535, 15, {nop, mss, other, none}},
           Row{"0101 0204", 0, 15, {nop, nop, other, none}},
           Row{"0101 01fe", 0, 15, {nop, nop, nop, other}},
       }) {
    for (const std::uint8_t flags : std::array<std::uint8_t, 3>{0x02, 0x03, 0xc2}) {
      const Bytes segment =
          tcp_segment({.acknowledgement = 77, .flags = flags, .options = hex(row.options)});
      for (const Bytes& datagram : {ipv4_datagram({}, segment), ipv6_datagram({}, segment)}) {
        const Packet packet = decode(datagram).packet;
        ASSERT_TRUE(packet.is_syn());
        EXPECT_EQ(packet.syn_mss(), row.mss) << row.options;
        EXPECT_EQ(packet.syn_window_scale(), row.window_scale) << row.options;
        EXPECT_EQ(packet.syn_option_kinds(), row.kinds) << row.options;
      }
    }
  }
}

TEST(DecodeTransport, OfASynWhoseOptionsAreCutOffNothingIsKnown) {
  const Bytes datagram = ipv4_datagram({}, tcp_segment({.options = hex("0204 05b4")}));
  const Packet packet = decode(resized(datagram, 43), 44).packet;
  EXPECT_EQ(packet.syn_mss(), 0);
  EXPECT_EQ(packet.syn_window_scale(), SynSummary::kNoWindowScale);
  EXPECT_EQ(packet.syn_option_kinds(), (Kinds{TcpOption::other}));
}

TEST(DecodeTransport, WhatIsNoSynOrHasAnAckKeepsItsAcknowledgement) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    const Bytes segment = tcp_segment({.acknowledgement = 0x9abcdef0,
                                       .flags = static_cast<std::uint8_t>(flags),
                                       .options = hex("0204 05b4")});
    const Packet packet = decode(ipv4_datagram({}, segment)).packet;
    EXPECT_EQ(packet.is_syn(), (flags & 0x12) == 0x02) << flags;
    EXPECT_EQ(packet.acknowledgement == 0x9abcdef0u, !packet.is_syn()) << flags;
  }
}

TEST(DecodeTransport, ReservedBitsBesideTheTcpDataOffsetDoNotMatter) {
  Bytes bare = tcp_segment({}, counting(8));
  bare[12] = std::byte{0x5f};
  EXPECT_EQ(decode(ipv4_datagram({}, bare)).packet.options(), TcpOptions::none);
  Bytes mss = tcp_segment({.options = hex("0204 05b4")}, counting(8));
  mss[12] = std::byte{0x6f};
  EXPECT_EQ(decode(ipv4_datagram({}, mss)).packet.options(), TcpOptions::mss_only);
}

TEST(DecodeTransport, TcpDataIsNotTakenForOptions) {
  const Bytes datagram = ipv4_datagram({}, tcp_segment({}, hex("0204 05b4")));
  EXPECT_EQ(decode(datagram).packet.options(), TcpOptions::none);
}

TEST(DecodeTransport, TcpOptionsThatTheDatagramOrTheCaptureCutsOffAreSomethingElse) {
  const Bytes segment = tcp_segment({.options = hex("0204 05b4")});
  EXPECT_EQ(decode(ipv4_datagram({.total_length = 43}, segment)).packet.options(),
            TcpOptions::other);
  const Bytes datagram = ipv4_datagram({}, segment);
  EXPECT_EQ(decode(resized(datagram, 43), 44).packet.options(), TcpOptions::other);
  EXPECT_EQ(decode(resized(datagram, 44), 44).packet.options(), TcpOptions::mss_only);
}

TEST(DecodeIpv6, PayloadLengthIsComparedWithTheWireNotWithTheCapture) {
  const Bytes datagram = ipv6_datagram({.payload_length = 1000});
  EXPECT_EQ(decode(datagram, 1039).decoded, Decoded::truncated);
  EXPECT_EQ(decode(datagram, 1040).decoded, Decoded::packet);
  EXPECT_EQ(decode(datagram, 1041).decoded, Decoded::packet);
}

TEST(DecodeIpv6, PayloadLengthZeroMeansAllThatTheWireCarried) {
  const Bytes datagram = ipv6_datagram({.payload_length = 0});
  EXPECT_EQ(decode(datagram, 60).decoded, Decoded::packet);
  EXPECT_EQ(decode(datagram, 100'000).decoded, Decoded::packet);
  EXPECT_EQ(decoded(resized(datagram, 59)), Decoded::truncated);
}

TEST(DecodeIpv6, NoNextHeaderIsAPacketWithoutPorts) {
  for (const Bytes& payload : {Bytes{}, counting(40)}) {
    const auto [decoded, packet] = decode(ipv6_datagram({.next = next_header::none}, payload));
    EXPECT_EQ(decoded, Decoded::packet);
    EXPECT_EQ(packet.protocol, IpProto{59});
    EXPECT_EQ(packet.target_port, 0);
  }
}

TEST(DecodeIpv6, PassesEachKindOfExtensionHeader) {
  for (const std::uint8_t kind :
       {next_header::hop_by_hop, next_header::routing, next_header::destination,
        next_header::mobility, next_header::hip, next_header::shim6}) {
    for (const std::size_t size : {8u, 16u, 264u, 2048u}) {
      const auto [decoded, packet] = decode(
          ipv6_datagram({.next = kind}, join({extension_header(kTcp, size), tcp_segment()})));
      EXPECT_EQ(decoded, Decoded::packet) << int{kind} << " " << size;
      EXPECT_EQ(packet.protocol, IpProto::tcp);
      EXPECT_EQ(packet.target_port, 80);
    }
  }
}

TEST(DecodeIpv6, LengthOfTheAuthenticationHeaderCountsFourByteUnits) {
  for (const std::size_t size : {8u, 12u, 24u, 1028u}) {
    const auto [decoded, packet] =
        decode(ipv6_datagram({.next = next_header::authentication},
                             join({authentication_header(kUdp, size), udp_datagram(1, 53)})));
    EXPECT_EQ(decoded, Decoded::packet) << size;
    EXPECT_EQ(packet.target_port, 53) << size;
  }
}

TEST(DecodeIpv6, EncryptedPayloadIsAProtocolOfItsOwn) {
  const auto [decoded, packet] = decode(ipv6_datagram({.next = next_header::esp}, counting(40)));
  EXPECT_EQ(decoded, Decoded::packet);
  EXPECT_EQ(packet.protocol, IpProto{50});
  EXPECT_EQ(packet.target_port, 0);
}

// `count` destination options headers, then TCP.
Bytes chain(int count) {
  Bytes out;
  for (int i = 1; i <= count; ++i)
    test::put(out, extension_header(i == count ? kTcp : next_header::destination));
  return join({out, tcp_segment()});
}

TEST(DecodeIpv6, ChainsOfUpToEightExtensionHeadersAreFollowed) {
  EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::destination}, chain(7))), Decoded::packet);
  EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::destination}, chain(8))), Decoded::packet);
  EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::destination}, chain(9))),
            Decoded::bad_header);
}

TEST(DecodeIpv6, TheFragmentHeaderIsOneOfTheEight) {
  const Bytes atomic = fragment_header(next_header::destination, 0, false, 1);
  EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::fragment}, join({atomic, chain(7)}))),
            Decoded::packet);
  EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::fragment}, join({atomic, chain(8)}))),
            Decoded::bad_header);
}

TEST(DecodeIpv6, AnExtensionHeaderThatRunsPastTheDatagramIsTruncated) {
  const Ipv6Header header{.next = next_header::routing};
  EXPECT_EQ(decoded(ipv6_datagram(header, resized(extension_header(50, 24), 7))),
            Decoded::truncated);
  EXPECT_EQ(decoded(ipv6_datagram(header, resized(extension_header(50, 24), 23))),
            Decoded::truncated);
  EXPECT_EQ(decoded(ipv6_datagram(header, extension_header(50, 24))), Decoded::packet);
}

TEST(DecodeIpv6, AnExtensionHeaderMayEndBehindTheCaptureWhenNoBytesOfTheNextAreNeeded) {
  const Bytes datagram = ipv6_datagram({.next = next_header::routing}, extension_header(50, 24));
  EXPECT_EQ(decode(resized(datagram, 47), 64).decoded, Decoded::truncated);
  EXPECT_EQ(decode(resized(datagram, 48), 64).decoded, Decoded::packet);
}

TEST(DecodeIpv6, AtomicFragmentIsAWholePacket) {
  const auto [decoded, packet] =
      decode(ipv6_datagram({.next = next_header::fragment},
                           join({fragment_header(kTcp, 0, false, 0xdeadbeef), tcp_segment()})));
  EXPECT_EQ(decoded, Decoded::packet);
  EXPECT_EQ(packet.target_port, 80);
  EXPECT_EQ(packet.traits, 0);
}

TEST(DecodeIpv6, MoreFragmentsOrAnOffsetMakesAFragment) {
  for (const auto& [offset, more] :
       {std::pair{0u, true}, std::pair{8u, false}, std::pair{65528u, true}}) {
    const Bytes body = join({fragment_header(kTcp, offset, more, 1), tcp_segment()});
    EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::fragment}, body)), Decoded::fragment);
    EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::hop_by_hop},
                                    join({extension_header(next_header::fragment), body}))),
              Decoded::fragment);
  }
}

TEST(DecodeIpv6, ReservedBitsOfTheFragmentHeaderDoNotMatter) {
  Bytes header = fragment_header(kTcp, 0, false, 1);
  header[1] = std::byte{0xff};
  header[3] = std::byte{0x06};
  EXPECT_EQ(decoded(ipv6_datagram({.next = next_header::fragment}, join({header, tcp_segment()}))),
            Decoded::packet);
}

TEST(DecodeIpv6, AFragmentHeaderInsideAnAtomicFragmentIsRefused) {
  const Bytes atomic = fragment_header(next_header::fragment, 0, false, 1);
  for (const bool more : {false, true}) {
    EXPECT_EQ(
        decoded(ipv6_datagram({.next = next_header::fragment},
                              join({atomic, fragment_header(kTcp, 0, more, 2), tcp_segment()}))),
        Decoded::bad_header);
  }
}

Packet ip_level(Family family) {
  Packet packet = dirty_packet();
  packet.family = family;
  return packet;
}

TEST(DecodeTransport, SetsAllTransportFieldsAndNoOthers) {
  Packet packet = ip_level(Family::ipv4);
  const Packet before = packet;
  const Bytes payload = udp_datagram(1000, 53);
  ASSERT_EQ(decode_transport(kUdp, payload, payload.size(), packet), Decoded::packet);
  Packet expected = before;
  expected.protocol = IpProto::udp;
  expected.window = 0;  // no payload
  expected.source_port = 1000;
  expected.target_port = 53;
  expected.sequence = expected.acknowledgement = 0;
  expected.flags = 0;
  expected.set_options(TcpOptions::none);
  EXPECT_EQ(image(packet), image(expected));
}

TEST(DecodeTransport, FollowsExtensionHeadersInIpv6Only) {
  const Bytes payload = join({extension_header(kTcp), tcp_segment({.target_port = 22})});
  Packet packet = ip_level(Family::ipv6);
  EXPECT_EQ(decode_transport(next_header::destination, payload, payload.size(), packet),
            Decoded::packet);
  EXPECT_EQ(packet.protocol, IpProto::tcp);
  EXPECT_EQ(packet.target_port, 22);
  packet = ip_level(Family::ipv4);
  EXPECT_EQ(decode_transport(next_header::destination, payload, payload.size(), packet),
            Decoded::packet);
  EXPECT_EQ(packet.protocol, IpProto{60});
  EXPECT_EQ(packet.target_port, 0);
}

TEST(DecodeTransport, RefusesAFragmentHeaderEvenAnAtomicOne) {
  const Bytes payload = join({fragment_header(kTcp, 0, false, 1), tcp_segment()});
  Packet packet = ip_level(Family::ipv6);
  EXPECT_EQ(decode_transport(next_header::fragment, payload, payload.size(), packet),
            Decoded::bad_header);
}

TEST(DecodeTransport, ReadsNothingPastTheTrueSize) {
  const Bytes payload = tcp_segment();
  Packet packet = ip_level(Family::ipv4);
  EXPECT_EQ(decode_transport(kTcp, payload, 19, packet), Decoded::truncated);
  EXPECT_EQ(decode_transport(kTcp, payload, 20, packet), Decoded::packet);
  EXPECT_EQ(decode_transport(kTcp, payload, 1480, packet), Decoded::packet);
}

std::optional<Fragment> fragment(const Bytes& datagram, std::size_t wire_size) {
  Fragment out;
  out.header = dirty_packet();
  if (!decode_fragment(datagram, wire_size, out)) return std::nullopt;
  return out;
}
// The payload of the answer points into `datagram`, so that must be a variable.
std::optional<Fragment> fragment(const Bytes& datagram) {
  return fragment(datagram, datagram.size());
}
std::optional<Fragment> fragment(Bytes&&) = delete;

bool is_fragment(const Bytes& datagram) { return fragment(datagram).has_value(); }

Bytes payload_of(const Fragment& fragment) {
  return {fragment.payload.begin(), fragment.payload.end()};
}

TEST(DecodeFragment, DescribesAnIpv4Fragment) {
  const Bytes datagram = ipv4_datagram({.source = "192.0.2.9",
                                        .target = "10.0.0.2",
                                        .protocol = kUdp,
                                        .ttl = 7,
                                        .tos = 0x10,
                                        .id = 0xabcd,
                                        .offset = 1480,
                                        .more = true,
                                        .options = Bytes(4)},
                                       counting(24));
  const auto found = fragment(datagram);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, 0xabcdu);
  EXPECT_EQ(found->offset, 1480u);
  EXPECT_TRUE(found->more);
  EXPECT_EQ(found->next, kUdp);
  EXPECT_EQ(found->size, 24u);
  EXPECT_EQ(payload_of(*found), counting(24));
  Packet expected;
  expected.family = Family::ipv4;
  expected.source = {192, 0, 2, 9};
  expected.target = {10, 0, 0, 2};
  expected.ttl = 7;
  expected.tos = 0x10;
  expected.ip_id = 0xabcd;
  EXPECT_EQ(image(found->header), image(expected));
}

TEST(DecodeFragment, DescribesAnIpv6FragmentBehindOtherExtensionHeaders) {
  const Bytes datagram = ipv6_datagram(
      {.next = next_header::hop_by_hop, .hop_limit = 9},
      join({extension_header(next_header::fragment),
            fragment_header(next_header::destination, 65520, false, 0xdeadbeef), counting(15)}));
  const auto found = fragment(datagram);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, 0xdeadbeefu);
  EXPECT_EQ(found->offset, 65520u);
  EXPECT_FALSE(found->more);
  EXPECT_EQ(found->next, next_header::destination);
  EXPECT_EQ(found->size, 15u);
  EXPECT_EQ(payload_of(*found), counting(15));
  EXPECT_EQ(found->header.family, Family::ipv6);
  EXPECT_EQ(found->header.ttl, 9);
  EXPECT_EQ(found->header.traits, 0);
  EXPECT_EQ(source_of(found->header), "2001:db8::1");
}

TEST(DecodeFragment, SizeIsThatOfTheHeaderWhatTheCaptureCutOrPaddedAside) {
  const Bytes datagram = ipv4_datagram({.more = true}, counting(32));
  const Bytes cut = resized(datagram, 30);
  const auto part = fragment(cut, datagram.size());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->size, 32u);
  EXPECT_EQ(payload_of(*part), counting(10));
  const Bytes padded = join({datagram, counting(9)});
  const auto whole = fragment(padded);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->size, 32u);
  EXPECT_EQ(payload_of(*whole), counting(32));
}

// Linux reassembles what is left, so a scanner could hide from us otherwise.
TEST(DecodeFragment, OfAnIpv4OneThatIsNotTheLastOnlyWholeUnitsOfEightBytesCount) {
  for (const auto& [size, kept] :
       {std::pair{8u, 8u}, {9u, 8u}, {15u, 8u}, {16u, 16u}, {17u, 16u}}) {
    const Bytes first = ipv4_datagram({.offset = 8, .more = true}, counting(size));
    const auto found = fragment(first);
    ASSERT_TRUE(found) << size;
    EXPECT_EQ(found->size, kept);
    EXPECT_EQ(payload_of(*found), counting(kept));
    const Bytes last = ipv4_datagram({.offset = 8}, counting(size));
    EXPECT_EQ(fragment(last).value().size, size);
  }
  EXPECT_FALSE(is_fragment(ipv4_datagram({.offset = 8, .more = true}, counting(7))));
}

TEST(DecodeFragment, AnIpv6OneThatIsNotTheLastMustBeAMultipleOfEightLong) {
  for (const std::size_t size : {7u, 8u, 9u}) {
    for (const bool more : {false, true}) {
      const Bytes body = join({fragment_header(kTcp, 8, more, 1), counting(size)});
      EXPECT_EQ(is_fragment(ipv6_datagram({.next = next_header::fragment}, body)),
                !more || size == 8);
    }
  }
}

TEST(DecodeFragment, MustAddAtLeastOneByte) {
  EXPECT_FALSE(is_fragment(ipv4_datagram({.offset = 8}, {})));
  EXPECT_TRUE(is_fragment(ipv4_datagram({.offset = 8}, counting(1))));
  const Ipv6Header header{.next = next_header::fragment};
  EXPECT_FALSE(is_fragment(ipv6_datagram(header, fragment_header(kTcp, 8, false, 1))));
  EXPECT_TRUE(
      is_fragment(ipv6_datagram(header, join({fragment_header(kTcp, 8, false, 1), counting(1)}))));
}

TEST(DecodeFragment, MustEndWithinTheLargestDatagram) {
  for (const std::size_t size : {6u, 7u, 8u}) {
    const bool expected = size <= 7;  // 65528 + 7 = 65535
    EXPECT_EQ(is_fragment(ipv4_datagram({.offset = 65528}, counting(size))), expected);
    EXPECT_EQ(
        is_fragment(ipv6_datagram({.next = next_header::fragment},
                                  join({fragment_header(kTcp, 65528, false, 1), counting(size)}))),
        expected);
  }
}

TEST(DecodeFragment, AnswersTrueOnlyWhereDecodeIpSaysFragment) {
  std::vector<Bytes> datagrams = whole_datagrams();
  datagrams.push_back({});
  datagrams.push_back(ipv4_datagram({.more = true, .ihl = 4}));
  datagrams.push_back(ipv4_datagram({.more = true, .total_length = 48}));
  datagrams.push_back(ipv4_datagram({.more = true, .version = 5}));
  for (const Bytes& datagram : datagrams) EXPECT_FALSE(is_fragment(datagram));
}

TEST(DecodeFragment, EveryPrefixTellsOfTheSameFragmentOrNone) {
  for (const Bytes& datagram :
       {ipv4_datagram({.offset = 16, .more = true, .options = Bytes(8)}, counting(16)),
        ipv6_datagram({.next = next_header::routing},
                      join({extension_header(next_header::fragment, 16),
                            fragment_header(kTcp, 8, false, 3), counting(10)}))}) {
    const auto whole = fragment(datagram);
    ASSERT_TRUE(whole);
    for (std::size_t size = 0; size < datagram.size(); ++size) {
      const Bytes prefix(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(is_fragment(prefix)) << size;  // longer than its frame
      const auto part = fragment(prefix, datagram.size());
      if (!part) continue;
      EXPECT_EQ(part->offset, whole->offset);
      EXPECT_EQ(part->size, whole->size);
      EXPECT_EQ(payload_of(*part), resized(counting(whole->size), part->payload.size()));
    }
  }
}

TEST(DecodeFragment, PiecesOfASegmentPutTogetherAreTheSegment) {
  const Bytes segment = tcp_segment({.options = hex("0204 05b4")}, counting(5));
  std::vector<Bytes> all = test::ipv4_fragments({.id = 9}, segment, 8);
  for (Bytes& piece : test::ipv6_fragments({}, kTcp, 9, segment, 16)) all.push_back(piece);
  ASSERT_EQ(all.size(), 4u + 2u);
  Bytes built;
  for (const Bytes& piece : all) {
    const auto found = fragment(piece);
    ASSERT_TRUE(found);
    if (found->offset == 0) built.clear();
    EXPECT_EQ(found->offset, built.size());
    EXPECT_EQ(found->id, 9u);
    test::put(built, found->payload);
    if (!found->more) {
      EXPECT_EQ(built, segment);
    }
  }
}

}  // namespace
}  // namespace scanlogd
