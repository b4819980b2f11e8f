// The bounded queue of waiting messages.
#include "sink/spool.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

#include "core/eve.h"

namespace scanlogd {
namespace {

TEST(Spool, GivesBackWhatItTookInOrder) {
  Spool spool(100);
  EXPECT_TRUE(spool.push("first"));
  EXPECT_TRUE(spool.push(""));
  EXPECT_TRUE(spool.push("third"));
  EXPECT_EQ(spool.messages(), 3U);
  EXPECT_EQ(spool.front(), "first");
  spool.pop();
  EXPECT_EQ(spool.front(), "");
  spool.pop();
  EXPECT_EQ(spool.front(), "third");
  spool.pop();
  EXPECT_TRUE(spool.empty());
}

TEST(Spool, AMessageCostsItsLengthPlusTwo) {
  Spool spool(10);
  EXPECT_FALSE(spool.push("123456789"));
  EXPECT_TRUE(spool.push("12345678"));
  EXPECT_FALSE(spool.push(""));
}

TEST(Spool, RefusesTheNewestWhenFullAndKeepsTheRest) {
  Spool spool(14);
  EXPECT_TRUE(spool.push("12345"));
  EXPECT_TRUE(spool.push("67890"));
  EXPECT_FALSE(spool.push("x"));
  EXPECT_EQ(spool.front(), "12345");
  EXPECT_EQ(spool.messages(), 2U);
}

TEST(Spool, RefusesAMessageThatIsLongerThanAnEventAndALineEnd) {
  Spool spool(100'000);
  const std::string longest(kMaxEveLength + 1, 'x');
  EXPECT_TRUE(spool.push(longest));
  EXPECT_FALSE(spool.push(longest + 'x'));
  EXPECT_EQ(spool.front(), longest);
}

TEST(Spool, PopOfAnEmptySpoolDoesNothing) {
  Spool spool(10);
  spool.pop();
  EXPECT_TRUE(spool.push("a"));
  EXPECT_EQ(spool.front(), "a");
}

TEST(Spool, AgreesWithADequeWhileItWrapsAround) {
  Spool spool(300);
  std::deque<std::string> model;
  std::size_t used = 0;
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 == 0) {
      const std::string message(random() % 60, static_cast<char>('a' + i % 26));
      const bool fits = used + message.size() + 2 <= 300;
      ASSERT_EQ(spool.push(message), fits);
      if (!fits) continue;
      model.push_back(message);
      used += message.size() + 2;
    } else if (!model.empty()) {
      ASSERT_EQ(spool.front(), model.front());
      used -= model.front().size() + 2;
      spool.pop();
      model.pop_front();
    }
    ASSERT_EQ(spool.messages(), model.size());
  }
}

}  // namespace
}  // namespace scanlogd
