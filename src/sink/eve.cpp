// Events of Suricata's EVE JSON (core/eve.h), one line each, for programs: into a file that is
// opened anew on SIGHUP, so that it can be rotated, or to a UNIX socket, datagrams or a stream.
// Every scan is told of, also those that get no line in the log. Nothing blocks; what cannot be
// written, because the disk is full or nobody listens, waits in a bounded spool.
#include "core/eve.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/unique_fd.h"
#include "sink/place.h"
#include "sink/sink.h"
#include "sink/spool.h"

namespace scanlogd {
namespace {

constexpr std::string_view kDefaultPath = "/var/log/scanlogd/eve.json";

/// Read by a group such as adm, as other logs are.
constexpr mode_t kFileMode = 0640;

/// About a thousand events.
constexpr std::size_t kSpoolBytes = std::size_t{1} << 20;

/// What is behind the sink.
enum class Kind : std::uint8_t { file, datagrams, stream };

class EveSink final : public Sink {
 public:
  EveSink(Place place, Kind kind, UniqueFd out)
      : place_(std::move(place)), kind_(kind), out_(std::move(out)), spool_(kSpoolBytes) {}

  [[nodiscard]] bool takes(const Scan& /*scan*/) const noexcept override { return true; }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    std::string text;
    append_eve(text, scan, stamp);
    submit(std::move(text));
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice) override {
    std::string text;
    append_eve(text, notice);
    submit(std::move(text));
    return {};
  }

  void flush(Flush how) noexcept override {
    if (how == Flush::reopen) close();
    deliver();
    if (unreported_ == 0 || !spool_.empty()) return;
    // There is room again: say how many events the spool had to refuse.
    const std::uint64_t lost = std::exchange(unreported_, 0);
    std::string text;
    append_eve(text, make_notice(Severity::warning, std::chrono::system_clock::now(),
                                 place_.path() + ": " + std::to_string(lost) + " events lost"));
    enqueue(std::move(text));
    deliver();
  }

  [[nodiscard]] SinkStats stats() const noexcept override {
    SinkStats now = stats_;
    now.waiting = spool_.messages();
    return now;
  }

  [[nodiscard]] int directory() const noexcept override {
    return kind_ == Kind::file ? place_.directory() : -1;
  }

 private:
  void submit(std::string text) {
    enqueue(std::move(text));
    flush(Flush::waiting);
  }

  void enqueue(std::string text) {
    ++stats_.written;
    text += '\n';
    if (!spool_.push(text)) {
      ++stats_.lost;
      ++unreported_;
    }
  }

  /// An event of which only a part was written is written whole to whatever comes next: half a line
  /// is no JSON, and a reader passes over it.
  void close() noexcept {
    out_.reset();
    sent_of_front_ = 0;
  }

  /// Writes what waits, until it is all gone or there is no room for more.
  void deliver() noexcept {
    bool reopened = false;
    while (!spool_.empty()) {
      if (!out_) {
        if (reopened || !reopen()) return;
        reopened = true;
      }
      const std::string_view rest = spool_.front().substr(sent_of_front_);
      const ssize_t sent = kind_ == Kind::file ? ::write(out_.get(), rest.data(), rest.size())
                                               : ::send(out_.get(), rest.data(), rest.size(),
                                                        MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && !survive(errno)) return;
      if (sent < 0) continue;
      sent_of_front_ += static_cast<std::size_t>(sent);
      if (sent_of_front_ < spool_.front().size()) continue;
      ++stats_.delivered;
      spool_.pop();
      sent_of_front_ = 0;
    }
  }

  /// After a failure: is it worth another try now?
  [[nodiscard]] bool survive(int code) noexcept {
    if (code == EINTR) return true;
    if (code == EMSGSIZE) {
      ++stats_.lost;
      ++unreported_;
      spool_.pop();
      return true;
    }
    // No room on the disk or in the socket: later, to the same one.
    if (code == EAGAIN || code == ENOBUFS || code == ENOSPC || code == EDQUOT) return false;
    close();
    return kind_ != Kind::file;
  }

  [[nodiscard]] bool reopen() noexcept {
    auto out = kind_ == Kind::file
                   ? place_.append(kFileMode)
                   : place_.connect(kind_ == Kind::stream ? SOCK_STREAM : SOCK_DGRAM);
    if (!out) return false;
    out_ = std::move(*out);
    return true;
  }

  Place place_;
  Kind kind_;
  UniqueFd out_;
  Spool spool_;
  std::size_t sent_of_front_ = 0;
  std::uint64_t unreported_ = 0;
  SinkStats stats_;
};

Result<Kind> parse_kind(const Section& options) {
  const std::string_view text = options.text("type").value_or("file");
  if (text == "file") return Kind::file;
  if (text == "unix_dgram") return Kind::datagrams;
  if (text == "unix_stream") return Kind::stream;
  return fail(options.origin("type") + ": '" + std::string(text) +
              "' must be file, unix_dgram or unix_stream");
}

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"path", "type"}); !known) {
    return std::unexpected(known.error());
  }
  const auto kind = parse_kind(options);
  if (!kind) return std::unexpected(kind.error());
  const std::string path(options.text("path").value_or(kDefaultPath));
  auto place = Place::open(path);
  if (!place) return std::unexpected(place.error());
  UniqueFd out;
  if (*kind == Kind::file) {
    // A file that cannot be written is a mistake to be told of now; a socket's other end may come
    // later.
    auto file = place->append(kFileMode);
    if (!file) return std::unexpected(file.error());
    struct stat status {};
    if (::fstat(file->get(), &status) != 0) return fail_errno("fstat", path, errno);
    if (S_ISDIR(status.st_mode)) return fail_errno("open", path, EISDIR);
    out = std::move(*file);
  }
  return std::make_unique<EveSink>(std::move(*place), *kind, std::move(out));
}

}  // namespace

extern const SinkPlugin eve_sink{
    .name = "eve",
    .summary = "events as Suricata's EVE JSON, in a file or to a UNIX socket",
    .open = open};

}  // namespace scanlogd
