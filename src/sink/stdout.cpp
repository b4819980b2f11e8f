// Scan lines on standard output (`format = json`: EVE events, of every scan), notices on standard
// error: for a person at a terminal, a pipe, and for reading capture files. Written with write(2):
// no stdio, so that nothing is hidden in a buffer. While watching live traffic a reader that does
// not read must not stop us: lines wait in a bounded spool. A file run (`wait = true`) waits for
// its reader instead and loses nothing.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/classic_line.h"
#include "core/eve.h"
#include "sink/sink.h"
#include "sink/spool.h"

namespace scanlogd {
namespace {

constexpr std::size_t kSpoolBytes = 64 * 1024;
/// An event is about ten times as long as a line.
constexpr std::size_t kJsonSpoolBytes = 10 * kSpoolBytes;
constexpr int kRestMs = 100;
constexpr std::string_view kIdent = "scanlogd: ";
constexpr std::string_view kLines = "lines";
constexpr std::string_view kJson = "json";

/// poll(2) answers at once whether a write of up to PIPE_BUF bytes would go through.
bool has_room(int fd) noexcept {
  pollfd probe{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&probe, 1, 0) == 1 && (probe.revents & (POLLOUT | POLLERR)) != 0;
}

/// What to do where nothing of a text can be written now.
enum class Refused : std::uint8_t {
  wait,
  give_up,  ///< and say EAGAIN
};

/// Writes all of `text`, however long that takes once it has begun; 0 or errno.
int write_all(int fd, std::string_view text, Refused refused) noexcept {
  const std::size_t whole = text.size();
  bool was_refused = false;
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      was_refused = false;
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (refused == Refused::give_up && text.size() == whole) return EAGAIN;
    const bool has_waited = std::exchange(was_refused, true);
    // Who is called ready and refuses all the same is not asked without end.
    pollfd room{.fd = has_waited ? -1 : fd, .events = POLLOUT, .revents = 0};
    (void)::poll(&room, 1, has_waited || refused == Refused::give_up ? kRestMs : -1);
  }
  return 0;
}

class StdoutSink final : public Sink {
 public:
  StdoutSink(bool wait, bool json)
      : wait_(wait),
        refused_(wait ? Refused::wait : Refused::give_up),
        json_(json),
        spool_(json ? kJsonSpoolBytes : kSpoolBytes) {}

  [[nodiscard]] bool takes(const Scan& scan) const noexcept override {
    return json_ || has_line(scan);
  }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    std::string text;
    if (json_) {
      append_eve(text, scan, stamp);
    } else {
      LineBuffer buffer;
      text = format_classic_line(scan, buffer);
    }
    return write_line(std::move(text));
  }

  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& stamp) override {
    // A line about several scans belongs where the lines are.
    if (notice.severity == Severity::alert) {
      std::string text;
      if (json_) {
        append_eve(text, notice, stamp);
      } else {
        text = notice.view();
      }
      return write_line(std::move(text));
    }
    ++stats_.written;
    std::string text(kIdent);
    text += notice.view();
    text += '\n';
    // A notice that nobody reads is not worth a spool: it is counted, and the next one tells more.
    if (!wait_ && !has_room(STDERR_FILENO)) {
      ++stats_.lost;
      return {};
    }
    ++(write_all(STDERR_FILENO, text, refused_) == 0 ? stats_.delivered : stats_.lost);
    return {};
  }

  void flush(Flush /*how*/) override {
    while (!spool_.empty() && has_room(STDOUT_FILENO)) {
      const int code = write_all(STDOUT_FILENO, spool_.front(), refused_);
      if (code == EAGAIN) return;
      if (code != 0) {
        ++stats_.lost;
      } else {
        ++stats_.delivered;
      }
      spool_.pop();
    }
  }

  [[nodiscard]] SinkStats stats() const noexcept override {
    SinkStats now = stats_;
    now.waiting = spool_.messages();
    return now;
  }

 private:
  [[nodiscard]] Result<void> write_line(std::string text) {
    ++stats_.written;
    text += '\n';
    if (wait_) return deliver(text);
    if (!spool_.push(text)) ++stats_.lost;
    flush(Flush::waiting);
    return {};
  }

  [[nodiscard]] Result<void> deliver(std::string_view text) {
    if (const int code = write_all(STDOUT_FILENO, text, refused_); code != 0) {
      ++stats_.lost;
      return fail_errno("write", "standard output", code);
    }
    ++stats_.delivered;
    return {};
  }

  bool wait_;
  Refused refused_;
  bool json_;
  Spool spool_;
  SinkStats stats_;
};

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"format", "wait"}); !known) {
    return std::unexpected(known.error());
  }
  const auto wait = options.boolean("wait", false);
  if (!wait) return std::unexpected(wait.error());
  const std::string_view format = options.text("format").value_or(kLines);
  if (format != kLines && format != kJson) {
    return fail(options.origin("format") + ": '" + std::string(format) + "' must be lines or json");
  }
  return std::make_unique<StdoutSink>(*wait, format == kJson);
}

}  // namespace

extern const SinkPlugin stdout_sink{
    .name = "stdout",
    .summary = "scan lines on standard output, notices on standard error",
    .open = open};

}  // namespace scanlogd
