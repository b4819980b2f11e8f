// Reading page by page.
#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlPages : public CtlTest {};

TEST_F(CtlPages, GoOnWhereTheLastOneEndedAndStopAtTheLimit) {
  Store store = open();
  std::vector<Message> messages;
  constexpr std::uint64_t kScans = 2001;
  for (std::uint64_t id = 1; id <= kScans; ++id) messages.push_back(message(scan(id)));
  write(store, messages);
  for (const std::size_t limit : {std::size_t{1}, std::size_t{999}, std::size_t{1000},
                                  std::size_t{1001}, std::size_t{2001}, std::size_t{5000}}) {
    std::vector<std::uint64_t> ids;
    EXPECT_TRUE(
        ctl::for_each_scan(reader(), {}, limit, [&](const Scan& each) { ids.push_back(each.id); }));
    ASSERT_EQ(ids.size(), std::min<std::size_t>(limit, kScans));
    EXPECT_EQ(ids.front(), kScans);
    EXPECT_EQ(ids.back(), kScans + 1 - ids.size());
  }
}

}  // namespace
}  // namespace scanlogd::test
