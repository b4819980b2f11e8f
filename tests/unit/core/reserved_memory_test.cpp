// Memory for tables: zero at first, and nothing outside is within reach where tests run.
#include "core/reserved_memory.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace scanlogd::test {
namespace {

TEST(ReservedMemory, IsZeroAtFirst) {
  const auto memory = ReservedMemory<int>::make(1000, "test").value();
  EXPECT_EQ(memory.items().size(), 1000U);
  EXPECT_TRUE(std::ranges::all_of(memory.items(), [](int each) { return each == 0; }));
}

TEST(ReservedMemory, GivesTheItemsByTheirIndices) {
  const auto memory = ReservedMemory<int>::make(3, "test").value();
  memory[0] = 1;
  memory[2] = 3;
  EXPECT_EQ(memory.items().front(), 1);
  EXPECT_EQ(memory.items().back(), 3);
}

TEST(ReservedMemoryDeathTest, AnIndexOutsideEndsATest) {
  if (!detail::kChecksIndices) GTEST_SKIP() << "this build does not check indices";
  const auto memory = ReservedMemory<int>::make(3, "test").value();
  EXPECT_DEATH(memory[3] = 1, "");
}

}  // namespace
}  // namespace scanlogd::test
