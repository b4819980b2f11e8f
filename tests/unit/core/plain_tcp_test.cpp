// The packet that nearly all are: which datagrams are of that kind, the checksum of their header,
// and where each field is. What it all means is for decode_test, because `decode_ip` goes the same
// way.
#include "core/plain_tcp.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <random>

#include "support/frame_builder.h"

namespace scanlogd {
namespace {

using test::Bytes;
using test::ipv4_datagram;
using test::tcp_segment;

bool is_plain(const Bytes& datagram, std::size_t wire_size) {
  return plain_tcp::is_plain(datagram.data(), wire_size);
}
bool is_plain(const Bytes& datagram) { return is_plain(datagram, datagram.size()); }

TEST(PlainTcp, IsAWholeTcpSegmentInIpv4WithoutIpOptions) {
  EXPECT_TRUE(is_plain(ipv4_datagram()));
  EXPECT_TRUE(is_plain(ipv4_datagram({.dont_fragment = true, .reserved = true})));
  EXPECT_TRUE(is_plain(ipv4_datagram({}, tcp_segment({.options = Bytes(40)}, Bytes(100)))));
  EXPECT_FALSE(is_plain(ipv4_datagram({.options = Bytes(4)})));
  EXPECT_FALSE(is_plain(ipv4_datagram({.ihl = 4})));
  EXPECT_FALSE(is_plain(ipv4_datagram({.version = 6})));
  EXPECT_FALSE(is_plain(ipv4_datagram({.protocol = 17})));
  EXPECT_FALSE(is_plain(ipv4_datagram({.more = true})));
  EXPECT_FALSE(is_plain(ipv4_datagram({.offset = 8})));
  EXPECT_FALSE(is_plain(ipv4_datagram({.offset = 65528})));
  EXPECT_FALSE(is_plain(test::ipv6_datagram()));
}

TEST(PlainTcp, ItsLengthIsThatOfItsHeadersAtLeastAndOfTheWireAtMost) {
  for (const unsigned total : {0u, 39u, 40u, 41u}) {
    EXPECT_EQ(is_plain(ipv4_datagram({.total_length = total}), 100), total >= 40) << total;
  }
  for (const std::size_t wire_size : {99u, 100u, 101u}) {
    EXPECT_EQ(is_plain(ipv4_datagram({.total_length = 100}), wire_size), wire_size >= 100);
  }
}

TEST(PlainTcp, TheSegmentEndsWithTheDatagramOrTheCapture) {
  const Bytes padded = test::resized(ipv4_datagram(), 60);
  EXPECT_EQ(plain_tcp::segment(padded).size(), 20u);
  const Bytes cut = test::resized(ipv4_datagram({.total_length = 100}), 50);
  EXPECT_EQ(plain_tcp::segment(cut).size(), 30u);
}

// RFC 1071, half by half.
bool is_right_by_halves(const Bytes& datagram) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < 20; at += 2) {
    sum += std::to_integer<std::uint32_t>(datagram[at]) << 8 |
           std::to_integer<std::uint32_t>(datagram[at + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

TEST(PlainTcp, TheChecksumIsRightWhereTheSumOfHalvesSaysSo) {
  std::mt19937 random(1);
  int right = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes datagram = ipv4_datagram(
        {.ttl = static_cast<std::uint8_t>(random()), .id = static_cast<std::uint16_t>(random())});
    if (round % 2 == 0) datagram[random() % 20] = static_cast<std::byte>(random());
    // Many carries, and sums near the edge.
    if (round % 3 == 0) std::fill_n(datagram.begin() + 12, 8, std::byte{0xff});
    EXPECT_EQ(plain_tcp::is_right(datagram.data()), is_right_by_halves(datagram));
    right += static_cast<int>(is_right_by_halves(datagram));
  }
  EXPECT_GT(right, 5'000);
}

// `bytes` bytes in network order.
std::uint32_t number_at(const Bytes& datagram, std::size_t at, std::size_t bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    number = number << 8 | std::to_integer<std::uint32_t>(datagram[at + i]);
  }
  return number;
}

TEST(PlainTcp, EachFieldOfThePacketComesFromItsPlaceInTheHeaders) {
  using std::chrono::nanoseconds;
  std::mt19937 random(2);
  for (int round = 0; round < 1'000; ++round) {
    Bytes datagram(plain_tcp::kSize);
    for (std::byte& byte : datagram) byte = static_cast<std::byte>(random());
    Packet packet;
    // What was there before must not matter.
    std::memset(static_cast<void*>(&packet), static_cast<int>(random() & 0xff), sizeof(packet));
    const nanoseconds time(static_cast<std::int64_t>(random()) << 20);
    plain_tcp::decode(datagram.data(), time, packet);

    EXPECT_EQ(packet.time, time);
    EXPECT_EQ(packet.family, Family::ipv4);
    EXPECT_EQ(packet.protocol, IpProto::tcp);
    EXPECT_EQ(packet.source, ipv4_bytes(number_at(datagram, 12, 4)));
    EXPECT_EQ(packet.target, ipv4_bytes(number_at(datagram, 16, 4)));
    EXPECT_EQ(packet.tos, number_at(datagram, 1, 1));
    EXPECT_EQ(packet.ip_id, number_at(datagram, 4, 2));
    EXPECT_EQ(packet.ttl, number_at(datagram, 8, 1));
    EXPECT_EQ(packet.source_port, number_at(datagram, 20, 2));
    EXPECT_EQ(packet.target_port, number_at(datagram, 22, 2));
    EXPECT_EQ(packet.sequence, number_at(datagram, 24, 4));
    EXPECT_EQ(packet.flags, number_at(datagram, 33, 1));
    EXPECT_EQ(packet.window, number_at(datagram, 34, 2));
    EXPECT_EQ(packet.acknowledgement,
              packet.is_syn() ? SynSummary().bits() : number_at(datagram, 28, 4));
    EXPECT_EQ(packet.traits, 0);
    EXPECT_EQ(packet.vlan, 0);
  }
}

}  // namespace
}  // namespace scanlogd
