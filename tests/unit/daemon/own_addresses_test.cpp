// Every machine that runs tests has a loopback interface.
#include "daemon/own_addresses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace scanlogd::test {
namespace {

bool owns(std::string_view text) {
  return std::ranges::any_of(own_addresses(), [&](const Network& network) {
    return network.contains(parse_address(text).value());
  });
}

TEST(OwnAddresses, HasTheLoopbackNetworks) {
  EXPECT_TRUE(owns("127.0.0.1"));
  EXPECT_TRUE(owns("127.1.2.3"));
  EXPECT_TRUE(owns("::1"));
}

TEST(OwnAddresses, HasNoOneElses) {
  EXPECT_FALSE(owns("192.0.2.1"));
  EXPECT_FALSE(owns("2001:db8::1"));
  EXPECT_FALSE(owns("::2"));
}

}  // namespace
}  // namespace scanlogd::test
