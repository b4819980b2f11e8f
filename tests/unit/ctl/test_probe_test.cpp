// Frames for testing are what our own decoder takes for a SYN; their checksums add up.
#include "ctl/test_probe.h"

#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/decode.h"

namespace scanlogd::test {
namespace {

constexpr ctl::MacAddress kMac = {2, 3, 4, 5, 6, 7};

/// RFC 1071: over data with its checksum the sum is all ones.
std::uint32_t folded(std::span<const std::byte> bytes, std::uint32_t sum) {
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    sum += std::to_integer<std::uint32_t>(bytes[at]) << 8 |
           std::to_integer<std::uint32_t>(bytes[at + 1]);
  }
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

struct Case {
  const char* source;
  const char* target;
  std::size_t header;     ///< of IP, in bytes
  std::size_t addresses;  ///< where they begin in it
};

class TestProbe : public ::testing::TestWithParam<Case> {};

TEST_P(TestProbe, IsASynThatEveryReceiverTakes) {
  const Case& expected = GetParam();
  const Address source = parse_address(expected.source).value();
  const Address target = parse_address(expected.target).value();
  const auto frame = ctl::build_test_probe(kMac, source, target, 26, 0x01020304);
  const auto ip = std::span(frame).subspan(ETH_HLEN);
  Packet packet;
  ASSERT_EQ(decode_ip(ip, ip.size(), packet), Decoded::packet);
  EXPECT_EQ(packet.source, source.bytes);
  EXPECT_EQ(packet.target, target.bytes);
  EXPECT_EQ(packet.target_port, 26);
  EXPECT_EQ(packet.flags, tcp_flag::syn);
  if (source.family == Family::ipv4) {
    EXPECT_EQ(folded(ip.first(expected.header), 0), 0xffffU);
  }
  const auto segment = ip.subspan(expected.header);
  const auto addresses = ip.first(expected.header).subspan(expected.addresses);
  const std::uint32_t pseudo =
      folded(addresses, 0) + 6 + static_cast<std::uint32_t>(segment.size());
  EXPECT_EQ(folded(segment, pseudo), 0xffffU);
}

INSTANTIATE_TEST_SUITE_P(Families, TestProbe,
                         ::testing::Values(Case{"192.0.2.7", "10.77.200.1", 20, 12},
                                           Case{"2001:db8::1", "fd00::2", 40, 8}),
                         [](const auto& each) {
                           return each.param.header == 20 ? "Ipv4" : "Ipv6";
                         });

TEST(TestSource, IsForDocumentationAndNotFromTheNetworkOfTheTarget) {
  for (const std::uint64_t random : {0U, 253U, 254U, 1'000'000U}) {
    const Address usual = ctl::choose_test_source(parse_address("10.0.0.1").value(), random);
    EXPECT_TRUE(parse_network("192.0.2.0/24")->contains(usual)) << to_string(usual);
    EXPECT_NE(usual.bytes[3], 0);
    EXPECT_NE(usual.bytes[3], 255);
    const Address other = ctl::choose_test_source(parse_address("192.0.2.1").value(), random);
    EXPECT_TRUE(parse_network("198.51.100.0/24")->contains(other)) << to_string(other);
  }
  EXPECT_EQ(to_string(ctl::choose_test_source(parse_address("fe80::1").value(), 0x04030201)),
            "2001:db8:102:304::1");
}

TEST(TestedInterface, OneThatIsNotThereIsAnError) {
  const auto found = ctl::find_tested_interface("nothing0");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ENODEV);
}

TEST(TestedInterface, LoopbackCanBeTested) {
  const auto found = ctl::find_tested_interface("lo");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_TRUE(parse_network("127.0.0.0/8")->contains(found->address));
  EXPECT_NE(found->index, 0U);
}

}  // namespace
}  // namespace scanlogd::test
