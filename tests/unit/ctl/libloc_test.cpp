// Databases that libloc has written, and what was one.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "ctl/locator.h"
#include "support/location_database.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

class Libloc : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_locations(path_)); }
  Result<std::unique_ptr<Locator>> open() const { return locator_table().front()->open(path_); }
  static Location locate(const Locator& locator, std::string_view address) {
    return locator.locate(parse_address(address).value());
  }
  std::string content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void replace(const std::string& content) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }

  TemporaryDirectory home_;
  std::string path_ = home_.file("locations.db");
};

TEST_F(Libloc, AddressesOfBothFamiliesAreFound) {
  const auto locator = open();
  ASSERT_TRUE(locator) << locator.error().what;
  const Location germany{.country = {'D', 'E'}, .as_number = 64500};
  const Location france{.country = {'F', 'R'}, .as_number = 64501};
  EXPECT_EQ(locate(**locator, "192.0.2.0"), germany);
  EXPECT_EQ(locate(**locator, "192.0.2.127"), germany);
  EXPECT_EQ(locate(**locator, "192.0.2.128"), france) << "the more specific network";
  EXPECT_EQ(locate(**locator, "192.0.2.254"), france);
  EXPECT_EQ(locate(**locator, "192.0.2.255"), Location{}) << "nothing is said of it";
  EXPECT_EQ(locate(**locator, "2001:db8::"), france);
  EXPECT_EQ(locate(**locator, "2001:db8::fffe"), france);
  EXPECT_EQ(locate(**locator, "2001:db8::ffff"), germany);
  EXPECT_EQ(locate(**locator, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), france);
}

TEST_F(Libloc, WhatIsInNoNetworkIsNotKnown) {
  const auto locator = open();
  ASSERT_TRUE(locator);
  for (const char* const each : {"192.0.1.255", "192.0.3.0", "2001:db7:ffff::", "2001:db9::", "::",
                                 "0.0.0.0", "255.255.255.255"}) {
    EXPECT_EQ(locate(**locator, each), Location{}) << each;
  }
  EXPECT_EQ((*locator)->country_name({'Z', 'Z'}), "");
  EXPECT_EQ((*locator)->country_name({}), "");
  EXPECT_EQ((*locator)->as_name(1), "");
}

TEST_F(Libloc, NamesArePrintableAndShort) {
  const auto locator = open();
  ASSERT_TRUE(locator);
  EXPECT_EQ((*locator)->country_name({'D', 'E'}), "Germany");
  EXPECT_EQ((*locator)->country_name({'C', 'I'}), "C?te d'Ivoire");
  EXPECT_EQ((*locator)->country_name({'F', 'R'}), "<b>France</b>?[31m?");
  EXPECT_EQ((*locator)->as_name(64500), "Example Net & Sons");
  EXPECT_EQ((*locator)->as_name(64501), std::string(kMaxPlainText - 2, 'x') + "..");
}

TEST_F(Libloc, TheTimeOfTheDatabaseIsKnown) {
  const auto locator = open();
  ASSERT_TRUE(locator);
  const auto now = std::chrono::system_clock::now();
  EXPECT_LE((*locator)->made_at(), now);
  EXPECT_GT((*locator)->made_at(), now - std::chrono::hours(1));
}

TEST_F(Libloc, WhatIsNoFileIsAnError) {
  const auto open_path = [](const std::string& path) {
    const auto opened = locator_table().front()->open(path);
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  };
  EXPECT_EQ(open_path(home_.file("none")).code, ENOENT);
  EXPECT_EQ(open_path(home_.path()).what, "open(" + home_.path() + "): is no regular file");
  const std::string pipe = home_.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(open_path(pipe).what, "open(" + pipe + "): is no regular file");
  replace("");
  EXPECT_EQ(open_path(path_).what, "open(" + path_ + "): is empty");
  replace("no database\n");
  EXPECT_EQ(open_path(path_).what, "open(" + path_ + "): is no database of libloc");
}

TEST_F(Libloc, ACutDatabaseIsAnErrorAndNoEndOfTheProcess) {
  const std::string whole = content();
  for (std::size_t size = 0; size < whole.size(); size += 997) {
    replace(whole.substr(0, size));
    EXPECT_FALSE(open()) << size;
  }
}

TEST_F(Libloc, WhereverABitIsWrongTheProcessGoesOn) {
  const std::string whole = content();
  std::size_t opened = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    // Most of the file is padding: there every hundredth is enough.
    if (whole[at] == 0 && at > 100 && at % 100 != 0) continue;
    std::string wrong = whole;
    wrong[at] = static_cast<char>(wrong[at] ^ 1 << at % 8);
    replace(wrong);
    const auto locator = open();
    if (!locator) continue;
    ++opened;
    for (const char* const each : {"192.0.2.1", "192.0.2.200", "192.0.2.255", "198.51.100.1",
                                   "203.0.113.1", "2001:db8::1"}) {
      const Location found = locate(**locator, each);
      const std::string name = (*locator)->country_name(found.country);
      EXPECT_EQ(name, plain_text(name));
      EXPECT_LE((*locator)->as_name(found.as_number).size(), kMaxPlainText);
    }
  }
  EXPECT_GT(opened, 100U);
}

}  // namespace
}  // namespace scanlogd::test
