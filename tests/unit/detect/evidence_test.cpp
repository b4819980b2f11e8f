// What is learnt from our own packets, and for how long.
#include "detect/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

constexpr HashKey kKey{.a = 0x0123'4567'89ab'cdef, .b = 0xfedc'ba98'7654'3210};

FlowHash port(Port number) { return port_hash(kKey, 1, IpProto::tcp, number); }

TEST(Services, AreKnownForADayAfterTheirLastAnswer) {
  auto services = Services::make().value();
  constexpr Tick kLearnt = 1000;
  services.learn(port(22), kLearnt);
  EXPECT_TRUE(services.knows(port(22), kLearnt));
  EXPECT_TRUE(services.knows(port(22), kLearnt + 24 * kHour));
  EXPECT_FALSE(services.knows(port(22), kLearnt + 24 * kHour + 1));
  services.learn(port(22), kLearnt + 23 * kHour);
  EXPECT_TRUE(services.knows(port(22), kLearnt + 47 * kHour));
  EXPECT_FALSE(services.knows(port(23), kLearnt));
}

TEST(Services, HoldThousands) {
  auto services = Services::make().value();
  for (Port number = 1; number <= 2000; ++number) services.learn(port(number), number);
  int known = 0;
  for (Port number = 1; number <= 2000; ++number) known += services.knows(port(number), 2000);
  EXPECT_GT(known, 1850);
}

TEST(Services, ReplaceTheOneThatWasSilentLongest) {
  auto services = Services::make().value();
  for (unsigned number = 1; number < 65536; ++number) {
    services.learn(port(static_cast<Port>(number)), number);
    services.learn(port(1), number);
  }
  EXPECT_TRUE(services.knows(port(1), 65536));
}

TEST(Questions, AreRememberedForTwoToFourMinutes) {
  auto questions = Questions::make().value();
  questions.turn(0);
  questions.note(port(1));
  EXPECT_TRUE(questions.has(port(1)));
  EXPECT_FALSE(questions.has(port(2)));
  questions.turn(119 * kSecond);
  EXPECT_TRUE(questions.has(port(1)));
  questions.turn(120 * kSecond);
  EXPECT_TRUE(questions.has(port(1)));
  questions.turn(240 * kSecond);
  EXPECT_FALSE(questions.has(port(1)));
}

TEST(Questions, AreForgottenAtOnceAfterALongPause) {
  auto questions = Questions::make().value();
  questions.turn(0);
  questions.note(port(1));
  questions.turn(240 * kSecond);
  EXPECT_FALSE(questions.has(port(1)));
}

TEST(Questions, RarelyMistakeOneForAnother) {
  auto questions = Questions::make().value();
  const auto flow = [](std::uint64_t i) { return keyed_hash(kKey, i); };
  for (std::uint64_t i = 0; i < 20000; ++i) questions.note(flow(i));
  int mistaken = 0;
  for (std::uint64_t i = 20000; i < 120000; ++i) mistaken += questions.has(flow(i));
  EXPECT_LT(mistaken, 300);
}

TEST(Strays, TellWhatTheLastOneWasOnce) {
  auto strays = Strays::make().value();
  strays.note(port(1), tcp_flag::fin | tcp_flag::ack, 100);
  EXPECT_EQ(strays.take(port(2), 100), 0);
  EXPECT_EQ(strays.take(port(1), 101), tcp_flag::fin | tcp_flag::ack);
  EXPECT_EQ(strays.take(port(1), 101), 0);
}

TEST(Strays, AreForgottenAfterFiveSeconds) {
  auto strays = Strays::make().value();
  strays.note(port(1), tcp_flag::ack, 100);
  EXPECT_EQ(strays.take(port(1), 100 + 5 * kSecond + 1), 0);
}

class HandshakeOf : public ::testing::Test {
 protected:
  Packet syn_ = system_syn(kClient, kHost, 443);
  Packet syn_ack_ = answer_to(syn_, "SA");
  FlowHash flow_ = port(443);
  Handshakes handshakes_ = Handshakes::make().value();

  void SetUp() override { handshakes_.note(flow_, 7, syn_ack_, 1); }
  Packet from_client(std::string_view flags, std::uint32_t above) {
    Packet packet = answer_to(syn_ack_, flags);
    packet.acknowledgement = syn_ack_.sequence + above;
    return packet;
  }
};

TEST_F(HandshakeOf, WhoeverAcknowledgesOurNumberIsProven) {
  EXPECT_EQ(handshakes_.judge(flow_, from_client("FA", 0)), Handshakes::Proof::nothing);
  EXPECT_EQ(handshakes_.judge(flow_, from_client("FA", 1)), Handshakes::Proof::proven);
  EXPECT_EQ(handshakes_.judge(flow_, from_client("RA", 0x10000)), Handshakes::Proof::proven);
  EXPECT_EQ(handshakes_.judge(flow_, from_client("RA", 0x10001)), Handshakes::Proof::nothing);
}
TEST_F(HandshakeOf, AResetWithHisOwnNumberIsAnAnswer) {
  Packet reset = answer_to(syn_ack_, "R");
  reset.sequence = syn_.sequence + 1;
  EXPECT_EQ(handshakes_.judge(flow_, reset), Handshakes::Proof::answered);
  reset.sequence = syn_.sequence + 2;
  EXPECT_EQ(handshakes_.judge(flow_, reset), Handshakes::Proof::nothing);
}
TEST_F(HandshakeOf, WhatWasProvenOrAnsweredIsKeptForAScanThatIsFoundLater) {
  const auto kept = [&] {
    const auto all = handshakes_.all();
    return *std::ranges::find(all, flow_, &Handshakes::Handshake::flow);
  };
  EXPECT_FALSE(kept().is_proven);
  EXPECT_FALSE(kept().is_answered);
  (void)handshakes_.judge(flow_, from_client("FA", 1));
  EXPECT_TRUE(kept().is_proven);
  EXPECT_FALSE(kept().is_answered);
  Packet reset = answer_to(syn_ack_, "R");
  reset.sequence = syn_.sequence + 1;
  (void)handshakes_.judge(flow_, reset);
  EXPECT_TRUE(kept().is_answered);
}
TEST_F(HandshakeOf, OtherConnectionsAreNoProof) {
  Packet packet = from_client("FA", 1);
  ++packet.source_port;
  EXPECT_EQ(handshakes_.judge(flow_, packet), Handshakes::Proof::nothing);
  EXPECT_EQ(handshakes_.judge(port(444), from_client("FA", 1)), Handshakes::Proof::nothing);
}
TEST_F(HandshakeOf, OurCloseTellsOfAConnection) {
  EXPECT_TRUE(handshakes_.closes(flow_, syn_.source_port));
  EXPECT_FALSE(handshakes_.closes(flow_, static_cast<Port>(syn_.source_port + 1)));
}

}  // namespace
}  // namespace scanlogd::test
