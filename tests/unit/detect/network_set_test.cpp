// Membership in a few networks.
#include "detect/network_set.h"

#include <gtest/gtest.h>

namespace scanlogd::test {
namespace {

NetworkSet set(std::string_view text) { return NetworkSet(parse_networks(text).value()); }
bool contains(const NetworkSet& networks, std::string_view text) {
  const Address address = parse_address(text).value();
  return networks.contains(address.family, address.bytes);
}

TEST(NetworkSet, ContainsWhatItsNetworksContain) {
  const NetworkSet networks = set("192.0.2.0/25,198.51.100.7,2001:db8:2::/47");
  EXPECT_TRUE(contains(networks, "192.0.2.127"));
  EXPECT_FALSE(contains(networks, "192.0.2.128"));
  EXPECT_TRUE(contains(networks, "198.51.100.7"));
  EXPECT_FALSE(contains(networks, "198.51.100.8"));
  EXPECT_TRUE(contains(networks, "2001:db8:2::1"));
  EXPECT_TRUE(contains(networks, "2001:db8:3::1"));
  EXPECT_FALSE(contains(networks, "2001:db8:4::1"));
}
TEST(NetworkSet, OfEverythingContainsTheFamily) {
  EXPECT_TRUE(contains(set("0.0.0.0/0"), "192.0.2.1"));
  EXPECT_FALSE(contains(set("0.0.0.0/0"), "2001:db8::1"));
}
TEST(NetworkSet, KnowsTheBroadcastAddresses) {
  const NetworkSet networks = set("192.0.2.0/25,198.51.100.7");
  EXPECT_TRUE(networks.is_broadcast(parse_address("192.0.2.127")->bytes));
  EXPECT_FALSE(networks.is_broadcast(parse_address("192.0.2.126")->bytes));
  EXPECT_FALSE(networks.is_broadcast(parse_address("198.51.100.7")->bytes));
}
TEST(NetworkSet, OfNothingIsEmpty) {
  EXPECT_TRUE(NetworkSet().empty());
  EXPECT_FALSE(set("::/0").empty());
}

}  // namespace
}  // namespace scanlogd::test
