// The hot path allocates nothing: a million packets from a capture file through decoding, detector
// and scan book, with operator new counted. What a scan's line costs is paid per scan, not per
// packet.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <random>
#include <string>

#include "capture/capture.h"
#include "daemon/pipeline.h"
#include "support/capture_writer.h"
#include "support/captures.h"
#include "support/detector_bench.h"
#include "support/frame_builder.h"
#include "support/scans.h"
#include "support/temporary_directory.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// Not inlined: GCC would compare the malloc inside with the delete outside and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace scanlogd::test {
namespace {

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

}  // namespace
}  // namespace scanlogd::test
