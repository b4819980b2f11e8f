// Opening databases, and what is let through of their text.
#include "ctl/locator.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace scanlogd::test {
namespace {

class Nowhere final : public Locator {
 public:
  [[nodiscard]] Location locate(const Address& /*address*/) const override { return {}; }
  [[nodiscard]] std::string country_name(const CountryCode& /*code*/) const override { return ""; }
  [[nodiscard]] std::string as_name(std::uint32_t /*number*/) const override { return ""; }
  [[nodiscard]] std::chrono::system_clock::time_point made_at() const override { return {}; }
};

constexpr LocatorPlugin kPlugin{
    .name = "test", .open = [](const std::string& path) -> Result<std::unique_ptr<Locator>> {
      if (path == "missing") return fail_errno("open", path, ENOENT);
      if (path == "damaged") return fail("open(damaged): has a damaged tree", EUCLEAN);
      return std::make_unique<Nowhere>();
    }};
constexpr std::array<const LocatorPlugin*, 1> kTable = {&kPlugin};

TEST(Locator, TheFirstFileThatExistsIsOpened) {
  EXPECT_TRUE(open_locator(kTable, {"sound", "damaged"}));
  EXPECT_TRUE(open_locator(kTable, {"missing", "sound"}));
}

TEST(Locator, ADamagedFileIsNotPassedOver) {
  const auto opened = open_locator(kTable, {"missing", "damaged", "sound"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().what, "open(damaged): has a damaged tree");
  EXPECT_EQ(opened.error().code, 0);
}

TEST(Locator, WhereNoneExistsTheFirstIsNamed) {
  const auto opened = open_locator(kTable, {"missing", "missing"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().what, "open(missing): No such file or directory");
  EXPECT_EQ(opened.error().code, 0);
}

TEST(Locator, ABuildWithoutLibrarySaysSo) {
  const auto opened = open_locator({}, {"sound"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().what, "open(locations): this scanlogctl was built without libloc");
}

TEST(Locator, TextIsPrintableAscii) {
  EXPECT_EQ(plain_text("Example Net & Sons ~"), "Example Net & Sons ~");
  EXPECT_EQ(plain_text("\x1b[31m\n\x7f\t"), "?[31m???");
  EXPECT_EQ(plain_text("C\xc3\xb4te d'Ivoire, \xe2\x82\xac"), "C?te d'Ivoire, ?");
  EXPECT_EQ(plain_text(""), "");
}

TEST(Locator, TextIsCutWhereItIsTooLong) {
  const std::string longest(kMaxPlainText, 'x');
  EXPECT_EQ(plain_text(longest.substr(1)), longest.substr(1));
  EXPECT_EQ(plain_text(longest), longest);
  EXPECT_EQ(plain_text(longest + "x"), longest.substr(2) + "..");
  EXPECT_EQ(plain_text(longest + longest), longest.substr(2) + "..");
}

TEST(Locator, ACodeIsTwoCapitalLetters) {
  EXPECT_EQ(country_code("DE"), (CountryCode{'D', 'E'}));
  EXPECT_EQ(country_code("AZ"), (CountryCode{'A', 'Z'}));
  for (const char* const other : {"", "D", "DEU", "de", "A1", "D ", "@A", "A[", "\xc3\x84"}) {
    EXPECT_EQ(country_code(other), CountryCode{}) << other;
  }
}

}  // namespace
}  // namespace scanlogd::test
