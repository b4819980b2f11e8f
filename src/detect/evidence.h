// What our own packets tell about those of others: which ports are services, whom we asked first,
// which connections were completed, which answers nobody asked for. All of it has a fixed size, and
// nobody else can write what counts in his favour: services and questions are learnt from outgoing
// packets only. Things are named by keyed hashes; a false match takes 2^32 tries or more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "detect/source_key.h"

namespace scanlogd {

/// A (protocol, local address, port), or a (protocol, local address, port, remote), as evidence
/// knows it.
using FlowHash = std::uint64_t;

/// A local port as a hash, for `Services` and contacts. `local` is the `address_word`.
[[nodiscard]] inline FlowHash port_hash(HashKey key, std::uint64_t local, IpProto protocol,
                                        Port port) noexcept {
  return keyed_hash(key, local, std::uint64_t{static_cast<std::uint8_t>(protocol)} << 16 | port);
}

/// The same with the other side.
[[nodiscard]] inline FlowHash flow_hash(HashKey key, FlowHash port, SourceKey remote) noexcept {
  return keyed_hash(key, port, remote);
}

/// The local ports that answered as services do, each for a day after its last answer.
class Services {
 public:
  [[nodiscard]] static Result<Services> make();

  /// We answered from `port`.
  void learn(FlowHash port, Tick now) noexcept {
    for (Service& each : set_of(port).services) {
      if (each.port != port) continue;
      each.last = now;
      return;
    }
    enter(port, now);
  }
  /// Did we, within a day?
  [[nodiscard, gnu::always_inline]] bool knows(FlowHash port, Tick now) const noexcept {
#pragma GCC unroll 4
    for (const Service& each : set_of(port).services) {
      if (each.port == port && elapsed(each.last, now) <= kLifetime) return true;
    }
    return false;
  }
  /// Asks the processor for what is known of it.
  [[gnu::always_inline]] void prefetch(FlowHash port) const noexcept {
    __builtin_prefetch(&set_of(port));
  }
  [[nodiscard]] std::size_t memory() const noexcept { return sets_.items().size_bytes(); }

 private:
  static constexpr std::size_t kServices = 4096;
  static constexpr std::size_t kWays = 4;
  static constexpr Tick kLifetime = 24 * kHour;
  struct Service {
    FlowHash port;  // 0: none
    Tick last;
    std::uint32_t unused;
  };
  struct alignas(64) Set {
    std::array<Service, kWays> services;
  };
  static_assert(sizeof(Set) == 64);

  explicit Services(ReservedMemory<Set> sets) noexcept : sets_(std::move(sets)) {}
  void enter(FlowHash port, Tick now) noexcept;
  [[nodiscard]] Set& set_of(FlowHash port) const noexcept {
    return sets_[port >> 32 & (kServices / kWays - 1)];
  }

  ReservedMemory<Set> sets_;
};

/// Whom we asked from which port, for two to four minutes: two blocked Bloom filters that take
/// turns.
class Questions {
 public:
  [[nodiscard]] static Result<Questions> make();

  /// We sent to `flow`.
  void note(FlowHash flow) noexcept {
    Block& home = block(current_, flow);
    for (int i = 0; i < kBits; ++i)
      home.words[word_of(flow, i)] |= std::uint64_t{1} << bit_of(flow, i);
  }
  /// Did we, lately?
  [[nodiscard]] bool has(FlowHash flow) const noexcept {
    return is_in(current_, flow) || is_in(1 - current_, flow);
  }
  /// Forgets what is too old.
  void turn(Tick now) noexcept;
  /// Asks the processor for what is known of it.
  [[gnu::always_inline]] void prefetch(FlowHash flow) const noexcept {
    __builtin_prefetch(&block(0, flow));
    __builtin_prefetch(&block(1, flow));
  }
  [[nodiscard]] std::size_t memory() const noexcept { return blocks_.items().size_bytes(); }

 private:
  static constexpr std::size_t kBytes = std::size_t{128} << 10;  // of one filter
  static constexpr Tick kTurn = 120 * kSecond;
  struct alignas(64) Block {
    std::array<std::uint64_t, 8> words;
  };
  static constexpr std::size_t kBlocks = kBytes / sizeof(Block);

  // Three of the 512 bits of a block, each by nine bits of the hash.
  static constexpr int kBits = 3;
  static constexpr int kBitsPerIndex = 9;
  [[nodiscard]] static std::size_t word_of(FlowHash flow, int i) noexcept {
    return flow >> (kBitsPerIndex * i + 6) & 7;
  }
  [[nodiscard]] static unsigned bit_of(FlowHash flow, int i) noexcept {
    return flow >> kBitsPerIndex * i & 63;
  }
  // All three without a branch in between: none of them is likelier than another.
  [[nodiscard]] bool is_in(std::size_t filter, FlowHash flow) const noexcept {
    const Block& home = block(filter, flow);
    const auto bit = [&](int i) { return home.words[word_of(flow, i)] >> bit_of(flow, i); };
    return (bit(0) & bit(1) & bit(2) & 1) != 0;
  }

  explicit Questions(ReservedMemory<Block> blocks) noexcept : blocks_(std::move(blocks)) {}
  [[nodiscard]] Block& block(std::size_t filter, FlowHash flow) const noexcept {
    return blocks_[filter * kBlocks + (flow >> 40 & (kBlocks - 1))];
  }
  void clear(std::size_t filter) noexcept;

  ReservedMemory<Block> blocks_;
  std::size_t current_ = 0;
  Tick turned_ = 0;
  bool has_turned_ = false;
};

/// What an unsolicited segment was, so that the bare RST with which our kernel answers it is not
/// taken for the answer to an ACK probe that no filter lets through.
class Strays {
 public:
  [[nodiscard]] static Result<Strays> make();

  /// A segment with these flags came that belongs to nothing.
  void note(FlowHash flow, std::uint8_t flags, Tick now) noexcept;
  /// The flags of the last one of `flow`, within some seconds, or 0; forgets it.
  [[nodiscard]] std::uint8_t take(FlowHash flow, Tick now) noexcept;
  [[nodiscard]] std::size_t memory() const noexcept { return slots_.items().size_bytes(); }

 private:
  static constexpr std::size_t kSlots = 4096;
  static constexpr Tick kLifetime = 5 * kSecond;
  struct Slot {
    FlowHash flow;
    Tick at;
    std::uint8_t flags;
  };
  explicit Strays(ReservedMemory<Slot> slots) noexcept : slots_(std::move(slots)) {}
  [[nodiscard]] Slot& slot_of(FlowHash flow) const noexcept {
    return slots_[flow >> 16 & (kSlots - 1)];
  }

  ReservedMemory<Slot> slots_;
};

/// The SYN-ACKs that we sent last, and what became of them.
class Handshakes {
 public:
  /// One of them.
  struct Handshake {
    FlowHash flow;  // 0: none
    SourceKey remote;
    std::uint32_t ours;    ///< our initial sequence number
    std::uint32_t theirs;  ///< what we acknowledged
    Tick at;
    Port remote_port;
    Port local_port;
    bool is_proven;    ///< acknowledged by whoever got our SYN-ACK
    bool is_answered;  ///< reset with the number that a spoofer knows, too
  };

  [[nodiscard]] static Result<Handshakes> make();

  /// We sent `packet`, a SYN-ACK.
  void note(FlowHash flow, SourceKey remote, const Packet& packet, Tick now) noexcept;
  /// What a packet says about the address of its sender.
  enum class Proof : std::uint8_t { nothing, answered, proven };
  /// What `packet` does, which came in that flow and is no SYN.
  [[nodiscard, gnu::always_inline]] Proof judge(FlowHash flow, const Packet& packet) noexcept {
    Handshake& slot = slot_of(flow, packet.source_port);
    if (slot.flow != flow || slot.remote_port != packet.source_port) return Proof::nothing;
    return judge_known(slot, packet);
  }
  /// Our side closed the connection to `remote_port`, which it does only when there was one.
  [[nodiscard]] bool closes(FlowHash flow, Port remote_port) noexcept {
    Handshake& slot = slot_of(flow, remote_port);
    if (slot.flow != flow || slot.remote_port != remote_port) return false;
    slot.is_proven = true;
    return true;
  }
  /// All of them, in no order.
  [[nodiscard]] std::span<const Handshake> all() const noexcept { return slots_.items(); }
  [[nodiscard]] std::size_t memory() const noexcept { return slots_.items().size_bytes(); }

 private:
  static constexpr std::size_t kSlots = 4096;
  explicit Handshakes(ReservedMemory<Handshake> slots) noexcept : slots_(std::move(slots)) {}
  [[nodiscard]] static Proof judge_known(Handshake& slot, const Packet& packet) noexcept;
  [[nodiscard]] Handshake& slot_of(FlowHash flow, Port remote_port) const noexcept {
    return slots_[((flow >> 20) + remote_port * std::uint64_t{0x9e37}) & (kSlots - 1)];
  }

  ReservedMemory<Handshake> slots_;
};

}  // namespace scanlogd
