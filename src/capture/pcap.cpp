// Live capture through libpcap 1.10, pcap(3PCAP), on Linux, packet(7): every interface or one,
// before the firewall, IPv4 and IPv6, with VLAN tags, both directions. Fragments are reassembled
// here.
//
// The kernel hands over blocks of frames, each at the latest 20 ms after its first frame; packets
// get the time at which they were fetched. Immediate mode would wake us for each frame and costs
// six times the CPU at 50,000 frames a second; the zero time-out of the original, which means "when
// a block is full", can mean never.
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <pcap.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/assembler.h"
#include "capture/capture.h"
#include "capture/filter.h"
#include "capture/live_pcap.h"

namespace scanlogd {
namespace {

constexpr int kBlockTimeoutMs = 20;
constexpr int kBufferSize = 8 << 20;
constexpr long kRemovalCheckNs = 200'000'000;

// Link header with two tags, IPv6 with four extension headers, TCP with all its options.
constexpr int kSnapLength = 256;

std::unexpected<Error> pcap_failure(std::string_view operation, std::string_view object,
                                    std::string_view reason) {
  std::string what;
  what.append(operation).append("(").append(object).append("): ").append(reason);
  return fail(std::move(what));
}

Result<void> activate(pcap_t* handle, const std::string& interface) {
  const int status = ::pcap_activate(handle);
  if (status >= 0) return {};  // above 0: a warning, such as no promiscuous mode on "any"
  switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return fail_errno("pcap_activate", interface, EPERM);
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return fail_errno("pcap_activate", interface, ENODEV);
    case PCAP_ERROR_IFACE_NOT_UP:
      return fail_errno("pcap_activate", interface, ENETDOWN);
    case PCAP_ERROR:
      return pcap_failure("pcap_activate", interface, ::pcap_geterr(handle));
    default:
      return pcap_failure("pcap_activate", interface, ::pcap_statustostr(status));
  }
}

// Without a filter everything comes, and user space does all of the work: dearer, not wrong. So
// whatever libpcap has against the program is ignored.
void install_filter(pcap_t* handle, LinkType link, const Interest& interest,
                    std::uint32_t snap_length) {
  std::vector<bpf_insn> code;
  for (const FilterInstruction& from : make_filter(link, interest, snap_length)) {
    code.push_back({.code = from.code, .jt = from.if_true, .jf = from.if_false, .k = from.operand});
  }
  if (code.empty()) {
    code.push_back({.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = snap_length});
  }
  bpf_program program{.bf_len = static_cast<u_int>(code.size()), .bf_insns = code.data()};
  (void)::pcap_setfilter(handle, &program);
}

// What is addressed to another host reaches us on bridges, on veth pairs and on a card that
// somebody else made promiscuous; asked to see this machine's packets, we leave those out. Only the
// kernel knows (packet(7), PACKET_OTHERHOST), and libpcap cannot be told: it runs each filter
// itself as well, on the blocks that were filled before the kernel had it, and there the field does
// not exist. So its filter is taken from the socket and put back with three instructions in front.
void leave_out_other_hosts(int socket) {
  constexpr auto kPacketType = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);
  std::vector<sock_filter> code = {
      {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = kPacketType},
      {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = PACKET_OTHERHOST},
      {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0}};
  const std::size_t added = code.size();
  // The size of this option is in instructions, and 0 asks for it.
  socklen_t size = 0;
  if (::getsockopt(socket, SOL_SOCKET, SO_GET_FILTER, nullptr, &size) != 0 || size == 0) return;
  code.resize(added + size);
  if (::getsockopt(socket, SOL_SOCKET, SO_GET_FILTER, code.data() + added, &size) != 0) return;
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  (void)::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

}  // namespace

std::string describe_link(int type) {
  std::string text = "link type " + std::to_string(type);
  const char* const name = ::pcap_datalink_val_to_name(type);
  if (name != nullptr) text.append(" (").append(name).append(")");
  return text;
}

void PcapCloser::operator()(pcap* handle) const noexcept { ::pcap_close(handle); }

Result<LivePcap> LivePcap::open(const Options& options) {
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  LivePcap live;
  live.interface_ = options.interface;
  live.handle_.reset(::pcap_create(options.interface.c_str(), reason.data()));
  pcap_t* const handle = live.handle_.get();
  if (handle == nullptr) return pcap_failure("pcap_create", options.interface, reason.data());
  // These fail only on an active handle, which this one is not yet.
  (void)::pcap_set_snaplen(handle, options.snap_length);
  (void)::pcap_set_promisc(handle, options.promiscuous ? 1 : 0);
  (void)::pcap_set_timeout(handle, kBlockTimeoutMs);
  (void)::pcap_set_buffer_size(handle, kBufferSize);
  if (auto active = activate(handle, options.interface); !active) {
    return std::unexpected(active.error());
  }
  const int type = ::pcap_datalink(handle);
  const auto link = link_type(type);
  if (!link) {
    return pcap_failure("pcap_activate", options.interface,
                        describe_link(type) + " is not supported");
  }
  live.link_ = *link;
  install_filter(handle, *link, options.interest, static_cast<std::uint32_t>(options.snap_length));
  if (!options.promiscuous) leave_out_other_hosts(::pcap_fileno(handle));
  if (::pcap_setnonblock(handle, 1, reason.data()) != 0) {
    return pcap_failure("pcap_setnonblock", options.interface, reason.data());
  }
  if (auto ready = live.make_ready(); !ready) return std::unexpected(ready.error());
  return live;
}

Result<void> LivePcap::make_ready() {
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer_) return fail_errno("timerfd_create", interface_, errno);
  ready_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!ready_) return fail_errno("epoll_create1", interface_, errno);
  for (const int fd : {::pcap_get_selectable_fd(handle_.get()), timer_.get()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return fail_errno("epoll_ctl", interface_, errno);
    }
  }
  return {};
}

Result<std::size_t> LivePcap::dispatch(std::size_t limit, Handler handler, void* context) {
  struct Call {
    Handler handler;
    void* context;
  };
  Call call{handler, context};
  const auto forward = [](u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
    const Call& to = *static_cast<const Call*>(static_cast<void*>(user));
    to.handler(to.context, {.bytes = std::as_bytes(std::span(bytes, header->caplen)),
                            .wire_size = header->len});
  };
  errno = 0;
  const int count = ::pcap_dispatch(handle_.get(), static_cast<int>(limit), forward,
                                    static_cast<u_char*>(static_cast<void*>(&call)));
  if (count < 0) {
    const int code = errno;
    auto failure = pcap_failure("read", interface_, ::pcap_geterr(handle_.get()));
    failure.error().code = code;
    return failure;
  }
  watch_for_removal();
  return static_cast<std::size_t>(count);
}

bool LivePcap::passes(const Error& failure) noexcept {
  constexpr std::array kPassing = {EINTR, EAGAIN, ENOMEM, ENOBUFS, EIO};
  if (std::ranges::find(kPassing, failure.code) == kPassing.end()) return false;
  errno = failure.code;
  return true;
}

// A removed interface first goes down, and the socket wakes us for that only. libpcap finds the
// removal if it is called again a while later, and says so by asking for a time-out.
void LivePcap::watch_for_removal() noexcept {
  const bool is_down = ::pcap_get_required_select_timeout(handle_.get()) != nullptr;
  if (!is_down && !timer_runs_) return;
  timer_runs_ = is_down;
  itimerspec next{};
  if (is_down) next.it_value.tv_nsec = kRemovalCheckNs;
  (void)::timerfd_settime(timer_.get(), 0, &next, nullptr);  // fails only for a bad descriptor
}

std::uint64_t LivePcap::dropped() const noexcept {
  // pcap_stats would read files of /sys besides, which a daemon in a chroot cannot. The kernel
  // counts anew from each look.
  tpacket_stats_v3 counts{};
  socklen_t size = sizeof(counts);
  const int fd = ::pcap_fileno(handle_.get());
  if (::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &counts, &size) == 0) {
    dropped_ += counts.tp_drops;
  }
  return dropped_;
}

std::vector<AllowedCall> LivePcap::calls() const {
  const int socket = ::pcap_fileno(handle_.get());
  // Why poll(2) said there was an error, and whether the interface is gone.
  return {{"getsockopt", {is(0, socket), is(1, SOL_SOCKET), is(2, SO_ERROR)}},
          {"getsockopt", {is(0, socket), is(1, SOL_PACKET), is(2, PACKET_STATISTICS)}},
          {"getsockname", {is(0, socket)}},
          {"timerfd_settime", {is(0, timer_.get())}}};
}

namespace {

class PcapCapture final : public Capture {
 public:
  PcapCapture(LivePcap source, Assembler assembler) noexcept
      : source_(std::move(source)), assembler_(std::move(assembler)) {}

  [[nodiscard]] int fd() const noexcept override { return source_.fd(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    batch.wall_minus_monotonic = std::chrono::system_clock::now().time_since_epoch() - now;
    const auto count = source_.dispatch(PacketBatch::kCapacity, [&](Frame frame) {
      frame.time = now;
      assembler_.take(source_.link(), frame, batch);
    });
    if (!count && LivePcap::passes(count.error())) return Poll::trouble;
    if (!count) return std::unexpected(count.error());
    return *count == PacketBatch::kCapacity ? Poll::more : Poll::idle;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = assembler_.stats();
    stats.dropped = source_.dropped();
    stats.seen = stats.received + stats.dropped;
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& change) override {
    return source_.covers(change.interface.name) ? Coverage::watched : Coverage::no_concern;
  }

  [[nodiscard]] Sender sender_of(const SentFrom& /*sent*/) const noexcept override { return {}; }

  [[nodiscard]] std::vector<AllowedCall> calls() const override { return source_.calls(); }

 private:
  LivePcap source_;
  Assembler assembler_;
};

Result<std::unique_ptr<Capture>> open_interface(const CaptureRequest& request,
                                                const std::string* interface) {
  const auto promiscuous = request.options.boolean("promiscuous", false);
  if (!promiscuous) return std::unexpected(promiscuous.error());
  auto source = LivePcap::open({.interface = interface != nullptr ? *interface : "any",
                                .promiscuous = *promiscuous,
                                .snap_length = kSnapLength,
                                .interest = request.interest});
  if (!source) return std::unexpected(source.error());
  auto assembler = Assembler::make(request.interest);
  if (!assembler) return std::unexpected(assembler.error());
  return std::make_unique<PcapCapture>(std::move(*source), std::move(*assembler));
}

Result<std::vector<Captures>> open(const CaptureRequest& request) {
  if (auto known = request.options.reject_unknown({"promiscuous"}); !known) {
    return std::unexpected(known.error());
  }
  return open_each(request, open_interface);
}

}  // namespace

extern const CapturePlugin pcap_capture{
    .name = "pcap",
    .summary =
        "IPv4 and IPv6 on any interface, before the firewall, in both directions; "
        "reassembles fragments",
    .privilege = "CAP_NET_RAW",
    .open = open,
};

}  // namespace scanlogd
