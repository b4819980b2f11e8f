// The back end for kernels without tcx and for whoever has CAP_NET_RAW only: packet sockets with
// TPACKET_V3 rings (packet_ring.h), one for each engine, on every interface or on some, before the
// firewall. By default it sees what is addressed to this machine and has a right IPv4 header;
// `promiscuous` shows it the segment. A restriction to interfaces is a kernel filter by their
// numbers, so that an interface that was removed and came back is watched again at once. Costs
// every packet of the machine a look by the kernel's filter, also on other interfaces.
#include <linux/if_arp.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capture/capture.h"
#include "capture/interfaces.h"
#include "capture/packet_ring.h"
#include "core/keyed_hash.h"

namespace scanlogd {
namespace {

using Kind = InterfaceChange::Kind;

// An index that no interface has, so that a filter for no interface lets nothing through.
constexpr int kNoInterface = -1;

bool has_known_link(const Interface& interface) noexcept {
  switch (interface.type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
      return true;
    default:
      return false;
  }
}

class RingCapture final : public Capture {
 public:
  RingCapture(PacketRing ring, Assembler assembler, SocketScope scope,
              std::vector<std::string> names) noexcept
      : ring_(std::move(ring)),
        assembler_(std::move(assembler)),
        scope_(std::move(scope)),
        names_(std::move(names)) {}

  [[nodiscard]] int fd() const noexcept override { return ring_.fd(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    const Poll found = ring_.poll(assembler_, batch);
    // A block that came of age wakes us; many small ones are worth waiting for.
    if (found == Poll::idle && batch.size > 0) return Poll::soon;
    return found;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = assembler_.stats();
    const PacketRing::Counts counts = ring_.counts();
    stats.seen = counts.seen;
    stats.dropped = counts.dropped;
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& change) override {
    const Interface& interface = change.interface;
    const bool is_gone = change.kind == Kind::gone;
    if (names_.empty()) {
      if (!is_gone && !has_known_link(interface)) return Coverage::not_watched;
      return promiscuous(interface, is_gone);
    }
    // One that is watched stays so under another name.
    const bool was_in = std::erase(scope_.only, interface.index) > 0;
    const bool is_wanted = was_in || std::ranges::find(names_, interface.name) != names_.end();
    if (!is_wanted) return Coverage::no_concern;
    if (!is_gone) scope_.only.push_back(interface.index);
    std::erase(scope_.only, kNoInterface);
    if (scope_.only.empty()) scope_.only.push_back(kNoInterface);
    if (!ring_.restrict(scope_)) return Coverage::not_watched;
    return promiscuous(interface, is_gone);
  }

  [[nodiscard]] Sender sender_of(const SentFrom& /*sent*/) const noexcept override { return {}; }

  [[nodiscard]] std::vector<AllowedCall> calls() const override {
    return ring_.calls(scope_.promiscuous);
  }

 private:
  Coverage promiscuous(const Interface& interface, bool is_gone) {
    if (is_gone || !scope_.promiscuous) return Coverage::watched;
    return ring_.make_promiscuous(interface.index) ? Coverage::watched : Coverage::not_watched;
  }

  PacketRing ring_;
  Assembler assembler_;
  SocketScope scope_;
  std::vector<std::string> names_;
};

Result<std::vector<int>> find_interfaces(const std::vector<std::string>& names) {
  std::vector<int> indices;
  if (names.empty()) return indices;
  const auto monitor = InterfaceMonitor::open();
  if (!monitor) return std::unexpected(monitor.error());
  for (const std::string& name : names) {
    const auto there = monitor->interfaces();
    const auto found = std::ranges::find(there, name, &Interface::name);
    if (found == there.end()) return fail_errno("bind", name, ENODEV);
    if (!has_known_link(*found)) {
      return fail("bind(" + name + "): link type ARPHRD " + std::to_string(found->type) +
                  " is not supported");
    }
    indices.push_back(found->index);
  }
  return indices;
}

Result<std::vector<Captures>> open(const CaptureRequest& request) {
  if (auto known = request.options.reject_unknown({"promiscuous"}); !known) {
    return std::unexpected(known.error());
  }
  const auto promiscuous = request.options.boolean("promiscuous", false);
  if (!promiscuous) return std::unexpected(promiscuous.error());
  auto only = find_interfaces(request.interfaces);
  if (!only) return std::unexpected(only.error());
  const SocketScope scope{
      .interest = request.interest, .promiscuous = *promiscuous, .only = std::move(*only)};
  const auto secret = random_hash_key();
  if (!secret) return std::unexpected(secret.error());
  const PacketRing::Group group{.id = static_cast<std::uint16_t>(secret->a),
                                .members = request.engines,
                                .key = static_cast<std::uint32_t>(secret->b) | 1};

  std::vector<Captures> engines;
  for (std::size_t engine = 0; engine < request.engines; ++engine) {
    auto ring = PacketRing::open();
    if (!ring) return std::unexpected(ring.error());
    if (auto started = ring->start(scope, group); !started) return std::unexpected(started.error());
    auto assembler = Assembler::make(request.interest, !*promiscuous);
    if (!assembler) return std::unexpected(assembler.error());
    engines.emplace_back().push_back(std::make_unique<RingCapture>(
        std::move(*ring), std::move(*assembler), scope, request.interfaces));
  }
  return engines;
}

}  // namespace

extern const CapturePlugin ring_capture{
    .name = "ring",
    .summary =
        "IPv4 and IPv6 on any interface, before the firewall, through memory shared with the "
        "kernel; for kernels before 6.6",
    .privilege = "CAP_NET_RAW",
    .automatic = true,
    .shares = true,
    .open = open,
};

}  // namespace scanlogd
