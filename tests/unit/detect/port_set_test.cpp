// Lists of ports: what they contain, and every refusal with a suggestion.
#include "detect/port_set.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace scanlogd::test {
namespace {

PortSet set_of(std::string_view text) {
  auto set = PortSet::parse(text);
  EXPECT_TRUE(set) << set.error().what;
  return set ? std::move(*set) : PortSet();
}

std::string complaint(std::string_view text) {
  const auto set = PortSet::parse(text);
  return set ? "" : set.error().what;
}

TEST(PortSet, OfNothingIsEmpty) {
  EXPECT_TRUE(PortSet().empty());
  EXPECT_TRUE(set_of("").empty());
  EXPECT_FALSE(set_of("").contains(IpProto::tcp, 22));
}
TEST(PortSet, APortIsOneOfEveryProtocolThatHasPorts) {
  const PortSet set = set_of("22");
  EXPECT_FALSE(set.empty());
  for (const IpProto protocol : {IpProto::tcp, IpProto::udp, IpProto::sctp}) {
    EXPECT_FALSE(set.contains(protocol, 21));
    EXPECT_TRUE(set.contains(protocol, 22));
    EXPECT_FALSE(set.contains(protocol, 23));
  }
  EXPECT_FALSE(set.contains(IpProto::icmp, 22));
  EXPECT_FALSE(set.contains(IpProto{47}, 22));
}
TEST(PortSet, ARangeHasBothItsEnds) {
  const PortSet set = set_of("8000-8100, 0-1/udp,65535/tcp");
  EXPECT_FALSE(set.contains(IpProto::tcp, 7999));
  EXPECT_TRUE(set.contains(IpProto::tcp, 8000));
  EXPECT_TRUE(set.contains(IpProto::sctp, 8100));
  EXPECT_FALSE(set.contains(IpProto::tcp, 8101));
  EXPECT_TRUE(set.contains(IpProto::udp, 0));
  EXPECT_FALSE(set.contains(IpProto::tcp, 1));
  EXPECT_TRUE(set.contains(IpProto::tcp, 65535));
  EXPECT_FALSE(set.contains(IpProto::udp, 65535));
}
TEST(PortSet, APortIsNoOther) {
  for (unsigned port = 0; port < 80; ++port) {
    const PortSet set = set_of(std::to_string(port) + "/udp");
    for (unsigned other = 0; other < 65536; ++other) {
      ASSERT_EQ(set.contains(IpProto::udp, static_cast<Port>(other)), other == port)
          << port << ' ' << other;
    }
  }
}
TEST(PortSet, AProtocolIsAllOfIt) {
  const PortSet set = set_of("udp,icmp");
  EXPECT_TRUE(set.contains(IpProto::udp, 0));
  EXPECT_TRUE(set.contains(IpProto::udp, 65535));
  EXPECT_FALSE(set.contains(IpProto::tcp, 80));
  EXPECT_TRUE(set.contains(IpProto::icmp, 8));
  EXPECT_TRUE(set.contains(IpProto::icmpv6, 128));
}
TEST(PortSet, WhatIsWrongIsRefusedWithWhatWasMeant) {
  const std::string what =
      " is not a port, a range or a protocol, such as 22, 53/udp, 8000-8100 or icmp";
  EXPECT_EQ(complaint("ssh"), "'ssh'" + what);
  EXPECT_EQ(complaint("22,,23"), "''" + what);
  EXPECT_EQ(complaint("65536"), "'65536'" + what);
  EXPECT_EQ(complaint("8000:8100"), "'8000:8100'" + what + " (did you mean '8000-8100'?)");
  EXPECT_EQ(complaint("udp/53"), "'udp/53'" + what + " (did you mean '53/udp'?)");
  EXPECT_EQ(complaint("gre/53"), "'gre/53'" + what);
  EXPECT_EQ(complaint("imcp"), "'imcp'" + what);
  EXPECT_EQ(complaint("icm"), "'icm'" + what + " (did you mean 'icmp'?)");
  EXPECT_EQ(complaint("8100-8000/udp"),
            "'8100-8000/udp' is the wrong way round (did you mean '8000-8100/udp'?)");
  EXPECT_EQ(complaint("53/UPD"),
            "'53/UPD' has no protocol that has ports: tcp, udp, sctp (did you mean '53/udp'?)");
  EXPECT_EQ(complaint("53/gre"), "'53/gre' has no protocol that has ports: tcp, udp, sctp");
  EXPECT_EQ(complaint("8/icmp"), "'8/icmp': icmp has no ports (did you mean 'icmp'?)");
}
TEST(PortSet, MoreEntriesThanItsCostAllowsAreRefused) {
  std::string text = "1";
  for (std::size_t i = 1; i < PortSet::kMostEntries; ++i) text += ",1";
  EXPECT_FALSE(set_of(text).empty());
  EXPECT_EQ(complaint(text + ",1"), "more than 64 entries");
}

}  // namespace
}  // namespace scanlogd::test
