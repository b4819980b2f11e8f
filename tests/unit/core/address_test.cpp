// Text forms of addresses and networks.
#include "core/address.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>

namespace scanlogd {
namespace {

Address address(std::string_view text) { return parse_address(text).value(); }
Network network(std::string_view text) { return parse_network(text).value(); }

TEST(Address, ParsesDottedQuadIntoTheFirstFourBytes) {
  const Address parsed = address("192.0.2.255");
  EXPECT_EQ(parsed.family, Family::ipv4);
  EXPECT_EQ(parsed.bytes, (AddressBytes{192, 0, 2, 255}));
}

TEST(Address, ParsesIpv6IntoSixteenBytes) {
  const Address parsed = address("2001:db8::1:ff");
  EXPECT_EQ(parsed.family, Family::ipv6);
  EXPECT_EQ(parsed.bytes,
            (AddressBytes{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff}));
}

TEST(Address, WritesWhatItReadInTheFormOfRfc5952) {
  for (const auto& [read, written] : {
           std::pair{"0.0.0.0", "0.0.0.0"},
           std::pair{"255.255.255.255", "255.255.255.255"},
           std::pair{"::", "::"},
           std::pair{"::1", "::1"},
           std::pair{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},      // 4.2.3: the first run
           std::pair{"2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: not one field
           std::pair{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},            // 4.2.3: the longest run
           std::pair{"::ffff:c000:0201", "::ffff:192.0.2.1"},           // 5
           std::pair{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
       }) {
    EXPECT_EQ(to_string(address(read)), written);
  }
}

TEST(Address, RefusesWhatIsNoAddressAndQuotesIt) {
  for (const std::string_view text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "0x7f.0.0.1", "localhost",
        "[::1]", "fe80::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "10.0.0.0/8",
        "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"}) {
    const auto parsed = parse_address(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().what, "'" + std::string(text) + "' is not an IPv4 or IPv6 address");
  }
}

TEST(Address, MayBeAsLongAsTheLongestFormAndNoLonger) {
  const std::string longest = "0000:0000:0000:0000:0000:ffff:255.255.255.255";
  EXPECT_EQ(to_string(address(longest)), "::ffff:255.255.255.255");
  EXPECT_FALSE(parse_address(longest + "5"));
  EXPECT_FALSE(parse_address(longest + "55"));
}

TEST(Address, RefusesTextThatGoesOnAfterANulByte) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(parse_address("192.0.2.1\0"sv));
  EXPECT_FALSE(parse_address("::1\0::2"sv));
}

TEST(Address, OfOneFamilyNeverEqualsOneOfTheOther) {
  EXPECT_NE(address("0.0.0.0"), address("::"));
  EXPECT_NE(address("192.0.2.1"), address("::ffff:192.0.2.1"));
}

TEST(Address, WithoutFamilyIsWrittenAsNone) { EXPECT_EQ(to_string(Address{}), "none"); }

TEST(Address, Ipv4ValueAndBytesAreInversesInHostOrder) {
  EXPECT_EQ(ipv4_value(address("192.0.2.1").bytes), 0xc0000201u);
  EXPECT_EQ(ipv4_bytes(0xc0000201u), address("192.0.2.1").bytes);
}

TEST(Network, ContainsExactlyTheAddressesBetweenItsEnds) {
  for (const auto& [prefix, before, first, last, after] : {
           std::tuple{"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
           std::tuple{"192.0.2.64/27", "192.0.2.63", "192.0.2.64", "192.0.2.95", "192.0.2.96"},
           std::tuple{"192.0.2.6/31", "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8"},
           std::tuple{"192.0.2.7/32", "192.0.2.6", "192.0.2.7", "192.0.2.7", "192.0.2.8"},
           std::tuple{"192.0.2.7", "192.0.2.6", "192.0.2.7", "192.0.2.7", "192.0.2.8"},
           std::tuple{"2001:db8::/33",
                      "2001:db7:ffff::", "2001:db8::", "2001:db8:7fff:ffff::", "2001:db8:8000::"},
           std::tuple{"2001:db8::8/126", "2001:db8::7", "2001:db8::8", "2001:db8::b",
                      "2001:db8::c"},
           std::tuple{"::1", "::", "::1", "::1", "::2"},
       }) {
    EXPECT_FALSE(network(prefix).contains(address(before))) << prefix;
    EXPECT_TRUE(network(prefix).contains(address(first))) << prefix;
    EXPECT_TRUE(network(prefix).contains(address(last))) << prefix;
    EXPECT_FALSE(network(prefix).contains(address(after))) << prefix;
  }
}

TEST(Network, OfPrefixZeroContainsItsWholeFamilyAndNothingElse) {
  EXPECT_TRUE(network("0.0.0.0/0").contains(address("255.255.255.255")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("::")));
  EXPECT_TRUE(network("::/0").contains(address("ffff::ffff")));
  EXPECT_FALSE(network("::/0").contains(address("0.0.0.0")));
}

TEST(Network, WithHostBitsSetIsRefusedWithTheOneThatWasMeant) {
  EXPECT_EQ(parse_network("10.0.0.1/8").error().what,
            "'10.0.0.1/8' has host bits set (did you mean '10.0.0.0/8'?)");
  EXPECT_EQ(parse_network("192.0.2.7/31").error().what,
            "'192.0.2.7/31' has host bits set (did you mean '192.0.2.6/31'?)");
  EXPECT_EQ(parse_network("2001:db8::1/127").error().what,
            "'2001:db8::1/127' has host bits set (did you mean '2001:db8::/127'?)");
}

TEST(Network, PrefixMustBeANumberThatTheFamilyHasBitsFor) {
  EXPECT_TRUE(parse_network("0.0.0.0/32"));
  EXPECT_EQ(parse_network("0.0.0.0/33").error().what,
            "'0.0.0.0/33' has no prefix length from 0 to 32");
  EXPECT_TRUE(parse_network("::/128"));
  EXPECT_EQ(parse_network("::/129").error().what, "'::/129' has no prefix length from 0 to 128");
  for (const std::string_view text :
       {"0.0.0.0/", "0.0.0.0/x", "0.0.0.0/8x", "0.0.0.0/-1", "0.0.0.0/+8", "0.0.0.0/ 8",
        "0.0.0.0/8/8", "0.0.0.0/99999999999999999999", "0.0.0.0/255.0.0.0"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
  EXPECT_FALSE(parse_network("/8"));
}

TEST(Networks, AreSeparatedByCommasAndOptionalSpaces) {
  const auto networks = parse_networks("10.0.0.0/8, 2001:db8::/32 ,192.0.2.1").value();
  ASSERT_EQ(networks.size(), 3u);
  EXPECT_EQ(networks[0].base, address("10.0.0.0"));
  EXPECT_EQ(networks[0].prefix, 8);
  EXPECT_EQ(networks[1].base, address("2001:db8::"));
  EXPECT_EQ(networks[1].prefix, 32);
  EXPECT_EQ(networks[2].base, address("192.0.2.1"));
  EXPECT_EQ(networks[2].prefix, 32);
}

TEST(Networks, EmptyElementsAndEmptyListsAreRefused) {
  for (const std::string_view text : {"", " ", ",", "10.0.0.0/8,", ",10.0.0.0/8", "::1,,::2"})
    EXPECT_FALSE(parse_networks(text)) << text;
}

TEST(Networks, OneBadElementSpoilsTheListAndIsNamed) {
  EXPECT_EQ(parse_networks("10.0.0.0/8,10.0.0.0/x").error().what,
            "'10.0.0.0/x' has no prefix length from 0 to 32");
}

}  // namespace
}  // namespace scanlogd
