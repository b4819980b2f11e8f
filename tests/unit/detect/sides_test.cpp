// Who is who in a packet.
#include "detect/sides.h"

#include <gtest/gtest.h>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

constexpr HashKey kKey{.a = 1, .b = 2};

Look look(Sides& sides, const Packet& packet) {
  Look made;
  sides.prepare(packet, made);
  return made;
}
Packet out_of(Packet packet) {
  packet.traits |= trait::outgoing;
  return packet;
}
Sides with_networks() {
  Sides sides(kKey);
  sides.set_local(parse_networks(kOurs).value());
  return sides;
}

TEST(Sides, WithoutAWordEveryAddressIsOnBoth) {
  Sides sides(kKey);
  const Look made = look(sides, system_syn(kClient, kHost, 80));
  EXPECT_TRUE(made.is_in);
  EXPECT_TRUE(made.is_out);
}
TEST(Sides, OurNetworksTellTheDirection) {
  Sides sides = with_networks();
  const Look in = look(sides, system_syn(kClient, kHost, 80));
  EXPECT_TRUE(in.is_in);
  EXPECT_FALSE(in.is_out);
  const Look out = look(sides, system_syn(kHost, kClient, 80));
  EXPECT_FALSE(out.is_in);
  EXPECT_TRUE(out.is_out);
}
TEST(Sides, WhatStaysWithinOurNetworksIsOnBothAsOverLoopback) {
  Sides sides = with_networks();
  const Packet within = system_syn(kHost, "198.51.100.2", 80);
  EXPECT_TRUE(look(sides, within).is_in);
  EXPECT_TRUE(look(sides, within).is_out);
  (void)look(sides, out_of(system_syn(kHost, kClient, 80)));  // from now on directions are known
  EXPECT_TRUE(look(sides, within).is_in);
  EXPECT_FALSE(look(sides, out_of(within)).is_in) << "seen once more on its way out";
}
TEST(Sides, LoopbackAddressesAreOursWithoutBeingNamed) {
  Sides sides = with_networks();
  (void)look(sides, out_of(system_syn(kHost, kClient, 80)));
  EXPECT_TRUE(look(sides, system_syn("127.0.0.1", "127.0.0.77", 80)).is_in);
}
TEST(Sides, AnAddressThatIsNewToUsIsAskedAllTheSame) {
  Sides sides = with_networks();
  EXPECT_TRUE(look(sides, system_syn(kClient, "192.0.2.1", 80)).is_in);
}
TEST(Sides, TheCaptureKnowsBetter) {
  Sides sides = with_networks();
  EXPECT_TRUE(look(sides, out_of(system_syn("192.0.2.1", kClient, 80))).is_out);
  EXPECT_TRUE(look(sides, system_syn(kClient, "192.0.2.1", 80)).is_in);
  EXPECT_FALSE(look(sides, system_syn(kHost, "192.0.2.1", 80)).is_in);
  EXPECT_FALSE(look(sides, system_syn(kHost, "192.0.2.1", 80)).is_out);
}
TEST(Sides, BothEndsOfAFlowAgreeOnIt) {
  Sides sides(kKey);
  const Packet syn = system_syn(kClient, kHost, 80);
  const Look asked = look(sides, syn);
  const Look answered = look(sides, answer_to(syn, "SA"));
  EXPECT_EQ(asked.in.flow, answered.out.flow);
  EXPECT_EQ(asked.in.port, answered.out.port);
  EXPECT_EQ(asked.in.remote, answered.out.remote);
  EXPECT_NE(asked.in.flow, asked.out.flow);
}
TEST(Sides, IcmpGoesToAHost) {
  Sides sides(kKey);
  EXPECT_EQ(look(sides, icmp_message(kClient, kHost, 8)).in.port,
            look(sides, icmp_message(kClient, kHost, 13)).in.port);
}
TEST(Sides, ASlash64IsOneRemote) {
  Sides sides(kKey);
  EXPECT_EQ(look(sides, system_syn("2001:db8::1", "2001:db8:1::1", 80)).in.remote,
            look(sides, system_syn("2001:db8::ffff:2", "2001:db8:1::1", 80)).in.remote);
}
TEST(Sides, BroadcastsAreKnownByOurNetworksOrByTheirLook) {
  const Sides ours = with_networks();
  EXPECT_TRUE(ours.is_broadcast(system_syn(kClient, "198.51.100.255", 80)));
  EXPECT_FALSE(ours.is_broadcast(system_syn(kClient, "192.0.2.255", 80)));
  const Sides any(kKey);
  EXPECT_TRUE(any.is_broadcast(datagram(kClient, 137, "192.0.2.255", 137)));
  EXPECT_FALSE(any.is_broadcast(datagram(kClient, 137, "192.0.2.254", 137)));
}

}  // namespace
}  // namespace scanlogd::test
