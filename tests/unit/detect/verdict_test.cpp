// Whether the address of a source can be believed.
#include "detect/verdict.h"

#include <gtest/gtest.h>

#include "detect/technique.h"
#include "support/packet_builder.h"

namespace scanlogd::test {
namespace {

bool impossible(std::string_view text) {
  const Address address = parse_address(text).value();
  return is_impossible(address.family, address.bytes);
}
bool group(std::string_view text) {
  const Address address = parse_address(text).value();
  return is_group(address.family, address.bytes);
}

TEST(Verdict, NobodyHasTheseAddresses) {
  for (const auto* const text : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255",
                                 "::", "::1", "ff02::1", "::ffff:1.2.3.4"}) {
    EXPECT_TRUE(impossible(text)) << text;
  }
  for (const auto* const text :
       {"1.0.0.1", "10.0.0.1", "223.255.255.255", "2001:db8::1", "fe80::1", "fd00::1"}) {
    EXPECT_FALSE(impossible(text)) << text;
  }
}

TEST(Verdict, LoopbackAddressesTalkToEachOther) {
  const auto stays = [](const char* source, const char* target) {
    return stays_on_loopback(tcp().from(source, 40000).to(target, 80).flags("S"));
  };
  EXPECT_TRUE(stays("127.0.0.1", "127.0.0.77"));
  EXPECT_TRUE(stays("::1", "::1"));
  EXPECT_FALSE(stays("127.0.0.1", "10.0.0.1"));
  EXPECT_FALSE(stays("10.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(stays("::1", "2001:db8::1"));
}

TEST(Verdict, TheseAddressesAreOfMany) {
  for (const auto* const text : {"224.0.0.251", "239.255.255.250", "255.255.255.255", "ff02::fb"}) {
    EXPECT_TRUE(group(text)) << text;
  }
  EXPECT_FALSE(group("223.0.0.1"));
  EXPECT_FALSE(group("fe80::1"));
}

TEST(Verdict, TheStrongestEvidenceDecides) {
  ContactSource source{};
  EXPECT_EQ(verdict_of(source, nullptr), Verdict::unverified);
  source.flags = source_flag::answered;
  EXPECT_EQ(verdict_of(source, nullptr), Verdict::answered);
  source.flags |= source_flag::decoy;
  EXPECT_EQ(verdict_of(source, nullptr), Verdict::suspect);
  source.flags |= source_flag::proven;
  EXPECT_EQ(verdict_of(source, nullptr), Verdict::proven);
}

TEST(Verdict, PacketsFromDifferentDistancesAreSuspectUnlessCrafted) {
  ContactSource source{};
  FirstContacts first{};
  first.protocol = IpProto::tcp;
  first.flags_or = tcp_flag::syn;
  first.ttl_spread = 3;
  EXPECT_EQ(verdict_of(source, &first), Verdict::unverified);
  first.ttl_spread = 4;
  EXPECT_EQ(verdict_of(source, &first), Verdict::suspect);
  source.flags = source_flag::crafted;
  EXPECT_EQ(verdict_of(source, &first), Verdict::unverified);
}

TEST(Verdict, ConnectionsFromTheFtpDataPortAreABounce) {
  FirstContacts first{};
  first.protocol = IpProto::tcp;
  first.source_port = 20;
  first.techniques = technique_bit(Technique::syn_or_connect);
  EXPECT_TRUE(is_ftp_bounce(first));
  first.source_port = 21;
  EXPECT_FALSE(is_ftp_bounce(first));
  first.source_port = 20;
  first.techniques = technique_bit(Technique::syn);  // nmap -g 20
  EXPECT_FALSE(is_ftp_bounce(first));
}

}  // namespace
}  // namespace scanlogd::test
