// Counting what scans have in common.
#include "record/top_lists.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

class TopLists : public ::testing::Test {
 protected:
  TopLists() {
    EXPECT_TRUE(database_.execute("CREATE TABLE scan (detected, source, target, ports, tool)"));
  }
  /// A scan that was found `second` seconds after 1970.
  void add(int second, std::string_view source, std::string_view ports = "",
           std::string_view tool = "") {
    const auto statement = database_.prepare("INSERT INTO scan VALUES (?,?,?,?,?)");
    ASSERT_TRUE(statement);
    const Address from = parse_address(source).value();
    Query query(*statement);
    query.time(system_clock::time_point(std::chrono::seconds(second)));
    query.address(from);
    query.nothing();
    query.text(ports);
    query.text(tool);
    ASSERT_TRUE(query.finish());
  }
  static std::string text(const Result<std::vector<TopEntry>>& top) {
    EXPECT_TRUE(top) << top.error().what;
    std::string text;
    for (const TopEntry& each : top.value()) {
      text += each.name + "=" + std::to_string(each.scans) + " ";
    }
    return text;
  }

  TemporaryDirectory home_;
  Database database_ =
      std::move(Database::open(home_.file("test.db"), Database::Access::write).value());
};

TEST_F(TopLists, PortsAreCountedOnceForEachScanThatHasThem) {
  add(1, "192.0.2.1", "1-3,65535");
  add(2, "192.0.2.1", "2,65535");
  add(3, "192.0.2.1", "2-3");
  EXPECT_EQ(text(top_ports(database_, {}, 9)), "2=3 3=2 65535=2 1=1 ");
  EXPECT_EQ(text(top_ports(database_, {}, 2)), "2=3 3=2 ");
}
TEST_F(TopLists, RangesThatAreNoneCountNothing) {
  add(1, "192.0.2.1", "22,80-");
  add(2, "192.0.2.1", "22");
  EXPECT_EQ(text(top_ports(database_, {}, 9)), "22=1 ");
}
TEST_F(TopLists, AddressesOfBothFamiliesAreCountedTogether) {
  for (int i = 0; i < 3; ++i) add(i, "2001:db8::1");
  add(3, "192.0.2.200");
  add(4, "192.0.2.1");
  add(5, "192.0.2.200");
  EXPECT_EQ(text(top_addresses(database_, TopBy::source, {}, 9)),
            "2001:db8::1=3 192.0.2.200=2 192.0.2.1=1 ");
  EXPECT_EQ(text(top_addresses(database_, TopBy::network, {}, 9)),
            "192.0.2.0/24=3 2001:db8::/48=3 ");
  EXPECT_EQ(count_distinct(database_, "source", system_clock::time_point(2s)).value(), 3U);
  EXPECT_EQ(count_distinct(database_, "source", system_clock::time_point(4s)).value(), 2U);
}
TEST_F(TopLists, EachSourceIsThereOnceAndInOrder) {
  for (const char* const each : {"2001:db8::1", "192.0.2.9", "192.0.2.1", "192.0.2.9"}) {
    add(1, each);
  }
  add(2, "198.51.100.1");
  const auto list = [](const Result<std::vector<AddressCount>>& sources) {
    EXPECT_TRUE(sources) << sources.error().what;
    std::string text;
    for (const AddressCount& each : sources.value()) {
      text += to_string(each.address) + "=" + std::to_string(each.scans) + " ";
    }
    return text;
  };
  EXPECT_EQ(list(count_sources(database_, {})),
            "192.0.2.1=1 192.0.2.9=2 198.51.100.1=1 2001:db8::1=1 ");
  EXPECT_EQ(list(count_sources(database_, system_clock::time_point(2s))), "198.51.100.1=1 ");
  EXPECT_EQ(list(count_sources(database_, system_clock::time_point(3s))), "");
}
TEST_F(TopLists, NamesThatAreAsFrequentComeInTheirOrder) {
  add(1, "192.0.2.1", "", "zmap");
  add(2, "192.0.2.1", "", "nmap");
  add(3, "192.0.2.1", "", "zmap");
  add(4, "192.0.2.1", "", "hping");
  EXPECT_EQ(text(top_names(database_, "tool", {}, 9)), "zmap=2 hping=1 nmap=1 ");
  EXPECT_EQ(text(top_names(database_, "tool", {}, 1)), "zmap=2 ");
}
TEST_F(TopLists, OnlyWhatWasFoundSinceThenCounts) {
  add(1, "192.0.2.1", "22", "nmap");
  add(2, "192.0.2.2", "23", "zmap");
  const Since since = system_clock::time_point(2s);
  EXPECT_EQ(text(top_ports(database_, since, 9)), "23=1 ");
  EXPECT_EQ(text(top_addresses(database_, TopBy::source, since, 9)), "192.0.2.2=1 ");
  EXPECT_EQ(text(top_names(database_, "tool", since, 9)), "zmap=1 ");
}

}  // namespace
}  // namespace scanlogd::test
