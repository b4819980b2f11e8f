// The back end for Linux 6.6 and later: BPF programs (bpf/scanlogd.bpf.c) at tcx, on the way in
// and, where detectors want it, on the way out of every watched interface, before the firewall.
// They leave out in the kernel what cannot matter and hand over decoded packets through a ring
// buffer for each engine; fragments and whatever is unusual come as frames. bpf(2), libbpf 1.1 for
// loading; it does not know tcx, so links are made by the system call. Links live as long as their
// descriptors: nothing of it outlives the process. Everything that takes a right happens in `open`;
// an interface that comes later is watched through a packet socket that was opened in time
// (packet_ring.h), which costs more.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_arp.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capture/bpf/sample.h"
#include "capture/capture.h"
#include "capture/interfaces.h"
#include "capture/mapped_array.h"
#include "capture/packet_ring.h"
#include "capture/ring_buffer.h"
#include "core/keyed_hash.h"
#include "scanlogd.skel.h"

namespace scanlogd {
namespace {

using Kind = InterfaceChange::Kind;

// 110,000 packets: a tenth of a second at a million a second.
constexpr std::size_t kRingSize = 8 << 20;

// enum bpf_attach_type of Linux 6.6; Debian 12 has the headers of 6.1.
constexpr std::uint32_t kTcxIngress = 46;
constexpr std::uint32_t kTcxEgress = 47;

static_assert(sizeof(BpfPacket) == sizeof(Packet));
static_assert(offsetof(BpfPacket, source) == offsetof(Packet, source));
static_assert(offsetof(BpfPacket, target) == offsetof(Packet, target));
static_assert(offsetof(BpfPacket, sequence) == offsetof(Packet, sequence));
static_assert(offsetof(BpfPacket, acknowledgement) == offsetof(Packet, acknowledgement));
static_assert(offsetof(BpfPacket, source_port) == offsetof(Packet, source_port));
static_assert(offsetof(BpfPacket, target_port) == offsetof(Packet, target_port));
static_assert(offsetof(BpfPacket, ip_id) == offsetof(Packet, ip_id));
static_assert(offsetof(BpfPacket, window) == offsetof(Packet, window));
static_assert(offsetof(BpfPacket, flags) == offsetof(Packet, flags));
static_assert(offsetof(BpfPacket, protocol) == offsetof(Packet, protocol));
static_assert(offsetof(BpfPacket, ttl) == offsetof(Packet, ttl));
static_assert(offsetof(BpfPacket, tos) == offsetof(Packet, tos));
static_assert(offsetof(BpfPacket, family) == offsetof(Packet, family));
static_assert(offsetof(BpfPacket, traits) == offsetof(Packet, traits));
static_assert(offsetof(BpfPacket, vlan) == offsetof(Packet, vlan));

struct SkeletonCloser {
  void operator()(scanlogd_bpf* skeleton) const noexcept { scanlogd_bpf::destroy(skeleton); }
};
using Skeleton = std::unique_ptr<scanlogd_bpf, SkeletonCloser>;

// An index that no interface has.
constexpr int kNoInterface = -1;

// How packets of an interface begin.
enum class Link : std::uint8_t { ethernet, ip, unknown };

Link link_of(const Interface& interface) noexcept {
  switch (interface.type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return Link::ethernet;
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
      return Link::ip;
    default:
      return Link::unknown;
  }
}

// What the programs have counted, on all processors.
BpfCounts sum_of(std::span<const BpfCounts> all) noexcept {
  BpfCounts sum{};
  for (const BpfCounts& each : all) {
    sum.seen += read_now(each.seen);
    sum.filtered += read_now(each.filtered);
    sum.not_ip += read_now(each.not_ip);
    sum.other_host += read_now(each.other_host);
    sum.bad_checksum += read_now(each.bad_checksum);
    sum.dropped += read_now(each.dropped);
  }
  return sum;
}

// Whom the programs saw sending.
Sender find_sender(std::span<const BpfSender> all, const SentFrom& sent) noexcept {
  const bool is_udp = sent.protocol == IpProto::udp;
  const std::size_t index = sent.port + (is_udp ? std::size_t{bpf_first_udp_sender} : 0);
  if ((!is_udp && sent.protocol != IpProto::tcp) || index >= all.size()) return {};
  const std::chrono::seconds at(read_now(all[index].second));
  if (at < std::chrono::floor<std::chrono::seconds>(sent.since) || at > sent.until) return {};
  return {.cgroup = read_now(all[index].cgroup), .uid = read_now(all[index].uid), .is_known = true};
}

// A program on an interface, until it is destroyed.
struct Attachment {
  int interface = 0;  // index
  UniqueFd link;
};

class BpfCapture final : public Capture {
 public:
  struct Parts {
    UniqueFd ring_fd;
    RingBuffer ring;
    std::optional<MappedArray<BpfCounts>> counts;   // of all engines; only the first has them
    std::optional<MappedArray<BpfSender>> senders;  // each engine
    std::vector<Attachment> attachments;            // likewise
    std::vector<int> covered;                       // interfaces that programs watch
    PacketRing spare;                               // for those that come later
    PacketRing::Group group;
    SocketScope scope;
    std::vector<std::string> names;
    Assembler assembler;
    UniqueFd ready;
  };
  explicit BpfCapture(Parts parts) noexcept : parts_(std::move(parts)) {}

  [[nodiscard]] int fd() const noexcept override { return parts_.ready.get(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    batch.size = 0;
    batch.wall_minus_monotonic = std::chrono::system_clock::now().time_since_epoch() - now;
    fill(batch);
    if (batch.full()) {
      parts_.ring.release(RingBuffer::Wake::later);
      return Poll::more;
    }
    if (parts_.spare.is_started() && parts_.spare.poll(parts_.assembler, batch) == Poll::more) {
      parts_.ring.release(RingBuffer::Wake::later);
      return Poll::more;
    }
    if (batch.size > 0 || has_read_) {
      parts_.ring.release(RingBuffer::Wake::later);
      return Poll::soon;
    }
    parts_.ring.release(RingBuffer::Wake::next);
    fill(batch);
    return has_read_ ? Poll::soon : Poll::idle;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = parts_.assembler.stats();
    stats.received += packets_;
    if (parts_.counts) {
      const BpfCounts kernel = sum_of(parts_.counts->items());
      stats.seen += kernel.seen;
      stats.filtered += kernel.filtered;
      stats.not_ip += kernel.not_ip;
      stats.other_host += kernel.other_host;
      stats.bad_checksum += kernel.bad_checksum;
      stats.dropped += kernel.dropped;
      stats.received += kernel.filtered + kernel.not_ip + kernel.other_host + kernel.bad_checksum;
    }
    if (parts_.spare.is_started()) {
      const PacketRing::Counts aside = parts_.spare.counts();
      stats.seen += aside.seen;
      stats.dropped += aside.dropped;
    }
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& change) override {
    const Interface& interface = change.interface;
    // One that is watched stays so under another name.
    const bool is_covered =
        std::ranges::find(parts_.covered, interface.index) != parts_.covered.end();
    const bool is_aside =
        std::ranges::find(parts_.scope.only, interface.index) != parts_.scope.only.end();
    if (change.kind == Kind::gone) {
      std::erase(parts_.covered, interface.index);
      std::erase_if(parts_.attachments,
                    [&](const Attachment& each) { return each.interface == interface.index; });
      if (is_aside) {
        std::erase(parts_.scope.only, interface.index);
        (void)watch_aside();  // the index is not used again, so a filter that names it does no harm
      }
      return is_covered || is_aside ? Coverage::watched : Coverage::no_concern;
    }
    if (is_covered) return Coverage::watched;
    if (is_aside) return Coverage::watched_aside;
    if (!parts_.names.empty() &&
        std::ranges::find(parts_.names, interface.name) == parts_.names.end()) {
      return Coverage::no_concern;
    }
    if (link_of(interface) == Link::unknown) return Coverage::not_watched;
    parts_.scope.only.push_back(interface.index);
    if (!watch_aside()) return Coverage::not_watched;
    return Coverage::watched_aside;
  }

  [[nodiscard]] Sender sender_of(const SentFrom& sent) const noexcept override {
    return parts_.senders ? find_sender(parts_.senders->items(), sent) : Sender{};
  }

  [[nodiscard]] std::vector<AllowedCall> calls() const override {
    const PacketRing& spare = parts_.spare;
    std::vector<AllowedCall> calls = spare.calls(parts_.scope.promiscuous);
    for (const AllowedCall& call : spare.calls_of_start()) calls.push_back(call);
    calls.push_back(
        {"epoll_ctl", {is(0, parts_.ready.get()), is(1, EPOLL_CTL_ADD), is(2, spare.fd())}});
    return calls;
  }

 private:
  // Takes records until the batch is full or none is left.
  void fill(PacketBatch& batch) noexcept {
    has_read_ = false;
    while (!batch.full()) {
      const auto record = parts_.ring.next();
      if (record.empty()) return;
      has_read_ = true;
      if (record.size() == sizeof(Packet)) {
        std::memcpy(&batch.packets[batch.size++], record.data(), sizeof(Packet));
        ++packets_;
      } else if (record.size() >= sizeof(BpfFrame)) {
        take(record, batch);
      }
    }
  }

  void take(std::span<const std::byte> record, PacketBatch& batch) noexcept {
    const auto& frame = *static_cast<const BpfFrame*>(static_cast<const void*>(record.data()));
    const std::size_t captured = std::min<std::size_t>(frame.captured, bpf_frame_snap);
    std::optional<std::uint16_t> vlan;
    if (frame.has_vlan != 0) vlan = frame.vlan;
    parts_.assembler.take(frame.is_ip != 0 ? LinkType::raw : LinkType::ethernet,
                          {.bytes = record.subspan(offsetof(BpfFrame, bytes), captured),
                           .wire_size = frame.wire_size,
                           .time = std::chrono::nanoseconds(static_cast<std::int64_t>(frame.time)),
                           .is_outgoing = frame.is_outgoing != 0,
                           .vlan = vlan},
                          batch);
  }

  // Watches the interfaces of the scope through the packet socket.
  bool watch_aside() {
    PacketRing& spare = parts_.spare;
    if (spare.is_started()) {
      SocketScope scope = parts_.scope;
      if (scope.only.empty()) scope.only.push_back(kNoInterface);
      return spare.restrict(scope).has_value();
    }
    if (!spare.start(parts_.scope, parts_.group)) return false;
    epoll_event event{.events = EPOLLIN, .data = {.fd = spare.fd()}};
    return ::epoll_ctl(parts_.ready.get(), EPOLL_CTL_ADD, spare.fd(), &event) == 0;
  }

  Parts parts_;
  bool has_read_ = false;      ///< did the last `fill` find a record?
  std::uint64_t packets_ = 0;  ///< records that were packets
};

std::unexpected<Error> bpf_failure(std::string_view operation, std::string_view object, int code) {
  std::string what;
  what.append(operation).append("(").append(object).append("): ").append(std::strerror(code));
  if (code == EPERM || code == EACCES)
    what.append("; it takes CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
  return fail(std::move(what), code);
}

Result<UniqueFd> attach(int program, int interface, std::uint32_t where, const std::string& name) {
  bpf_attr attributes{};
  attributes.link_create.prog_fd = static_cast<__u32>(program);
  attributes.link_create.target_ifindex = static_cast<__u32>(interface);
  attributes.link_create.attach_type = where;
  UniqueFd link(
      static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes))));
  if (link) return link;
  const int code = errno;
  if (code == EINVAL) {
    return fail("bpf(BPF_LINK_CREATE, " + name + "): no tcx; it takes Linux 6.6 or later", code);
  }
  return bpf_failure("bpf", "BPF_LINK_CREATE, " + name, code);
}

// The programs, with all their constants set, in the kernel.
Result<Skeleton> load(const CaptureRequest& request, const PacketRing::Group& group,
                      bool promiscuous, std::size_t processors) {
  Skeleton skeleton(scanlogd_bpf::open());
  if (!skeleton) return bpf_failure("bpf", "open", errno);
  skeleton->rodata->engines = static_cast<__u32>(request.engines);
  skeleton->rodata->shard_key = group.key;
  skeleton->rodata->other_protocols = request.interest.other_protocols ? 1 : 0;
  skeleton->rodata->host_scope = promiscuous ? 0 : 1;
  if (request.interest.outgoing &&
      ::bpf_map__set_max_entries(skeleton->maps.senders, bpf_senders) != 0) {
    return bpf_failure("bpf", "maps", errno);
  }
  if (::bpf_map__set_max_entries(skeleton->maps.counts, static_cast<__u32>(processors)) != 0 ||
      ::bpf_map__set_max_entries(skeleton->maps.rings, static_cast<__u32>(request.engines)) != 0) {
    return bpf_failure("bpf", "maps", errno);
  }
  if (const int status = scanlogd_bpf::load(skeleton.get()); status != 0) {
    return bpf_failure("bpf", "BPF_PROG_LOAD", -status);
  }
  return skeleton;
}

Result<UniqueFd> make_ring(const Skeleton& skeleton, std::size_t engine) {
  UniqueFd ring(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "scanlogd", 0, 0, kRingSize, nullptr));
  if (!ring) return bpf_failure("bpf", "BPF_MAP_CREATE", errno);
  const auto key = static_cast<__u32>(engine);
  const int value = ring.get();
  if (::bpf_map_update_elem(::bpf_map__fd(skeleton->maps.rings), &key, &value, BPF_ANY) != 0) {
    return bpf_failure("bpf", "BPF_MAP_UPDATE_ELEM", errno);
  }
  return ring;
}

// What there is to watch. Of interfaces that were not named, those of unknown link layers are left
// out; `follow` will say so.
Result<std::vector<Interface>> choose_interfaces(const std::vector<std::string>& names) {
  const auto monitor = InterfaceMonitor::open();
  if (!monitor) return std::unexpected(monitor.error());
  std::vector<Interface> chosen;
  const auto there = monitor->interfaces();
  for (const std::string& name : names) {
    const auto found = std::ranges::find(there, name, &Interface::name);
    if (found == there.end()) return fail_errno("bind", name, ENODEV);
    if (link_of(*found) == Link::unknown) {
      return fail("bind(" + name + "): link type ARPHRD " + std::to_string(found->type) +
                  " is not supported");
    }
    chosen.push_back(*found);
  }
  if (!names.empty()) return chosen;
  std::ranges::copy_if(there, std::back_inserter(chosen), [](const Interface& interface) {
    return link_of(interface) != Link::unknown;
  });
  return chosen;
}

Result<std::vector<Attachment>> attach_all(const Skeleton& skeleton,
                                           const std::vector<Interface>& interfaces,
                                           bool outgoing) {
  const auto& programs = skeleton->progs;
  std::vector<Attachment> attachments;
  for (const Interface& interface : interfaces) {
    const bool has_ethernet = link_of(interface) == Link::ethernet;
    const auto attach_one = [&](const bpf_program* program, std::uint32_t where) -> Result<void> {
      auto link = attach(::bpf_program__fd(program), interface.index, where, interface.name);
      if (link) attachments.push_back({.interface = interface.index, .link = std::move(*link)});
      // An interface may go while we look; `follow` will hear of it.
      if (link || link.error().code == ENODEV) return {};
      return std::unexpected(link.error());
    };
    if (auto in = attach_one(has_ethernet ? programs.ethernet_in : programs.ip_in, kTcxIngress);
        !in) {
      return std::unexpected(in.error());
    }
    // Whatever leaves through a loopback interface comes in there as well.
    if (!outgoing || interface.type == ARPHRD_LOOPBACK) continue;
    if (auto out = attach_one(has_ethernet ? programs.ethernet_out : programs.ip_out, kTcxEgress);
        !out) {
      return std::unexpected(out.error());
    }
  }
  return attachments;
}

// What one engine gets.
Result<BpfCapture::Parts> make_parts(const CaptureRequest& request, const Skeleton& skeleton,
                                     const PacketRing::Group& group, bool promiscuous,
                                     std::size_t engine) {
  auto ring_fd = make_ring(skeleton, engine);
  if (!ring_fd) return std::unexpected(ring_fd.error());
  auto ring = RingBuffer::map(ring_fd->get(), kRingSize);
  if (!ring) return std::unexpected(ring.error());
  auto spare = PacketRing::open();
  if (!spare) return std::unexpected(spare.error());
  auto assembler = Assembler::make(request.interest, !promiscuous);
  if (!assembler) return std::unexpected(assembler.error());
  UniqueFd ready(::epoll_create1(EPOLL_CLOEXEC));
  if (!ready) return fail_errno("epoll_create1", "bpf", errno);
  epoll_event event{.events = EPOLLIN, .data = {.fd = ring_fd->get()}};
  if (::epoll_ctl(ready.get(), EPOLL_CTL_ADD, ring_fd->get(), &event) != 0) {
    return fail_errno("epoll_ctl", "BPF ring buffer", errno);
  }
  return BpfCapture::Parts{
      .ring_fd = std::move(*ring_fd),
      .ring = std::move(*ring),
      .counts = std::nullopt,
      .senders = std::nullopt,
      .attachments = {},
      .covered = {},
      .spare = std::move(*spare),
      .group = group,
      .scope = {.interest = request.interest, .promiscuous = promiscuous, .only = {}},
      .names = request.interfaces,
      .assembler = std::move(*assembler),
      .ready = std::move(ready)};
}

Result<std::vector<Captures>> open(const CaptureRequest& request) {
  if (auto known = request.options.reject_unknown({"promiscuous"}); !known) {
    return std::unexpected(known.error());
  }
  const auto promiscuous = request.options.boolean("promiscuous", false);
  if (!promiscuous) return std::unexpected(promiscuous.error());
  const auto interfaces = choose_interfaces(request.interfaces);
  if (!interfaces) return std::unexpected(interfaces.error());
  const auto secret = random_hash_key();
  if (!secret) return std::unexpected(secret.error());
  const PacketRing::Group group{.id = static_cast<std::uint16_t>(secret->a),
                                .members = request.engines,
                                .key = static_cast<std::uint32_t>(secret->b) | 1};
  (void)::libbpf_set_print(nullptr);  // it would speak on standard error
  const int processors = ::libbpf_num_possible_cpus();
  if (processors < 1) return bpf_failure("libbpf_num_possible_cpus", "", -processors);

  const auto skeleton = load(request, group, *promiscuous, static_cast<std::size_t>(processors));
  if (!skeleton) return std::unexpected(skeleton.error());
  std::vector<BpfCapture::Parts> parts;
  for (std::size_t engine = 0; engine < request.engines; ++engine) {
    auto one = make_parts(request, *skeleton, group, *promiscuous, engine);
    if (!one) return std::unexpected(one.error());
    for (const Interface& interface : *interfaces) one->covered.push_back(interface.index);
    if (request.interest.outgoing) {
      auto senders =
          MappedArray<BpfSender>::map(::bpf_map__fd((*skeleton)->maps.senders), bpf_senders);
      if (!senders) return std::unexpected(senders.error());
      one->senders.emplace(std::move(*senders));
    }
    parts.push_back(std::move(*one));
  }
  auto counts = MappedArray<BpfCounts>::map(::bpf_map__fd((*skeleton)->maps.counts),
                                            static_cast<std::size_t>(processors));
  if (!counts) return std::unexpected(counts.error());
  parts.front().counts.emplace(std::move(*counts));
  for (const Interface& interface : *interfaces) {
    if (!*promiscuous) break;
    if (auto done = parts.front().spare.make_promiscuous(interface.index); !done) {
      return std::unexpected(done.error());
    }
  }
  // Last, so that the first packet finds everything in its place.
  auto attachments = attach_all(*skeleton, *interfaces, request.interest.outgoing);
  if (!attachments) return std::unexpected(attachments.error());
  parts.front().attachments = std::move(*attachments);

  std::vector<Captures> engines;
  for (BpfCapture::Parts& each : parts) {
    engines.emplace_back().push_back(std::make_unique<BpfCapture>(std::move(each)));
  }
  return engines;
}

}  // namespace

extern const CapturePlugin bpf_capture{
    .name = "bpf",
    .summary =
        "IPv4 and IPv6 on any interface, before the firewall, filtered and decoded inside the "
        "kernel: the cheapest; for Linux 6.6 and later",
    .privilege = "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_NET_RAW",
    .automatic = true,
    .shares = true,
    .open = open,
};

}  // namespace scanlogd
