// Frames from a packet socket through memory shared with the kernel: packet(7), TPACKET_V3
// (Documentation/networking/packet_mmap.rst), on every interface or on some. For the back ends
// `ring` and, for interfaces that come too late for it, `bpf`. Fragments come as they are.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "capture/assembler.h"
#include "capture/capture.h"
#include "capture/filter.h"
#include "core/interface.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// A packet socket. It is opened with CAP_NET_RAW and deaf; everything after that takes no right.
/// Not copyable; single-threaded.
class PacketRing {
 public:
  /// Which members of a fan-out group share the packets (PACKET_FANOUT).
  struct Group {
    std::uint16_t id = 0;     ///< unique in the network namespace
    std::size_t members = 1;  ///< engines; the first to join is number 0
    std::uint32_t key = 1;    ///< see `make_shard_filter`
  };

  [[nodiscard]] static Result<PacketRing> open();

  PacketRing(PacketRing&& other) noexcept;
  PacketRing& operator=(PacketRing&& other) noexcept;
  ~PacketRing();

  /// Begins to capture what `scope` lets through, as a member of `group`.
  [[nodiscard]] Result<void> start(const SocketScope& scope, const Group& group);

  /// Was `start` called with success?
  [[nodiscard]] bool is_started() const noexcept { return !memory_.empty(); }

  /// Puts another scope in the place of the one of `start`. The interests must be the same.
  [[nodiscard]] Result<void> restrict(const SocketScope& scope);

  /// Sets an interface of this index promiscuous for as long as this object lives.
  [[nodiscard]] Result<void> make_promiscuous(int index);

  /// Readable when `poll` has work. A block of frames is handed over by the kernel when it is full
  /// or 10 ms old.
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  /// Gives frames to `assembler` until `batch` is full (`more`) or none is left (`idle`).
  [[nodiscard]] Poll poll(Assembler& assembler, PacketBatch& batch) noexcept;

  /// What the kernel counted since `start`: frames let through, and those of them that were lost
  /// for want of room.
  struct Counts {
    std::uint64_t seen = 0;
    std::uint64_t dropped = 0;
  };
  [[nodiscard]] Counts counts() const noexcept;

  /// The system calls of a ring that is started, as in `Capture::calls`.
  [[nodiscard]] std::vector<AllowedCall> calls(bool promiscuous) const;
  /// Those of `start`.
  [[nodiscard]] std::vector<AllowedCall> calls_of_start() const;

 private:
  explicit PacketRing(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] Result<void> set_filter(const SocketScope& scope);
  [[nodiscard]] Result<void> set_ring();
  [[nodiscard]] Result<void> join(const Group& group, bool outgoing);
  void ignore_outgoing() const noexcept;
  void take(const std::byte* header_at, Assembler& assembler, PacketBatch& batch) noexcept;
  void next_block() noexcept;

  UniqueFd socket_;
  std::span<std::byte> memory_;     ///< the ring, shared with the kernel
  std::size_t block_ = 0;           ///< the one to be read next
  std::uint32_t left_ = 0;          ///< frames of it that were not read yet
  const std::byte* at_ = nullptr;   ///< the next of them; nullptr: the block was not begun
  std::chrono::nanoseconds now_{};  ///< monotonic, of this poll
  std::chrono::nanoseconds wall_minus_monotonic_{};
  mutable Counts counts_;
};

}  // namespace scanlogd
