// Live capture through libpcap, pcap(3PCAP): every interface or one, before the firewall, IPv4 and
// IPv6, with VLAN tags, both directions. Fragments are reassembled here. Packets get the time at
// which they were fetched, at most 20 ms after they came.
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "capture/assembler.h"
#include "capture/capture.h"
#include "capture/pcap_source.h"

namespace scanlogd {
namespace {

// Link header with two tags, IPv6 with four extension headers, TCP with all its options.
constexpr int kSnapLength = 256;

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
      assembler_.take(frame, batch);
    });
    if (!count) return std::unexpected(count.error());
    return *count == PacketBatch::kCapacity ? Poll::more : Poll::idle;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = assembler_.stats();
    stats.dropped = source_.dropped();
    return stats;
  }

 private:
  LivePcap source_;
  Assembler assembler_;
};

Result<std::unique_ptr<Capture>> open(const Section& options) {
  if (auto known = options.reject_unknown({"interface", "promiscuous"}); !known) {
    return std::unexpected(known.error());
  }
  const auto promiscuous = options.boolean("promiscuous", false);
  if (!promiscuous) return std::unexpected(promiscuous.error());
  auto source = LivePcap::open({.interface = std::string(options.text("interface").value_or("any")),
                                .promiscuous = *promiscuous,
                                .snap_length = kSnapLength});
  if (!source) return std::unexpected(source.error());
  auto assembler = Assembler::make(source->link());
  if (!assembler) return std::unexpected(assembler.error());
  return std::make_unique<PcapCapture>(std::move(*source), std::move(*assembler));
}

}  // namespace

extern const CapturePlugin pcap_capture{
    .name = "pcap",
    .summary = "IPv4 and IPv6 on any interface, before the firewall, in both directions; "
               "reassembles fragments",
    .privilege = "CAP_NET_RAW",
    .open = open,
};

}  // namespace scanlogd
