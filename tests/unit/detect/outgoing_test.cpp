// What our own packets tell.
#include "detect/outgoing.h"

#include <gtest/gtest.h>

#include "detect/incoming.h"
#include "support/full_states.h"

namespace scanlogd::test {
namespace {

class OutgoingPacket : public ::testing::Test {
 protected:
  Incoming ask(const Packet& packet) {
    return take_incoming(*state_, packet, our_side(*state_, packet));
  }
  void send(const Packet& packet) { take_outgoing(*state_, packet, our_side(*state_, packet)); }
  bool is_service(const Packet& asked) {
    return state_->services.knows(our_side(*state_, asked).port, state_->now);
  }
  ContactSource* source() { return state_->contacts.find(state_->contacts.place(key()), key()); }
  static SourceKey key() {
    const Address client = parse_address(kClient).value();
    return source_key(client.family, client.bytes);
  }
  std::unique_ptr<FullState> state_ = make_state();
};

TEST_F(OutgoingPacket, ASynAckMakesAServiceAndTakesTheContactBack) {
  const Packet syn = system_syn(kClient, kHost, 25);
  EXPECT_EQ(ask(syn), Incoming::contact);
  send(answer_to(syn, "SA"));
  EXPECT_TRUE(is_service(syn));
  EXPECT_EQ(source()->contacts, 0);
  EXPECT_EQ(source()->score[0], 0U);
}
TEST_F(OutgoingPacket, AResetSettlesTheContact) {
  const Packet syn = system_syn(kClient, kHost, 25);
  (void)ask(syn);
  EXPECT_GT(source()->provisional, 0);
  send(answer_to(syn, "RA"));
  EXPECT_EQ(source()->provisional, 0);
  EXPECT_FALSE(is_service(syn));
}
TEST_F(OutgoingPacket, AnErrorSettlesTheContactThatItQuotes) {
  for (const std::string_view host : {kHost, std::string_view("198.51.100.9")}) {
    const Packet asked = datagram(kClient, 40000, host, 9);
    (void)ask(asked);
    EXPECT_GT(source()->provisional, 0);
    Packet error = unreachable(asked);
    error.source = parse_address(kHost)->bytes;  // a router's, perhaps
    send(error);
    EXPECT_EQ(source()->provisional, 0);
  }
}
TEST_F(OutgoingPacket, OnlyAnAnswerMakesAUdpService) {
  const Packet asked = datagram(kClient, 40000, kHost, 53);
  (void)ask(asked);
  send(answer_to(asked));
  EXPECT_TRUE(is_service(asked));
  const Packet question = datagram(kHost, 40000, kClient, 53);
  send(question);
  EXPECT_FALSE(is_service(answer_to(question)));
  EXPECT_EQ(ask(answer_to(question)), Incoming::reply);
}
TEST_F(OutgoingPacket, ABareResetTellsOfAProbe) {
  send(answer_to(segment(kClient, kHost, 25, "A"), "R"));
  ASSERT_NE(source(), nullptr);
  EXPECT_EQ(source()->contacts, 1);
  EXPECT_DOUBLE_EQ(ContactDetector::scores(*source(), state_->now)[kFast], 3);
}
TEST_F(OutgoingPacket, ABareResetWithAReasonDoesNot) {
  const Packet syn_ack = segment(kClient, kHost, 2525, "SA");  // an answer to somebody else
  (void)ask(syn_ack);
  send(answer_to(syn_ack, "R"));
  const Packet syn = system_syn(kHost, kClient, 80);  // our own connection
  send(syn);
  send(answer_to(answer_to(syn, "A"), "R"));
  const Packet late = segment(kClient, kHost, 32768, "A");  // most likely, too
  send(answer_to(late, "R"));
  EXPECT_EQ(source(), nullptr);
}

}  // namespace
}  // namespace scanlogd::test
