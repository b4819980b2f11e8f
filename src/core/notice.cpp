// Makes notices fit for any log: of bounded length, one line, printable ASCII (scan.h).
#include <algorithm>

#include "core/scan.h"

namespace scanlogd {

Notice make_notice(Severity severity, std::chrono::system_clock::time_point at,
                   std::string_view text) noexcept {
  Notice notice{.severity = severity, .at = at};
  text = text.substr(0, Notice::kCapacity);
  std::ranges::transform(text, notice.text.begin(),
                         [](char c) { return c >= 0x20 && c <= 0x7e ? c : '?'; });
  notice.length = static_cast<std::uint16_t>(text.size());
  return notice;
}

}  // namespace scanlogd
