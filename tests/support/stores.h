// A store in a directory that goes with the test, and messages to put into it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/store.h"
#include "support/scans.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {

using namespace std::chrono_literals;

inline const std::chrono::system_clock::time_point kNoon =
    std::chrono::sys_days(std::chrono::year(2024) / 11 / 26) + 12h;

/// Longer ago than anything in these tests.
inline constexpr std::chrono::hours kForEver = 24h * 365 * 100;

/// A store in a directory of its own.
class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = StateDirectory::open(home_.path());
    ASSERT_TRUE(directory) << directory.error().what;
    directory_.emplace(std::move(*directory));
  }

  Store open(const StoreLimits& limits = {}) const {
    auto store = Store::open(*directory_, limits);
    EXPECT_TRUE(store) << store.error().what;
    return std::move(store.value());
  }
  /// Closes the store, which copies its log into it, and opens it again.
  Store open_again(Store store) const {
    { const Store closed = std::move(store); }
    return open();
  }
  int failure() const {
    const auto store = Store::open(*directory_, {});
    return store ? 0 : store.error().code;
  }
  StoreReader reader() const {
    auto reader = StoreReader::open(home_.path());
    EXPECT_TRUE(reader) << reader.error().what;
    return std::move(reader.value());
  }

  static Message message(Scan scan, std::uint64_t sequence = 0) {
    if (sequence == 0) sequence = scan.id;
    return {.stamp = {.boot = 7, .sequence = sequence}, .content = std::move(scan)};
  }
  /// Writes messages, all in one transaction.
  static void write(Store& store, const std::vector<Message>& messages) {
    ASSERT_TRUE(store.begin(Store::Sync::process));
    for (const Message& each : messages) {
      const auto done = store.add(each);
      ASSERT_TRUE(done) << done.error().what;
    }
    ASSERT_TRUE(store.commit());
  }
  /// A scan found `number` minutes after noon.
  static Scan scan(std::uint64_t number, std::string_view source = "192.0.2.8") {
    Scan scan = some_scan(number);
    scan.event.source = parse_address(source).value();
    scan.started = kNoon + number * 1min - 1s;
    scan.detected = scan.last = scan.at = kNoon + number * 1min;
    scan.ports = "21-22";
    return scan;
  }
  static std::vector<std::uint64_t> ids(const Result<std::vector<Scan>>& scans) {
    EXPECT_TRUE(scans) << scans.error().what;
    std::vector<std::uint64_t> ids;
    if (scans) {
      for (const Scan& each : *scans) ids.push_back(each.id);
    }
    return ids;
  }
  void damage(std::size_t offset, const std::string& bytes) const {
    std::fstream file(home_.file("scanlogd.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
    ASSERT_TRUE(file);
  }

  TemporaryDirectory home_;
  std::optional<StateDirectory> directory_;
};

using Ids = std::vector<std::uint64_t>;

}  // namespace scanlogd::test
