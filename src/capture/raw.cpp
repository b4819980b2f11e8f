// The raw socket of the original: raw(7), IPv4 TCP as the kernel hands it to this machine's own
// TCP, checked, reassembled and past the firewall. Sees every TCP packet, bare ACKs too, so that
// lines come out as the original's. Sees no IPv6, nothing that a firewall drops, nothing sent to
// others. Bound to an interface, it goes deaf when that interface is removed, even if one of the
// name returns.
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "capture/capture.h"
#include "core/unique_fd.h"

namespace scanlogd {
namespace {

// Both headers with all the options they can have.
constexpr std::size_t kSnapLength = 128;

constexpr int kBufferSize = 8 << 20;  // 10,000 small packets; the usual default holds 256

class RawCapture final : public Capture {
 public:
  RawCapture(UniqueFd socket, std::string interface) noexcept
      : socket_(std::move(socket)), interface_(std::move(interface)) {
    for (std::size_t i = 0; i < PacketBatch::kCapacity; ++i) {
      parts_[i] = {.iov_base = buffers_[i].data(), .iov_len = kSnapLength};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_iov = &parts_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  [[nodiscard]] int fd() const noexcept override { return socket_.get(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    // MSG_TRUNC: tell the length on the wire, not what fitted.
    const int count = ::recvmmsg(socket_.get(), messages_.data(), PacketBatch::kCapacity,
                                 MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (count < 0) {
      is_busy_ = false;
      if (errno == EAGAIN) return Poll::nothing;
      // All others pass: want of memory, an interface that is down.
      if (errno != EBADF && errno != ENOTSOCK && errno != EFAULT) return Poll::trouble;
      return fail_errno("recvmmsg", "AF_INET, SOCK_RAW", errno);
    }
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    batch.wall_minus_monotonic = std::chrono::system_clock::now().time_since_epoch() - now;
    const auto received = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < received; ++i) take(i, now, batch);
    if (received == PacketBatch::kCapacity) return Poll::more;
    // Packets close together are fetched together: a wake-up costs more than a packet.
    return std::exchange(is_busy_, true) ? Poll::soon : Poll::idle;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = stats_;
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof(memory);
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0) {
      // The kernel counts in 32 bits: what it counted since the last look is right across a wrap.
      dropped_ += memory[SK_MEMINFO_DROPS] - seen_drops_;
      seen_drops_ = memory[SK_MEMINFO_DROPS];
    }
    stats.dropped = dropped_;
    stats.seen = stats.received + stats.dropped;
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& change) override {
    if (interface_.empty()) return Coverage::watched;
    // Bound to a number, which the next interface of this name does not have; to be bound anew
    // takes CAP_NET_RAW.
    if (change.kind == InterfaceChange::Kind::gone && change.interface.name == interface_) {
      is_deaf_ = true;
    }
    if (change.interface.name != interface_) return Coverage::no_concern;
    return is_deaf_ ? Coverage::not_watched : Coverage::watched;
  }

  [[nodiscard]] Sender sender_of(const SentFrom& /*sent*/) const noexcept override { return {}; }

  [[nodiscard]] std::vector<AllowedCall> calls() const override {
    return {{"recvmmsg", {is(0, fd())}},
            {"getsockopt", {is(0, fd()), is(1, SOL_SOCKET), is(2, SO_MEMINFO)}}};
  }

 private:
  void take(std::size_t i, std::chrono::nanoseconds now, PacketBatch& batch) noexcept {
    ++stats_.received;
    const std::size_t wire_size = messages_[i].msg_len;
    const auto captured = std::span(buffers_[i]).first(std::min(wire_size, kSnapLength));
    Packet& packet = batch.packets[batch.size];
    const Decoded decoded = decode_ip(captured, wire_size, packet);
    if (decoded != Decoded::packet) return stats_.count(decoded);
    packet.time = now;
    ++batch.size;
  }

  UniqueFd socket_;
  std::string interface_;  ///< that it is bound to; empty: none
  bool is_deaf_ = false;   ///< was that removed?
  bool is_busy_ = false;   ///< did the last poll find something?
  CaptureStats stats_;
  mutable std::uint64_t dropped_ = 0;
  mutable std::uint32_t seen_drops_ = 0;
  std::array<std::array<std::byte, kSnapLength>, PacketBatch::kCapacity> buffers_;
  std::array<iovec, PacketBatch::kCapacity> parts_;
  std::array<mmsghdr, PacketBatch::kCapacity> messages_;
};

Result<std::unique_ptr<Capture>> open_socket(const CaptureRequest& /*request*/,
                                             const std::string* interface) {
  UniqueFd socket(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) return fail_errno("socket", "AF_INET, SOCK_RAW", errno);
  // The first needs CAP_NET_ADMIN, the second is cut to net.core.rmem_max; both are better than
  // none.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBufferSize, sizeof(int)) != 0) {
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kBufferSize, sizeof(int));
  }
  if (interface != nullptr) {
    // The kernel would take an empty name for "every interface" and cut a long one.
    if (interface->empty() || interface->size() >= IFNAMSIZ) {
      return fail_errno("bind", *interface, ENODEV);
    }
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, interface->data(),
                     static_cast<socklen_t>(interface->size())) != 0) {
      return fail_errno("bind", *interface, errno);
    }
  }
  return std::make_unique<RawCapture>(std::move(socket), interface != nullptr ? *interface : "");
}

Result<std::vector<Captures>> open(const CaptureRequest& request) {
  if (auto known = request.options.reject_unknown({}); !known) {
    return std::unexpected(known.error());
  }
  return open_each(request, open_socket);
}

}  // namespace

extern const CapturePlugin raw_capture{
    .name = "raw",
    .summary =
        "IPv4 TCP that reaches this machine's own TCP, past the firewall: exactly what the "
        "original sees",
    .privilege = "CAP_NET_RAW",
    .sees_outgoing = false,
    .open = open,
};

}  // namespace scanlogd
