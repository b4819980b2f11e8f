// Reads a capture file, or a stream of that form: what savefile.h knows, plain or gzip'd (RFC 1952,
// zlib). The time of a packet is its time stamp. What can be read is delivered before an error is.
// Classic pcap in a regular file is read where it lies (mapped_savefile.h), all else in order.
// Never waits for a stream: a record that has not come whole is left until the rest has.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "capture/assembler.h"
#include "capture/capture.h"
#include "capture/mapped_savefile.h"
#include "capture/savefile.h"
#include "core/unique_fd.h"

namespace scanlogd {
namespace {

// The bytes of a file as they were before gzip.
class Input {
 public:
  enum class Fill { more, starved, end, failed };

  Input(UniqueFd fd, bool is_stream)
      : fd_(std::move(fd)),
        is_stream_(is_stream),
        packed_(std::make_unique_for_overwrite<std::byte[]>(kPackedSize)),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(kSize)) {}
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    if (is_gzip_) (void)::inflateEnd(&zlib_);  // complains of unread output only
  }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Finds out whether the bytes are gzip'd. To be called once, first.
  [[nodiscard]] Fill start() {
    std::size_t size = 0;
    while (size < kMagic.size()) {
      const ssize_t count = fetch(packed_.get() + size, kPackedSize - size);
      if (count < 0) return Fill::failed;
      if (count == 0) break;
      size += static_cast<std::size_t>(count);
    }
    if (size < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), packed_.get())) {
      std::copy_n(packed_.get(), size, buffer_.get());
      end_ = size;
      return Fill::more;
    }
    constexpr int kGzipOnly = 15 + 16;  // the largest window, with a gzip header; zlib.h
    if (::inflateInit2(&zlib_, kGzipOnly) != Z_OK) return fail_with(std::strerror(ENOMEM));
    is_gzip_ = true;
    take_packed(size);
    return Fill::more;
  }

  /// From here on `fill` does not wait for a stream: it is `starved`.
  void wait_no_longer() noexcept { waits_ = false; }

  /// What was read and not dropped.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {buffer_.get() + at_, end_ - at_};
  }

  /// Removes `size` bytes from the front; those that have not come yet will be left out.
  void drop(std::size_t size) noexcept {
    const std::size_t here = std::min(size, end_ - at_);
    at_ += here;
    to_drop_ += size - here;
  }

  /// Is nothing left, and nothing owed to `drop`?
  [[nodiscard]] bool is_drained() const noexcept { return at_ == end_ && to_drop_ == 0; }

  /// Reads on. There is room as long as no more than `Savefile::kMaxBytes` are left undropped.
  [[nodiscard]] Fill fill() {
    if (!failure_.empty()) return Fill::failed;
    std::memmove(buffer_.get(), buffer_.get() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
    const Fill found = is_gzip_ ? unpack() : read_plain();
    drop(std::exchange(to_drop_, 0));
    return found;
  }

  /// Why `start` or `fill` failed.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  static constexpr std::array kMagic{std::byte{0x1f}, std::byte{0x8b}};
  static constexpr std::size_t kPackedSize = 64 << 10;
  static constexpr std::size_t kSize = Savefile::kMaxBytes + (256 << 10);

  Fill fail_with(const char* reason) {
    failure_ = reason;
    return Fill::failed;
  }

  Fill read_plain() {
    const ssize_t count = fetch(buffer_.get() + end_, kSize - end_);
    if (count < 0) return failure_.empty() ? Fill::starved : Fill::failed;
    end_ += static_cast<std::size_t>(count);
    return count == 0 ? Fill::end : Fill::more;
  }

  Fill unpack() {
    const std::size_t before = end_;
    while (end_ == before) {
      if (zlib_.avail_in == 0) {
        const ssize_t count = fetch(packed_.get(), kPackedSize);
        if (count < 0) return failure_.empty() ? Fill::starved : Fill::failed;
        if (count == 0) return is_between_members_ ? Fill::end : fail_with("gzip data ends early");
        take_packed(static_cast<std::size_t>(count));
      }
      if (is_between_members_) {
        // What follows the last member is padding, as gzip(1) has it.
        if (*zlib_.next_in != std::to_integer<Bytef>(kMagic[0])) return Fill::end;
        (void)::inflateReset(&zlib_);  // fails only for a broken stream object
      }
      zlib_.next_out = static_cast<Bytef*>(static_cast<void*>(buffer_.get() + end_));
      zlib_.avail_out = static_cast<uInt>(kSize - end_);
      const int status = ::inflate(&zlib_, Z_NO_FLUSH);
      end_ = kSize - zlib_.avail_out;
      is_between_members_ = status == Z_STREAM_END;
      if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR) continue;
      (void)fail_with("corrupt gzip data");
      if (zlib_.msg != nullptr) failure_.append(": ").append(zlib_.msg);
      return end_ > before ? Fill::more : Fill::failed;
    }
    return Fill::more;
  }

  void take_packed(std::size_t size) noexcept {
    zlib_.next_in = static_cast<Bytef*>(static_cast<void*>(packed_.get()));
    zlib_.avail_in = static_cast<uInt>(size);
  }

  // As read(2), but -1 without a `failure_` where it would have to wait.
  ssize_t fetch(std::byte* to, std::size_t size) {
    for (;;) {
      if (is_stream_) {
        pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, waits_ ? -1 : 0) == 0) return -1;
      }
      const ssize_t count = ::read(fd_.get(), to, size);
      if (count >= 0) return count;
      if (errno == EINTR || errno == EAGAIN) continue;
      failure_ = std::strerror(errno);
      return -1;
    }
  }

  UniqueFd fd_;
  bool is_stream_;
  bool waits_ = true;
  bool is_gzip_ = false;
  bool is_between_members_ = false;
  std::string failure_;
  z_stream zlib_{};
  std::unique_ptr<std::byte[]> packed_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t at_ = 0;  // of the first byte not dropped
  std::size_t end_ = 0;
  std::size_t to_drop_ = 0;
};

class FileCapture final : public Capture {
 public:
  FileCapture(std::string name, std::unique_ptr<Input> input, Assembler assembler) noexcept
      : name_(std::move(name)), input_(std::move(input)), assembler_(std::move(assembler)) {}

  /// Reads up to where frames begin, and waits for that if need be.
  [[nodiscard]] Result<void> read_header() {
    if (input_->start() == Input::Fill::failed) return fail(complaint("open", input_->failure()));
    while (!file_.is_open()) {
      Savefile::Item item;
      if (next(item) != Next::item) return fail(complaint("open", reason_));
      input_->drop(item.size);
    }
    input_->wait_no_longer();
    return {};
  }

  [[nodiscard]] int fd() const noexcept override { return input_->fd(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    batch.wall_minus_monotonic = {};
    for (int i = 0; i < kItemsPerPoll && !batch.full(); ++i) {
      Savefile::Item item;
      switch (next(item)) {
        case Next::item:
          if (item.found == Savefile::Found::frame) assembler_.take(item.link, item.frame, batch);
          input_->drop(item.size);
          break;
        case Next::starved:
          return Poll::idle;
        case Next::end:
          return Poll::end_of_input;
        case Next::failed:
          if (batch.size == 0) return fail(complaint("read", reason_));
          return Poll::more;
      }
    }
    return Poll::more;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = assembler_.stats();
    stats.seen = stats.received;
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& /*change*/) override {
    return Coverage::no_concern;
  }

  [[nodiscard]] Sender sender_of(const SentFrom& /*sent*/) const noexcept override { return {}; }
  [[nodiscard]] std::vector<AllowedCall> calls() const override { return calls_of_reading(); }

 private:
  enum class Next { item, starved, end, failed };

  // So that signals are heard even in a large file of which nothing passes.
  static constexpr int kItemsPerPoll = 4096;

  // What comes next in the file. Does not go past it, so a failure stays one.
  Next next(Savefile::Item& item) {
    for (;;) {
      item = file_.next(input_->bytes());
      if (item.found == Savefile::Found::broken) return because(file_.failure());
      if (item.found != Savefile::Found::incomplete) return Next::item;
      switch (input_->fill()) {
        case Input::Fill::more:
          break;
        case Input::Fill::starved:
          return Next::starved;
        case Input::Fill::failed:
          return because(input_->failure());
        case Input::Fill::end:
          if (file_.is_open() && input_->is_drained()) return Next::end;
          return because(file_.is_open() ? "file ends inside a record"
                                         : "file ends inside its header");
      }
    }
  }

  Next because(std::string_view reason) {
    reason_ = reason;
    return Next::failed;
  }

  [[nodiscard]] std::string complaint(std::string_view operation, std::string_view reason) const {
    std::string what;
    what.append(operation).append("(").append(name_).append("): ").append(reason);
    return what;
  }

  std::string name_;
  std::unique_ptr<Input> input_;
  Savefile file_;
  Assembler assembler_;
  std::string reason_;
};

// A classic pcap file, mapped into memory.
class MappedCapture final : public Capture {
 public:
  MappedCapture(std::string name, UniqueFd fd, MappedSavefile file, Assembler assembler) noexcept
      : name_(std::move(name)),
        fd_(std::move(fd)),
        file_(std::move(file)),
        assembler_(std::move(assembler)) {}

  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    batch.wall_minus_monotonic = {};
    switch (file_.read(assembler_, batch)) {
      case MappedSavefile::Read::more:
        return Poll::more;
      case MappedSavefile::Read::end:
        return Poll::end_of_input;
      case MappedSavefile::Read::broken:
        break;
    }
    if (batch.size > 0) return Poll::more;
    return fail("read(" + name_ + "): " + file_.failure());
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    CaptureStats stats = assembler_.stats();
    stats.seen = stats.received;
    stats.position = file_.position();
    stats.size = file_.size();
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& /*change*/) override {
    return Coverage::no_concern;
  }

  [[nodiscard]] Sender sender_of(const SentFrom& /*sent*/) const noexcept override { return {}; }
  [[nodiscard]] std::vector<AllowedCall> calls() const override { return calls_of_reading(); }

 private:
  std::string name_;
  UniqueFd fd_;
  MappedSavefile file_;
  Assembler assembler_;
};

std::string name_of(const std::string& path) { return path == "-" ? "standard input" : path; }

Result<UniqueFd> open_path(const std::string& path) {
  UniqueFd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno("open", name_of(path), errno);
  return fd;
}

Result<std::unique_ptr<Capture>> make_reader(const std::string& name, UniqueFd fd,
                                             const Interest& interest) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("open", name, errno);
  auto assembler = Assembler::make(interest);
  if (!assembler) return std::unexpected(assembler.error());
  if (S_ISREG(status.st_mode)) {
    if (auto mapped = MappedSavefile::map(fd, static_cast<std::uint64_t>(status.st_size))) {
      return std::make_unique<MappedCapture>(name, std::move(fd), std::move(*mapped),
                                             std::move(*assembler));
    }
  }
  auto capture = std::make_unique<FileCapture>(
      name, std::make_unique<Input>(std::move(fd), !S_ISREG(status.st_mode)),
      std::move(*assembler));
  if (auto header = capture->read_header(); !header) return std::unexpected(header.error());
  return capture;
}

// One of the files that were named. All are opened at the start, while that is allowed, but memory
// for reading is taken when the turn of a file comes and given back when it is over, so that any
// number costs what one costs.
class NamedFile final : public Capture {
 public:
  NamedFile(std::string name, Result<UniqueFd> fd, const Interest& interest) noexcept
      : name_(std::move(name)), fd_(std::move(fd)), interest_(interest) {
    struct stat status {};
    if (fd_ && ::fstat(fd_->get(), &status) == 0 && S_ISREG(status.st_mode)) {
      stats_.size = static_cast<std::uint64_t>(status.st_size);
    }
  }

  /// Begins to read it.
  [[nodiscard]] Result<void> begin() {
    if (!fd_) return std::unexpected(fd_.error());
    auto reader = make_reader(name_, std::move(*fd_), interest_);
    if (!reader) return std::unexpected(reader.error());
    reader_ = std::move(*reader);
    return {};
  }

  [[nodiscard]] int fd() const noexcept override { return reader_ ? reader_->fd() : -1; }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    if (!reader_) {
      if (auto begun = begin(); !begun) return std::unexpected(begun.error());
    }
    auto found = reader_->poll(batch);
    if (!found || *found == Poll::end_of_input) {
      stats_ = stats();
      stats_.position = stats_.size;
      reader_.reset();
    }
    return found;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override {
    if (!reader_) return stats_;
    CaptureStats stats = reader_->stats();
    stats.size = stats_.size;
    return stats;
  }

  [[nodiscard]] Coverage follow(const InterfaceChange& /*change*/) override {
    return Coverage::no_concern;
  }

  [[nodiscard]] Sender sender_of(const SentFrom& /*sent*/) const noexcept override { return {}; }
  [[nodiscard]] std::vector<AllowedCall> calls() const override { return calls_of_reading(); }

 private:
  std::string name_;
  Result<UniqueFd> fd_;  ///< until it is begun
  Interest interest_;
  std::unique_ptr<Capture> reader_;
  CaptureStats stats_;  ///< before and after
};

// Does the file begin as a capture file does, or as one that is compressed?
bool looks_like_a_capture(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  std::array<std::byte, 4> first;
  if (!fd || ::read(fd.get(), first.data(), first.size()) != 4) return false;
  constexpr std::array<std::uint32_t, 4> kBeginnings = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34,
                                                        0x0a0d0d0a};
  const auto word = std::bit_cast<std::uint32_t>(first);
  if ((word & 0xffff) == 0x8b1f) return true;
  return std::ranges::any_of(kBeginnings, [word](std::uint32_t each) {
    return word == each || word == std::byteswap(each);
  });
}

// The capture files of a directory, by name; not those of directories in it.
Result<std::vector<std::string>> files_in(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error) && looks_like_a_capture(it->path())) paths.push_back(it->path());
  }
  if (error) return fail_errno("open", directory, error.value());
  if (paths.empty()) return fail("open(" + directory + "): no capture files in it");
  std::ranges::sort(paths);
  return paths;
}

Result<std::vector<std::string>> expand(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-" || !std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    auto inside = files_in(path);
    if (!inside) return std::unexpected(inside.error());
    std::ranges::move(*inside, std::back_inserter(files));
  }
  return files;
}

// The usual limit is 1,024, for the sake of programs that use select(2).
void allow_many_files() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // if not, whatever cannot be opened is told
}

Result<std::vector<Captures>> open(const CaptureRequest& request) {
  if (auto known = request.options.reject_unknown({}); !known) {
    return std::unexpected(known.error());
  }
  const auto paths = expand(request.paths);
  if (!paths) return std::unexpected(paths.error());
  std::vector<Captures> engines(1);
  allow_many_files();
  for (const std::string& path : *paths) {
    auto file = std::make_unique<NamedFile>(name_of(path), open_path(path), request.interest);
    // Whoever mistypes the only name is told before anything else happens.
    if (paths->size() == 1) {
      if (auto begun = file->begin(); !begun) return std::unexpected(begun.error());
    }
    engines.front().push_back(std::move(file));
  }
  return engines;
}

}  // namespace

extern const CapturePlugin file_capture{
    .name = "file",
    .summary =
        "a capture file, pcap or pcapng, plain or gzip'd, or standard input (what --read uses)",
    .privilege = "none but to read the file",
    .open = open,
};

}  // namespace scanlogd
