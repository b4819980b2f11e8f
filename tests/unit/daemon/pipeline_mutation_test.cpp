// Captures that something has bitten: cut, bits turned, lengths that lie, other byte orders,
// foreign link types, pieces twice. Whatever comes out of the file goes the whole way through both
// profiles. Under the sanitizers this is worth most.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "daemon/pipeline.h"
#include "support/captures.h"
#include "support/detector_bench.h"
#include "support/scans.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

/// With as many captures as there are in the folder, more than 80,000.
constexpr int kMutantsOfEach = 3100;
/// Enough for every kind of record, little enough to be quick.
constexpr std::size_t kLongest = 6000;

std::vector<std::string> captures() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SCANLOGD_TEST_CAPTURES)) {
    if (entry.path().extension() == ".pcap") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

class Mutator {
 public:
  explicit Mutator(std::vector<char> original) : original_(std::move(original)) {}

  std::vector<char> next() {
    std::vector<char> bytes = original_;
    for (std::size_t rounds = 1 + below(4); rounds > 0; --rounds) mutate(bytes);
    return bytes;
  }

 private:
  static constexpr std::size_t kHeader = 24;  // of the file; records follow, 16 bytes and a frame

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  void put(std::vector<char>& bytes, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < sizeof(value) && at + i < bytes.size(); ++i) {
      bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
    }
  }
  void mutate(std::vector<char>& bytes) {
    if (bytes.size() <= kHeader) return;
    constexpr std::array<std::uint32_t, 8> kLies = {0,     1,          15,         65535,
                                                    65536, 0x7fffffff, 0xffffffff, 262145};
    constexpr std::array<std::uint32_t, 9> kLinks = {0, 1, 9, 12, 50, 101, 113, 228, 276};
    switch (below(7)) {
      case 0:
        bytes.resize(below(bytes.size()));
        break;
      case 1:
        for (std::size_t bits = 1 + below(32); bits > 0; --bits) {
          bytes[below(bytes.size())] ^= static_cast<char>(1 << below(8));
        }
        break;
      case 2:
        put(bytes, kHeader + 8 + below(2) * 4, kLies[below(kLies.size())]);
        break;
      case 3:
        put(bytes, kHeader + below(bytes.size() - kHeader), kLies[below(kLies.size())]);
        break;
      case 4:
        put(bytes, 20, kLinks[below(kLinks.size())]);
        break;
      case 5:
        std::reverse(bytes.begin(), bytes.begin() + 4);
        break;
      default: {
        const std::size_t from = below(bytes.size());
        const std::size_t size = below(std::min<std::size_t>(bytes.size() - from, 200) + 1);
        const std::vector<char> piece(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                                      bytes.begin() + static_cast<std::ptrdiff_t>(from + size));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())),
                     piece.begin(), piece.end());
        break;
      }
    }
  }

  std::vector<char> original_;
  std::mt19937 random_{1};
};

class MutatedCapture : public ::testing::TestWithParam<std::string> {};

TEST_P(MutatedCapture, IsReadAsFarAsItGoes) {
  std::ifstream file(GetParam(), std::ios::binary);
  std::vector<char> original{std::istreambuf_iterator<char>(file), {}};
  ASSERT_GT(original.size(), 24U);
  original.resize(std::min(original.size(), kLongest));
  Mutator mutator(std::move(original));

  std::vector<NamedDetector> detectors;
  for (const auto* const name : {"classic", "full"}) {
    detectors.push_back({name, make_detector(name).value()});
  }
  RecordingSink::Tape tape;
  std::vector<NamedSink> sinks;
  sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape)});
  Reporter reporter(std::move(sinks));
  Pipeline pipeline(Analysis(std::move(detectors), {}), reporter);
  const TemporaryDirectory folder;
  const std::string path = folder.file("mutant.pcap");
  const auto batch = std::make_unique<PacketBatch>();

  std::uint64_t packets = 0;
  int refused = 0;
  for (int mutant = 0; mutant < kMutantsOfEach; ++mutant) {
    const std::vector<char> bytes = mutator.next();
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    auto capture = open_files({path}, {.other_protocols = true, .outgoing = true});
    for (bool more = capture.has_value(); more;) {
      const auto found = (*capture)->poll(*batch);
      packets += batch->size;
      pipeline.process(*batch);
      pipeline.settle();
      more = found && *found != Poll::end_of_input;
      if (!found) ++refused;
    }
    if (!capture) ++refused;
  }
  EXPECT_GT(packets, 0U);
  EXPECT_GT(refused, 0) << "nothing was ever wrong with them";
  EXPECT_LT(refused, kMutantsOfEach) << "nothing was ever right with them";
}

INSTANTIATE_TEST_SUITE_P(All, MutatedCapture, ::testing::ValuesIn(captures()),
                         [](const auto& chosen) {
                           std::string name = std::filesystem::path(chosen.param).stem();
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST(MutatedCaptures, AreManyMoreThanAPersonWouldTry) {
  EXPECT_GE(captures().size() * kMutantsOfEach, 80'000U);
}

}  // namespace
}  // namespace scanlogd::test
