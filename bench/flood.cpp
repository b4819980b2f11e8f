// The sender of the live comparison: a bounded number of TCP segments to one address, from random
// sources of a network (a SYN flood) or from one (bulk data, bare ACKs), as fast as possible or up
// to a rate. AF_PACKET without queueing discipline, packet(7); checksums are right, so that the
// target's TCP answers. For network namespaces made for it, as bench/live.py does: it is a flood
// wherever it is pointed at.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLinkSize = 14;
constexpr std::size_t kHeaderSize = 20;  // of IPv4, and of TCP
constexpr std::size_t kBulkPayload = 1400;
constexpr std::uint64_t kMaxCount = 100'000'000;

// Sent by one call; with a rate, what is due in 50 us, so that they do not come in bursts.
constexpr std::size_t kBatch = 64;
constexpr std::uint64_t kBatchesPerSecond = 20'000;

// A sender that was held up by the machine goes on at its rate instead of catching up in a burst.
constexpr std::chrono::microseconds kMaxLag = 500us;

struct Order {
  std::string interface;
  std::array<std::uint8_t, ETH_ALEN> mac{};
  std::uint32_t target = 0;
  std::uint32_t source = 0;            // or the first of them
  std::uint32_t source_mask = 0;       // which bits of it are random
  std::uint32_t each = 1;              // SYNs of each of them, to ports one after the other
  std::size_t payload = kBulkPayload;  // of ACK segments
  std::uint16_t port = 0;
  std::uint64_t count = 0;
  std::uint64_t rate = 0;  // packets per second; 0: as fast as possible

  [[nodiscard]] bool is_flood() const { return source_mask != 0; }
};

void store_16(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
void store_32(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  store_16(bytes, at, value >> 16);
  store_16(bytes, at + 2, value);
}

std::uint32_t sum_16(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  }
  return sum;
}

std::uint32_t fold(std::uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

class Frames {
 public:
  explicit Frames(const Order& order) : order_(order), random_(std::random_device()()) {
    const std::size_t payload = order.is_flood() ? 0 : order.payload;
    frame_.resize(kLinkSize + 2 * kHeaderSize + payload);
    std::ranges::copy(order.mac, frame_.begin());
    frame_[6] = 0x02;  // a locally administered sender
    store_16(frame_, 12, ETH_P_IP);
    const auto ip = std::span(frame_).subspan(kLinkSize);
    ip[0] = 0x45;
    store_16(ip, 2, static_cast<std::uint32_t>(2 * kHeaderSize + payload));
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    store_32(ip, 16, order.target);
    const auto tcp = ip.subspan(kHeaderSize);
    store_16(tcp, 2, order.port);
    tcp[12] = 5 << 4;
    tcp[13] = order.is_flood() ? 0x02 : 0x10;  // SYN, or ACK as of bulk data
    store_16(tcp, 14, 1024);
    frames_.assign(kBatch, frame_);
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts_[i] = {.iov_base = frames_[i].data(), .iov_len = frames_[i].size()};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_iov = &parts_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  /// Makes the next `count` frames and returns them as sendmmsg(2) wants them.
  std::span<mmsghdr> next(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) vary(frames_[i]);
    return std::span(messages_).first(count);
  }

 private:
  void vary(std::span<std::uint8_t> frame) {
    const std::uint32_t turn = turn_;
    turn_ = turn + 1 == order_.each ? 0 : turn + 1;
    if (turn == 0) who_ = random_();
    const std::uint64_t random = who_;
    const auto ip = frame.subspan(kLinkSize);
    const auto tcp = ip.subspan(kHeaderSize, kHeaderSize);
    store_16(tcp, 2, order_.port + turn);
    store_32(ip, 12, order_.source + (static_cast<std::uint32_t>(random) & order_.source_mask));
    store_16(ip, 10, 0);
    store_16(ip, 10, fold(sum_16(ip.first(kHeaderSize))));
    const auto port = static_cast<std::uint32_t>(random >> 32) % 60000;
    store_16(tcp, 0, order_.is_flood() ? 1024 + port : 40000);
    store_32(tcp, 4, sequence_ += static_cast<std::uint32_t>(kBulkPayload));
    store_16(tcp, 16, 0);
    const std::uint32_t pseudo_header = sum_16(ip.subspan(12, 8)) + IPPROTO_TCP +
                                        static_cast<std::uint32_t>(ip.size() - kHeaderSize);
    store_16(tcp, 16, fold(sum_16(tcp) + pseudo_header));  // the payload is zeros
  }

  Order order_;
  std::mt19937_64 random_;
  std::uint64_t who_ = 0;  // what the latest source is made of
  std::uint32_t turn_ = 0;
  std::uint32_t sequence_ = 1;
  std::vector<std::uint8_t> frame_;
  std::vector<std::vector<std::uint8_t>> frames_;
  std::array<iovec, kBatch> parts_{};
  std::array<mmsghdr, kBatch> messages_{};
};

int complain(std::string_view what) {
  (void)std::fprintf(stderr, "bench_flood: %.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

int open_wire(const std::string& interface) {
  const int wire = ::socket(AF_PACKET, SOCK_RAW, 0);
  if (wire < 0) return -1;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  const int on = 1;
  if (address.sll_ifindex == 0 ||
      ::setsockopt(wire, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0 ||
      ::bind(wire, static_cast<const sockaddr*>(static_cast<const void*>(&address)),
             sizeof(address)) != 0) {
    return -1;
  }
  return wire;
}

/// Sends what was ordered and returns how many that were.
std::uint64_t send_all(int wire, const Order& order) {
  Frames frames(order);
  const std::size_t batch =
      order.rate == 0 ? kBatch : std::clamp<std::size_t>(order.rate / kBatchesPerSecond, 1, kBatch);
  const std::chrono::nanoseconds pause{order.rate == 0 ? 0 : batch * 1'000'000'000 / order.rate};
  auto due = Clock::now();
  std::uint64_t sent = 0;
  while (sent < order.count) {
    if (order.rate != 0) {
      std::this_thread::sleep_until(due);
      due = std::max(due, Clock::now() - kMaxLag) + pause;
    }
    const auto rest = frames.next(std::min<std::size_t>(batch, order.count - sent));
    const int count = ::sendmmsg(wire, rest.data(), static_cast<unsigned>(rest.size()), 0);
    if (count < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) return sent;
    if (count > 0) sent += static_cast<std::uint64_t>(count);
  }
  return sent;
}

bool parse_address(const std::string& text, std::uint32_t& out) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return false;
  out = ntohl(address.s_addr);
  return true;
}

/// An address, ADDRESS/BITS for random ones of that network, ADDRESS/BITSxN for N SYNs of each of
/// them, or ADDRESS/32 for no payload.
bool parse_source(std::string_view text, Order& order) {
  const std::size_t times = text.find('x');
  if (times != std::string_view::npos) {
    const int each = std::atoi(std::string(text.substr(times + 1)).c_str());
    if (each < 1 || each > 100) return false;
    order.each = static_cast<std::uint32_t>(each);
  }
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const int bits = std::atoi(std::string(text.substr(slash + 1)).c_str());
    if (bits < 1 || bits > 32) return false;
    if (bits == 32) order.payload = 0;
    if (bits < 32) order.source_mask = ~std::uint32_t{0} >> bits;
  }
  return parse_address(std::string(text.substr(0, slash)), order.source);
}

bool parse_mac(const char* text, std::array<std::uint8_t, ETH_ALEN>& out) {
  std::array<unsigned, ETH_ALEN> bytes{};
  if (std::sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                  &bytes[4], &bytes[5]) != static_cast<int>(bytes.size())) {
    return false;
  }
  std::ranges::transform(bytes, out.begin(),
                         [](unsigned byte) { return static_cast<std::uint8_t>(byte); });
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    return complain(
        "usage: bench_flood INTERFACE MAC TARGET PORT SOURCE COUNT RATE\n"
        "SOURCE: ADDRESS/BITS sends SYN, ADDRESS/BITSxN N of each source to ports from PORT on,\n"
        "ADDRESS sends bulk data, ADDRESS/32 bare ACKs; RATE 0: no limit");
  }
  Order order{.interface = argv[1],
              .port = static_cast<std::uint16_t>(std::atoi(argv[4])),
              .count = std::strtoull(argv[6], nullptr, 10),
              .rate = std::strtoull(argv[7], nullptr, 10)};
  if (!parse_mac(argv[2], order.mac) || !parse_address(argv[3], order.target) || order.port == 0 ||
      !parse_source(argv[5], order) || order.count == 0 || order.count > kMaxCount) {
    return complain("an argument makes no sense");
  }
  const int wire = open_wire(order.interface);
  if (wire < 0) return complain(order.interface + ": " + std::strerror(errno));
  (void)::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);  // worse pacing if it fails

  const auto start = Clock::now();
  const std::uint64_t sent = send_all(wire, order);
  const std::chrono::duration<double> took = Clock::now() - start;
  timespec used{};
  (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);  // cannot fail
  std::printf("{\"sent\": %llu, \"seconds\": %.6f, \"cpu\": %.9f}\n",
              static_cast<unsigned long long>(sent), took.count(),
              static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9);
  return sent == order.count ? 0 : 1;
}
