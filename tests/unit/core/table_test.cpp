// Tables that fit.
#include "core/table.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

Table some_table() {
  Table table({{.title = "N", .is_number = true}, {.title = "NAME", .least = 4}, {.title = "END"}});
  table.add({"1", "short", "x"});
  table.add({"100", "a longer name", ""});
  return table;
}

TEST(Table, IsAsWideAsItTakesWithoutATerminal) {
  EXPECT_EQ(some_table().format(0),
            "  N  NAME           END\n"
            "  1  short          x\n"
            "100  a longer name\n");
}

TEST(Table, CutsAColumnOneByOneWhereTheTerminalIsNarrow) {
  EXPECT_EQ(some_table().format(22),
            "  N  NAME          END\n"
            "  1  short         x\n"
            "100  a longer n..\n");
  EXPECT_EQ(some_table().format(23), some_table().format(0));
}

TEST(Table, NeverCutsBelowTheLeastNorAnotherColumn) {
  EXPECT_EQ(some_table().format(1),
            "  N  NAME  END\n"
            "  1  sh..  x\n"
            "100  a ..\n");
}

TEST(Table, KnowsWhetherItIsEmpty) {
  EXPECT_TRUE(Table({{.title = "A"}}).empty());
  EXPECT_FALSE(some_table().empty());
}

}  // namespace
}  // namespace scanlogd
