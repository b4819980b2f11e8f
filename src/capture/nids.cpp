// Live capture with reassembly by libnids 1.26, as the original's libnids build. libnids gets whole
// datagrams only, one at a time, so its limits on link layers and VLAN tags do not apply; IPv4 it
// is, though. It verifies IP header checksums, which are right even on packets this machine sends
// (only transport checksums are left to the network card, and those it is not asked to look at).
// The library is process-global, so there is one instance, and it sets no bound to the memory that
// fragments to many targets take: pcap.cpp is the better choice. A binary with it is under the GPL.
#include <nids.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "capture/capture.h"
#include "capture/filter.h"
#include "capture/live_pcap.h"
#include "core/decode.h"
#include "core/link.h"

namespace scanlogd {
namespace {

constexpr std::size_t kMaxDatagram = 65535;
// libnids takes nothing that is cut short. The rest is for the link header and VLAN tags.
constexpr int kSnapLength = static_cast<int>(kMaxDatagram) + 64;

// What libnids made of the datagram it was given last. Its callbacks have no argument of ours.
struct Outcome {
  bool delivered = false;
  Decoded decoded = Decoded::fragment;
  Packet packet;
};

Outcome& outcome() noexcept {
  static Outcome last;
  return last;
}

// libnids calls it with a datagram that is whole, either as it came or reassembled.
void receive(ip* header, int /*buffer_size*/) noexcept {
  const std::size_t size = ntohs(header->ip_len);
  const std::span datagram(static_cast<const std::byte*>(static_cast<const void*>(header)), size);
  Outcome& last = outcome();
  last.delivered = true;
  last.decoded = decode_ip(datagram, size, last.packet);
}

// In place of its messages to syslog about packets it does not like.
void ignore_warning(int /*type*/, int /*code*/, ip* /*header*/, void* /*data*/) noexcept {}

// The process's use of libnids.
class Reassembler {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Reassembler>> make() {
    if (nids_params.pcap_desc != nullptr) {
      return fail("nids_init(libnids): can watch one interface or all, not several");
    }
    nids_params.pcap_desc = ::pcap_open_dead(DLT_RAW, kSnapLength);
    if (nids_params.pcap_desc == nullptr) return fail_errno("nids_init", "libnids", ENOMEM);
    auto reassembler = std::make_unique<Reassembler>();
    nids_params.n_tcp_streams = 0;
    nids_params.scan_num_hosts = 0;
    nids_params.syslog = reinterpret_cast<void (*)()>(&ignore_warning);
    if (::nids_init() == 0) return fail(std::string("nids_init(libnids): ") + nids_errbuf);
    ::nids_register_ip(reinterpret_cast<void*>(&receive));
    return reassembler;
  }
  Reassembler() = default;
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;
  ~Reassembler() {
    ::nids_unregister_ip(reinterpret_cast<void*>(&receive));
    ::nids_exit();
    ::pcap_close(std::exchange(nids_params.pcap_desc, nullptr));
  }

  /// Gives one datagram to libnids. Not more than `kMaxDatagram` bytes of it.
  const Outcome& take(std::span<const std::byte> datagram) noexcept {
    const std::size_t size = std::min(datagram.size(), copy_.size());
    // A copy, because libnids tidies up IP options where it finds them.
    std::memcpy(copy_.data(), datagram.data(), size);
    pcap_pkthdr header{};
    header.caplen = header.len = static_cast<bpf_u_int32>(size);
    outcome() = {};
    ::nids_pcap_handler(nullptr, &header, copy_.data());
    return outcome();
  }

 private:
  alignas(8) std::array<u_char, kMaxDatagram> copy_;
};

class NidsCapture final : public Capture {
 public:
  NidsCapture(const Interest& interest, LivePcap source,
              std::unique_ptr<Reassembler> reassembler) noexcept
      : interest_(interest), source_(std::move(source)), reassembler_(std::move(reassembler)) {}

  [[nodiscard]] int fd() const noexcept override { return source_.fd(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    batch.wall_minus_monotonic = std::chrono::system_clock::now().time_since_epoch() - now;
    const auto count = source_.dispatch(PacketBatch::kCapacity, [&](Frame frame) {
      frame.time = now;
      take(frame, batch);
    });
    if (!count && LivePcap::passes(count.error())) return Poll::trouble;
    if (!count) return std::unexpected(count.error());
    return *count == PacketBatch::kCapacity ? Poll::more : Poll::idle;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = stats_;
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
  void take(const Frame& frame, PacketBatch& batch) noexcept {
    ++stats_.received;
    const auto payload = strip_link(source_.link(), frame.bytes);
    if (!payload) return stats_.count(Decoded::not_ip);
    const std::size_t wire_size =
        std::max(frame.wire_size, frame.bytes.size()) - payload->header_size;
    // libnids is spared what is malformed: its parsers date from 1999.
    Packet packet;
    const Decoded seen = decode_ip(payload->datagram, wire_size, packet);
    const bool is_fragment = seen == Decoded::fragment;
    if (seen != Decoded::packet && !is_fragment) return stats_.count(seen);
    const bool is_ipv4 = (payload->datagram[0] >> 4) == std::byte{4};
    if (!is_ipv4 || (!is_fragment && !can_matter(packet, interest_))) {
      ++stats_.filtered;
      return;
    }

    const Outcome& last = reassembler_->take(payload->datagram);
    if (!last.delivered) return stats_.count(is_fragment ? seen : Decoded::bad_header);
    if (is_fragment) ++stats_.reassembled;
    if (last.decoded != Decoded::packet) return stats_.count(last.decoded);
    packet = last.packet;
    packet.time = frame.time;
    packet.vlan = payload->vlan;
    if (payload->outgoing) packet.traits |= trait::outgoing;
    if (is_fragment) packet.traits |= trait::fragmented;
    if (!can_matter(packet, interest_)) {
      ++stats_.filtered;
      return;
    }
    batch.push(packet);
  }

  Interest interest_;
  LivePcap source_;
  std::unique_ptr<Reassembler> reassembler_;
  CaptureStats stats_;
};

Result<std::unique_ptr<Capture>> open_interface(const CaptureRequest& request,
                                                const std::string* interface) {
  auto source = LivePcap::open({.interface = interface != nullptr ? *interface : "any",
                                .promiscuous = false,
                                .snap_length = kSnapLength,
                                .interest = request.interest});
  if (!source) return std::unexpected(source.error());
  auto reassembler = Reassembler::make();
  if (!reassembler) return std::unexpected(reassembler.error());
  return std::make_unique<NidsCapture>(request.interest, std::move(*source),
                                       std::move(*reassembler));
}

Result<std::vector<Captures>> open(const CaptureRequest& request) {
  if (auto known = request.options.reject_unknown({}); !known) {
    return std::unexpected(known.error());
  }
  return open_each(request, open_interface);
}

}  // namespace

extern const CapturePlugin nids_capture{
    .name = "nids",
    .summary =
        "IPv4 on any interface, before the firewall, fragments reassembled by libnids as in "
        "the original",
    .privilege = "CAP_NET_RAW",
    .open = open,
};

}  // namespace scanlogd
