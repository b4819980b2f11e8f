// Events of Suricata's EVE JSON (core/eve.h), one line each, for programs: into a file that is
// opened anew on SIGHUP, so that it can be rotated, or to a UNIX socket, datagrams or a stream.
// Every scan is told of, also those that get no line in the log. Nothing blocks; what cannot be
// written, because the disk is full or nobody listens, waits in a bounded spool.
#include "core/eve.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/unique_fd.h"
#include "sink/delivery.h"
#include "sink/place.h"
#include "sink/sink.h"

namespace scanlogd {
namespace {

constexpr std::string_view kDefaultPath = "/var/log/scanlogd/eve.json";

/// Read by a group such as adm, as other logs are.
constexpr mode_t kFileMode = 0640;

/// About a thousand events.
constexpr std::size_t kSpoolBytes = std::size_t{1} << 20;

using Carrier = Delivery::Carrier;

Delivery::Way open_way(const Place& place, Carrier carrier) noexcept {
  UniqueFd out;
  if (carrier == Carrier::file) {
    out = place.try_append(kFileMode);
    if (out && !place.end_line(out)) out.reset();
  } else {
    out = place.try_connect(carrier == Carrier::stream ? SOCK_STREAM : SOCK_DGRAM);
  }
  return {.out = std::move(out), .carrier = carrier};
}

class EveSink final : public Sink {
 public:
  EveSink(std::shared_ptr<const Place> place, Carrier carrier, UniqueFd out)
      : place_(std::move(place)),
        carrier_(carrier),
        delivery_(kSpoolBytes, [at = place_, carrier] { return open_way(*at, carrier); }) {
    if (out) delivery_.use({.out = std::move(out), .carrier = carrier});
  }

  [[nodiscard]] bool takes(const Scan& /*scan*/) const noexcept override { return true; }

  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    std::string text;
    append_eve(text, scan, stamp);
    submit(std::move(text));
    tell_losses();
    return {};
  }

  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& stamp) override {
    std::string text;
    append_eve(text, notice, stamp);
    submit(std::move(text));
    tell_losses();
    return {};
  }

  void flush(Flush how) override {
    delivery_.flush(how);
    tell_losses();
  }

  [[nodiscard]] SinkStats stats() const noexcept override { return delivery_.stats(); }

  [[nodiscard]] int directory() const noexcept override {
    return carrier_ == Carrier::file ? place_->directory() : -1;
  }

 private:
  void submit(std::string text) {
    text += '\n';
    delivery_.submit(text);
  }

  /// There is room again: say how many events the spool had to refuse.
  void tell_losses() {
    const std::uint64_t lost = delivery_.take_losses();
    if (lost == 0) return;
    std::string text;
    append_eve(text,
               make_notice(Severity::warning, std::chrono::system_clock::now(),
                           place_->path() + ": " + std::to_string(lost) + " events lost"),
               {});
    submit(std::move(text));
  }

  std::shared_ptr<const Place> place_;
  Carrier carrier_;
  Delivery delivery_;
};

Result<Carrier> parse_type(const Section& options) {
  const std::string_view text = options.text("type").value_or("file");
  if (text == "file") return Carrier::file;
  if (text == "unix_dgram") return Carrier::datagrams;
  if (text == "unix_stream") return Carrier::stream;
  return fail(options.origin("type") + ": '" + std::string(text) +
              "' must be file, unix_dgram or unix_stream");
}

Result<std::unique_ptr<Sink>> open(const Section& options) {
  if (auto known = options.reject_unknown({"path", "type"}); !known) {
    return std::unexpected(known.error());
  }
  const auto carrier = parse_type(options);
  if (!carrier) return std::unexpected(carrier.error());
  const std::string path(options.text("path").value_or(kDefaultPath));
  auto place = Place::open(path);
  if (!place) return std::unexpected(place.error());
  UniqueFd out;
  if (*carrier == Carrier::file) {
    // A file that cannot be written is a mistake to be told of now; a socket's other end may come
    // later.
    auto file = place->append(kFileMode);
    if (!file) return std::unexpected(file.error());
    struct stat status {};
    if (::fstat(file->get(), &status) != 0) return fail_errno("fstat", path, errno);
    if (S_ISDIR(status.st_mode)) return fail_errno("open", path, EISDIR);
    if (auto given = place->give(*file); !given) return std::unexpected(given.error());
    if (place->end_line(*file)) out = std::move(*file);
  }
  return std::make_unique<EveSink>(std::make_shared<const Place>(std::move(*place)), *carrier,
                                   std::move(out));
}

}  // namespace

extern const SinkPlugin eve_sink{
    .name = "eve",
    .summary = "events as Suricata's EVE JSON, in a file or to a UNIX socket",
    .open = open};

}  // namespace scanlogd
