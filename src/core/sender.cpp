// See sender.h.
#include "core/sender.h"

#include <algorithm>

namespace scanlogd {

std::string clean_unit(std::string_view name) {
  static constexpr std::string_view kOthers = ":_.@-\\";
  const auto is_harmless = [](char each) {
    return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
           (each >= '0' && each <= '9') || kOthers.find(each) != std::string_view::npos;
  };
  std::string text(name.substr(0, kMaxUnit));
  std::ranges::replace_if(
      text, [&](char each) { return !is_harmless(each); }, '?');
  return text;
}

}  // namespace scanlogd
