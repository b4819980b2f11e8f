// Reads an input as a store that somebody else made, as scanlogctl does: what is damaged or of
// another version is an error, and nothing that is read is longer than it may be or does not end.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "record/store_reader.h"

namespace scanlogd {
namespace {

using std::chrono::system_clock;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// A directory of this process, emptied when it ends.
class Home {
 public:
  Home() {
    std::string pattern = "/tmp/scanlogd-fuzz.XXXXXX";
    require(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Home() { std::filesystem::remove_all(path_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  void put(const std::uint8_t* data, std::size_t size) const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::filesystem::remove(entry);
    }
    const std::string name = path_ + "/" + std::string(kStoreFile);
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(file >= 0);
    require(::write(file, data, size) == static_cast<ssize_t>(size));
    ::close(file);
  }

 private:
  std::string path_;
};

template <class Value>
void check(const Result<Value>& asked) {
  require(asked.has_value() || !asked.error().what.empty());
}

void check_scans(const StoreReader& store, const Result<std::vector<Scan>>& scans) {
  check(scans);
  if (!scans) return;
  require(scans->size() <= 100);
  for (const Scan& scan : *scans) {
    require(scan.sources.size() <= ScanSources::kMost);
    check(store.find(scan.id));
    check(store.sample(scan.id));
    check(store.history(scan.id));
  }
}

void read_all(const StoreReader& store) {
  const system_clock::time_point since;
  check_scans(store, store.list({}));
  check_scans(store, store.list({.port = 22, .kind = ScanKind::decoys, .goes_on = true}));
  check_scans(store, store.notable(since, 100));
  for (int by = 0; by <= static_cast<int>(TopBy::tool); ++by) {
    const auto top = store.top(static_cast<TopBy>(by), since, 10);
    check(top);
    if (top) require(top->size() <= 10);
  }
  check(store.messages(0, 100));
  check(store.summarise(since));
  check(store.histogram(since, system_clock::time_point(std::chrono::hours(1'000'000)), 24));
  check(store.notices(since, 100));
  check(store.summary());
  check(store.cursors());
  check(store.numbers());
}

}  // namespace
}  // namespace scanlogd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scanlogd;
  static const Home home;
  home.put(data, size);
  const auto store = StoreReader::open(home.path());
  check(store);
  if (store) read_all(*store);
  return 0;
}
