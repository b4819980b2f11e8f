// How long ago something may have been.
#include "core/age.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

TEST(Age, IsANumberAndAUnit) {
  EXPECT_EQ(parse_age("--since", "90s").value(), 90s);
  EXPECT_EQ(parse_age("--since", "30m").value(), 30min);
  EXPECT_EQ(parse_age("--since", "12h").value(), 12h);
  EXPECT_EQ(parse_age("--since", "1d").value(), 24h);
  EXPECT_EQ(parse_age("--since", "2w").value(), 14 * 24h);
}
TEST(Age, IsAtLeastOneAndAtMostAHundredThousand) {
  EXPECT_FALSE(parse_age("--since", "0d"));
  EXPECT_TRUE(parse_age("--since", "1d"));
  EXPECT_TRUE(parse_age("--since", "99999w"));
  EXPECT_TRUE(parse_age("--since", "100000w"));
  EXPECT_FALSE(parse_age("--since", "100001w"));
}
TEST(Age, OfAnotherFormIsRefusedByTheNameOfItsOption) {
  for (const std::string_view text :
       {"", "d", "1", "-1d", "1y", "1dd", "1.5h", "9999999999999999999s"}) {
    const auto age = parse_age("--until", text);
    ASSERT_FALSE(age) << text;
    EXPECT_EQ(age.error().what,
              "--until: '" + std::string(text) + "' must be a time such as 90s, 30m, 12h, 1d, 2w");
  }
}

}  // namespace
}  // namespace scanlogd
