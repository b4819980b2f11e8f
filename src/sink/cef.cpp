// Events in ArcSight's Common Event Format (CEF, version 0), each behind the header of RFC 3164, to
// a collector by UDP, TCP (a line each) or a UNIX socket, for the many that read nothing else.
// docs/formats.md has the mapping. Every scan is told of. Delivery as of the sink rfc5424.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/classic_line.h"
#include "core/scan_fields.h"
#include "core/scan_names.h"
#include "core/scan_words.h"
#include "sink/delivery.h"
#include "sink/remote.h"
#include "sink/sink.h"

namespace scanlogd {
namespace {

using std::chrono::system_clock;

constexpr int kFacilityDaemon = 3 << 3;

/// About a thousand events.
constexpr std::size_t kSpoolBytes = std::size_t{1} << 20;

/// Longest value of a custom string, as the format has it.
constexpr std::size_t kMostText = 4000;

/// CEF counts from 0 to 10; a scan is what others file as low to medium, because a source of one
/// can be forged.
int cef_severity(Severity severity) noexcept {
  switch (severity) {
    case Severity::alert:
      return 5;
    case Severity::error:
      return 7;
    case Severity::warning:
      return 4;
    case Severity::info:
      break;
  }
  return 1;
}

std::string escape(std::string_view text, std::string_view special) {
  std::string escaped;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

class Extension {
 public:
  void add(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    if (!text_.empty()) text_ += ' ';
    text_.append(key).append("=").append(escape(value, "\\="));
  }
  void add(std::string_view key, std::uint64_t value) { add(key, std::to_string(value)); }
  /// A field whose meaning its label tells.
  void add_custom(std::string_view key, std::string_view label, std::string_view value) {
    if (value.empty()) return;
    add(key, value);
    add(std::string(key) + "Label", label);
  }
  void add_time(std::string_view key, system_clock::time_point at) {
    using std::chrono::milliseconds;
    const auto since = std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
    add(key, static_cast<std::uint64_t>(since > 0 ? since : 0));
  }
  void add_address(std::string_view key, std::string_view custom, std::string_view label,
                   const Address& address) {
    // Only newer readers take IPv6 in src and dst.
    if (address.family == Family::ipv6) {
      add_custom(custom, label, to_string(address));
    } else {
      add(key, to_string(address));
    }
  }
  [[nodiscard]] const std::string& view() const noexcept { return text_; }

 private:
  std::string text_;
};

std::string total(std::uint64_t value) { return value == 0 ? "" : std::to_string(value); }

void add_stamp(Extension& extension, const Stamp& stamp) {
  if (stamp.boot == 0) return;
  extension.add_custom("flexString1", "boot", fmt::format("{:016x}", stamp.boot));
  extension.add_custom("flexNumber1", "sequence", std::to_string(stamp.sequence));
}

Extension extension_of(const Scan& scan, const Stamp& stamp) {
  const ScanEvent& event = scan.event;
  Extension extension;
  extension.add_time("rt", scan.at);
  extension.add_time("start", scan.started);
  extension.add_time("end", scan.last);
  extension.add("externalId", scan.id);
  extension.add("cat", name_of(event.phase));
  extension.add_address("src", "c6a2", "source IPv6 address", event.source);
  extension.add_address("dst", "c6a3", "destination IPv6 address", event.target);
  extension.add("proto", protocol_name(event.protocol));
  if (has_source_port(event)) extension.add("spt", event.source_port);
  if (has_ports(event) && event.port_count > 0) extension.add("dpt", event.ports[0]);
  extension.add("cnt", total(event.packets));
  extension.add("reason", event.phase == Phase::end ? name_of(event.reason) : "");
  extension.add_custom("cs1", "ports", ports_text(scan, kMostText));
  const auto flags = format_flags(event.flags_or, event.flags_and);
  extension.add_custom("cs2", "tcp_flags",
                       event.protocol == IpProto::tcp ? std::string_view(flags.data(), flags.size())
                                                      : std::string_view());
  extension.add_custom("cs3", "technique", name_of(event.technique));
  extension.add_custom("cs4", "verdict", name_of(event.verdict));
  extension.add_custom("cs5", "rule", name_of(event.rule));
  extension.add_custom("cs6", "tool", name_of(event.tool));
  extension.add_custom("cn1", "hosts_total", total(event.hosts_total));
  extension.add_custom("cn2", "ports_total", total(event.ports_total));
  extension.add_custom("cn3", "sources_total", total(event.sources_total));
  add_stamp(extension, stamp);
  extension.add("msg", line_of(scan));
  return extension;
}

class CefSink final : public Sink {
 public:
  explicit CefSink(std::shared_ptr<const Remote> remote)
      : remote_(std::move(remote)),
        host_(host_name("localhost")),
        delivery_(kSpoolBytes, [to = remote_] { return to->connect(); }) {}

  [[nodiscard]] bool takes(const Scan& /*scan*/) const noexcept override { return true; }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    const Classification filed = classify(scan.event);
    submit(has_line(scan) ? Severity::alert : Severity::info, cef_severity(Severity::alert),
           scan.at, fmt::format("{}:{}", Classification::kGenerator, filed.signature), filed.title,
           extension_of(scan, stamp));
    tell_losses();
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& stamp) override {
    submit(notice, stamp);
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
  void submit(const Notice& notice, const Stamp& stamp) {
    Extension extension;
    extension.add_time("rt", notice.at);
    add_stamp(extension, stamp);
    extension.add("msg", notice.view());
    submit(notice.severity, cef_severity(notice.severity), notice.at, "notice", "notice",
           extension);
  }

  void submit(Severity severity, int grade, system_clock::time_point at, std::string_view signature,
              std::string_view title, const Extension& extension) {
    std::array<char, 16> time{};
    std::string message =
        fmt::format("<{}>{} {} CEF:0|scanlogd|scanlogd|" SCANLOGD_VERSION "|{}|{}|{}|{}",
                    kFacilityDaemon | static_cast<int>(severity), format_syslog_time(at, time),
                    host_, escape(signature, "\\|"), escape(title, "\\|"), grade, extension.view());
    if (remote_->is_stream()) message += '\n';
    delivery_.submit(message);
  }

  void tell_losses() {
    const std::uint64_t lost = delivery_.take_losses();
    if (lost == 0) return;
    submit(
        make_notice(Severity::warning, system_clock::now(),
                    fmt::format("{} could not be reached: {} events lost", remote_->name(), lost)),
        {});
  }

  std::shared_ptr<const Remote> remote_;
  std::string host_;
  Delivery delivery_;
};

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"to"}); !known) return std::unexpected(known.error());
  const auto to = options.text("to");
  if (!to) return fail("log.cef.to: must be given, such as udp:192.0.2.1:514");
  auto remote = Remote::parse(*to, options.origin("to"));
  if (!remote) return std::unexpected(remote.error());
  return std::make_unique<CefSink>(std::move(*remote));
}

}  // namespace

extern const SinkPlugin cef_sink{
    .name = "cef",
    .summary = "a collector of Common Event Format: UDP, TCP, UNIX sockets",
    .open = open};

}  // namespace scanlogd
