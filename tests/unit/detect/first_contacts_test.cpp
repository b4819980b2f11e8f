// What is kept of the first contacts of a source, and who may take its place.
#include "detect/first_contacts.h"

#include <gtest/gtest.h>

#include "support/full_bench.h"

namespace scanlogd::test {
namespace {

constexpr std::size_t kSources = 32;  // four places

FirstContacts note(FirstContactsTable& table, std::uint32_t index, std::uint8_t contacts,
                   const Packet& packet) {
  table.note(index, index + 1, contacts, packet, Technique::syn, Tool::nmap);
  const FirstContacts* const found = table.find(index, index + 1);
  return found == nullptr ? FirstContacts{} : *found;
}

TEST(FirstContacts, KeepTheFirstPacketAndTheOrderOfPorts) {
  auto table = FirstContactsTable::make(kSources).value();
  Packet packet = nmap_syn(kClient, kHost, 80);
  packet.ttl = 40;
  (void)note(table, 0, 1, packet);
  packet.target_port = 22;
  packet.ttl = 45;
  (void)note(table, 0, 2, packet);
  packet.target_port = 80;
  const FirstContacts first = note(table, 0, 3, packet);
  ASSERT_EQ(first.port_count, 2);
  EXPECT_EQ(first.ports[0], 80);
  EXPECT_EQ(first.ports[1], 22);
  EXPECT_EQ(first.ttl, 40);
  EXPECT_EQ(first.ttl_spread, 5);
  EXPECT_EQ(first.varies, varies::ttl);
  EXPECT_EQ(first.tool, Tool::nmap);
  EXPECT_EQ(first.tool_votes, 3);
  EXPECT_EQ(first.syn_window, 1024);
}

TEST(FirstContacts, KeepDistinctHosts) {
  auto table = FirstContactsTable::make(kSources).value();
  (void)note(table, 0, 1, nmap_syn("2001:db8::9", "2001:db8::1", 80));
  (void)note(table, 0, 2, nmap_syn("2001:db8::9", "2001:db8::2", 80));
  const FirstContacts first = note(table, 0, 3, nmap_syn("2001:db8::9", "2001:db8::1", 80));
  ASSERT_EQ(first.host_count, 2);
  EXPECT_EQ(first.host(0), parse_address("2001:db8::1").value());
  EXPECT_EQ(first.host(1), parse_address("2001:db8::2").value());
  EXPECT_EQ(first.varies, varies::target);
}

TEST(FirstContacts, BeginAnewWithTheFirstContact) {
  auto table = FirstContactsTable::make(kSources).value();
  (void)note(table, 0, 1, nmap_syn(kClient, kHost, 80));
  (void)note(table, 0, 2, nmap_syn(kClient, kHost, 81));
  EXPECT_EQ(note(table, 0, 1, nmap_syn(kClient, kHost, 82)).port_count, 1);
}

TEST(FirstContacts, ThoseWithMoreContactsKeepTheirPlaceForAWhile) {
  using namespace std::chrono_literals;
  auto table = FirstContactsTable::make(kSources).value();
  Packet packet = nmap_syn(kClient, kHost, 80);
  packet.time = 1000h;
  for (std::uint32_t index = 0; index < 4; ++index) (void)note(table, index, 3, packet);
  packet.time += 1h;
  EXPECT_EQ(note(table, 4, 2, packet).owner, 0U);
  EXPECT_EQ(note(table, 4, 3, packet).owner, 5U);
  packet.time += 4h;
  EXPECT_EQ(note(table, 5, 1, packet).owner, 6U);
}

TEST(FirstContacts, AnotherToolsMarkTakesBackAVote) {
  auto table = FirstContactsTable::make(kSources).value();
  const Packet packet = nmap_syn(kClient, kHost, 80);
  table.note(0, 1, 1, packet, Technique::syn, Tool::nmap);
  table.note(0, 1, 2, packet, Technique::syn, Tool::masscan);
  EXPECT_EQ(table.find(0, 1)->tool_votes, 0);
  table.note(0, 1, 3, packet, Technique::syn, Tool::masscan);
  EXPECT_EQ(table.find(0, 1)->tool, Tool::masscan);
}

TEST(FirstContacts, ListOpenPortsOnce) {
  FirstContacts first{};
  for (const Port port : std::initializer_list<Port>{22, 80, 22}) first.add_open(port);
  EXPECT_EQ(first.open_view().size(), 2U);
}

}  // namespace
}  // namespace scanlogd::test
