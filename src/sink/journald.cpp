// systemd's journal by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram of lines
// `FIELD=value`, so that journalctl(1) can ask for a port or a verdict. Not beside the sink syslog:
// the journal would have each scan twice. And not instead of it where other programs read the
// lines: journald passes these on as `scanlogd[PID]:`, which most of them do not know.
#include <sys/socket.h>

#include <array>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/classic_line.h"
#include "core/scan_fields.h"
#include "sink/delivery.h"
#include "sink/place.h"
#include "sink/sink.h"

namespace scanlogd {
namespace {

constexpr std::string_view kSocket = "/run/systemd/journal/socket";

/// About a thousand messages.
constexpr std::size_t kSpoolBytes = std::size_t{1} << 20;

/// MESSAGE_ID, random numbers that stand for a kind of message for ever; the phases in their order.
constexpr std::array<std::string_view, 3> kScanIds = {"802d4e72542944e5993970159fac0962",
                                                      "a4aae13101704df0bbf227c26a3135a9",
                                                      "7f7e88599ca947c9b2d7298d34c6c5fc"};
constexpr std::string_view kNoticeId = "a1a2d11994534dd5b57a28df04112634";

class JournaldSink final : public Sink {
 public:
  explicit JournaldSink(std::shared_ptr<const Place> place)
      : place_(std::move(place)), delivery_(kSpoolBytes, [at = place_] {
          return Delivery::Way{.out = at->try_connect(SOCK_DGRAM),
                               .carrier = Delivery::Carrier::datagrams};
        }) {}

  [[nodiscard]] bool takes(const Scan& /*scan*/) const noexcept override { return true; }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    submit(has_line(scan) ? Severity::alert : Severity::info,
           kScanIds[static_cast<std::size_t>(scan.event.phase)], scan_fields(scan, stamp),
           line_of(scan));
    tell_losses();
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& stamp) override {
    submit(notice.severity, kNoticeId, stamp_fields(stamp), notice.view());
    tell_losses();
    return {};
  }

  void flush(Flush how) override {
    delivery_.flush(how);
    tell_losses();
  }

  [[nodiscard]] SinkStats stats() const noexcept override { return delivery_.stats(); }

 private:
  void submit(Severity severity, std::string_view id, const std::vector<ScanField>& fields,
              std::string_view text) {
    std::string message;
    const auto add = [&](std::string_view name, std::string_view value) {
      message.append(name).append("=").append(value).append("\n");
    };
    add("MESSAGE", text);
    add("PRIORITY", std::to_string(static_cast<int>(severity)));
    add("SYSLOG_FACILITY", "3");  // daemon
    add("SYSLOG_IDENTIFIER", "scanlogd");
    add("MESSAGE_ID", id);
    for (const ScanField& field : fields) {
      std::string name = "SCAN_";
      for (const char c : field.name) {
        name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      }
      add(name, field.value);
    }
    delivery_.submit(message);
  }

  void tell_losses() {
    const std::uint64_t lost = delivery_.take_losses();
    if (lost == 0) return;
    submit(Severity::warning, kNoticeId, {},
           "the journal could not be reached: " + std::to_string(lost) + " messages lost");
  }

  std::shared_ptr<const Place> place_;
  Delivery delivery_;
};

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"socket"}); !known) {
    return std::unexpected(known.error());
  }
  auto place = Place::open(std::string(options.text("socket").value_or(kSocket)));
  if (!place) return std::unexpected(place.error());
  return std::make_unique<JournaldSink>(std::make_shared<const Place>(std::move(*place)));
}

}  // namespace

extern const SinkPlugin journald_sink{
    .name = "journald",
    .summary = "systemd's journal with a field for each fact, instead of syslog",
    .open = open,
    .excludes = "syslog"};

}  // namespace scanlogd
