// See progress.h.
#include "daemon/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace scanlogd {
namespace {

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

}  // namespace

std::string to_string(const Progress& progress) {
  constexpr std::chrono::milliseconds kPatience{1000};
  if (progress.elapsed < kPatience) return {};
  const double seconds = std::chrono::duration<double>(progress.elapsed).count();
  std::string text = grouped(progress.packets) + " packets";
  const bool is_known = progress.size > 0 && progress.position > 0;
  const double share = is_known ? std::min(1.0, static_cast<double>(progress.position) /
                                                    static_cast<double>(progress.size))
                                : 0;
  if (is_known) text += fmt::format(", {:.0f} %", share * 100);
  text += ", " +
          grouped(static_cast<std::uint64_t>(static_cast<double>(progress.packets) / seconds)) +
          " a second";
  if (is_known) {
    const auto left = static_cast<std::uint64_t>(seconds * (1 - share) / share);
    text += fmt::format(", {}:{:02} left", left / 60, left % 60);
  }
  return text;
}

}  // namespace scanlogd
