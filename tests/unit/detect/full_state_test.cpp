// What the parts of the full profile share.
#include "detect/full_state.h"

#include <gtest/gtest.h>

#include "support/full_states.h"

namespace scanlogd::test {
namespace {

TEST(FullState, TheSourcesFitIntoTheMemoryGiven) {
  const auto capacity = [](std::string_view key, std::string_view value) {
    Section options;
    options.set(key, value, "--it");
    return make_state(options)->contacts.capacity();
  };
  EXPECT_EQ(capacity("memory", "32k"), 256U);
  EXPECT_EQ(capacity("memory", "1M"), 8192U);
  EXPECT_EQ(capacity("memory", "2097151"), 8192U) << "one byte short of twice as many";
  EXPECT_EQ(capacity("memory", "2M"), 16384U);
  EXPECT_EQ(capacity("memory", "8M"), capacity("sensitivity", "normal")) << "the default";
  EXPECT_EQ(capacity("sources", "1024"), 1024U);
}

TEST(FullState, MemoryAndSourcesContradictEachOther) {
  Section options;
  options.set("memory", "1M", "--memory");
  options.set("sources", "1024", "--sources");
  const auto made = FullState::make(options, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what, "--sources: the memory is given as well");
}

TEST(FullState, HopesForAnswersUntilItKnowsBetter) {
  const auto state = make_state();
  state->asked = 63;
  EXPECT_TRUE(state->sees_answers());
  state->asked = 64;
  EXPECT_FALSE(state->sees_answers());
  state->answers_seen = 15;
  EXPECT_FALSE(state->sees_answers());
  state->answers_seen = 16;
  EXPECT_TRUE(state->sees_answers());
}

TEST(FullState, TakesTwelveMebibytesAtMost) {
  EXPECT_LE(make_state()->memory(), std::size_t{12} << 20);
}

TEST(FullState, RefusesWhatItDoesNotKnow) {
  Section options;
  options.set("threshold", "21", "--threshold");
  const auto made = FullState::make(options, {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().what.find("threshold"), std::string::npos);
}

TEST(FullState, FollowsNobodyWhoDoesNotScan) {
  const auto state = make_state();
  ContactSource entry{};
  const Packet packet = nmap_syn(kClient, kHost, 80);
  EXPECT_FALSE(
      state->follow(state->sight(packet, our_side(*state, packet), classify(packet)), entry));
}

}  // namespace
}  // namespace scanlogd::test
