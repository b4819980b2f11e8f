// See engine_link.h. A record is a number that tells its kind, then the value itself: both ends are
// the same program.
#include "daemon/engine_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

#include "core/scan_names.h"

namespace scanlogd {
namespace {

template <class Record>
constexpr std::uint32_t kKind = 0;
template <>
constexpr std::uint32_t kKind<FoundScan> = 1;
template <>
constexpr std::uint32_t kKind<Notice> = 2;
template <>
constexpr std::uint32_t kKind<EngineAccounts> = 3;
template <>
constexpr std::uint32_t kKind<ScanPorts> = 4;
template <>
constexpr std::uint32_t kKind<EngineState> = 5;
template <>
constexpr std::uint32_t kKind<Pulse> = 6;
template <>
constexpr std::uint32_t kKind<EngineSettings> = 7;
template <>
constexpr std::uint32_t kKind<SourceQuestion> = 8;
template <>
constexpr std::uint32_t kKind<SourceAnswer> = 9;
template <>
constexpr std::uint32_t kKind<ScanSample> = 10;
template <>
constexpr std::uint32_t kKind<ScanSources> = 11;

// What the recorder sends.
using RecorderRecord = std::variant<EngineSettings, Pulse, SourceQuestion>;

// True if `bytes` are a record of this kind, which is then in `out`.
template <class Record, class Variant>
bool read_as(std::uint32_t kind, const std::byte* bytes, std::size_t size, Variant& out) noexcept {
  static_assert(std::is_trivially_copyable_v<Record>);
  if (kind != kKind<Record> || size != sizeof(Record)) return false;
  std::memcpy(&out.template emplace<Record>(), bytes, sizeof(Record));
  return true;
}

// An engine parses what strangers send. If one of them should take it over, what it can do is to
// send records; those below are looked through before anybody counts with what they say.

// By reference: to load what is neither true nor false is undefined.
bool is_sound(const bool& value) noexcept {
  unsigned char byte = 0;
  std::memcpy(&byte, &value, sizeof(byte));
  return byte <= 1;
}

bool is_sound(std::chrono::nanoseconds time) noexcept {
  // Sums of two are representable, and have a date.
  constexpr std::chrono::nanoseconds kMost{std::int64_t{1} << 62};
  return time < kMost && time > -kMost;
}

bool is_sound(const Address& address) noexcept {
  return address.family == Family::none || address.family == Family::ipv4 ||
         address.family == Family::ipv6;
}

bool is_sound(const FoundScan& found) noexcept {
  const ScanEvent& event = found.event;
  const auto is_one = [](const auto value) { return !name_of(value).empty(); };
  return is_sound(found.wall_minus_monotonic) && is_sound(event.started) &&
         is_sound(event.detected) && is_sound(event.source) && is_sound(event.target) &&
         is_sound(event.sender.is_known) && event.port_count <= event.ports.size() &&
         event.open_count <= event.open.size() && event.group_count <= event.group.size() &&
         std::ranges::all_of(event.group, [](const Address& each) { return is_sound(each); }) &&
         is_one(event.phase) && is_one(event.reason) && is_one(event.kind) && is_one(event.rule) &&
         is_one(event.technique) && is_one(event.tool) && is_one(event.verdict);
}

bool is_sound(const ScanPorts& ports) noexcept {
  return is_sound(ports.is_cut) && ports.count <= ports.ranges.size() &&
         std::ranges::all_of(ports.view(),
                             [](const PortRange& each) { return each.first <= each.last; });
}

bool is_sound(const ScanSources& sources) noexcept {
  return sources.count <= sources.sources.size() &&
         std::ranges::all_of(sources.view(), [](const Address& each) { return is_sound(each); });
}

bool is_sound(const ScanSample& sample) noexcept {
  return sample.count <= sample.points.size() && sample.shift <= ScanSample::kMaxShift &&
         std::ranges::all_of(sample.view(), [](const ProbePoint& each) {
           return is_sound(each.time) && is_sound(each.target) &&
                  each.outcome <= ProbeOutcome::filtered;
         });
}

bool is_sound(const Notice& notice) noexcept {
  return notice.length <= notice.text.size() &&
         (notice.severity == Severity::error || notice.severity == Severity::warning ||
          notice.severity == Severity::info);
}

bool is_sound(const EngineAccounts& /*accounts*/) noexcept { return true; }  // numbers

bool is_sound(const Pulse& /*pulse*/) noexcept { return true; }  // a number

bool is_sound(const EngineState& state) noexcept {
  return is_sound(state.is_running) && is_sound(state.what);
}

bool is_sound(const SourceExplanation::Sums& sums) noexcept {
  return std::isfinite(sums.waiting) &&
         std::ranges::all_of(sums.score, [](double score) { return std::isfinite(score); });
}

bool is_sound(const SourceAnswer& answer) noexcept {
  const SourceExplanation& told = answer.explanation;
  const auto is_one = [](const auto value) { return !name_of(value).empty(); };
  const auto is_sound_scale = [&](const SourceExplanation::Scale& scale) {
    return is_one(scale.rule) && std::isfinite(scale.threshold) &&
           std::isfinite(scale.leak_per_hour);
  };
  constexpr std::uint8_t kMostBits = 128;
  return told.knowledge <= Knowledge::some && is_sound(told.source) && told.prefix <= kMostBits &&
         told.network_prefix <= kMostBits && std::ranges::all_of(told.scales, is_sound_scale) &&
         is_sound(told.is_ignored) && is_sound(told.is_crafted) && is_sound(told.is_scanning) &&
         is_sound(told.sees_answers) && is_sound(told.has_network) &&
         is_sound(told.is_network_scanning) && is_sound(told.sums) && is_sound(told.network) &&
         is_one(told.kind) && is_one(told.rule) && is_one(told.technique) && is_one(told.tool) &&
         is_one(told.verdict) && told.port_count <= told.ports.size() &&
         told.open_count <= told.open.size();
}

constexpr std::size_t kLargest = std::max(
    {sizeof(FoundScan), sizeof(ScanPorts), sizeof(ScanSample), sizeof(ScanSources), sizeof(Notice),
     sizeof(EngineAccounts), sizeof(EngineState), sizeof(EngineSettings), sizeof(SourceAnswer)});

/// A datagram as it came: of which kind, and what.
struct Datagram {
  std::uint32_t kind = 0;
  alignas(std::max_align_t) std::array<std::byte, kLargest> bytes;
  std::size_t size = 0;
};

/// Takes one, without waiting. `record`: it has a kind.
EngineInbox::Look receive(int socket, Datagram& datagram) noexcept {
  using Look = EngineInbox::Look;
  std::array<iovec, 2> parts{{{.iov_base = &datagram.kind, .iov_len = sizeof(datagram.kind)},
                              {.iov_base = datagram.bytes.data(), .iov_len = kLargest}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT);
  if (size == 0) return Look::closed;
  if (size < 0) {
    if (errno == EAGAIN) return Look::nothing;
    return errno == ECONNRESET || errno == EPIPE ? Look::closed : Look::trouble;
  }
  if (static_cast<std::size_t>(size) < sizeof(datagram.kind)) return Look::nonsense;
  datagram.size = static_cast<std::size_t>(size) - sizeof(datagram.kind);
  return Look::record;
}

/// Sends one, without waiting: 0, or why not.
template <class Record>
int send_record(int socket, const Record& record) noexcept {
  static_assert(sizeof(Record) <= kLargest);
  std::uint32_t kind = kKind<Record>;
  Record sent = record;
  // Between its fields lies what was on our stack before, which is nobody's business. clang 19,
  // with which only tests are built, leaves it there.
#if __has_builtin(__builtin_clear_padding)
  __builtin_clear_padding(&sent);
#endif
  std::array<iovec, 2> parts{
      {{.iov_base = &kind, .iov_len = sizeof(kind)}, {.iov_base = &sent, .iov_len = sizeof(sent)}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : errno;
}

/// Room for a burst of a few thousand scans while the recorder is at its disk.
constexpr int kBufferSize = 4 << 20;

/// Notices that wait for room. There are few, or there is a fault that repeats.
constexpr std::size_t kMostKept = 64;

/// How long the end of an engine waits for a recorder that does not read.
constexpr std::chrono::milliseconds kPatience{500};
constexpr int kLookMs = 10;

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> make_engine_link() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno("socketpair", "AF_UNIX, SOCK_SEQPACKET", errno);
  }
  // What counts is the buffer of the end that sends. The first takes CAP_NET_ADMIN, the second is
  // cut to net.core.wmem_max.
  if (::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &kBufferSize, sizeof(int)) != 0) {
    (void)::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kBufferSize, sizeof(int));
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

EngineInbox::Look EngineInbox::take(EngineRecord& record) noexcept {
  Datagram datagram;
  const Look look = receive(socket_.get(), datagram);
  if (look != Look::record) return look;
  const auto read = [&]<class... Record>(std::variant<Record...>& out) {
    return (read_as<Record>(datagram.kind, datagram.bytes.data(), datagram.size, out) || ...);
  };
  const auto look_through = [](const auto& each) { return is_sound(each); };
  return read(record) && std::visit(look_through, record) ? Look::record : Look::nonsense;
}

bool EngineInbox::send(const EngineSettings& settings) noexcept {
  return send_record(socket_.get(), settings) == 0;
}

bool EngineInbox::send(const Pulse& pulse) noexcept {
  return send_record(socket_.get(), pulse) == 0;
}

bool EngineInbox::send(const SourceQuestion& question) noexcept {
  return send_record(socket_.get(), question) == 0;
}

template <class Record>
bool LinkedOutlet::send(const Record& record) noexcept {
  const int code = send_record(socket_.get(), record);
  if (code == EPIPE || code == ECONNRESET) is_alone_ = true;
  return code == 0;
}

EngineAccounts LinkedOutlet::count(const Captures& captures) const {
  return analysis_.accounts(captures);
}

SourceExplanation LinkedOutlet::explain(const Address& source) { return analysis_.explain(source); }

void LinkedOutlet::adopt(const EngineSettings& settings) {
  if (auto done = analysis_.adopt(settings); !done) notify(Severity::warning, done.error().what);
}

Heard LinkedOutlet::listen() {
  // A few, and then packets again.
  constexpr int kPerTurn = 8;
  auto look = take_one();
  if (look == EngineInbox::Look::nothing) return Heard::nothing;
  for (int i = 1; i < kPerTurn && look == EngineInbox::Look::record; ++i) look = take_one();
  return look == EngineInbox::Look::trouble ? Heard::trouble : Heard::something;
}

EngineInbox::Look LinkedOutlet::take_one() {
  Datagram datagram;
  const auto look = receive(socket_.get(), datagram);
  if (look == EngineInbox::Look::closed) is_alone_ = true;
  if (look != EngineInbox::Look::record) return look;
  RecorderRecord record;
  if (read_as<EngineSettings>(datagram.kind, datagram.bytes.data(), datagram.size, record)) {
    adopt(std::get<EngineSettings>(record));
  } else if (read_as<Pulse>(datagram.kind, datagram.bytes.data(), datagram.size, record)) {
    (void)send(std::get<Pulse>(record));  // without room it is asked for again
  } else if (read_as<SourceQuestion>(datagram.kind, datagram.bytes.data(), datagram.size, record)) {
    const SourceQuestion& question = std::get<SourceQuestion>(record);
    // Without room whoever asks hears that there was no answer.
    (void)send(SourceAnswer{.number = question.number, .explanation = explain(question.source)});
  }
  return look;
}

std::vector<AllowedCall> LinkedOutlet::calls() const {
  return {{"sendmsg", {is(0, socket_.get())}}, {"recvmsg", {is(0, socket_.get())}}};
}

void LinkedOutlet::tell_state(bool is_running, std::string_view what) noexcept {
  const auto severity = is_running ? Severity::info : Severity::error;
  (void)send(EngineState{.is_running = is_running,
                         .what = make_notice(severity, std::chrono::system_clock::now(), what)});
}

void LinkedOutlet::pass_on(const ScanEvent& event,
                           std::chrono::nanoseconds wall_minus_monotonic) noexcept {
  const FoundScan found{.event = event, .wall_minus_monotonic = wall_minus_monotonic};
  // Accounts that wait for room go after it.
  if (event.phase == Phase::begin && kept_accounts_) ++kept_accounts_->found;
  if (!send(found)) ++(event.phase == Phase::begin ? unsent_ : unsent_others_);
}

void LinkedOutlet::pass_on(const ScanPorts& ports,
                           std::chrono::nanoseconds /*wall_minus_monotonic*/) noexcept {
  // Without it the scan is told with its number of ports only.
  if (!send(ports)) ++unsent_others_;
}

void LinkedOutlet::pass_on(const ScanSources& sources,
                           std::chrono::nanoseconds /*wall_minus_monotonic*/) noexcept {
  // Without it the scan is told with those that the event has.
  if (!send(sources)) ++unsent_others_;
}

void LinkedOutlet::pass_on(const ScanSample& sample,
                           std::chrono::nanoseconds /*wall_minus_monotonic*/) noexcept {
  // Without it the scan cannot be drawn.
  if (!send(sample)) ++unsent_others_;
}

void LinkedOutlet::pass_on(const StatePressure& pressure,
                           std::chrono::nanoseconds /*wall_minus_monotonic*/) {
  notify(Severity::warning, to_string(pressure));
}

void LinkedOutlet::process(PacketBatch& batch) {
  analysis_.process(batch, [&](const auto& found) { pass_on(found, batch.wall_minus_monotonic); });
}

void LinkedOutlet::advance(std::chrono::nanoseconds now,
                           std::chrono::nanoseconds wall_minus_monotonic) {
  analysis_.advance(now, [&](const auto& found) { pass_on(found, wall_minus_monotonic); });
}

bool LinkedOutlet::has_open_scans() const noexcept { return analysis_.has_open_scans(); }

void LinkedOutlet::notify(Severity severity, std::string_view text) {
  const Notice notice = make_notice(severity, std::chrono::system_clock::now(), text);
  if (kept_.empty() && send(notice)) return;
  if (kept_.size() == kMostKept) {
    ++unsent_others_;
    return;
  }
  kept_.push_back(notice);
}

void LinkedOutlet::report_accounts(const Captures& captures) {
  kept_accounts_ = analysis_.accounts(captures);
  flush(Flush::waiting);
}

void LinkedOutlet::flush(Flush /*how*/) {
  while (!kept_.empty()) {
    if (!send(kept_.front())) return;
    kept_.pop_front();
  }
  if (const std::uint64_t unsent = unsent_ + unsent_others_; unsent > told_) {
    const std::string text = "the recorder did not keep up: " + std::to_string(unsent - told_) +
                             " records were not passed on";
    if (!send(make_notice(Severity::warning, std::chrono::system_clock::now(), text))) return;
    told_ = unsent;
  }
  if (!kept_accounts_) return;
  kept_accounts_->unsent = unsent_;
  if (send(*kept_accounts_)) kept_accounts_.reset();
}

bool LinkedOutlet::waiting() const noexcept {
  return !kept_.empty() || kept_accounts_ || unsent_ + unsent_others_ > told_;
}

void LinkedOutlet::end(const Captures& captures) {
  report_accounts(captures);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (waiting() && !is_alone_ && std::chrono::steady_clock::now() < end) {
    // Its room need not show in poll(2) as soon as there is enough for one record.
    (void)::poll(nullptr, 0, kLookMs);
    flush(Flush::waiting);
  }
}

Result<void> LinkedOutlet::failure() const {
  if (is_alone_) return fail("send(recorder): it is gone", EPIPE);
  return {};
}

}  // namespace scanlogd
