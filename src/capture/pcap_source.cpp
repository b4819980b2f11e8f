// See pcap_source.h. Linux: packet(7) below libpcap.
//
// The kernel hands over blocks of frames, each at the latest 20 ms after its first frame. Immediate
// mode would wake us for each single frame instead; the zero time-out of the original, which means
// "when a block is full", can mean never.
#include "capture/pcap_source.h"

#include <linux/if_packet.h>
#include <pcap.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace scanlogd {
namespace {

constexpr int kBlockTimeoutMs = 20;
constexpr int kBufferSize = 8 << 20;
constexpr long kRemovalCheckNs = 200'000'000;

// The last whole second before 2^62 ns, in 2116: differences and sums of two times cannot overflow.
constexpr std::int64_t kLatestSecond = 4'611'686'017;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::unexpected<Error> pcap_failure(std::string_view operation, std::string_view object,
                                    std::string_view reason, int code = 0) {
  std::string what;
  what.append(operation).append("(").append(object).append("): ").append(reason);
  return fail(std::move(what), code);
}

Result<LinkType> link_of(pcap_t* handle, std::string_view operation, std::string_view object) {
  const int dlt = ::pcap_datalink(handle);
  const auto link = link_type(dlt);
  if (link) return *link;
  const char* const name = ::pcap_datalink_val_to_name(dlt);
  std::string reason = "link type " + std::to_string(dlt);
  if (name != nullptr) reason.append(" (").append(name).append(")");
  return pcap_failure(operation, object, reason + " is not supported");
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
void install_filter(pcap_t* handle, LinkType link, int snap_length) {
  std::vector<bpf_insn> code;
  for (const FilterInstruction& from : make_filter(link, static_cast<std::uint32_t>(snap_length))) {
    code.push_back(
        {.code = from.code, .jt = from.if_true, .jf = from.if_false, .k = from.operand});
  }
  if (code.empty()) return;
  bpf_program program{.bf_len = static_cast<u_int>(code.size()), .bf_insns = code.data()};
  (void)::pcap_setfilter(handle, &program);
}

std::chrono::nanoseconds time_of(const pcap_pkthdr& header) noexcept {
  std::int64_t second = header.ts.tv_sec;
  // The 32 bits of pcap are unsigned and end in 2106; libpcap takes them for signed.
  if (second < 0 && second >= INT32_MIN) second += std::int64_t{1} << 32;
  second = std::clamp<std::int64_t>(second, 0, kLatestSecond);
  // Nanoseconds, as the stream was opened with that precision.
  const auto rest = std::clamp<std::int64_t>(header.ts.tv_usec, 0, kNanosecondsPerSecond - 1);
  return std::chrono::nanoseconds(second * kNanosecondsPerSecond + rest);
}

Frame frame_of(const pcap_pkthdr& header, const u_char* bytes) noexcept {
  const std::span captured(bytes, header.caplen);
  return {.bytes = std::as_bytes(captured), .wire_size = header.len};
}

}  // namespace

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
  const auto link = link_of(handle, "pcap_activate", options.interface);
  if (!link) return std::unexpected(link.error());
  live.link_ = *link;
  install_filter(handle, *link, options.snap_length);
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
    to.handler(to.context, frame_of(*header, bytes));
  };
  const int count = ::pcap_dispatch(handle_.get(), static_cast<int>(limit), forward,
                                    static_cast<u_char*>(static_cast<void*>(&call)));
  if (count < 0) return pcap_failure("read", interface_, ::pcap_geterr(handle_.get()));
  watch_for_removal();
  return static_cast<std::size_t>(count);
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

Result<PcapReader> PcapReader::open(std::FILE* stream, std::string name) {
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  PcapReader reader;
  reader.handle_.reset(::pcap_fopen_offline_with_tstamp_precision(
      stream, PCAP_TSTAMP_PRECISION_NANO, reason.data()));
  if (!reader.handle_) {
    (void)std::fclose(stream);  // opened for reading: nothing can be lost
    return pcap_failure("open", name, reason.data());
  }
  const auto link = link_of(reader.handle_.get(), "open", name);
  if (!link) return std::unexpected(link.error());
  reader.link_ = *link;
  reader.name_ = std::move(name);
  return reader;
}

PcapReader::Next PcapReader::next(Frame& frame) noexcept {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int status = ::pcap_next_ex(handle_.get(), &header, &bytes);
  if (status == PCAP_ERROR_BREAK) return Next::end;
  if (status != 1) return Next::failed;
  frame = frame_of(*header, bytes);
  frame.time = time_of(*header);
  return Next::frame;
}

Error PcapReader::error() const {
  return pcap_failure("read", name_, ::pcap_geterr(handle_.get())).error();
}

void PcapReader::retry() noexcept { std::clearerr(::pcap_file(handle_.get())); }

}  // namespace scanlogd
