// Messages in the form of RFC 5424, to a collector by UDP (RFC 5426), TCP (RFC 6587, octet
// counting) or a UNIX socket: all that is known of a scan as structured data, the line of
// scanlogd(8) as the text. Every scan is told of: those with a line of their own as alerts, the
// others as informational. Over UDP a message can be lost without anybody knowing; over TCP what
// the kernel took counts as delivered. No TLS: rsyslog on this machine does that.
#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/classic_line.h"
#include "core/scan_fields.h"
#include "core/scan_words.h"
#include "sink/delivery.h"
#include "sink/remote.h"
#include "sink/sink.h"

namespace scanlogd {
namespace {

constexpr std::string_view kDefaultTo = "unix:/dev/log";
constexpr int kFacilityDaemon = 3 << 3;

/// What RFC 5612 sets aside for documentation: whoever has a number of their own gives that.
constexpr std::uint64_t kExampleEnterprise = 32473;
constexpr std::uint64_t kMaxEnterprise = 0xffffffff;

/// About a thousand messages.
constexpr std::size_t kSpoolBytes = std::size_t{1} << 20;

/// `2026-11-22T22:40:40.123456+01:00`, as RFC 3339 wants it.
std::string timestamp(std::chrono::system_clock::time_point at) {
  std::string text = format_iso_time(at);
  return text.insert(text.size() - 2, ":");
}

std::string escape(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == ']') text += '\\';
    text += c;
  }
  return text;
}

class Rfc5424Sink final : public Sink {
 public:
  Rfc5424Sink(std::shared_ptr<const Remote> remote, std::uint64_t enterprise)
      : remote_(std::move(remote)),
        host_(host_name("-")),
        element_(fmt::format("scan@{}", enterprise)),
        delivery_(kSpoolBytes, [to = remote_] { return to->connect(); }) {}

  [[nodiscard]] bool takes(const Scan& /*scan*/) const noexcept override { return true; }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    submit(has_line(scan) ? Severity::alert : Severity::info, scan.at, "scan",
           scan_fields(scan, stamp), line_of(scan));
    tell_losses();
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& stamp) override {
    submit(notice.severity, notice.at, "notice", stamp_fields(stamp), notice.view());
    tell_losses();
    return {};
  }

  void flush(Flush how) override {
    delivery_.flush(how);
    tell_losses();
  }

  [[nodiscard]] SinkStats stats() const noexcept override { return delivery_.stats(); }
  [[nodiscard]] std::vector<AllowedCall> calls() const override { return remote_->calls(); }
  [[nodiscard]] Port tcp_port() const noexcept override { return remote_->tcp_port(); }

 private:
  void submit(Severity severity, std::chrono::system_clock::time_point at, std::string_view id,
              const std::vector<ScanField>& fields, std::string_view text) {
    std::string message =
        fmt::format("<{}>1 {} {} scanlogd - {} ", kFacilityDaemon | static_cast<int>(severity),
                    timestamp(at), host_, id);
    if (fields.empty()) message += '-';
    std::string_view before = "[";
    for (const ScanField& field : fields) {
      if (before == "[") message.append(before).append(element_);
      before = " ";
      message.append(before).append(field.name).append("=\"").append(escape(field.value)) += '"';
    }
    if (!fields.empty()) message += ']';
    message.append(" ").append(text);
    delivery_.submit(remote_->is_stream() ? fmt::format("{} {}", message.size(), message)
                                          : message);
  }

  void tell_losses() {
    const std::uint64_t lost = delivery_.take_losses();
    if (lost == 0) return;
    submit(Severity::warning, std::chrono::system_clock::now(), "notice", {},
           fmt::format("{} could not be reached: {} messages lost", remote_->name(), lost));
  }

  std::shared_ptr<const Remote> remote_;
  std::string host_;
  std::string element_;
  Delivery delivery_;
};

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"to", "enterprise"}); !known) {
    return std::unexpected(known.error());
  }
  const auto enterprise = options.number("enterprise", kExampleEnterprise, 1, kMaxEnterprise);
  if (!enterprise) return std::unexpected(enterprise.error());
  auto remote = Remote::parse(options.text("to").value_or(kDefaultTo), options.origin("to"));
  if (!remote) return std::unexpected(remote.error());
  return std::make_unique<Rfc5424Sink>(std::move(*remote), *enterprise);
}

}  // namespace

extern const SinkPlugin rfc5424_sink{
    .name = "rfc5424",
    .summary = "a log collector by RFC 5424 with structured data: UDP, TCP, UNIX sockets",
    .open = open};

}  // namespace scanlogd
