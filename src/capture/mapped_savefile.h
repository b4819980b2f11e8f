// Classic pcap files, pcap-savefile(5), read where they lie: mapped into memory and walked by
// several cursors at once. The place of a record is known only from the one before it, so with
// large records a single reader waits for memory once a record; cursors that start in the middle of
// the file wait together. Where a record begins there is a guess, and it counts only if the cursor
// before lands exactly on it: what comes out is what a reader from front to back finds. Small
// records are read by one cursor, straight into the batch. Bulk TCP, which cannot matter, is
// recognised in passing and only counted.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "capture/assembler.h"
#include "core/allowed_call.h"
#include "core/link.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace scanlogd {

/// One mapped file. Not copyable; single-threaded.
class MappedSavefile {
 public:
  /// Maps `fd`, a regular file of `size` bytes, or returns nothing where it is no classic pcap file
  /// of a known link layer, or cannot be mapped: that is for a `Savefile` to read, or to say.
  [[nodiscard]] static std::optional<MappedSavefile> map(const UniqueFd& fd, std::uint64_t size);

  MappedSavefile(MappedSavefile&& other) noexcept;
  MappedSavefile& operator=(MappedSavefile&&) = delete;
  ~MappedSavefile();

  /// What `read` came to.
  enum class Read : std::uint8_t {
    more,    ///< the batch is full, or it is time to look at other things
    end,     ///< the file ends behind a record
    broken,  ///< it cannot be read on: `failure` says why
  };

  /// Adds packets to `batch` through `assembler`.
  [[nodiscard]] Read read(Assembler& assembler, PacketBatch& batch);

  /// A reason without operation and object.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  /// Bytes that were read, and all there are.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return file_.size(); }

  /// Guesses that were wrong so far. For tests.
  [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

 private:
  static constexpr std::size_t kCursors = 16;
  static constexpr std::size_t kChunk = 256 << 10;
  static constexpr std::size_t kRecordHeader = 16;

  // A stretch of the file and what a cursor found in it.
  struct Chunk {
    std::uint64_t at = 0;        // of the cursor: the next record
    std::uint64_t begin = 0;     // of the first record, as guessed or known
    std::uint64_t stop = 0;      // records that begin here or later are not its own
    std::uint32_t found = 0;     // records for `Assembler::take`
    std::uint32_t records = 0;   // all of them
    std::uint32_t filtered = 0;  // those that were bulk
    bool is_halted = false;      // at a record that cannot be read
  };

  MappedSavefile(std::span<const std::byte> file, LinkType link, bool is_swapped,
                 std::uint32_t multiplier, std::unique_ptr<std::uint32_t[]> found) noexcept;

  [[nodiscard]] std::uint32_t word(std::uint64_t at) const noexcept;
  [[nodiscard]] bool is_plausible(std::uint64_t at) const noexcept;
  [[nodiscard]] std::uint64_t guess(std::uint64_t from, std::uint64_t to) const noexcept;
  // Calls `use` with a view of the file (mapped_savefile.cpp) for its link layer and byte order.
  template <class Use>
  void with_view(Use use) const noexcept;
  template <class View>
  void walk(View view, std::span<Chunk> chunks) noexcept;
  template <class View>
  void walk_alone(View view, Chunk& chunk) noexcept;
  template <class View>
  void stream(View view, Assembler& assembler, PacketBatch& batch) noexcept;
  template <class View>
  void take_found(View view, Assembler& assembler, PacketBatch& batch) noexcept;
  void give_back() noexcept;
  void open_window(Assembler& assembler) noexcept;
  void accept(Assembler& assembler) noexcept;
  void begin_stretch() noexcept;
  [[nodiscard]] Read finish();
  [[nodiscard]] std::uint32_t* found_of(std::size_t chunk) noexcept {
    return found_.get() + chunk * (kChunk / kRecordHeader + 1);
  }

  std::span<const std::byte> file_;
  LinkType link_;
  bool is_swapped_;
  std::uint32_t multiplier_;  // of the fraction of a second, to nanoseconds
  std::uint64_t position_;    // of the record after the window, or the next of one cursor
  std::uint64_t first_ = 0;   // of the window, or of the stretch that one cursor is in
  std::uint64_t kept_ = 0;    // pages before that were given back
  std::array<Chunk, kCursors> chunks_{};
  std::size_t used_ = 0;    // chunks of the window
  std::size_t chunk_ = 0;   // the one whose records are being taken
  std::uint32_t next_ = 0;  // of its `found`
  std::uint64_t rejected_ = 0;
  std::uint64_t walked_ = 0;   // records of the stretch so far
  std::size_t mean_size_ = 0;  // of records of the last window or stretch
  bool is_over_ = false;       // the window ends where the file cannot be read on
  std::unique_ptr<std::uint32_t[]>
      found_;  // for each chunk, where its records begin, from `first_`
  std::string failure_;
};

/// The system calls of reading a file that is open, mapped or not, as in `Capture::calls`.
[[nodiscard]] std::vector<AllowedCall> calls_of_reading();

}  // namespace scanlogd
