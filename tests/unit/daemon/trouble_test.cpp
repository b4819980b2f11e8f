// What failed is told now and then, and never spun over.
#include "daemon/trouble.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

constexpr Trouble::Clock::time_point kStart{1000s};

TEST(Trouble, IsToldOfWhenItBegins) {
  Trouble trouble;
  EXPECT_TRUE(trouble.note(kStart));
  EXPECT_FALSE(trouble.note(kStart));
}

TEST(Trouble, IsToldOfAgainAfterAMinute) {
  Trouble trouble;
  EXPECT_TRUE(trouble.note(kStart));
  EXPECT_FALSE(trouble.note(kStart + 1min - 1ns));
  EXPECT_TRUE(trouble.note(kStart + 1min));
}

TEST(Trouble, IsWhateverIsReadyInVainThreeRoundsInSuccession) {
  Trouble trouble;
  EXPECT_FALSE(trouble.note_vain());
  trouble.rest();
  EXPECT_FALSE(trouble.note_vain());
  trouble.rest();
  EXPECT_TRUE(trouble.note_vain());
  trouble.rest();
  EXPECT_TRUE(trouble.note_vain()) << "as long as it goes on";
  trouble.rest();
  trouble.rest();  // a round in which nothing was ready in vain
  EXPECT_FALSE(trouble.note_vain());
}

TEST(Trouble, TwoReadyInVainInOneRoundAreOneRound) {
  Trouble trouble;
  EXPECT_FALSE(trouble.note_vain());
  EXPECT_FALSE(trouble.note_vain());
  EXPECT_FALSE(trouble.note_vain());
}

TEST(Trouble, MakesTheLoopRestAndThenVisitEverybodyOnce) {
  Trouble trouble;
  trouble.rest();
  EXPECT_FALSE(trouble.visits_all());
  (void)trouble.note(kStart);
  EXPECT_FALSE(trouble.visits_all());
  const auto before = Trouble::Clock::now();
  trouble.rest();
  EXPECT_GE(Trouble::Clock::now() - before, Trouble::kRest);
  EXPECT_TRUE(trouble.visits_all());
  trouble.rest();
  EXPECT_FALSE(trouble.visits_all());
}

}  // namespace
}  // namespace scanlogd
