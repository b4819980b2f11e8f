// What offline.py compares scanlogd with, and the capture files it does that on.
//   bench_offline make KIND FILE COUNT   writes a pcap file: bulk, small, flood, scan or mixed
//   bench_offline touch FILE             maps it and looks at the header and the TCP flags of each
//                                        record, one after the other
//   bench_offline libpcap FILE FILTER    reads it with libpcap and that filter into the detector of
//                                        scanlogd, and prints how many scans there were
#include <fcntl.h>
#include <pcap.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "core/decode.h"
#include "core/link.h"
#include "core/unique_fd.h"
#include "detect/detector.h"
#include "support/capture_writer.h"
#include "support/frame_builder.h"

namespace scanlogd::bench {
namespace {

using test::Bytes;

constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kRecordHeader = 16;
constexpr std::uint32_t kServer = 0xc6336401;   // 198.51.100.1
constexpr std::uint32_t kScanner = 0xcb007101;  // 203.0.113.1 and up
constexpr std::size_t kScanners = 50;

int complain(std::string_view what) {
  (void)std::fprintf(stderr, "bench_offline: %.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

// A frame of which addresses, ports and flags are changed in place.
class Frame {
 public:
  explicit Frame(std::size_t payload)
      : bytes_(test::ethernet(test::ipv4_datagram({}, test::tcp_segment({}, Bytes(payload))))) {}

  Frame& from(std::uint32_t source, unsigned port) {
    store32(kIp + 12, source);
    store16(kTcp, port);
    return *this;
  }
  Frame& to(std::uint32_t target, unsigned port) {
    store32(kIp + 16, target);
    store16(kTcp + 2, port);
    return *this;
  }
  Frame& flags(std::uint8_t flags) {
    bytes_[kTcp + 13] = static_cast<std::byte>(flags);
    return *this;
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kIp = 14;
  static constexpr std::size_t kTcp = kIp + 20;

  void store16(std::size_t at, unsigned value) {
    bytes_[at] = static_cast<std::byte>(value >> 8);
    bytes_[at + 1] = static_cast<std::byte>(value);
  }
  void store32(std::size_t at, std::uint32_t value) {
    store16(at, value >> 16);
    store16(at + 2, value & 0xffff);
  }

  Bytes bytes_;
};

// A pcap file with 100,000 frames a second.
class Writer {
 public:
  explicit Writer(const char* path) : file_(std::fopen(path, "wb")) {
    if (file_ != nullptr) put(test::pcap_header({.nanoseconds = false}));
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (file_ != nullptr) (void)std::fclose(file_);
  }

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }

  void add(const Frame& frame, std::size_t snap = 65535) {
    constexpr std::uint32_t kPerSecond = 100'000;
    const auto size = static_cast<std::uint32_t>(frame.bytes().size());
    const auto kept = std::min(size, static_cast<std::uint32_t>(snap));
    const std::array<std::uint32_t, 4> header = {1'700'000'000 + count_ / kPerSecond,
                                                 count_ % kPerSecond * (1'000'000 / kPerSecond),
                                                 kept, size};
    ++count_;
    (void)std::fwrite(header.data(), 1, sizeof(header), file_);
    (void)std::fwrite(frame.bytes().data(), 1, kept, file_);
  }

 private:
  void put(const Bytes& bytes) { (void)std::fwrite(bytes.data(), 1, bytes.size(), file_); }

  std::FILE* file_;
  std::uint32_t count_ = 0;
};

// What the five kinds are made of. Of bulk one frame in 54 begins or ends a connection.
class Traffic {
 public:
  explicit Traffic(Writer& writer) : writer_(writer) {}

  void bulk(std::size_t snap) {
    constexpr unsigned kRarely = 54;
    const std::uint32_t client = 0x0a000000 + draw() % 5000;
    const bool tells = draw() % kRarely == 0;
    // Full segments and bare acknowledgements, so that records are 1,015 bytes long on the average.
    constexpr unsigned kFullOfThousand = 647;
    Frame& frame = draw() % 1000 < kFullOfThousand ? large_ : small_;
    writer_.add(frame.from(client, 1024 + draw() % 60000)
                    .to(kServer, 443)
                    .flags(tells ? tcp_flag::syn | tcp_flag::ack : tcp_flag::ack),
                snap);
  }
  void flood(std::uint32_t sources) {
    const std::uint32_t source =
        0x20000000 + (sources == 0 ? draw() % 0x20000000 : draw() % sources);
    writer_.add(small_.from(source, 1024 + draw() % 60000).to(kServer, 80).flags(tcp_flag::syn));
  }
  // A probe, then the answer of a closed port.
  void probe(std::uint32_t scanner, unsigned port) {
    writer_.add(small_.from(scanner, 40000).to(kServer, port).flags(tcp_flag::syn));
  }
  void refusal(std::uint32_t scanner, unsigned port) {
    writer_.add(small_.from(kServer, port).to(scanner, 40000).flags(tcp_flag::rst | tcp_flag::ack));
  }
  std::uint32_t draw() { return static_cast<std::uint32_t>(random_()); }

 private:
  Writer& writer_;
  std::mt19937 random_{1};
  Frame large_{1460};
  Frame small_{0};
};

int make(std::string_view kind, const char* path, std::size_t count) {
  Writer writer(path);
  if (!writer.is_open()) return complain(std::string(path) + ": cannot be written");
  Traffic traffic(writer);
  std::array<unsigned, kScanners> next{};
  for (std::size_t i = 0; i < count; ++i) {
    if (kind == "bulk") {
      traffic.bulk(65535);
    } else if (kind == "small") {
      traffic.bulk(96);
    } else if (kind == "flood") {
      traffic.flood(1'000'000);
    } else if (kind == "scan") {
      const auto port = static_cast<unsigned>(1 + i / 2 % 65535);
      if (i % 2 == 0) traffic.probe(kScanner, port);
      if (i % 2 == 1) traffic.refusal(kScanner, port);
    } else if (kind == "mixed") {
      const unsigned dice = traffic.draw() % 100;
      if (dice < 80) {
        traffic.bulk(65535);
      } else if (dice < 95) {
        traffic.flood(0);
      } else {
        const std::size_t scanner = traffic.draw() % kScanners;
        traffic.probe(kScanner + static_cast<std::uint32_t>(scanner), 1 + next[scanner]++ % 65535);
      }
    } else {
      return complain("unknown kind of traffic");
    }
  }
  return 0;
}

int touch(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return complain(std::string(path) + ": cannot be read");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) return complain("mmap failed");
  const auto* const file = static_cast<const std::byte*>(memory);
  std::uint64_t records = 0;
  unsigned sum = 0;
  for (std::size_t at = kFileHeader; at + kRecordHeader <= size; ++records) {
    std::uint32_t captured;
    std::memcpy(&captured, file + at + 8, sizeof(captured));
    constexpr std::size_t kFlags = 14 + 20 + 13;
    sum += std::to_integer<unsigned>(file[at + kRecordHeader + kFlags]);
    at += kRecordHeader + captured;
  }
  std::printf("%llu %u\n", static_cast<unsigned long long>(records), sum);
  (void)::munmap(memory, size);
  return 0;
}

struct Reading {
  std::unique_ptr<Detector> detector;
  std::unique_ptr<PacketBatch> batch = std::make_unique<PacketBatch>();
  std::unique_ptr<EventList> events = std::make_unique<EventList>();
  LinkType link{};
  std::uint64_t scans = 0;

  void judge() {
    events->clear();
    detector->inspect(batch->view(), *events);
    scans += events->view().size();
    batch->size = 0;
  }
};

void take(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
  Reading& reading = *static_cast<Reading*>(static_cast<void*>(user));
  const auto frame = std::as_bytes(std::span(bytes, header->caplen));
  const auto payload = strip_link(reading.link, frame);
  if (!payload) return;
  Packet& packet = reading.batch->packets[reading.batch->size];
  if (decode_ip(payload->datagram, header->len - payload->header_size, packet) != Decoded::packet) {
    return;
  }
  packet.time =
      std::chrono::seconds(header->ts.tv_sec) + std::chrono::microseconds(header->ts.tv_usec);
  if (++reading.batch->size == PacketBatch::kCapacity) reading.judge();
}

int read_with_libpcap(const char* path, const char* filter) {
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> file(::pcap_open_offline(path, reason.data()),
                                                        ::pcap_close);
  if (!file) return complain(reason.data());
  bpf_program program{};
  if (::pcap_compile(file.get(), &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0 ||
      ::pcap_setfilter(file.get(), &program) != 0) {
    return complain(::pcap_geterr(file.get()));
  }
  ::pcap_freecode(&program);
  Reading reading;
  auto detector = detector_table().front()->make({});
  const auto link = link_type(::pcap_datalink(file.get()));
  if (!detector || !link) return complain("no detector, or an unknown link layer");
  reading.detector = std::move(*detector);
  reading.link = *link;
  if (::pcap_dispatch(file.get(), -1, take, static_cast<u_char*>(static_cast<void*>(&reading))) <
      0) {
    return complain(::pcap_geterr(file.get()));
  }
  reading.judge();
  std::printf("%llu\n", static_cast<unsigned long long>(reading.scans));
  return 0;
}

}  // namespace
}  // namespace scanlogd::bench

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "make" && argc == 5) {
    return scanlogd::bench::make(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
  }
  if (command == "touch" && argc == 3) return scanlogd::bench::touch(argv[2]);
  if (command == "libpcap" && argc == 4)
    return scanlogd::bench::read_with_libpcap(argv[2], argv[3]);
  return scanlogd::bench::complain("see the first lines of bench/offline.cpp");
}
