// Small things about text.
#pragma once

#include <string_view>

namespace scanlogd {

/// `text` without the blanks around it.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace scanlogd
