// Feeds a stream of IP datagrams to decode_ip and Defragmenter as a back end does, into a table
// small enough to overflow, and checks the accounts of defrag.h after each. An input is a row of
// entries: one byte of seconds to let pass (signed: clocks jump), two bytes of size, upper byte
// first, and as many bytes of datagram; the upper bit of the size says that the capture cut it to
// 64 bytes.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "capture/defrag.h"
#include "core/decode.h"

namespace scanlogd {
namespace {

using ByteView = std::span<const std::byte>;

constexpr std::size_t kDatagrams = 8;
constexpr std::size_t kEntryHeader = 3;
constexpr std::size_t kCut = 64;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_accounts(const DefragStats& stats) {
  require(stats.started ==
          stats.completed + stats.overlapping + stats.expired + stats.evicted + stats.waiting);
  require(stats.started + stats.bad <= stats.fragments);
  require(stats.waiting <= kDatagrams);
}

void check_packet(const Packet& packet, ByteView completing) {
  require((packet.traits & ~trait::options) == trait::fragmented);
  require(static_cast<int>(packet.family) == std::to_integer<int>(completing[0]) >> 4);
  require(packet.time.count() == 0 && packet.vlan == 0);
  require(packet.protocol == IpProto::tcp || packet.flags == 0);
}

void check_entry(Defragmenter& defragmenter, ByteView datagram, std::size_t wire_size,
                 std::chrono::nanoseconds now) {
  Packet packet;
  if (decode_ip(datagram, wire_size, packet) != Decoded::fragment) return;
  const DefragStats before = defragmenter.stats();
  const Decoded decoded = defragmenter.add(datagram, wire_size, now, packet);
  const DefragStats& after = defragmenter.stats();
  check_accounts(after);
  require(after.fragments == before.fragments + 1);
  require(decoded != Decoded::not_ip);
  require((decoded == Decoded::fragment) == (after.completed == before.completed));
  if (decoded == Decoded::packet) check_packet(packet, datagram);
}

}  // namespace
}  // namespace scanlogd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scanlogd;
  auto defragmenter = Defragmenter::make(kDatagrams, {.a = 1, .b = 2});
  if (!defragmenter) return 0;
  ByteView rest = std::as_bytes(std::span(data, size));
  std::chrono::seconds now{1'000'000};
  while (rest.size() >= kEntryHeader) {
    now += std::chrono::seconds(std::to_integer<std::int8_t>(rest[0]));
    const std::size_t field =
        std::to_integer<std::size_t>(rest[1]) << 8 | std::to_integer<std::size_t>(rest[2]);
    rest = rest.subspan(kEntryHeader);
    const ByteView whole = rest.first(std::min(field & 0x7fff, rest.size()));
    const bool is_cut = (field & 0x8000) != 0;
    check_entry(*defragmenter, whole.first(is_cut ? std::min(kCut, whole.size()) : whole.size()),
                whole.size(), now);
    rest = rest.subspan(whole.size());
  }
  return 0;
}
