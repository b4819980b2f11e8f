// See packet_ring.h.
#include "capture/packet_ring.h"

#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

namespace scanlogd {
namespace {

// 16 MB: 60 ms at a million SYNs a second. Not charged to a memory cgroup.
constexpr std::uint32_t kBlockSize = 256 << 10;
constexpr std::uint32_t kBlocks = 64;
constexpr std::uint32_t kRetireMs = 10;

// Only a bound for the kernel: the frames of version 3 are as long as they are.
constexpr std::uint32_t kFrameSize = 2048;

Result<void> set_option(int socket, int option, const void* value, socklen_t size,
                        std::string_view what) {
  if (::setsockopt(socket, SOL_PACKET, option, value, size) == 0) return {};
  return fail_errno("setsockopt", what, errno);
}

template <class Value>
Result<void> set_option(int socket, int option, const Value& value, std::string_view what) {
  return set_option(socket, option, &value, sizeof(value), what);
}

std::vector<sock_filter> kernel_form(const std::vector<FilterInstruction>& program) {
  std::vector<sock_filter> code;
  code.reserve(program.size());
  for (const FilterInstruction& each : program) {
    code.push_back({.code = each.code, .jt = each.if_true, .jf = each.if_false, .k = each.operand});
  }
  return code;
}

// The kernel writes these structures, so they are read where they are.
template <class Structure>
const Structure& view(const std::byte* at) noexcept {
  return *static_cast<const Structure*>(static_cast<const void*>(at));
}

// The word by which a block changes hands.
std::atomic_ref<std::uint32_t> status_of(std::byte* block) noexcept {
  return std::atomic_ref(
      static_cast<tpacket_block_desc*>(static_cast<void*>(block))->hdr.bh1.block_status);
}

bool has_ethernet_header(unsigned short hardware_type) noexcept {
  return hardware_type == ARPHRD_ETHER || hardware_type == ARPHRD_LOOPBACK;
}

}  // namespace

Result<PacketRing> PacketRing::open() {
  // Protocol 0: nothing comes before `start`.
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("socket", "AF_PACKET, SOCK_RAW", errno);
  return PacketRing(std::move(socket));
}

PacketRing::PacketRing(PacketRing&& other) noexcept
    : socket_(std::move(other.socket_)),
      memory_(std::exchange(other.memory_, {})),
      block_(other.block_),
      left_(other.left_),
      at_(other.at_),
      counts_(other.counts_) {}

PacketRing& PacketRing::operator=(PacketRing&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(memory_, other.memory_);
  std::swap(block_, other.block_);
  std::swap(left_, other.left_);
  std::swap(at_, other.at_);
  std::swap(counts_, other.counts_);
  return *this;
}

PacketRing::~PacketRing() {
  if (!memory_.empty()) (void)::munmap(memory_.data(), memory_.size());  // cannot fail
}

Result<void> PacketRing::start(const SocketScope& scope, const Group& group) {
  const int version = TPACKET_V3;
  if (auto set = set_option(fd(), PACKET_VERSION, version, "PACKET_VERSION"); !set) return set;
  if (auto set = set_filter(scope); !set) return set;
  if (auto set = set_ring(); !set) return set;
  const sockaddr_ll every_interface{.sll_family = AF_PACKET,
                                    .sll_protocol = __builtin_bswap16(ETH_P_ALL),
                                    .sll_ifindex = 0,
                                    .sll_hatype = 0,
                                    .sll_pkttype = 0,
                                    .sll_halen = 0,
                                    .sll_addr = {}};
  if (::bind(fd(), reinterpret_cast<const sockaddr*>(&every_interface), sizeof(every_interface)) !=
      0) {
    return fail_errno("bind", "every interface", errno);
  }
  return join(group, scope.interest.outgoing);
}

Result<void> PacketRing::restrict(const SocketScope& scope) { return set_filter(scope); }

Result<void> PacketRing::set_filter(const SocketScope& scope) {
  auto code = kernel_form(make_socket_filter(scope));
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
    return fail_errno("setsockopt", "SO_ATTACH_FILTER", errno);
  }
  return {};
}

Result<void> PacketRing::set_ring() {
  tpacket_req3 request{};
  request.tp_block_size = kBlockSize;
  request.tp_block_nr = kBlocks;
  request.tp_frame_size = kFrameSize;
  request.tp_frame_nr = kBlockSize / kFrameSize * kBlocks;
  request.tp_retire_blk_tov = kRetireMs;
  if (auto set = set_option(fd(), PACKET_RX_RING, request, "PACKET_RX_RING"); !set) return set;
  constexpr std::size_t kSize = std::size_t{kBlockSize} * kBlocks;
  void* const memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), 0);
  if (memory == MAP_FAILED) return fail_errno("mmap", "PACKET_RX_RING", errno);
  memory_ = {static_cast<std::byte*>(memory), kSize};
  return {};
}

// Spares packets that are sent a copy for us. Where the kernel does not know how, the filter leaves
// them out, at the price of the copy.
void PacketRing::ignore_outgoing() const noexcept {
  const int on = 1;
  (void)::setsockopt(fd(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
}

// More than one share by remote address. One stays alone: a group costs each packet something.
Result<void> PacketRing::join(const Group& group, bool outgoing) {
  if (group.members == 1) {
    if (!outgoing) ignore_outgoing();
    return {};
  }
  // PACKET_FANOUT_FLAG_IGNORE_OUTGOING, newer than the headers of Debian 12.
  constexpr std::uint32_t kIgnoreOutgoing = 0x4000;
  const auto set_group = [&](std::uint32_t flags) {
    const std::uint32_t request = (flags | PACKET_FANOUT_CBPF) << 16 | group.id;
    return set_option(fd(), PACKET_FANOUT, request, "PACKET_FANOUT");
  };
  auto set = set_group(outgoing ? 0 : kIgnoreOutgoing);
  if (!set && !outgoing) set = set_group(0);
  if (!set) return set;
  auto code = kernel_form(make_shard_filter(group.members, group.key));
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  return set_option(fd(), PACKET_FANOUT_DATA, program, "PACKET_FANOUT_DATA");
}

Result<void> PacketRing::make_promiscuous(int index) {
  packet_mreq request{};
  request.mr_ifindex = index;
  request.mr_type = PACKET_MR_PROMISC;
  return set_option(fd(), PACKET_ADD_MEMBERSHIP, request, "PACKET_MR_PROMISC");
}

Poll PacketRing::poll(Assembler& assembler, PacketBatch& batch) noexcept {
  now_ = std::chrono::steady_clock::now().time_since_epoch();
  wall_minus_monotonic_ = std::chrono::system_clock::now().time_since_epoch() - now_;
  batch.wall_minus_monotonic = wall_minus_monotonic_;
  // Each frame makes one packet at most, and a batch has to fit all of a bounded number of frames.
  for (std::size_t frames = 0; frames < 4 * PacketBatch::kCapacity && !batch.full();) {
    std::byte* const block = memory_.data() + block_ * kBlockSize;
    if (at_ == nullptr) {
      if ((status_of(block).load(std::memory_order_acquire) & TP_STATUS_USER) == 0)
        return Poll::idle;
      const auto& header = view<tpacket_block_desc>(block).hdr.bh1;
      left_ = header.num_pkts;
      at_ = block + header.offset_to_first_pkt;
    }
    for (; left_ > 0 && !batch.full(); --left_, ++frames) {
      const std::byte* const header = at_;
      const std::uint32_t next = view<tpacket3_hdr>(header).tp_next_offset;
      at_ = header + next;
      __builtin_prefetch(at_);
      take(header, assembler, batch);
    }
    if (left_ == 0) next_block();
  }
  return Poll::more;
}

void PacketRing::next_block() noexcept {
  status_of(memory_.data() + block_ * kBlockSize)
      .store(TP_STATUS_KERNEL, std::memory_order_release);
  block_ = (block_ + 1) % kBlocks;
  at_ = nullptr;
}

void PacketRing::take(const std::byte* header_at, Assembler& assembler,
                      PacketBatch& batch) noexcept {
  constexpr std::size_t kAddressAt = (sizeof(tpacket3_hdr) + 15) & ~std::size_t{15};
  const auto& header = view<tpacket3_hdr>(header_at);
  const auto& address = view<sockaddr_ll>(header_at + kAddressAt);
  // The kernel has stamped it with the wall clock, which may have been set meanwhile.
  const auto stamp = std::chrono::seconds(header.tp_sec) + std::chrono::nanoseconds(header.tp_nsec);
  const auto age = now_ + wall_minus_monotonic_ - stamp;
  const bool is_plausible = age >= std::chrono::nanoseconds(0) && age < std::chrono::minutes(1);
  constexpr std::uint16_t kVlanNumber = 0x0fff;
  std::optional<std::uint16_t> vlan;
  if ((header.tp_status & TP_STATUS_VLAN_VALID) != 0) {
    vlan = static_cast<std::uint16_t>(header.hv1.tp_vlan_tci & kVlanNumber);
  }
  const Frame frame{.bytes = {header_at + header.tp_mac, header.tp_snaplen},
                    .wire_size = header.tp_len,
                    .time = is_plausible ? now_ - age : now_,
                    .is_outgoing = address.sll_pkttype == PACKET_OUTGOING,
                    .is_checked = (header.tp_status & TP_STATUS_CSUMNOTREADY) != 0,
                    .vlan = vlan};
  const LinkType link =
      has_ethernet_header(address.sll_hatype) ? LinkType::ethernet : LinkType::raw;
  assembler.take(link, frame, batch);
}

std::vector<AllowedCall> PacketRing::calls(bool promiscuous) const {
  std::vector<AllowedCall> calls = {
      {"getsockopt", {is(0, fd()), is(1, SOL_PACKET), is(2, PACKET_STATISTICS)}},
      {"setsockopt", {is(0, fd()), is(1, SOL_SOCKET), is(2, SO_ATTACH_FILTER)}}};
  if (promiscuous) {
    calls.push_back({"setsockopt", {is(0, fd()), is(1, SOL_PACKET), is(2, PACKET_ADD_MEMBERSHIP)}});
  }
  return calls;
}

std::vector<AllowedCall> PacketRing::calls_of_start() const {
  std::vector<AllowedCall> calls = {
      {"bind", {is(0, fd())}}, {"mmap", {is(4, fd()), lacks(2, PROT_EXEC), has(3, MAP_SHARED)}}};
  for (const int option : {PACKET_VERSION, PACKET_RX_RING, PACKET_IGNORE_OUTGOING, PACKET_FANOUT,
                           PACKET_FANOUT_DATA}) {
    calls.push_back({"setsockopt", {is(0, fd()), is(1, SOL_PACKET), is(2, option)}});
  }
  return calls;
}

PacketRing::Counts PacketRing::counts() const noexcept {
  // The kernel counts anew from each look, and counts what it lost as seen, too.
  tpacket_stats_v3 latest{};
  socklen_t size = sizeof(latest);
  if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &latest, &size) == 0) {
    counts_.seen += latest.tp_packets;
    counts_.dropped += latest.tp_drops;
  }
  return counts_;
}

}  // namespace scanlogd
