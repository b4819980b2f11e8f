// See classic_line.h. Formats into the caller's buffer; only numbers and addresses that we format
// ourselves ever reach a line.
#include "core/classic_line.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <string>

namespace scanlogd {
namespace {

constexpr std::string_view kMoreFollow = "More possible port scans follow";

tm local_time(std::chrono::system_clock::time_point at) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  const time_t clock = seconds;
  tm parts{};
  // Not localtime(3): that one looks for the zone file again, which a chroot has not.
  (void)::localtime_r(&clock, &parts);  // fails only past the year 2^31; zeros are printed then
  return parts;
}

/// Appends to a fixed buffer; what does not fit is cut, which no valid line comes near to.
class Writer {
 public:
  explicit Writer(LineBuffer& buffer) noexcept : buffer_(buffer) {}

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    const auto room = buffer_.size() - size_;
    const auto result =
        fmt::format_to_n(buffer_.data() + size_, room, format, std::forward<Args>(args)...);
    size_ += std::min(room, result.size);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), size_}; }

 private:
  LineBuffer& buffer_;
  std::size_t size_ = 0;
};

std::string host(const Address& address) {
  return address.family == Family::ipv6 ? "[" + to_string(address) + "]" : to_string(address);
}

std::string_view format_with_ports(const Scan& scan, std::size_t ports, const tm& clock,
                                   LineBuffer& buffer) {
  const ScanEvent& event = scan.event;
  Writer line(buffer);
  line.add("{}", host(event.source));
  if ((event.varies & varies::source_port) == 0) line.add(":{}", event.source_port);
  line.add(" to {}{} ports ", host(event.target),
           (event.varies & varies::target) != 0 ? " and others," : "");
  for (std::size_t i = 0; i < ports; ++i) line.add("{}, ", event.ports[i]);
  const auto flags = format_flags(event.flags_or, event.flags_and);
  line.add("..., {}", std::string_view(flags.data(), flags.size()));
  if ((event.varies & varies::tos) == 0) line.add(", TOS {:02x}", event.tos);
  if ((event.varies & varies::ttl) == 0) line.add(", TTL {}", event.ttl);
  line.add(" @{:02}:{:02}:{:02}", clock.tm_hour, clock.tm_min, clock.tm_sec);
  return line.view();
}

}  // namespace

std::array<char, 8> format_flags(std::uint8_t flags_or, std::uint8_t flags_and) noexcept {
  constexpr std::string_view kLetters = "fsrpauxy";
  std::array<char, 8> text{};
  for (std::size_t bit = 0; bit < text.size(); ++bit) {
    const bool ever = (flags_or >> bit & 1) != 0;
    const bool always = (flags_and >> bit & 1) != 0;
    const char letter = kLetters[bit];
    text[bit] = always ? static_cast<char>(letter - 'a' + 'A') : ever ? '?' : letter;
  }
  return text;
}

std::string_view format_classic_line(const Scan& scan, LineBuffer& buffer) noexcept {
  if (scan.announce == Announce::held_back) return {};
  if (scan.announce == Announce::more_follow) return kMoreFollow;
  const tm clock = local_time(scan.started);
  for (std::size_t ports = scan.event.port_count;; --ports) {
    const std::string_view line = format_with_ports(scan, ports, clock, buffer);
    if (line.size() <= kMaxLineLength || ports <= 1) return line;
  }
}

std::string_view format_syslog_time(std::chrono::system_clock::time_point at,
                                    std::array<char, 16>& buffer) noexcept {
  // RFC 3164 month names whatever the locale.
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const tm clock = local_time(at);
  const auto month = static_cast<std::size_t>(clock.tm_mon);
  const auto end = fmt::format_to_n(buffer.data(), buffer.size(), "{} {:2} {:02}:{:02}:{:02}",
                                    kMonths[month % kMonths.size()], clock.tm_mday, clock.tm_hour,
                                    clock.tm_min, clock.tm_sec);
  return {buffer.data(), std::min(end.size, buffer.size())};
}

}  // namespace scanlogd
