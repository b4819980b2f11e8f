// See mapped_savefile.h. A file that shrinks while it is mapped makes reads of what is gone raise
// SIGBUS; the handler puts zeros there and remembers it, and the reader ends with an error.
#include "capture/mapped_savefile.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <csignal>
#include <cstring>
#include <type_traits>
#include <utility>

#include "capture/savefile.h"
#include "capture/savefile_view.h"

namespace scanlogd {
namespace {

constexpr std::size_t kFileHeader = 24;

// Above this size memory cannot keep up with one cursor; below it fetches ahead by itself.
constexpr std::size_t kLargeRecord = 128;

// A file with that many wrong guesses was made to be guessed wrong, or is not worth guessing.
constexpr std::uint64_t kMaxRejected = 64;

// How far ahead of one cursor memory is asked for.
constexpr std::size_t kAhead = 4096;

// How much is given back to the kernel at a time.
constexpr std::uint64_t kPagesAtOnce = 64 << 20;

// In the list of what cursors found, beside the place: it is `PcapRecord::Kind::plain`.
constexpr std::uint32_t kPlain = std::uint32_t{1} << 31;

std::atomic<bool> has_shrunk{false};

void put_zeros(int /*signal*/, siginfo_t* info, void* /*context*/) noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto* const fault = static_cast<std::byte*>(info->si_addr);
  auto* const at = fault - (reinterpret_cast<std::uintptr_t>(fault) & (page - 1));
  if (info->si_code != BUS_ADRERR ||
      ::mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    (void)std::signal(SIGBUS, SIG_DFL);  // nothing of ours: the fault comes again and ends us
    return;
  }
  has_shrunk.store(true, std::memory_order_relaxed);
}

void expect_shrinking() noexcept {
  struct sigaction action {};
  action.sa_sigaction = put_zeros;
  action.sa_flags = SA_SIGINFO;
  (void)::sigaction(SIGBUS, &action, nullptr);  // fails only for a bad signal number
}

}  // namespace

std::optional<MappedSavefile> MappedSavefile::map(const UniqueFd& fd, std::uint64_t size) {
  std::array<std::byte, kFileHeader> header;
  if (size < kFileHeader || ::pread(fd.get(), header.data(), header.size(), 0) != kFileHeader) {
    return std::nullopt;
  }
  // What is odd about the header is for `Savefile` to say.
  Savefile reader;
  if (reader.next(header).found != Savefile::Found::nothing || !reader.is_open())
    return std::nullopt;
  constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
  constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
  std::uint32_t magic;
  std::memcpy(&magic, header.data(), sizeof(magic));
  const bool is_swapped = magic != kMicroseconds && magic != kNanoseconds;
  if (is_swapped) magic = std::byteswap(magic);
  if (magic != kMicroseconds && magic != kNanoseconds) return std::nullopt;
  std::uint32_t link;
  std::memcpy(&link, header.data() + 20, sizeof(link));
  const auto known =
      link_type(static_cast<int>((is_swapped ? std::byteswap(link) : link) & 0x03ff'ffff));
  if (!known) return std::nullopt;

  // First: who finds no memory for it has nothing mapped yet.
  auto found =
      std::make_unique_for_overwrite<std::uint32_t[]>(kCursors * (kChunk / kRecordHeader + 1));
  has_shrunk.store(false, std::memory_order_relaxed);
  expect_shrinking();
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) return std::nullopt;
  (void)::madvise(memory, size, MADV_SEQUENTIAL);  // a hint
  return MappedSavefile({static_cast<const std::byte*>(memory), size}, *known, is_swapped,
                        magic == kNanoseconds ? 1 : 1000, std::move(found));
}

MappedSavefile::MappedSavefile(std::span<const std::byte> file, LinkType link, bool is_swapped,
                               std::uint32_t multiplier,
                               std::unique_ptr<std::uint32_t[]> found) noexcept
    : file_(file),
      link_(link),
      is_swapped_(is_swapped),
      multiplier_(multiplier),
      position_(kFileHeader),
      found_(std::move(found)) {
  static_assert(kRecordHeader == PcapRecord::kHeader);
}

MappedSavefile::MappedSavefile(MappedSavefile&& other) noexcept
    : file_(std::exchange(other.file_, {})),
      link_(other.link_),
      is_swapped_(other.is_swapped_),
      multiplier_(other.multiplier_),
      position_(other.position_),
      first_(other.first_),
      kept_(other.kept_),
      chunks_(other.chunks_),
      used_(other.used_),
      chunk_(other.chunk_),
      next_(other.next_),
      rejected_(other.rejected_),
      walked_(other.walked_),
      mean_size_(other.mean_size_),
      is_over_(other.is_over_),
      found_(std::move(other.found_)),
      failure_(std::move(other.failure_)) {}

MappedSavefile::~MappedSavefile() {
  if (!file_.empty()) (void)::munmap(const_cast<std::byte*>(file_.data()), file_.size());
}

std::uint32_t MappedSavefile::word(std::uint64_t at) const noexcept {
  std::uint32_t value;
  std::memcpy(&value, file_.data() + at, sizeof(value));
  return is_swapped_ ? std::byteswap(value) : value;
}

// Could a record begin here? Three in a row are as good as certain.
bool MappedSavefile::is_plausible(std::uint64_t at) const noexcept {
  constexpr std::uint32_t kWeek = 7 * 86400;
  const std::uint32_t first_time = word(kFileHeader);
  for (int i = 0; i < 3; ++i) {
    if (at + kRecordHeader > file_.size()) return at == file_.size() && i > 0;
    const std::uint32_t captured = word(at + 8);
    const std::uint32_t wire_size = word(at + 12);
    // Hardly anything that is no time looks like one, so that comes first.
    const bool is_time =
        word(at) - first_time + kWeek < 60 * kWeek && word(at + 4) < 1'000'000'000 / multiplier_;
    if (!is_time || captured > PcapRecord::kMaxCaptured || captured == 0 || wire_size < captured ||
        wire_size > PcapRecord::kMaxCaptured) {
      return false;
    }
    at += kRecordHeader + captured;
  }
  return true;
}

std::uint64_t MappedSavefile::guess(std::uint64_t from, std::uint64_t to) const noexcept {
  constexpr std::uint64_t kFarthest = 16 << 10;
  for (std::uint64_t at = from; at < std::min(to, from + kFarthest); ++at) {
    if (is_plausible(at)) return at;
  }
  return to;
}

template <class Use>
void MappedSavefile::with_view(Use use) const noexcept {
  const auto with = [&](auto link_size) {
    constexpr std::size_t kLink = decltype(link_size)::value;
    if (is_swapped_) return use(SavefileView<kLink, true>(file_, link_, multiplier_));
    return use(SavefileView<kLink, false>(file_, link_, multiplier_));
  };
  using detail::kCookedHeader;
  using detail::kEthernetHeader;
  if (link_ == LinkType::ethernet)
    return with(std::integral_constant<std::size_t, kEthernetHeader>());
  if (link_ == LinkType::linux_sll)
    return with(std::integral_constant<std::size_t, kCookedHeader>());
  return with(std::integral_constant<std::size_t, 0>());
}

namespace {

// One record further. A template for the loops below, which call it for each record.
template <class View, class Chunk>
[[gnu::always_inline]] inline void step(const View& view, Chunk& chunk, std::uint64_t first,
                                        std::uint64_t glance_end, std::uint32_t* found) noexcept {
  PcapRecord record;
  if (chunk.at < glance_end) record = view.glance(chunk.at);
  if (record.kind == PcapRecord::Kind::unreadable) [[unlikely]] {
    record = view.look(chunk.at);
    if (record.kind == PcapRecord::Kind::unreadable) {
      chunk.is_halted = true;
      return;
    }
  }
  ++chunk.records;
  // Written always, kept only if it counts: no branch to guess wrong.
  const auto at = static_cast<std::uint32_t>(chunk.at - first);
  found[chunk.found] = record.kind == PcapRecord::Kind::plain ? at | kPlain : at;
  const bool is_filtered = record.kind == PcapRecord::Kind::bulk;
  chunk.filtered += static_cast<std::uint32_t>(is_filtered);
  chunk.found += static_cast<std::uint32_t>(!is_filtered);
  chunk.at = record.next;
}

}  // namespace

template <class View>
void MappedSavefile::walk(View view, std::span<Chunk> chunks) noexcept {
  const std::uint64_t glance_end = view.glance_end();
  std::array<std::uint8_t, kCursors> active{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (chunks[i].at < chunks[i].stop) active[count++] = static_cast<std::uint8_t>(i);
  }
  while (count > 0) {
    for (std::size_t i = 0; i < count;) {
      Chunk& chunk = chunks[active[i]];
      step(view, chunk, first_, glance_end, found_of(active[i]));
      view.prefetch(chunk.at);
      view.prefetch(chunk.at + 64);
      if (chunk.is_halted || chunk.at >= chunk.stop) {
        active[i] = active[--count];
      } else {
        ++i;
      }
    }
  }
}

template <class View>
void MappedSavefile::walk_alone(View view, Chunk& chunk) noexcept {
  std::uint32_t* const found = found_of(static_cast<std::size_t>(&chunk - chunks_.data()));
  while (!chunk.is_halted && chunk.at < chunk.stop) {
    view.prefetch(chunk.at + kAhead);
    step(view, chunk, first_, view.glance_end(), found);
  }
}

namespace {

// Where the loop below has come to.
struct Reached {
  std::uint64_t at = 0;        // the next record
  Packet* out = nullptr;       // behind the last packet
  std::uint64_t filtered = 0;  // records that were bulk
};

// Reads what nearly all records are, until there is no room for packets, `stop`, or one that is
// something else. A function of its own, because in one that does more, what it needs for each
// record does not fit into registers.
template <class View>
[[gnu::noinline, gnu::hot]] Reached read_plain(const View file, std::uint64_t at,
                                               std::uint64_t stop, Packet* out,
                                               const Packet* end) noexcept {
  std::uint64_t filtered = 0;
  while (at < stop && out != end) {
    file.prefetch(at + kAhead);
    const PcapRecord record = file.glance(at);
    if (record.kind == PcapRecord::Kind::plain) {
      file.decode(at, *out++);
    } else if (record.kind == PcapRecord::Kind::bulk) {
      ++filtered;
    } else {
      break;
    }
    at = record.next;
  }
  return {.at = at, .out = out, .filtered = filtered};
}

}  // namespace

// Reads on with one cursor, to the end of the stretch or until the batch is full.
template <class View>
void MappedSavefile::stream(View view, Assembler& assembler, PacketBatch& batch) noexcept {
  const std::uint64_t stop = std::min<std::uint64_t>(first_ + kChunk, file_.size());
  const std::uint64_t plain_stop = std::min(stop, view.glance_end());
  Packet* const begin = batch.packets.data();
  const Packet* const end = begin + PacketBatch::kCapacity;
  std::uint64_t at = position_;
  std::uint64_t filtered = 0;
  std::uint64_t taken = 0;
  for (;;) {
    Packet* const from = begin + batch.size;
    const Reached reached = read_plain(view, at, plain_stop, from, end);
    at = reached.at;
    filtered += reached.filtered;
    taken += static_cast<std::uint64_t>(reached.out - from);
    batch.size = static_cast<std::size_t>(reached.out - begin);
    if (at >= stop || reached.out == end) break;
    // One that is something else.
    const PcapRecord record = view.look(at);
    if (record.kind == PcapRecord::Kind::unreadable) {
      is_over_ = true;
      break;
    }
    if (record.kind == PcapRecord::Kind::bulk) {
      ++filtered;
    } else {
      view.give(at, record.captured, assembler, batch);
      ++walked_;
    }
    at = record.next;
  }
  position_ = at;
  walked_ += filtered + taken;
  assembler.count_filtered(filtered);
  assembler.count_taken(taken);
}

// Takes what the cursors found, until the batch is full.
template <class View>
void MappedSavefile::take_found(View view, Assembler& assembler, PacketBatch& batch) noexcept {
  constexpr std::uint32_t kRecordsAhead = 8;
  for (; chunk_ < used_; ++chunk_, next_ = 0) {
    const std::span found(found_of(chunk_), chunks_[chunk_].found);
    for (; next_ < found.size(); ++next_) {
      if (batch.full()) return;
      if (next_ + kRecordsAhead < found.size()) {
        const std::uint64_t ahead = first_ + (found[next_ + kRecordsAhead] & ~kPlain);
        view.prefetch(ahead);
        view.prefetch(ahead + 64);
      }
      const std::uint64_t at = first_ + (found[next_] & ~kPlain);
      if ((found[next_] & kPlain) != 0) {
        view.decode(at, batch.packets[batch.size++]);
        assembler.count_taken(1);
      } else {
        view.give(at, view.look(at).captured, assembler, batch);
      }
    }
  }
}

// What was read is not kept in our memory, however large the file.
void MappedSavefile::give_back() noexcept {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (first_ < kept_ + kPagesAtOnce) return;
  const std::uint64_t size = (first_ - kept_) / page * page;
  (void)::madvise(const_cast<std::byte*>(file_.data()) + kept_, size, MADV_DONTNEED);
  kept_ += size;
}

// Finds the records of the next stretch of the file, by many cursors.
void MappedSavefile::open_window(Assembler& assembler) noexcept {
  first_ = position_;
  used_ = 0;
  std::uint64_t begin = first_;
  while (used_ < kCursors && begin < file_.size()) {
    const std::uint64_t stop = std::min<std::uint64_t>(first_ + (used_ + 1) * kChunk, file_.size());
    Chunk& chunk = chunks_[used_];
    chunk = {.begin = used_ == 0 ? begin : guess(begin, stop), .stop = stop};
    chunk.at = chunk.begin;
    ++used_;
    begin = stop;
  }
  give_back();
  with_view([&](const auto& view) { walk(view, std::span(chunks_).first(used_)); });
  accept(assembler);
  chunk_ = 0;
  next_ = 0;
}

// Keeps of what the cursors found what a single one would have found.
void MappedSavefile::accept(Assembler& assembler) noexcept {
  std::uint64_t at = first_;
  std::uint64_t records = 0;
  is_over_ = false;
  for (std::size_t i = 0; i < used_; ++i) {
    Chunk& chunk = chunks_[i];
    if (chunk.begin != at && at < chunk.stop) {
      ++rejected_;
      chunk = {.at = at, .begin = at, .stop = chunk.stop};
      with_view([&](const auto& view) { walk_alone(view, chunk); });
    } else if (at >= chunk.stop) {
      chunk = {.at = at, .begin = at, .stop = chunk.stop};  // a record goes beyond all of it
    }
    at = chunk.at;
    records += chunk.records;
    assembler.count_filtered(chunk.filtered);
    if (chunk.is_halted || at == file_.size()) {
      is_over_ = true;
      used_ = i + 1;
    }
  }
  if (records > 0) mean_size_ = (at - first_) / records;
  position_ = at;
}

// One cursor has come to the end of its stretch.
void MappedSavefile::begin_stretch() noexcept {
  if (walked_ > 0) mean_size_ = (position_ - first_) / walked_;
  walked_ = 0;
  first_ = position_;
  give_back();
}

MappedSavefile::Read MappedSavefile::read(Assembler& assembler, PacketBatch& batch) {
  // Then others have their turn, though the batch may be empty.
  constexpr std::uint64_t kBytesAtOnce = kCursors * kChunk;
  const std::uint64_t enough = position_ + kBytesAtOnce;
  for (;;) {
    if (chunk_ < used_) {
      with_view([&](const auto& view) { take_found(view, assembler, batch); });
    }
    if (batch.full()) return Read::more;
    if (is_over_ || position_ >= file_.size()) return finish();
    if (position_ >= enough) return Read::more;
    if (mean_size_ > kLargeRecord && rejected_ < kMaxRejected) {
      open_window(assembler);
    } else {
      with_view([&](const auto& view) { stream(view, assembler, batch); });
      if (position_ >= first_ + kChunk) begin_stretch();
    }
    if (has_shrunk.load(std::memory_order_relaxed)) {
      used_ = 0;
      is_over_ = true;
      failure_ = "file was cut while it was read";
      return Read::broken;
    }
  }
}

MappedSavefile::Read MappedSavefile::finish() {
  if (!failure_.empty()) return Read::broken;
  if (position_ == file_.size()) return Read::end;
  const bool is_header = position_ + kRecordHeader <= file_.size();
  failure_ = is_header && word(position_ + 8) > PcapRecord::kMaxCaptured
                 ? "a record of more than 262144 bytes"
                 : "file ends inside a record";
  return Read::broken;
}

std::vector<AllowedCall> calls_of_reading() {
  return {{"read", {}},
          {"pread64", {}},
          {"fstat", {}},
          {"newfstatat", {has(3, AT_EMPTY_PATH)}},
          {"mmap", {is(2, PROT_READ), has(3, MAP_PRIVATE)}},
          {"madvise", {}},
          {"rt_sigaction", {is(0, SIGBUS)}}};
}

}  // namespace scanlogd
