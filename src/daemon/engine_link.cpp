// See engine_link.h. A record is a number that tells its kind, then the value itself: both ends are
// the same program.
#include "daemon/engine_link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <type_traits>

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

// True if `bytes` are a record of this kind, which is then in `out`.
template <class Record>
bool read_as(std::uint32_t kind, const std::byte* bytes, std::size_t size,
             EngineRecord& out) noexcept {
  static_assert(std::is_trivially_copyable_v<Record>);
  if (kind != kKind<Record> || size != sizeof(Record)) return false;
  std::memcpy(&out.emplace<Record>(), bytes, sizeof(Record));
  return true;
}

constexpr std::size_t kLargest =
    std::max({sizeof(FoundScan), sizeof(ScanPorts), sizeof(Notice), sizeof(EngineAccounts)});

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> make_engine_link() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno("socketpair", "AF_UNIX, SOCK_SEQPACKET", errno);
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

EngineInbox::Look EngineInbox::take(EngineRecord& record) noexcept {
  std::uint32_t kind = 0;
  alignas(std::max_align_t) std::array<std::byte, kLargest> bytes;
  std::array<iovec, 2> parts{{{.iov_base = &kind, .iov_len = sizeof(kind)},
                              {.iov_base = bytes.data(), .iov_len = bytes.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
  if (size == 0) return Look::closed;
  if (size < 0) {
    return errno == EAGAIN || errno == EINTR ? Look::nothing : Look::closed;
  }
  if (static_cast<std::size_t>(size) < sizeof(kind)) return Look::nothing;
  const std::size_t rest = static_cast<std::size_t>(size) - sizeof(kind);
  const bool is_known = read_as<FoundScan>(kind, bytes.data(), rest, record) ||
                        read_as<ScanPorts>(kind, bytes.data(), rest, record) ||
                        read_as<Notice>(kind, bytes.data(), rest, record) ||
                        read_as<EngineAccounts>(kind, bytes.data(), rest, record);
  return is_known ? Look::record : Look::nothing;
}

template <class Record>
bool LinkedOutlet::send(const Record& record, int flags) noexcept {
  std::uint32_t kind = kKind<Record>;
  std::array<iovec, 2> parts{
      {{.iov_base = &kind, .iov_len = sizeof(kind)},
       {.iov_base = const_cast<Record*>(&record), .iov_len = sizeof(record)}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | flags) >= 0) return true;
  if (errno == EPIPE || errno == ECONNRESET) is_alone_ = true;
  return false;
}

void LinkedOutlet::pass_on(const ScanEvent& event,
                           std::chrono::nanoseconds wall_minus_monotonic) noexcept {
  const FoundScan found{.event = event, .wall_minus_monotonic = wall_minus_monotonic};
  if (!send(found, MSG_DONTWAIT) && event.phase == Phase::begin) ++unsent_;
}

void LinkedOutlet::pass_on(const ScanPorts& ports,
                           std::chrono::nanoseconds /*wall_minus_monotonic*/) noexcept {
  // Without it the scan is told with its number of ports only.
  (void)send(ports, MSG_DONTWAIT);
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
  (void)send(make_notice(severity, std::chrono::system_clock::now(), text), MSG_DONTWAIT);
}

void LinkedOutlet::report_accounts(const Captures& captures) {
  EngineAccounts accounts = analysis_.accounts(captures);
  accounts.unsent = unsent_;
  // Whoever asked waits for it, and reads what is before it: so this may wait, too.
  (void)send(accounts, 0);
}

Result<void> LinkedOutlet::failure() const {
  if (is_alone_) return fail("send(recorder): it is gone", EPIPE);
  return {};
}

}  // namespace scanlogd
