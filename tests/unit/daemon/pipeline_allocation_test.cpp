// The hot path allocates nothing: a million packets from a capture file through decoding, detector
// and scan book, with operator new counted. What a scan's line costs is paid per scan, not per
// packet. And where something is allocated, each time may be the one at which there is no memory:
// that is an error, or an exception that reaches whoever called, as it does `main`.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/capture.h"
#include "core/unique_fd.h"
#include "daemon/engine.h"
#include "daemon/pipeline.h"
#include "record/store_reader.h"
#include "support/capture_writer.h"
#include "support/captures.h"
#include "support/detector_bench.h"
#include "support/frame_builder.h"
#include "support/scans.h"
#include "support/temporary_directory.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
std::uint64_t failing = 0;  ///< the number of the allocation that fails; 0: none

/// Memory, or none.
void* allocate(std::size_t size) noexcept {
  return allocations.fetch_add(1, std::memory_order_relaxed) + 1 == failing ? nullptr
                                                                            : std::malloc(size);
}
}  // namespace

// Not inlined: GCC would compare the malloc inside with the delete outside and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return allocate(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;

constexpr int kPackets = 1'000'000;
constexpr int kWarmUp = 10'000;

/// A file of random sources among which every tenth packet is a scan's: new ports all the time.
void write_capture(const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const auto write = [&](const Bytes& bytes) {
    file.write(static_cast<const char*>(static_cast<const void*>(bytes.data())),
               static_cast<std::streamsize>(bytes.size()));
  };
  write(pcap_header());
  Bytes record = pcap_record({.frame = ethernet(ipv4_datagram())});
  constexpr std::size_t kIp = 16 + 14;
  std::mt19937 random(1);
  for (int i = 0; i < kPackets; ++i) {
    const auto source = i % 10 == 0 ? 7U + static_cast<unsigned>(i / 1000) : random();
    for (std::size_t byte = 0; byte < 4; ++byte) {
      record[kIp + 12 + byte] = static_cast<std::byte>(source >> (8 * byte) & 0xff);
    }
    record[kIp + 20 + 2] = static_cast<std::byte>(i >> 8 & 0xff);
    record[kIp + 20 + 3] = static_cast<std::byte>(i & 0xff);
    write(record);
  }
}

TEST(Pipeline, AllocatesNothingPerPacketAfterWarmUp) {
  const TemporaryDirectory folder;
  const std::string path = folder.file("million.pcap");
  write_capture(path);
  auto capture = test::open_file(path);
  ASSERT_TRUE(capture) << capture.error().what;

  std::vector<NamedDetector> detectors;
  detectors.push_back({"classic", make_detector("classic").value()});
  std::vector<NamedSink> sinks;
  sinks.push_back({.name = "syslog", .sink = open_sink("syslog").value()});
  Reporter reporter(std::move(sinks));
  Pipeline pipeline(Analysis(std::move(detectors), {}), reporter);
  const auto batch = std::make_unique<PacketBatch>();

  int packets = 0;
  std::uint64_t batches = 0;
  std::uint64_t batches_that_allocated = 0;
  for (bool more = true; more;) {
    const auto found = (*capture)->poll(*batch);
    ASSERT_TRUE(found);
    more = *found == Poll::more;
    packets += static_cast<int>(batch->size);
    const std::uint64_t before = allocations.load();
    pipeline.process(*batch);
    pipeline.settle();
    if (packets < kWarmUp) continue;
    ++batches;
    if (allocations.load() > before) ++batches_that_allocated;
  }

  EXPECT_EQ(packets, kPackets);
  EXPECT_GT(allocations.load(), 0U) << "operator new is not counted";
  const std::uint64_t scans = reporter.book().detected;
  EXPECT_GT(scans, 0U) << "no scan in it: too easy";
  // Each scan begins in one batch and ends in another; all others are free.
  EXPECT_LE(batches_that_allocated, 2 * scans);
  EXPECT_GT(batches, 3 * scans);
}

Section eve_options(std::string_view path) {
  Section options;
  options.set("path", path, "test");
  return options;
}

/// A capture with one scan.
void write_scan(const std::string& path) {
  std::vector<Record> records;
  for (Port port = 1; port <= 10; ++port) {
    // Flags that no system sends, so that no profile waits for an answer.
    const Bytes segment = tcp_segment({.target_port = port, .flags = tcp_flag::fin});
    records.push_back({.frame = ethernet(ipv4_datagram({}, segment)), .fraction = port});
  }
  write_file(path, pcap_file(records));
}

enum class Memory : std::uint8_t { fails, suffices };

/// What the daemon makes of a capture file; how many scans.
Result<std::uint64_t> read_capture(const std::string& path, std::string_view profile) {
  auto capture = test::open_file(path);
  if (!capture) return std::unexpected(capture.error());
  auto detector = make_detector(profile);
  if (!detector) return std::unexpected(detector.error());
  auto sink = open_sink("eve", eve_options(path + ".json"));
  if (!sink) return std::unexpected(sink.error());
  std::vector<NamedDetector> detectors;
  detectors.push_back({profile, std::move(*detector), profile == "full"});
  std::vector<NamedSink> sinks;
  sinks.push_back({.name = "eve", .sink = std::move(*sink)});
  Reporter reporter(std::move(sinks));
  reporter.open();
  Pipeline pipeline(Analysis(std::move(detectors), parse_networks("198.51.100.1").value()),
                    reporter);
  Captures captures;
  captures.push_back(std::move(*capture));
  const UniqueFd signals(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Engine engine(pipeline, captures, signals.get(), {.interfaces = {}});
  if (auto done = engine.run(); !done) return std::unexpected(done.error());
  return reporter.book().detected;
}

constexpr std::uint64_t kReported = 7;  // more than have lines

/// A run of the half that records: scans that begin, grow and end, and a word about itself.
BookStats report_scans(const std::string& state, const std::string& events) {
  auto sink = open_sink("eve", eve_options(events));
  if (!sink) return {};
  std::vector<NamedSink> sinks;
  sinks.push_back({.name = "eve", .sink = std::move(*sink)});
  ReporterOptions options;
  options.style = LogStyle::digest;
  options.is_live = true;
  options.place.path = state;
  Reporter reporter(std::move(sinks), std::move(options));
  reporter.open();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  static std::uint32_t source = 0;
  for (std::uint64_t i = 1; i <= kReported; ++i) {
    ScanEvent event = some_scan().event;
    event.source.bytes = ipv4_bytes(0x0a00'0000U + ++source);
    event.record = i;
    event.rule = ScanRule::fast;
    event.detected = now;
    event.started = now - 1s;
    reporter.report(event, wall - now);
    event.phase = i % 2 == 0 ? Phase::update : Phase::end;
    ScanPorts ports;
    ports.record = i;
    ports.count = 1;
    ports.ranges[0] = {.first = 1, .last = 10};
    reporter.report(ports, wall - now);
    reporter.report(event, wall - now);
  }
  reporter.settle();
  reporter.notify(Severity::info, "something");
  reporter.flush(Flush::reopen);
  reporter.finish();
  reporter.flush(Flush::waiting);
  return reporter.book();
}

/// What this process holds of the kernel: descriptors, and mappings of files below `folder`.
std::size_t held(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(folder) != std::string::npos) ++count;
  }
  return count;
}

/// Calls `attempt` with its first allocation failing, then with its second, and so on until it
/// meets none; after each of these once more with none failing. An exception other than
/// `std::bad_alloc` is a failure, and so is one that nobody can catch, or what is left of an
/// attempt in `folder`. How many failed.
template <class Attempt>
std::uint64_t fail_each_allocation(const std::string& folder, Attempt attempt) {
  const std::size_t held_before = held(folder);
  std::uint64_t thrown = 0;
  for (std::uint64_t number = 1;; ++number) {
    bool has_thrown = false;
    const std::uint64_t before = allocations.load();
    failing = before + number;
    try {
      attempt(Memory::fails);
    } catch (const std::bad_alloc&) {
      has_thrown = true;
    }
    const bool has_failed = allocations.load() >= failing;
    failing = 0;
    if (has_thrown) ++thrown;
    if (!has_failed) {
      EXPECT_GT(thrown, 0U) << "nothing was thrown: too easy";
      return number - 1;
    }
    EXPECT_EQ(held(folder), held_before);
    attempt(Memory::suffices);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "after allocation " << number << " had failed";
      return number;
    }
  }
}

TEST(Pipeline, EachAllocationMayFailWhileACaptureIsReadAndTheNextTryWorks) {
  const TemporaryDirectory folder;
  const std::string path = folder.file("scan.pcap");
  write_scan(path);
  for (const std::string_view profile : {"classic", "full"}) {
    const std::uint64_t failures = fail_each_allocation(folder.path(), [&](Memory memory) {
      const auto found = read_capture(path, profile);
      if (memory == Memory::fails) return;
      ASSERT_TRUE(found) << found.error().what;
      EXPECT_EQ(*found, 1U);
    });
    std::cout << profile << ": " << failures << " of " << failures << " allocations failed\n";
  }
}

TEST(Reporter, EachAllocationMayFailWhileItReportsAndTheNextTryWorks) {
  // In memory where it may be: what is synced a thousand times costs a minute on a disk.
  const std::string memory_disk = "/dev/shm/";
  const bool has_one = ::access(memory_disk.c_str(), W_OK) == 0;
  const TemporaryDirectory home(has_one ? memory_disk : ::testing::TempDir());
  std::uint64_t attempts = 0;
  const std::uint64_t failures = fail_each_allocation(home.path(), [&](Memory memory) {
    // What one attempt leaves is for the next to take up, and for no other.
    if (memory == Memory::fails) ++attempts;
    const std::string state = home.file(std::to_string(attempts));
    std::filesystem::create_directory(state);
    const BookStats book = report_scans(state, state + "/eve.json");
    if (memory == Memory::fails) return;
    EXPECT_EQ(book.detected, book.delivered + book.waiting + book.pending + book.digested +
                                 book.held_back + book.lost);
    EXPECT_GE(book.detected, kReported);
    EXPECT_LE(book.detected, 2 * kReported);
    const auto reader = StoreReader::open(state);
    ASSERT_TRUE(reader) << reader.error().what;
    EXPECT_EQ(reader->list({.limit = 1}).value().front().id, book.detected);
    std::filesystem::remove_all(state);
  });
  std::cout << failures << " of " << failures << " allocations failed\n";
}

}  // namespace
}  // namespace scanlogd::test
