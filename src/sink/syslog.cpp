// The system log, by our own datagrams in the form of syslog(3) and RFC 3164:
// `<25>Mon DD HH:MM:SS scanlogd: LINE` to the UNIX socket /dev/log, facility daemon, severity alert
// for scans. Why not syslog(3): glibc cannot reach the socket again from inside a chroot after the
// log daemon restarted, and it blocks while that daemon hangs. Here the directory of the socket is
// held open before the chroot, nothing ever blocks, and what cannot be delivered waits in a bounded
// spool. Does not speak RFC 5424 and does not write to the network.
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/classic_line.h"
#include "core/unique_fd.h"
#include "sink/sink.h"
#include "sink/spool.h"

namespace scanlogd {
namespace {

constexpr std::string_view kDevLog = "/dev/log";
/// Where systemd's journal listens; /dev/log is a link to it that may be missing when we start.
constexpr std::string_view kJournalSocket = "/run/systemd/journal/dev-log";
constexpr std::string_view kIdent = "scanlogd: ";
constexpr int kFacilityDaemon = 3 << 3;
constexpr int kSeverityAlert = 1;

/// About 1,500 scan lines.
constexpr std::size_t kSpoolBytes = std::size_t{256} * 1024;

/// A socket's place, reachable without a path from the root: a directory held open, and a name in
/// it.
struct Place {
  UniqueFd directory;
  std::string name;
};

class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(std::vector<Place> places)
      : places_(std::move(places)), spool_(kSpoolBytes) {}

  [[nodiscard]] bool takes(const Scan& scan) const noexcept override { return has_line(scan); }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& /*stamp*/) override {
    LineBuffer buffer;
    submit(kFacilityDaemon | kSeverityAlert, scan.at, format_classic_line(scan, buffer));
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice) override {
    submit(kFacilityDaemon | static_cast<int>(notice.severity), notice.at, notice.view());
    return {};
  }

  void flush(Flush how) noexcept override {
    if (how == Flush::reopen) socket_.reset();
    deliver();
    if (unreported_ == 0 || !spool_.empty()) return;
    // Somebody listens again: say how many messages the spool had to refuse.
    const std::uint64_t lost = unreported_;
    unreported_ = 0;
    enqueue(kFacilityDaemon | static_cast<int>(Severity::warning), std::chrono::system_clock::now(),
            "the system log could not be reached: " + std::to_string(lost) + " messages lost");
    deliver();
  }

  [[nodiscard]] SinkStats stats() const noexcept override {
    SinkStats now = stats_;
    now.waiting = spool_.messages();
    return now;
  }

 private:
  void submit(int priority, std::chrono::system_clock::time_point at,
              std::string_view text) noexcept {
    enqueue(priority, at, text);
    flush(Flush::waiting);
  }

  void enqueue(int priority, std::chrono::system_clock::time_point at,
               std::string_view text) noexcept {
    ++stats_.written;
    std::array<char, 16> time{};
    std::string message;
    message.reserve(text.size() + 40);
    message.append("<").append(std::to_string(priority)).append(">");
    message.append(format_syslog_time(at, time)).append(" ").append(kIdent).append(text);
    if (!spool_.push(message)) {
      ++stats_.lost;
      ++unreported_;
    }
  }

  /// Sends what waits, until it is all gone or the log daemon takes no more.
  void deliver() noexcept {
    bool reconnected = false;
    while (!spool_.empty()) {
      if (!socket_) {
        if (reconnected || !connect_anywhere()) return;
        reconnected = true;
      }
      const int code = send_front();
      if (code == 0) {
        ++stats_.delivered;
        spool_.pop();
        sent_of_front_ = 0;
      } else if (code == EAGAIN || code == ENOBUFS || code == EINTR) {
        return;  // the log daemon is there but busy or hung
      } else if (code == EMSGSIZE) {
        ++stats_.lost;
        spool_.pop();
      } else {
        socket_.reset();  // the log daemon went away: look for a new one, once per call
        sent_of_front_ = 0;
      }
    }
  }

  [[nodiscard]] bool connect_anywhere() noexcept {
    return std::ranges::any_of(places_, [this](const Place& place) {
      return connect_to(place, SOCK_DGRAM) || connect_to(place, SOCK_STREAM);
    });
  }

  [[nodiscard]] bool connect_to(const Place& place, int type) noexcept {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.name.size() >= sizeof(address.sun_path)) return false;
    std::ranges::copy(place.name, address.sun_path);
    UniqueFd candidate(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!candidate) return false;
    // The one way to a path outside the chroot: relative to a directory that is still open.
    if (::fchdir(place.directory.get()) != 0) return false;
    const bool connected = ::connect(candidate.get(), reinterpret_cast<const sockaddr*>(&address),
                                     sizeof(address)) == 0;
    // Back into the chroot: a working directory outside it is a way out.
    const bool is_back = ::chdir("/") == 0;
    if (!connected || !is_back) return false;
    socket_ = std::move(candidate);
    stream_ = type == SOCK_STREAM;
    sent_of_front_ = 0;
    return true;
  }

  /// Sends the oldest message: 0, or why not. On a stream socket it ends in a zero byte and may
  /// take several calls.
  [[nodiscard]] int send_front() noexcept {
    std::string message(spool_.front());
    if (stream_) message += '\0';
    const std::string_view rest = std::string_view(message).substr(sent_of_front_);
    const ssize_t sent =
        ::send(socket_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno;
    sent_of_front_ += static_cast<std::size_t>(sent);
    return sent_of_front_ == message.size() ? 0 : EAGAIN;
  }

  std::vector<Place> places_;
  Spool spool_;
  UniqueFd socket_;
  bool stream_ = false;
  std::size_t sent_of_front_ = 0;
  std::uint64_t unreported_ = 0;
  SinkStats stats_;
};

/// Adds the directory and name of `path` where the directory exists.
void add_place(std::vector<Place>& places, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return;
  const std::string directory = slash == 0 ? "/" : path.substr(0, slash);
  UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd) places.push_back({std::move(fd), path.substr(slash + 1)});
}

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"socket"}); !known) {
    return std::unexpected(known.error());
  }
  const std::string path(options.text("socket").value_or(kDevLog));
  if (!path.starts_with('/')) {
    return fail(options.origin("socket") + ": '" + path + "' must be an absolute path");
  }

  // A link's target is found now, because inside a chroot the link would lead nowhere.
  std::array<char, PATH_MAX> target{};
  std::vector<Place> places;
  if (::realpath(path.c_str(), target.data()) != nullptr && path != target.data()) {
    add_place(places, target.data());
  }
  add_place(places, path);
  if (path == kDevLog && std::string_view(target.data()) != kJournalSocket) {
    add_place(places, std::string(kJournalSocket));
  }
  if (places.empty()) return fail_errno("open", path, ENOENT);
  return std::make_unique<SyslogSink>(std::move(places));
}

}  // namespace

extern const SinkPlugin syslog_sink{
    .name = "syslog",
    .summary = "the system log (/dev/log): facility daemon, priority alert",
    .open = open};

}  // namespace scanlogd
