// The accounts of several engines add up, and the line says so.
#include "daemon/accounts.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

EngineAccounts some_accounts(std::uint64_t scale) {
  EngineAccounts accounts;
  CaptureStats& captures = accounts.captures;
  captures.seen = 100 * scale;
  captures.received = 90 * scale;
  captures.dropped = 10 * scale;
  captures.filtered = 40 * scale;
  captures.other_host = 3 * scale;
  captures.bad_checksum = 2 * scale;
  captures.fragments = 1 * scale;
  captures.not_ip = 4 * scale;
  accounts.inspected = 38 * scale;
  accounts.not_local = 2 * scale;
  accounts.found = 5 * scale;
  accounts.unsent = 1 * scale;
  accounts.counters[0] = 30 * scale;
  accounts.counters[1] = 8 * scale;
  return accounts;
}

const std::vector<CounterNames>& names() {
  static const std::vector<CounterNames> all = {{"classic", {"known", "new"}}};
  return all;
}

TEST(EngineAccounts, AreAddedTermByTerm) {
  EngineAccounts sum = some_accounts(1);
  sum += some_accounts(2);
  const EngineAccounts expected = some_accounts(3);
  EXPECT_EQ(to_string(sum, names(), {}, {}, {}, Recorded::elsewhere),
            to_string(expected, names(), {}, {}, {}, Recorded::elsewhere));
}

TEST(EngineAccounts, TheLineOfOneProcess) {
  EXPECT_EQ(to_string(some_accounts(1), names(), {.detected = 4, .recorded = 4, .delivered = 4},
                      {.written = 4, .delivered = 4}, {}, Recorded::here),
            "seen 100 = processed 90 + dropped 10; processed = inspected 38 + not_local 2 + "
            "filtered 40 + other_host 3 + fragments 1 + not_ip 4 + truncated 0 + bad_header 0 + "
            "bad_checksum 2; classic: known 30 + new 8; detected 4 = delivered 4 + "
            "spooled 0 + digested 0 + held_back 0 + lost 0; messages 4 = delivered 4 + waiting 0 + "
            "lost 0");
}

TEST(EngineAccounts, EnginesOfTheirOwnSayWhatBecameOfWhatTheyFound) {
  EXPECT_NE(to_string(some_accounts(1), names(), {.detected = 4, .recorded = 4, .delivered = 4}, {},
                      {}, Recorded::elsewhere)
                .find("; found 5 = recorded 4 + unsent 1; detected 4 = "),
            std::string::npos);
}

TEST(EngineAccounts, WhatTheKernelStillHoldsIsATermOfItsOwn) {
  EngineAccounts accounts = some_accounts(1);
  accounts.captures.seen += 7;
  EXPECT_NE(to_string(accounts, names(), {}, {}, {}, Recorded::here)
                .find("seen 107 = processed 90 + dropped 10 + waiting 7;"),
            std::string::npos);
}

TEST(EngineAccounts, WhereThereIsAStoreTheySayWhatBecameOfItsMessages) {
  const StoreStats store{.taken = 6, .written = 3, .waiting = 2, .lost = 1};
  EXPECT_TRUE(to_string(some_accounts(1), names(), {}, {}, store, Recorded::here)
                  .ends_with("; stored 6 = written 3 + waiting 2 + lost 1"));
}

TEST(EngineAccounts, WhatADigestIsToTellOfIsSpooled) {
  const BookStats book{.detected = 9, .digested = 2, .pending = 3, .delivered = 1, .waiting = 3};
  EXPECT_NE(to_string(some_accounts(1), names(), book, {}, {}, Recorded::here)
                .find("detected 9 = delivered 1 + spooled 6 + digested 2 + held_back 0 + lost 0;"),
            std::string::npos);
}

}  // namespace
}  // namespace scanlogd
