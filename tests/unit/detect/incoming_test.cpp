// What becomes of an incoming packet.
#include "detect/incoming.h"

#include <gtest/gtest.h>

#include "support/full_states.h"

namespace scanlogd::test {
namespace {

class IncomingPacket : public ::testing::Test {
 protected:
  Incoming take(const Packet& packet) {
    return take_incoming(*state_, packet, our_side(*state_, packet));
  }
  std::unique_ptr<FullState> state_ = make_state();
};

TEST_F(IncomingPacket, FromNowhereOrToEverybodyIsNoContact) {
  EXPECT_EQ(take(system_syn("0.0.0.0", kHost, 80)), Incoming::impossible);
  EXPECT_EQ(take(system_syn("224.0.0.1", kHost, 80)), Incoming::impossible);
  EXPECT_EQ(take(datagram(kClient, 1900, "239.255.255.250", 1900)), Incoming::to_group);
  EXPECT_EQ(take(datagram(kClient, 137, "198.51.100.255", 137)), Incoming::to_group);
}
TEST_F(IncomingPacket, OverLoopbackIsAContactAsAnyOther) {
  EXPECT_EQ(take(system_syn("127.0.0.1", "127.0.0.1", 80)), Incoming::contact);
  EXPECT_EQ(take(system_syn("127.0.0.1", kHost, 80)), Incoming::impossible);
  EXPECT_EQ(take(system_syn(kHost, kHost, 80)), Incoming::impossible);
}
TEST_F(IncomingPacket, IsAContactOnce) {
  EXPECT_EQ(take(system_syn(kClient, kHost, 80)), Incoming::contact);
  EXPECT_EQ(take(system_syn(kClient, kHost, 80)), Incoming::repeated);
}
TEST_F(IncomingPacket, ToAServiceIsNone) {
  const Packet syn = system_syn(kClient, kHost, 80);
  state_->services.learn(our_side(*state_, syn).port, state_->now);
  EXPECT_EQ(take(syn), Incoming::service);
  EXPECT_EQ(take(segment(kClient, kHost, 80, "FA")), Incoming::connection);
  EXPECT_EQ(take(nmap_syn(kClient, kHost, 80)), Incoming::contact);
  EXPECT_EQ(take(segment("203.0.113.8", kHost, 80, "FPU")), Incoming::contact);
}
TEST_F(IncomingPacket, OfAConnectionThatWeBeganIsNone) {
  const Packet answer = segment(kClient, kHost, 40000, "SA");
  EXPECT_EQ(take(answer), Incoming::stray);
  state_->questions.note(our_side(*state_, answer).flow);
  EXPECT_EQ(take(answer), Incoming::connection);
}
TEST_F(IncomingPacket, ThatWeAskedForIsAReply) {
  const Packet answer = datagram(kClient, 4433, kHost, 40000);
  state_->questions.note(our_side(*state_, answer).flow);
  EXPECT_EQ(take(answer), Incoming::reply);
}
TEST_F(IncomingPacket, OfNoConnectionIsAStray) {
  EXPECT_EQ(take(segment(kClient, kHost, 80, "SA")), Incoming::stray);
  EXPECT_EQ(take(segment(kClient, kHost, 80, "FA")), Incoming::stray);
  EXPECT_EQ(take(segment(kClient, kHost, 80, "RA")), Incoming::answers);
  EXPECT_EQ(take(icmp_message(kClient, kHost, 0)), Incoming::answers);
}
TEST_F(IncomingPacket, LateAnswersWeighNothing) {
  EXPECT_EQ(take(datagram(kClient, 53, kHost, 40000)), Incoming::weightless);
  EXPECT_EQ(take(datagram(kClient, 53, kHost, 32767)), Incoming::contact);
}
TEST_F(IncomingPacket, UdpIsNotJudgedWithoutAnswers) {
  for (Port port = 1; port <= 63; ++port) (void)take(system_syn(kClient, kHost, 80));
  EXPECT_EQ(take(datagram(kClient, 40000, kHost, 9)), Incoming::unjudged);
  state_->answers_seen = 16;
  EXPECT_EQ(take(datagram(kClient, 40000, kHost, 9)), Incoming::contact);
}

}  // namespace
}  // namespace scanlogd::test
