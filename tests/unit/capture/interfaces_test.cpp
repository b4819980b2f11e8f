// Tests the list of interfaces with messages made here, and that the kernel's own can be read.
#include "capture/interfaces.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace scanlogd {
namespace {

using Kind = InterfaceChange::Kind;

template <class Header>
void append(std::vector<std::byte>& bytes, const Header& header) {
  const auto* const from = static_cast<const std::byte*>(static_cast<const void*>(&header));
  bytes.insert(bytes.end(), from, from + sizeof(header));
}

// A link message (rtnetlink(7)) with a name.
std::vector<std::byte> link_message(std::uint16_t type, int index, const std::string& name,
                                    unsigned flags) {
  std::vector<std::byte> bytes;
  const auto attribute = static_cast<std::uint16_t>(sizeof(rtattr) + name.size() + 1);
  const std::size_t padded = (attribute + 3u) & ~3u;
  append(bytes, nlmsghdr{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) +
                                                                 sizeof(ifinfomsg) + padded),
                         .nlmsg_type = type,
                         .nlmsg_flags = 0,
                         .nlmsg_seq = 0,
                         .nlmsg_pid = 0});
  append(bytes, ifinfomsg{.ifi_family = AF_UNSPEC,
                          .__ifi_pad = 0,
                          .ifi_type = 1,
                          .ifi_index = index,
                          .ifi_flags = flags,
                          .ifi_change = 0});
  append(bytes, rtattr{.rta_len = attribute, .rta_type = IFLA_IFNAME});
  for (const char letter : name) bytes.push_back(static_cast<std::byte>(letter));
  bytes.resize(sizeof(nlmsghdr) + sizeof(ifinfomsg) + padded);
  return bytes;
}

class InterfaceMonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = InterfaceMonitor::open();
    if (!opened) GTEST_SKIP() << opened.error().what;
    monitor_.emplace(std::move(*opened));
  }
  std::vector<InterfaceChange> take(const std::vector<std::byte>& message) {
    std::vector<InterfaceChange> changes;
    monitor_->take(message, changes);
    return changes;
  }
  static constexpr int kIndex = 1'000'000;

  std::optional<InterfaceMonitor> monitor_;
};

TEST_F(InterfaceMonitorTest, ListsTheLoopbackInterfaceOfThisMachine) {
  const auto all = monitor_->interfaces();
  const auto loopback = std::ranges::find(all, "lo", &Interface::name);
  ASSERT_NE(loopback, all.end());
  EXPECT_EQ(loopback->type, 772);
  EXPECT_EQ(loopback->index, static_cast<int>(::if_nametoindex("lo")));
}

TEST_F(InterfaceMonitorTest, ANewInterfaceAppearsWithItsState) {
  const auto changes = take(link_message(RTM_NEWLINK, kIndex, "eth7", IFF_UP));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Kind::appeared);
  EXPECT_EQ(changes[0].interface.name, "eth7");
  EXPECT_TRUE(changes[0].interface.is_up);
}

TEST_F(InterfaceMonitorTest, WhereTheKernelHasNothingToSayItIsSilent) {
  EXPECT_FALSE(monitor_->was_silent()) << "nobody has asked";
  ASSERT_TRUE(monitor_->poll());
  ASSERT_TRUE(monitor_->poll());
  EXPECT_TRUE(monitor_->was_silent());
}

TEST_F(InterfaceMonitorTest, UpAndDownAreToldOnlyWhenTheyChange) {
  (void)take(link_message(RTM_NEWLINK, kIndex, "eth7", 0));
  EXPECT_TRUE(take(link_message(RTM_NEWLINK, kIndex, "eth7", 0)).empty());
  EXPECT_EQ(take(link_message(RTM_NEWLINK, kIndex, "eth7", IFF_UP)).at(0).kind, Kind::up);
  EXPECT_TRUE(take(link_message(RTM_NEWLINK, kIndex, "eth7", IFF_UP | IFF_RUNNING)).empty());
  EXPECT_EQ(take(link_message(RTM_NEWLINK, kIndex, "eth7", 0)).at(0).kind, Kind::down);
}

TEST_F(InterfaceMonitorTest, ARenamedInterfaceHasItsOldName) {
  (void)take(link_message(RTM_NEWLINK, kIndex, "eth7", 0));
  const auto changes = take(link_message(RTM_NEWLINK, kIndex, "lan0", 0));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Kind::renamed);
  EXPECT_EQ(changes[0].interface.name, "lan0");
  EXPECT_EQ(changes[0].old_name, "eth7");
}

TEST_F(InterfaceMonitorTest, ARemovedInterfaceIsGoneOnce) {
  (void)take(link_message(RTM_NEWLINK, kIndex, "eth7", 0));
  EXPECT_EQ(take(link_message(RTM_DELLINK, kIndex, "eth7", 0)).at(0).kind, Kind::gone);
  EXPECT_TRUE(take(link_message(RTM_DELLINK, kIndex, "eth7", 0)).empty());
}

TEST_F(InterfaceMonitorTest, AMessageCutAnywhereIsLeftOut) {
  const auto whole = link_message(RTM_NEWLINK, kIndex, "eth7", IFF_UP);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(take({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}).empty());
  }
}

TEST_F(InterfaceMonitorTest, ImpossibleLengthsEndTheReading) {
  for (const std::uint32_t length : {0u, 15u, 0xffff'ffffu}) {
    auto message = link_message(RTM_NEWLINK, kIndex, "eth7", IFF_UP);
    std::memcpy(message.data(), &length, sizeof(length));
    EXPECT_TRUE(take(message).empty());
  }
  for (const std::uint16_t length : {std::uint16_t{0}, std::uint16_t{3}, std::uint16_t{0xffff}}) {
    auto message = link_message(RTM_NEWLINK, kIndex, "eth7", IFF_UP);
    std::memcpy(message.data() + sizeof(nlmsghdr) + sizeof(ifinfomsg), &length, sizeof(length));
    EXPECT_TRUE(take(message).empty()) << "it has no name";
  }
}

}  // namespace
}  // namespace scanlogd
