// See locator.h.
#include "ctl/locator.h"

#include <algorithm>
#include <cerrno>

namespace scanlogd {

Result<std::unique_ptr<Locator>> open_locator(std::span<const LocatorPlugin* const> table,
                                              const std::vector<std::string>& paths) {
  if (table.empty()) return fail("open(locations): this scanlogctl was built without libloc");
  std::string missing;
  for (const std::string& path : paths) {
    auto locator = table.front()->open(path);
    if (locator) return locator;
    if (locator.error().code != ENOENT) return fail(locator.error().what);
    if (missing.empty()) missing = locator.error().what;
  }
  return fail(missing);
}

std::string plain_text(std::string_view text) {
  constexpr std::string_view kCut = "..";
  std::string out;
  for (const char byte : text) {
    // Of a character of several bytes (UTF-8, RFC 3629) all but the first.
    if ((static_cast<unsigned char>(byte) & 0xc0U) == 0x80U) continue;
    if (out.size() == kMaxPlainText) {
      out.replace(kMaxPlainText - kCut.size(), kCut.size(), kCut);
      break;
    }
    out += byte >= ' ' && byte <= '~' ? byte : '?';
  }
  return out;
}

CountryCode country_code(std::string_view text) noexcept {
  CountryCode code{};
  const auto is_capital = [](char letter) { return letter >= 'A' && letter <= 'Z'; };
  if (text.size() == code.size() && std::ranges::all_of(text, is_capital)) {
    std::ranges::copy(text, code.begin());
  }
  return code;
}

}  // namespace scanlogd
