// The system log, by our own datagrams in the form of syslog(3) and RFC 3164:
// `<25>Mon DD HH:MM:SS scanlogd: LINE` to the UNIX socket /dev/log, facility daemon, severity alert
// for scans. Why not syslog(3): glibc cannot reach the socket again from inside a chroot after the
// log daemon restarted, and it blocks while that daemon hangs. Here the directory of the socket is
// held open before the chroot, nothing ever blocks, and what cannot be delivered waits in a bounded
// spool. Does not speak RFC 5424 and does not write to the network.
#include <limits.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/classic_line.h"
#include "sink/delivery.h"
#include "sink/place.h"
#include "sink/sink.h"

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

/// On a stream socket a zero byte ends a message.
constexpr std::string_view kStreamEnd("\0", 1);

/// Connects to whichever of `places` somebody listens at.
Delivery::Way connect_anywhere(const std::vector<Place>& places) noexcept {
  for (const Place& place : places) {
    if (auto socket = place.try_connect(SOCK_DGRAM)) {
      return {.out = std::move(socket), .carrier = Delivery::Carrier::datagrams};
    }
    if (auto socket = place.try_connect(SOCK_STREAM)) {
      return {.out = std::move(socket), .carrier = Delivery::Carrier::stream, .end = kStreamEnd};
    }
  }
  return {};
}

class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(std::vector<Place> places)
      : delivery_(kSpoolBytes, [places = std::make_shared<const std::vector<Place>>(
                                    std::move(places))] { return connect_anywhere(*places); }) {}

  [[nodiscard]] bool takes(const Scan& scan) const noexcept override { return has_line(scan); }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& /*stamp*/) override {
    LineBuffer buffer;
    submit(kSeverityAlert, scan.at, format_classic_line(scan, buffer));
    tell_losses();
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& /*stamp*/) override {
    submit(static_cast<int>(notice.severity), notice.at, notice.view());
    tell_losses();
    return {};
  }

  void flush(Flush how) override {
    delivery_.flush(how);
    tell_losses();
  }

  [[nodiscard]] SinkStats stats() const noexcept override { return delivery_.stats(); }

 private:
  void submit(int severity, std::chrono::system_clock::time_point at, std::string_view text) {
    std::array<char, 16> time{};
    std::string message;
    message.reserve(text.size() + 40);
    message.append("<").append(std::to_string(kFacilityDaemon | severity)).append(">");
    message.append(format_syslog_time(at, time)).append(" ").append(kIdent).append(text);
    delivery_.submit(message);
  }

  /// Somebody listens again: say how many messages the spool had to refuse.
  void tell_losses() {
    const std::uint64_t lost = delivery_.take_losses();
    if (lost == 0) return;
    submit(static_cast<int>(Severity::warning), std::chrono::system_clock::now(),
           "the system log could not be reached: " + std::to_string(lost) + " messages lost");
  }

  Delivery delivery_;
};

/// Adds `path` where its directory exists.
void add_place(std::vector<Place>& places, const std::string& path) {
  if (auto place = Place::open(path)) places.push_back(std::move(*place));
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
