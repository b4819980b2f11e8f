// What is kept of the scans that go on: exact ports, hosts, packets, techniques and outcomes, and
// with that the life of a scan: it begins, goes on, ends. A fixed number of records in fixed
// memory, for any detector: its table says that a source scans, its record what it has scanned
// since.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/keyed_hash.h"
#include "core/packet.h"
#include "core/reserved_memory.h"
#include "core/result.h"
#include "core/scan_event.h"
#include "detect/probe_sampler.h"

namespace scanlogd {

/// What one packet adds to the record of its scan.
struct ScanContact {
  std::chrono::nanoseconds time{};
  Address target{};       ///< no family: no host to count
  Port port = 0;          ///< counts if `has_port`
  bool has_port = true;   ///< false for protocols without ports
  bool is_packet = true;  ///< false: a port or a host that earlier packets were about
  bool prolongs = true;   ///< does the scan go on because of it, or does it only belong to it?
  bool is_timed = true;   ///< false: it came some time before `time`
  Technique technique = Technique::unknown;
  std::uint32_t mark = 0;  ///< what its answer will be known by
};

/// The records of the scans of one detector. A detector that finds a scan calls `open`, `add` for
/// what it remembers of the scan so far, `begin`; keeps the handle with the source; calls `add` for
/// each later packet; and passes `advance` on. Everything else is said from here.
class ScanRecords {
 public:
  static constexpr std::size_t kDefaultCount = 256;

  /// An update is told where a total reached one of these, or else once an hour ...
  static constexpr std::array<std::uint32_t, 5> kSteps = {10, 100, 1000, 10000, 65535};
  static constexpr std::chrono::hours kLongestSilence{1};
  /// ... but not more often than this.
  static constexpr std::chrono::minutes kShortestSilence{1};

  /// Hosts that are counted exactly; more are estimated (6 % standard error).
  static constexpr std::size_t kExactHosts = 64;

  /// Names a record for as long as its scan goes on; a detector may keep it for longer.
  using Handle = std::uint32_t;
  static constexpr Handle kNoRecord = 0;

  /// Room for `count` scans at once, rounded up to a power of two; touched as used, some 12 kB
  /// each. `key` is for counting hosts.
  [[nodiscard]] static Result<ScanRecords> make(std::size_t count, HashKey key);

  /// Takes a record for a scan that ends once it was not prolonged for more than `idle`. Where none
  /// is free, the one that was prolonged longest ago is told to have ended (`EndReason::evicted`),
  /// with its ports and its sample if there is room for them. `kNoRecord` where `events` is full.
  [[nodiscard]] Handle open(std::chrono::nanoseconds idle, EventList& events) noexcept;

  /// Tells that a scan was found: adds `event` to `events` with the number and totals of the
  /// record. The record keeps what else it says, for later events. False where there was no room:
  /// the record is free again.
  bool begin(Handle handle, ScanEvent event, EventList& events) noexcept;

  /// Adds to the totals. Does nothing where the record is gone, like all below.
  void add(Handle handle, const ScanContact& contact) noexcept {
    if (Record* const record = find(handle)) add_to(*record, index_of(handle), contact);
  }

  /// A probe of `port` was answered, or is taken to stay without answer. Each is to be told once;
  /// `mark` is that of its contact, or 0.
  void add_outcome(Handle handle, ProbeOutcome outcome, Port port, std::uint32_t mark = 0) noexcept;

  /// What later events will say: whatever is not counted here (kind, tool, verdict ...) may be
  /// changed. nullptr where the record is gone.
  [[nodiscard]] ScanEvent* event(Handle handle) noexcept;

  /// Something changed that should be told before long.
  void mark_changed(Handle handle) noexcept;

  /// Another rule took over the scan: it ends once it was not prolonged for more than `idle`.
  void set_idle(Handle handle, std::chrono::nanoseconds idle) noexcept;

  /// Time has come to `now` (`Detector::advance`): tells of scans that ended, and of some that go
  /// on. What `events` has no room for is told at the next call.
  void advance(std::chrono::nanoseconds now, EventList& events) noexcept;

  /// Scans that go on.
  [[nodiscard]] std::size_t open_scans() const noexcept { return open_scans_; }

  /// Bytes reserved.
  [[nodiscard]] std::size_t memory() const noexcept { return records_.items().size_bytes(); }

 private:
  static constexpr std::size_t kTechniques = static_cast<std::size_t>(Technique::ftp_bounce) + 1;
  static constexpr std::size_t kRegisters = 256;

  /// One bit for each port, in blocks that are cleared at their first use, so that a scan of few
  /// ports costs little.
  class PortMap {
   public:
    void clear() noexcept { used_ = 0; }
    /// False where the port was there.
    bool insert(Port port) noexcept;
    /// All ports in ascending order.
    void copy_to(ScanPorts& ports) const noexcept;

   private:
    static constexpr unsigned kWordBits = 64;
    static constexpr std::size_t kBlocks = 64;
    static constexpr std::size_t kWords = 65536 / kWordBits / kBlocks;  ///< of a block
    using Block = std::array<std::uint64_t, kWords>;

    std::uint64_t used_;  ///< blocks in use
    std::array<Block, kBlocks> blocks_;
  };

  /// Distinct values of a keyed hash: some as they are, more by HyperLogLog.
  class HostCount {
   public:
    void clear() noexcept;
    /// Counts the value if it is new.
    void insert(std::uint64_t hash) noexcept;
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

   private:
    void estimate(std::uint64_t hash) noexcept;

    std::uint32_t count_;
    std::uint32_t zeros_;        ///< registers that are 0
    std::uint64_t inverse_sum_;  ///< of 2^-register, in units of 2^-40
    std::array<std::uint64_t, kExactHosts> exact_;
    std::array<std::uint8_t, kRegisters> registers_;
  };

  struct Record {
    ScanEvent event;
    std::uint64_t number;
    std::chrono::nanoseconds idle;
    std::chrono::nanoseconds told;  ///< the time of the last event
    unsigned told_steps;            ///< those reached then
    bool is_changed;
    std::array<std::uint32_t, kTechniques> techniques;
    Address latest_host;   ///< that was counted; most scans stay with one for a while
    ProbeSampler sampler;  ///< begins where it is read for each packet, beside the above
    HostCount hosts;
    PortMap ports;
  };

  ScanRecords(ReservedMemory<Record> records, HashKey key);

  [[nodiscard]] std::size_t index_of(Handle handle) const noexcept {
    return handle & (handles_.size() - 1);
  }
  // Looks only at a small table where there is none: many keep a handle for longer than the record.
  [[nodiscard]] Record* find(Handle handle) noexcept {
    const std::size_t index = index_of(handle);
    if (handle == kNoRecord || handles_[index] != handle) return nullptr;
    return &records_.items()[index];
  }
  void add_to(Record& record, std::size_t index, const ScanContact& contact) noexcept;
  static void take_sample(Record& record, const ScanContact& contact) noexcept;
  void add_host(Record& record, const Address& host) const noexcept;
  [[nodiscard]] static unsigned steps(const ScanEvent& event) noexcept;
  static void complete(Record& record) noexcept;
  enum class Lists : std::uint8_t { wanted, needed };  ///< ports and sample
  [[nodiscard]] static bool tell(Record& record, Phase phase, EndReason reason, Lists lists,
                                 EventList& events) noexcept;
  void release(std::size_t index) noexcept;

  ReservedMemory<Record> records_;
  std::vector<Handle> handles_;                      ///< `kNoRecord` for no scan
  std::vector<std::chrono::nanoseconds> prolonged_;  ///< when last; `kFree` for no scan
  std::size_t open_scans_ = 0;
  HashKey key_;
};

}  // namespace scanlogd
