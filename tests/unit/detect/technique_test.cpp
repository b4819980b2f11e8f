// Which technique a packet is of, and whose marks it bears.
#include "detect/technique.h"

#include <gtest/gtest.h>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

Technique technique(std::string_view flags) {
  return classify(segment(kClient, kHost, 80, flags)).technique;
}

TEST(Technique, FlagsAreNamedAsNmapNamesThem) {
  EXPECT_EQ(technique(""), Technique::null);
  EXPECT_EQ(technique("F"), Technique::fin);
  EXPECT_EQ(technique("FPU"), Technique::xmas);
  EXPECT_EQ(technique("FU"), Technique::xmas);
  EXPECT_EQ(technique("U"), Technique::odd_flags);
  EXPECT_EQ(technique("SF"), Technique::odd_flags);
  EXPECT_EQ(technique("SR"), Technique::odd_flags);
  EXPECT_EQ(technique("FA"), Technique::maimon);
  EXPECT_EQ(technique("A"), Technique::ack_or_window);
  EXPECT_EQ(technique("SA"), Technique::syn_ack);
}

TEST(Technique, CongestionBitsChangeNothing) {
  EXPECT_EQ(technique("SEW"), technique("S"));
  EXPECT_EQ(technique("EW"), Technique::null);
}

TEST(Technique, WhatNoSystemSendsNeedsNoProof) {
  for (const std::string_view flags : {"", "F", "FPU", "U", "SF", "SR"}) {
    EXPECT_TRUE(classify(segment(kClient, kHost, 80, flags)).is_illegal) << flags;
  }
  for (const std::string_view flags : {"S", "SA", "A", "FA", "R", "RA"}) {
    EXPECT_FALSE(classify(segment(kClient, kHost, 80, flags)).is_illegal) << flags;
  }
}

TEST(Technique, ResetsAreNoProbes) {
  EXPECT_EQ(classify(segment(kClient, kHost, 80, "R")).role, Role::reset);
  EXPECT_EQ(classify(segment(kClient, kHost, 80, "RA")).role, Role::reset);
}

TEST(Technique, ASynOfASystemIsNotCrafted) {
  EXPECT_FALSE(classify(system_syn(kClient, kHost, 80)).is_crafted);
  Packet syn = system_syn(kClient, kHost, 80);
  syn.ttl = 250;  // Solaris, and routers
  EXPECT_FALSE(classify(syn).is_crafted);
  syn.set_options(TcpOptions::mss_only);  // small devices
  syn.ttl = 64;
  EXPECT_FALSE(classify(syn).is_crafted);
}

TEST(Technique, ASynOfAScannerIsCrafted) {
  EXPECT_TRUE(classify(nmap_syn(kClient, kHost, 80)).is_crafted);
  Packet masscan = nmap_syn(kClient, kHost, 80);
  masscan.window = 1025;
  EXPECT_TRUE(classify(masscan).is_crafted);
  Packet bare = system_syn(kClient, kHost, 80);
  bare.set_options(TcpOptions::none);
  EXPECT_TRUE(classify(bare).is_crafted);
  Packet zmap = system_syn(kClient, kHost, 80);
  zmap.window = 65535;
  zmap.ttl = 200;
  EXPECT_FALSE(classify(zmap).is_crafted);
  zmap.ttl = 201;
  EXPECT_TRUE(classify(zmap).is_crafted);
}

TEST(Technique, AFragmentedSynHidesSomething) {
  Packet syn = system_syn(kClient, kHost, 80);
  syn.traits |= trait::fragmented;
  EXPECT_EQ(classify(syn).technique, Technique::fragments);
  EXPECT_TRUE(classify(syn).is_illegal);
}

TEST(Technique, SctpProbesAreInitAndCookieEcho) {
  Packet packet = PacketBuilder(IpProto::sctp).to(kHost, 80);
  packet.flags = 1;
  EXPECT_EQ(classify(packet).technique, Technique::sctp_init);
  packet.flags = 10;
  EXPECT_EQ(classify(packet).technique, Technique::sctp_cookie_echo);
  packet.flags = 0;
  EXPECT_EQ(classify(packet).role, Role::none);
}

TEST(Technique, IcmpProbesAreQuestions) {
  EXPECT_EQ(classify(icmp_message(kClient, kHost, 8)).technique, Technique::icmp_echo);
  EXPECT_EQ(classify(icmp_message(kClient, kHost, 13)).technique, Technique::icmp_timestamp);
  EXPECT_EQ(classify(icmp_message(kClient, kHost, 17)).technique, Technique::icmp_mask);
  EXPECT_EQ(classify(icmp_message(kClient, kHost, 0)).role, Role::answer);
  EXPECT_EQ(classify(icmp_message("2001:db8::1", "2001:db8::2", 128)).technique,
            Technique::icmp_echo);
  EXPECT_EQ(classify(icmp_message("2001:db8::1", "2001:db8::2", 1)).role, Role::answer);
  EXPECT_EQ(classify(icmp_message("2001:db8::1", "2001:db8::2", 135)).role, Role::none);
}

Tool tool(const Packet& packet) { return tool_of(packet, classify(packet)); }

TEST(Tool, EachHasItsMark) {
  EXPECT_EQ(tool(nmap_syn(kClient, kHost, 80)), Tool::nmap);
  EXPECT_EQ(tool(segment(kClient, kHost, 80, "FPU")), Tool::nmap);
  EXPECT_EQ(tool(system_syn(kClient, kHost, 80)), Tool::unknown);

  Packet packet = nmap_syn(kClient, kHost, 80);
  packet.ip_id = static_cast<std::uint16_t>(ipv4_value(packet.target) ^ 80 ^ packet.sequence);
  EXPECT_EQ(tool(packet), Tool::masscan);
  packet = system_syn(kClient, kHost, 80);
  packet.ip_id = static_cast<std::uint16_t>(ipv4_value(packet.target) ^ 80 ^ packet.sequence);
  EXPECT_EQ(tool(packet), Tool::unknown);

  packet = system_syn(kClient, kHost, 80);
  packet.sequence = ipv4_value(packet.target);
  EXPECT_EQ(tool(packet), Tool::mirai);

  packet = system_syn(kClient, kHost, 80);
  packet.window = 65535;
  packet.ttl = 200;
  EXPECT_EQ(tool(packet), Tool::unknown);
  packet.ttl = 201;
  EXPECT_EQ(tool(packet), Tool::zmap);

  packet = segment(kClient, kHost, 80, "S");
  packet.ip_id = 54321;
  EXPECT_EQ(tool(packet), Tool::zmap);
  packet = segment(kClient, kHost, 80, "S");
  packet.window = 512;
  EXPECT_EQ(tool(packet), Tool::hping);
  packet.window = 1480;
  EXPECT_EQ(tool(packet), Tool::nping);
}

TEST(Technique, EachHasItsBit) {
  EXPECT_EQ(technique_bit(Technique::unknown), 0U);
  EXPECT_EQ(technique_bit(Technique::syn), 1U);
  EXPECT_EQ(technique_bit(Technique::connect), 2U);
}

}  // namespace
}  // namespace scanlogd::test
