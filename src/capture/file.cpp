// Reads a capture file, or a stream of that form: pcap and pcapng as PcapReader knows them, plain or
// gzip'd (RFC 1952, zlib). The time of a packet is its time stamp. What can be read is delivered
// before an error is. Never waits for a stream: a record that has not come whole is read again later.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "capture/assembler.h"
#include "capture/capture.h"
#include "capture/pcap_source.h"
#include "core/unique_fd.h"

namespace scanlogd {
namespace {

// The bytes of a file as they were before gzip, for libpcap to read through a FILE. From `mark` on
// they are kept, so that they can be read a second time.
class Input {
 public:
  Input(UniqueFd fd, bool is_stream)
      : fd_(std::move(fd)),
        is_stream_(is_stream),
        packed_(std::make_unique_for_overwrite<std::byte[]>(kPackedSize)),
        bytes_(std::make_unique_for_overwrite<std::byte[]>(kSize)) {}
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    if (is_gzip_) (void)::inflateEnd(&zlib_);  // complains of unread output only
  }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Finds out whether the bytes are gzip'd. To be called once, first.
  [[nodiscard]] Result<void> start(const std::string& name) {
    std::size_t size = 0;
    while (size < kMagic.size()) {
      const ssize_t count = fetch(packed_.get() + size, kPackedSize - size);
      if (count < 0) return fail_errno("open", name, read_error_);
      if (count == 0) break;
      size += static_cast<std::size_t>(count);
    }
    if (size < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), packed_.get())) {
      std::copy_n(packed_.get(), size, bytes_.get());
      end_ = size;
      return {};
    }
    constexpr int kGzipOnly = 15 + 16;  // the largest window, with a gzip header; zlib.h
    if (::inflateInit2(&zlib_, kGzipOnly) != Z_OK) return fail_errno("open", name, ENOMEM);
    is_gzip_ = true;
    take_packed(size);
    return {};
  }

  /// From here on `read` does not wait for a stream: it fails and `is_starved`.
  void wait_no_longer() noexcept { waits_ = false; }

  /// As read(2).
  ssize_t read(char* to, std::size_t size) noexcept {
    if (at_ == end_ && !refill()) {
      if (failure_.empty() && !is_starved_) return 0;
      errno = is_starved_ ? EAGAIN : EIO;
      return -1;
    }
    const std::size_t count = std::min(size, end_ - at_);
    std::memcpy(to, bytes_.get() + at_, count);
    at_ += count;
    return static_cast<ssize_t>(count);
  }

  /// Everything before the next byte to be read may be forgotten.
  void mark() noexcept { mark_ = at_; }

  /// Goes back to the mark.
  void step_back() noexcept {
    at_ = *mark_;
    is_starved_ = false;
  }

  [[nodiscard]] bool is_starved() const noexcept { return is_starved_; }

  /// Why reading failed, if not for want of bytes.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  static constexpr std::array kMagic{std::byte{0x1f}, std::byte{0x8b}};
  static constexpr std::size_t kPackedSize = 64 << 10;
  static constexpr std::size_t kSize = 512 << 10;  // the largest record of pcap and some

  // More behind `end_`; false at the end, after a failure, and when starved.
  bool refill() noexcept {
    if (is_over_ || !failure_.empty()) return false;
    if (end_ == kSize) make_room();
    if (is_gzip_) return unpack();
    const ssize_t count = fetch(bytes_.get() + end_, kSize - end_);
    if (count > 0) end_ += static_cast<std::size_t>(count);
    is_over_ = count == 0;
    return count > 0;
  }

  // All bytes up to `end_` were read.
  void make_room() noexcept {
    if (mark_ == 0) mark_.reset();  // a huge pcapng block: it has to be waited for
    const std::size_t from = mark_.value_or(end_);
    std::memmove(bytes_.get(), bytes_.get() + from, end_ - from);
    at_ = end_ -= from;
    if (mark_) mark_ = 0;
  }

  bool unpack() noexcept {
    const std::size_t before = end_;
    while (end_ == before) {
      if (zlib_.avail_in == 0) {
        const ssize_t count = fetch(packed_.get(), kPackedSize);
        if (count < 0) return false;
        if (count == 0) {
          if (!is_between_members_) failure_ = "gzip data ends early";
          is_over_ = true;
          return false;
        }
        take_packed(static_cast<std::size_t>(count));
      }
      if (is_between_members_) {
        is_over_ = *zlib_.next_in != std::to_integer<Bytef>(kMagic[0]);  // padding, as gzip(1) has it
        if (is_over_) return false;
        (void)::inflateReset(&zlib_);  // fails only for a broken stream object
        is_between_members_ = false;
      }
      zlib_.next_out = static_cast<Bytef*>(static_cast<void*>(bytes_.get() + end_));
      zlib_.avail_out = static_cast<uInt>(kSize - end_);
      const int status = ::inflate(&zlib_, Z_NO_FLUSH);
      end_ = kSize - zlib_.avail_out;
      is_between_members_ = status == Z_STREAM_END;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        failure_ = "corrupt gzip data";
        if (zlib_.msg != nullptr) failure_.append(": ").append(zlib_.msg);
        return end_ > before;
      }
    }
    return true;
  }

  void take_packed(std::size_t size) noexcept {
    zlib_.next_in = static_cast<Bytef*>(static_cast<void*>(packed_.get()));
    zlib_.avail_in = static_cast<uInt>(size);
  }

  ssize_t fetch(std::byte* to, std::size_t size) noexcept {
    if (is_stream_ && !waits_ && mark_) {
      pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      is_starved_ = ::poll(&waiting, 1, 0) == 0;
      if (is_starved_) return -1;
    }
    for (;;) {
      const ssize_t count = ::read(fd_.get(), to, size);
      if (count >= 0) return count;
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {  // somebody else made the stream non-blocking
        pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        (void)::poll(&waiting, 1, -1);
        continue;
      }
      read_error_ = errno;
      failure_ = std::strerror(read_error_);
      return -1;
    }
  }

  UniqueFd fd_;
  bool is_stream_;
  bool waits_ = true;
  bool is_gzip_ = false;
  bool is_between_members_ = false;
  bool is_starved_ = false;
  bool is_over_ = false;
  int read_error_ = 0;
  std::string failure_;
  z_stream zlib_{};
  std::unique_ptr<std::byte[]> packed_;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t at_ = 0;  // next to be read
  std::size_t end_ = 0;
  std::optional<std::size_t> mark_ = 0;
};

class FileCapture final : public Capture {
 public:
  FileCapture(std::string name, std::unique_ptr<Input> input, PcapReader reader,
              Assembler assembler) noexcept
      : name_(std::move(name)),
        input_(std::move(input)),
        reader_(std::move(reader)),
        assembler_(std::move(assembler)) {}

  [[nodiscard]] int fd() const noexcept override { return input_->fd(); }

  [[nodiscard]] Result<Poll> poll(PacketBatch& batch) override {
    batch.size = 0;
    batch.wall_minus_monotonic = {};
    if (failure_) return std::unexpected(*failure_);
    for (int i = 0; i < kRecordsPerPoll && !batch.full(); ++i) {
      input_->mark();
      Frame frame;
      switch (reader_.next(frame)) {
        case PcapReader::Next::frame:
          assembler_.take(frame, batch);
          break;
        case PcapReader::Next::end:
          return Poll::end_of_input;
        case PcapReader::Next::failed:
          if (input_->is_starved()) {
            input_->step_back();
            reader_.retry();
            return Poll::idle;
          }
          failure_ = reason();
          return Poll::more;
      }
    }
    return Poll::more;
  }

  [[nodiscard]] CaptureStats stats() const noexcept override { return assembler_.stats(); }

 private:
  // So that signals are heard even in a large file of which nothing passes.
  static constexpr int kRecordsPerPoll = 4096;

  Error reason() const {
    if (input_->failure().empty()) return reader_.error();
    return {.what = "read(" + name_ + "): " + input_->failure()};
  }

  std::string name_;
  std::unique_ptr<Input> input_;
  PcapReader reader_;
  Assembler assembler_;
  std::optional<Error> failure_;
};

ssize_t read_input(void* input, char* to, std::size_t size) {
  return static_cast<Input*>(input)->read(to, size);
}

Result<std::unique_ptr<Input>> open_input(const std::string& path, const std::string& name) {
  UniqueFd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno("open", name, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("open", name, errno);
  auto input = std::make_unique<Input>(std::move(fd), !S_ISREG(status.st_mode));
  if (auto started = input->start(name); !started) return std::unexpected(started.error());
  return input;
}

Result<std::unique_ptr<Capture>> open(const Section& options) {
  if (auto known = options.reject_unknown({"path"}); !known) return std::unexpected(known.error());
  const std::string path(options.text("path").value_or(""));
  const std::string name = path == "-" ? "standard input" : path;
  auto input = open_input(path, name);
  if (!input) return std::unexpected(input.error());

  std::FILE* const stream = ::fopencookie(
      input->get(), "rb", {.read = read_input, .write = nullptr, .seek = nullptr, .close = nullptr});
  if (stream == nullptr) return fail_errno("open", name, errno);
  // `Input` buffers; a second buffer could not be stepped back in.
  (void)std::setvbuf(stream, nullptr, _IONBF, 0);
  auto reader = PcapReader::open(stream, name);
  if (!reader) {
    if ((*input)->failure().empty()) return std::unexpected(reader.error());
    return fail("open(" + name + "): " + (*input)->failure());
  }
  (*input)->wait_no_longer();
  auto assembler = Assembler::make(reader->link());
  if (!assembler) return std::unexpected(assembler.error());
  return std::make_unique<FileCapture>(name, std::move(*input), std::move(*reader),
                                       std::move(*assembler));
}

}  // namespace

extern const CapturePlugin file_capture{
    .name = "file",
    .summary = "a capture file, pcap or pcapng, plain or gzip'd, or standard input (what --read uses)",
    .privilege = "none but to read the file",
    .open = open,
};

}  // namespace scanlogd
