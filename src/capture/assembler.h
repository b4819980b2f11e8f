// From a frame to a packet in the batch: what back ends that see frames do with each one. Takes the
// link layer off, decodes, reassembles fragments, leaves out what cannot matter, keeps the
// accounts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "capture/capture.h"
#include "capture/defrag.h"
#include "capture/filter.h"
#include "capture/frame.h"
#include "core/big_endian.h"
#include "core/decode.h"
#include "core/keyed_hash.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/plain_tcp.h"
#include "core/result.h"

namespace scanlogd {

/// The state between frames: the reassembler and the accounts.
class Assembler {
 public:
  /// Takes the memory of the reassembler and a random key. Leaves out what cannot matter to
  /// `interest`, and with `verifies`, what came with a wrong IPv4 header checksum: the captured
  /// bytes are as they were on the wire (on a mirror port or in a file, they need not be).
  [[nodiscard]] static Result<Assembler> make(const Interest& interest, bool verifies = false) {
    // As many as the kernel holds in its 4 MB (net.ipv4.ipfrag_high_thresh), about 6 MB if all
    // used.
    constexpr std::size_t kDatagrams = 4096;
    const auto key = random_hash_key();
    if (!key) return std::unexpected(key.error());
    auto defragmenter = Defragmenter::make(kDatagrams, *key);
    if (!defragmenter) return std::unexpected(defragmenter.error());
    return Assembler(interest, verifies, std::move(*defragmenter));
  }

  /// Puts the packet that `frame` carries or completes, if there is one, into `batch`, which has
  /// room for it. The frame begins with a header of `link`.
  void take(LinkType link, const Frame& frame, PacketBatch& batch) noexcept {
    ++stats_.received;
    if (link == LinkType::ethernet && take_plain(frame, batch)) return;
    const auto payload = strip_link(link, frame.bytes);
    if (!payload) return stats_.count(Decoded::not_ip);
    const std::size_t wire_size =
        std::max(frame.wire_size, frame.bytes.size()) - payload->header_size;
    const bool is_outgoing = frame.is_outgoing || payload->outgoing;
    if (verifies_ && !is_outgoing && !frame.is_checked && !is_right(payload->datagram)) {
      ++stats_.bad_checksum;
      return;
    }
    Packet& packet = batch.packets[batch.size];
    Decoded decoded = decode_ip(payload->datagram, wire_size, packet);
    if (decoded == Decoded::fragment) {
      decoded = defragmenter_.add(payload->datagram, wire_size, frame.time, packet);
    }
    if (decoded != Decoded::packet) return stats_.count(decoded);
    if (!can_matter(packet, interest_)) {
      ++stats_.filtered;
      return;
    }
    packet.time = frame.time;
    packet.vlan = frame.vlan.value_or(payload->vlan);
    if (is_outgoing) packet.traits |= trait::outgoing;
    ++batch.size;
  }

  /// Counts frames whose packets somebody else has put into a batch, as `take` would have.
  void count_taken(std::uint64_t frames) noexcept { stats_.received += frames; }

  /// Counts frames that `take` would have left out as bulk.
  void count_filtered(std::uint64_t frames) noexcept {
    stats_.received += frames;
    stats_.filtered += frames;
  }

  /// The accounts, but for `seen` and `dropped`.
  [[nodiscard]] CaptureStats stats() const noexcept {
    CaptureStats stats = stats_;
    stats.reassembled = defragmenter_.stats().completed;
    return stats;
  }

 private:
  Assembler(const Interest& interest, bool verifies, Defragmenter defragmenter) noexcept
      : interest_(interest), verifies_(verifies), defragmenter_(std::move(defragmenter)) {}

  // What nearly every frame is, in one go: untagged Ethernet with a `plain_tcp`. False says
  // nothing.
  [[nodiscard]] bool take_plain(const Frame& frame, PacketBatch& batch) noexcept {
    constexpr std::size_t kEthernetHeader = 14;
    constexpr std::uint16_t kIpv4 = 0x0800;
    if (frame.bytes.size() < kEthernetHeader + plain_tcp::kSize) return false;
    if (load_be16(frame.bytes, 12) != kIpv4) return false;
    const auto datagram = frame.bytes.subspan(kEthernetHeader);
    const std::size_t wire_size = std::max(frame.wire_size, frame.bytes.size()) - kEthernetHeader;
    if (!plain_tcp::is_plain(datagram.data(), wire_size)) return false;
    if (verifies_ && !frame.is_outgoing && !frame.is_checked &&
        !plain_tcp::is_right(datagram.data())) {
      ++stats_.bad_checksum;
      return true;
    }
    if (plain_tcp::is_bulk(datagram.data())) {
      ++stats_.filtered;
      return true;
    }
    Packet& packet = batch.packets[batch.size++];
    plain_tcp::decode(datagram.data(), frame.time, packet);
    if (plain_tcp::has_options(datagram.data())) {
      decode_options(plain_tcp::segment(datagram), packet);
    }
    packet.vlan = frame.vlan.value_or(0);
    if (frame.is_outgoing) packet.traits |= trait::outgoing;
    return true;
  }

  // True, too, for whatever is no IPv4 header as a whole: that is for `decode_ip` to say.
  [[nodiscard]] static bool is_right(std::span<const std::byte> datagram) noexcept {
    constexpr std::size_t kLeast = 20;
    if (datagram.size() < kLeast || load_8(datagram, 0) >> 4 != 4) return true;
    const std::size_t size = (std::size_t{load_8(datagram, 0)} & 0x0f) * 4;
    if (size < kLeast || size > datagram.size()) return true;
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < size; at += 2) sum += load_be16(datagram, at);
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16) == 0xffff;  // RFC 1071
  }

  Interest interest_;
  bool verifies_;
  Defragmenter defragmenter_;
  CaptureStats stats_;
};

}  // namespace scanlogd
