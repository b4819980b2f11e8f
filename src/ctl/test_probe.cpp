// See test_probe.h.
#include "ctl/test_probe.h"

#include <ifaddrs.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

namespace scanlogd::ctl {
namespace {

class FrameWriter {
 public:
  void put(std::span<const std::uint8_t> bytes) {
    const auto raw = std::as_bytes(bytes);
    frame_.insert(frame_.end(), raw.begin(), raw.end());
  }
  void put8(std::uint8_t value) { frame_.push_back(std::byte{value}); }
  void put16(std::uint16_t value) {
    put8(static_cast<std::uint8_t>(value >> 8));
    put8(static_cast<std::uint8_t>(value & 0xff));
  }
  void put32(std::uint32_t value) {
    put16(static_cast<std::uint16_t>(value >> 16));
    put16(static_cast<std::uint16_t>(value & 0xffff));
  }
  void put(const Address& address) {
    put(std::span(address.bytes).first(address.family == Family::ipv4 ? 4 : 16));
  }
  void set16(std::size_t at, std::uint16_t value) {
    frame_[at] = static_cast<std::byte>(value >> 8);
    frame_[at + 1] = static_cast<std::byte>(value & 0xff);
  }

  /// The sum of what begins at `from`, as RFC 1071 has it, on top of `sum`.
  [[nodiscard]] std::uint16_t checksum(std::size_t from, std::uint32_t sum) const {
    for (std::size_t at = from; at + 1 < frame_.size(); at += 2) {
      sum += std::to_integer<std::uint32_t>(frame_[at]) << 8 |
             std::to_integer<std::uint32_t>(frame_[at + 1]);
    }
    while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xffff);
  }

  [[nodiscard]] std::size_t size() const noexcept { return frame_.size(); }
  [[nodiscard]] std::vector<std::byte> take() noexcept { return std::move(frame_); }

 private:
  std::vector<std::byte> frame_;
};

std::uint32_t sum_of(const Address& address) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < address.bytes.size(); at += 2) {
    sum += static_cast<std::uint32_t>(address.bytes[at]) << 8 | address.bytes[at + 1];
  }
  return sum;
}

constexpr std::uint16_t kTcpHeader = 24;  // with the one option that every SYN has
constexpr std::uint8_t kHops = 64;

void put_ip(FrameWriter& out, const Address& source, const Address& target) {
  if (source.family == Family::ipv6) {
    out.put16(0x86dd);
    out.put32(0x60000000);
    out.put16(kTcpHeader);
    out.put8(IPPROTO_TCP);
    out.put8(kHops);
    out.put(source);
    out.put(target);
    return;
  }
  constexpr std::uint16_t kIpHeader = 20;
  constexpr std::size_t kChecksumAt = 10;
  out.put16(0x0800);
  const std::size_t start = out.size();
  out.put16(0x4500);
  out.put16(kIpHeader + kTcpHeader);
  out.put32(0x00004000);  // id 0, may not be fragmented
  out.put8(kHops);
  out.put8(IPPROTO_TCP);
  out.put16(0);
  out.put(source);
  out.put(target);
  out.set16(start + kChecksumAt, out.checksum(start, 0));
}

/// The kernel's calls are larger than what we fill in; the rest is zero.
int call_bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

std::uint64_t address_of(const void* object) { return reinterpret_cast<std::uintptr_t>(object); }

Address address_of(const sockaddr& from) {
  Address address;
  if (from.sa_family == AF_INET) {
    sockaddr_in native{};
    std::memcpy(&native, &from, sizeof(native));
    address.family = Family::ipv4;
    std::memcpy(address.bytes.data(), &native.sin_addr, sizeof(native.sin_addr));
  } else {
    sockaddr_in6 native{};
    std::memcpy(&native, &from, sizeof(native));
    address.family = Family::ipv6;
    std::memcpy(address.bytes.data(), &native.sin6_addr, sizeof(native.sin6_addr));
  }
  return address;
}

/// What getifaddrs(3) has of one interface, an entry for each of its addresses.
struct Found {
  TestedInterface interface;
  bool is_ethernet = false;
  bool is_loopback = false;
};

void take(const ifaddrs& each, Found& found) {
  // IFF_LOWER_UP of netdevice(7), which <net/if.h> lacks; IFF_RUNNING comes up to a second late.
  constexpr unsigned kLowerUp = 1U << 16;
  found.interface.is_up = (each.ifa_flags & IFF_UP) != 0 && (each.ifa_flags & kLowerUp) != 0;
  found.is_loopback = (each.ifa_flags & IFF_LOOPBACK) != 0;
  if (each.ifa_addr == nullptr) return;
  if (each.ifa_addr->sa_family == AF_PACKET) {
    sockaddr_ll link{};
    std::memcpy(&link, each.ifa_addr, sizeof(link));
    found.is_ethernet = link.sll_hatype == ARPHRD_ETHER || link.sll_hatype == ARPHRD_LOOPBACK;
    std::copy_n(std::begin(link.sll_addr), found.interface.mac.size(), found.interface.mac.begin());
    return;
  }
  if (each.ifa_addr->sa_family != AF_INET && each.ifa_addr->sa_family != AF_INET6) return;
  if (found.interface.address.family != Family::ipv4) {
    const Address address = address_of(*each.ifa_addr);
    if (address.family == Family::ipv4 || found.interface.address.family == Family::none) {
      found.interface.address = address;
    }
  }
}

}  // namespace

std::vector<std::byte> build_test_probe(const MacAddress& to, const Address& source,
                                        const Address& target, Port port, std::uint32_t sequence) {
  constexpr MacAddress kFrom = {0x02, 0, 0, 0, 0, 1};  // locally administered, IEEE 802
  constexpr std::uint16_t kSourcePort = 40000;
  constexpr std::size_t kChecksumAt = 16;
  FrameWriter out;
  out.put(to);
  out.put(kFrom);
  put_ip(out, source, target);
  const std::size_t start = out.size();
  out.put16(kSourcePort);
  out.put16(port);
  out.put32(sequence);
  out.put32(0);
  out.put16(0x6002);  // six words, SYN
  out.put16(1024);
  out.put32(0);
  out.put32(0x020405b4);  // maximum segment size 1460
  out.set16(start + kChecksumAt,
            out.checksum(start, sum_of(source) + sum_of(target) + IPPROTO_TCP + kTcpHeader));
  return out.take();
}

Address choose_test_source(const Address& own, std::uint64_t random) noexcept {
  constexpr std::uint64_t kHosts = 254;
  if (own.family == Family::ipv6) {
    constexpr AddressBytes kBase = {0x20, 0x01, 0x0d, 0xb8};
    Address source{.family = Family::ipv6, .bytes = kBase};
    // A network of 64 bits of its own, with host ::1.
    for (std::size_t at = 4; at < 8; ++at) {
      source.bytes[at] = static_cast<std::uint8_t>(random >> (8 * (at - 4)) & 0xff);
    }
    source.bytes[15] = 1;
    return source;
  }
  constexpr std::array<std::uint32_t, 2> kNetworks = {0xc0000200, 0xc6336400};
  constexpr std::uint32_t kMask = 0xffffff00;
  const std::uint32_t network =
      (ipv4_value(own.bytes) & kMask) == kNetworks[0] ? kNetworks[1] : kNetworks[0];
  return {.family = Family::ipv4,
          .bytes = ipv4_bytes(network + 1 + static_cast<std::uint32_t>(random % kHosts))};
}

Result<TestedInterface> find_tested_interface(const std::string& name) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return fail_errno("getifaddrs", "interfaces", errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  std::map<std::string, Found> all;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    Found& found = all[each->ifa_name];
    found.interface.name = each->ifa_name;
    take(*each, found);
  }
  const Found* best = nullptr;
  if (!name.empty()) {
    const auto named = all.find(name);
    if (named == all.end()) return fail_errno("interface", name, ENODEV);
    best = &named->second;
    if (!best->is_ethernet) return fail("interface(" + name + "): not Ethernet");
    if (best->interface.address.family == Family::none) {
      return fail("interface(" + name + "): has no address");
    }
  }
  for (const auto& [each, found] : all) {
    if (!name.empty()) break;
    if (!found.is_ethernet || !found.interface.is_up ||
        found.interface.address.family == Family::none) {
      continue;
    }
    if (best == nullptr || (best->is_loopback && !found.is_loopback)) best = &found;
  }
  if (best == nullptr) return fail("interface(any): none is up, Ethernet and has an address");
  TestedInterface chosen = best->interface;
  chosen.index = ::if_nametoindex(chosen.name.c_str());
  if (chosen.index == 0) return fail_errno("if_nametoindex", chosen.name, errno);
  return chosen;
}

Result<FrameInjector> FrameInjector::open(unsigned interface) {
  // r0 = XDP_PASS; exit
  const std::array<bpf_insn, 2> program = {
      bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K,
               .dst_reg = 0,
               .src_reg = 0,
               .off = 0,
               .imm = XDP_PASS},
      bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_XDP;
  load.insns = address_of(program.data());
  load.insn_cnt = static_cast<std::uint32_t>(program.size());
  load.license = address_of(static_cast<const void*>("BSD"));
  UniqueFd fd(call_bpf(BPF_PROG_LOAD, load));
  if (!fd) return fail_errno("bpf", "BPF_PROG_LOAD", errno);
  return FrameInjector(std::move(fd), interface);
}

Result<void> FrameInjector::inject(std::span<const std::byte> frame) const {
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(frame.size());
  context.ingress_ifindex = interface_;
  bpf_attr run{};
  run.test.prog_fd = static_cast<std::uint32_t>(program_.get());
  run.test.data_in = address_of(frame.data());
  run.test.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.test.ctx_in = address_of(&context);
  run.test.ctx_size_in = sizeof(context);
  run.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  run.test.repeat = 1;
  run.test.batch_size = 1;
  if (call_bpf(BPF_PROG_TEST_RUN, run) != 0) {
    return fail_errno("bpf", "BPF_PROG_TEST_RUN, live frames", errno);
  }
  return {};
}

}  // namespace scanlogd::ctl
