// Sources by their countries.
#include "ctl/countries.h"

#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::test {
namespace {

/// 192.0.2.0/25 is in Germany, what is behind it in France, 2001:db8::/32 in a country without a
/// name.
class Three final : public Locator {
 public:
  [[nodiscard]] Location locate(const Address& address) const override {
    if (parse_network("192.0.2.0/25")->contains(address)) {
      return {.country = {'D', 'E'}, .as_number = 64500};
    }
    if (parse_network("192.0.2.128/25")->contains(address)) {
      return {.country = {'F', 'R'}, .as_number = 64501};
    }
    if (parse_network("2001:db8::/32")->contains(address)) return {.country = {'Q', 'Q'}};
    return {};
  }
  [[nodiscard]] std::string country_name(const CountryCode& code) const override {
    if (code == CountryCode{'D', 'E'}) return "Germany";
    return code == CountryCode{'F', 'R'} ? "France" : "";
  }
  [[nodiscard]] std::string as_name(std::uint32_t number) const override {
    return number == 64500 ? "Example Net" : "";
  }
  [[nodiscard]] std::chrono::system_clock::time_point made_at() const override { return kNoon; }
};

class CtlCountries : public CtlTest {
 protected:
  std::string text(ScanFilter filter, std::size_t limit) const {
    const auto top = ctl::top_countries(reader(), filter.since, places_, limit);
    EXPECT_TRUE(top) << top.error().what;
    std::string text;
    for (const ctl::CountryCount& each : top.value()) {
      text += ctl::text_of(each.code) + "=" + std::to_string(each.scans) + "/" +
              std::to_string(each.sources) + " ";
    }
    return text;
  }

  Three places_;
};

TEST_F(CtlCountries, ScansAndSourcesAreCounted) {
  Store store = open();
  write(store, {message(scan(1, "192.0.2.127")), message(scan(2, "192.0.2.127")),
                message(scan(3, "192.0.2.127")), message(scan(4, "192.0.2.128")),
                message(scan(5, "192.0.2.129")), message(scan(6, "203.0.113.1"))});
  EXPECT_EQ(text({}, 9), "DE=3/1 FR=2/2 =1/1 ");
  EXPECT_EQ(text({}, 3), "DE=3/1 FR=2/2 =1/1 ");
  EXPECT_EQ(text({}, 2), "DE=3/1 FR=2/2 ");
  EXPECT_EQ(text({.since = kNoon + 4min}, 9), "FR=2/2 =1/1 ");
  EXPECT_EQ(text({.since = kNoon + 7min}, 9), "");
}

TEST_F(CtlCountries, AsManyScansComeInTheOrderOfCodes) {
  Store store = open();
  write(store, {message(scan(1, "2001:db8::1")), message(scan(2, "192.0.2.200")),
                message(scan(3, "192.0.2.1"))});
  EXPECT_EQ(text({}, 9), "DE=1/1 FR=1/1 QQ=1/1 ");
}

TEST_F(CtlCountries, PlacesAreWordedByWhatIsKnown) {
  EXPECT_EQ(ctl::name_country(places_, {'D', 'E'}), "Germany");
  EXPECT_EQ(ctl::name_country(places_, {'Q', 'Q'}), "QQ");
  EXPECT_EQ(ctl::name_country(places_, {}), "not known");
  EXPECT_EQ(ctl::describe_country(places_, {.country = {'D', 'E'}}), "DE Germany");
  EXPECT_EQ(ctl::describe_country(places_, {.country = {'Q', 'Q'}}), "QQ");
  EXPECT_EQ(ctl::describe_country(places_, {}), "");
  EXPECT_EQ(ctl::describe_as(places_, {.as_number = 64500}), "AS64500 Example Net");
  EXPECT_EQ(ctl::describe_as(places_, {.as_number = 64501}), "AS64501");
  EXPECT_EQ(ctl::describe_as(places_, {}), "");
}

}  // namespace
}  // namespace scanlogd::test
