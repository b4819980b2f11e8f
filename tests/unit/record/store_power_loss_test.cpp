// The power goes: of what was written and not synced, each sector of the disk has the old bytes or
// the new ones, as it happens. What was committed to the disk is there all the same. SQLite calls
// the fdatasync of this program, which notes what the disk has from then on.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/stores.h"

namespace scanlogd::test {
namespace {

using Files = std::map<std::string, std::string>;

std::string read_file(const std::filesystem::path& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), std::ssize(bytes));
  return bytes;
}

/// What a disk with a store has for sure, and what it may be found with.
class Disk {
 public:
  /// What is left of it, and how many messages were committed to it before.
  struct Wreck {
    Files files;
    std::uint64_t committed = 0;
  };

  explicit Disk(std::string folder) : folder_(std::move(folder)) { watched_ = this; }
  ~Disk() { watched_ = nullptr; }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  static Disk* watched() { return watched_; }

  /// That file is about to be synced: the power could go just before.
  void sync(const std::filesystem::path& path) {
    if (path.parent_path() != folder_) return;
    ++syncs_;
    lose_power();
    synced_[path.filename()] = read_file(path);
  }

  void commit(std::uint64_t messages) { committed_ = messages; }

  void lose_power() {
    Files files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      if (name.ends_with("-shm") || name.ends_with(".lock")) continue;  // memory, and empty
      files[name] = mix(synced_[name], read_file(entry.path()));
    }
    wrecks_.push_back({.files = std::move(files), .committed = committed_});
  }

  /// Those since the last call.
  [[nodiscard]] std::vector<Wreck> take_wrecks() { return std::exchange(wrecks_, {}); }
  [[nodiscard]] int syncs() const { return syncs_; }

 private:
  static constexpr std::size_t kSector = 512;

  std::string mix(std::string_view before, std::string_view after) {
    // All old, all new, or any.
    const unsigned share = std::array{0U, 50U, 100U}[random_() % 3];
    const auto is_new = [&] { return random_() % 100 < share; };
    std::string mixed(before);
    if (is_new()) mixed.resize(after.size());
    for (std::size_t at = 0; at < std::min(mixed.size(), after.size()); at += kSector) {
      const std::size_t size = std::min({kSector, mixed.size() - at, after.size() - at});
      if (is_new()) mixed.replace(at, size, after.substr(at, size));
    }
    return mixed;
  }

  static inline Disk* watched_ = nullptr;
  std::filesystem::path folder_;
  Files synced_;
  std::vector<Wreck> wrecks_;
  std::uint64_t committed_ = 0;
  int syncs_ = 0;
  std::mt19937 random_{1};
};

class StorePowerLoss : public StoreTest {
 protected:
  /// How many messages a store with these files has, which must be all up to the last.
  static std::uint64_t messages_in(const Files& files) {
    const TemporaryDirectory home;
    for (const auto& [name, bytes] : files) {
      std::ofstream(home.file(name), std::ios::binary) << bytes;
    }
    auto directory = StateDirectory::open(home.path()).value();
    auto store = Store::open(directory, {});
    EXPECT_TRUE(store) << store.error().what;
    if (!store) return 0;
    const auto messages = store->reader().messages(0, 100'000);
    EXPECT_TRUE(messages) << messages.error().what;
    if (!messages) return 0;
    std::uint64_t number = 0;
    for (const Message& message : *messages) EXPECT_EQ(message.stamp.sequence, ++number);
    return number;
  }
};

TEST_F(StorePowerLoss, LosesNothingThatWasCommittedToTheDisk) {
  constexpr std::uint64_t kMessages = 80;
  Store store = open();
  Disk disk(home_.path());
  // The file as it was made is on the disk before anything is in it.
  for (const auto& entry : std::filesystem::directory_iterator(home_.path())) {
    disk.sync(entry.path());
  }
  (void)disk.take_wrecks();
  std::mt19937 random(2);
  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    const bool is_promised = random() % 4 != 0;
    ASSERT_TRUE(store.begin(is_promised ? Store::Sync::disk : Store::Sync::process));
    Scan each = scan(number);
    each.sample.assign(100'000, 'x');  // so that the log is copied into the database now and then
    ASSERT_TRUE(store.add(message(each)));
    if (random() % 8 == 0) disk.lose_power();
    ASSERT_TRUE(store.commit());
    if (is_promised) disk.commit(number);
    if (random() % 8 == 0) disk.lose_power();
    for (const Disk::Wreck& wreck : disk.take_wrecks()) {
      ASSERT_GE(messages_in(wreck.files), wreck.committed) << "after message " << number;
    }
  }
  EXPECT_GT(disk.syncs(), 50) << "SQLite syncs past this program";
}

}  // namespace
}  // namespace scanlogd::test

/// In the place of the C library's, for SQLite too.
extern "C" int fdatasync(int file) {
  if (auto* const disk = scanlogd::test::Disk::watched()) {
    disk->sync(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file)));
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
