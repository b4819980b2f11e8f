// Where a network is registered, by a database on this machine. The libraries that read one are
// plug-ins, compiled in if they were found: there may be none.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/result.h"

namespace scanlogd {

/// Two capital letters (ISO 3166-1 alpha-2), or zeros: not known.
using CountryCode = std::array<char, 2>;

/// What is known of the network that an address is in.
struct Location {
  CountryCode country{};
  std::uint32_t as_number = 0;  ///< of the autonomous system (RFC 1930); 0: not known

  friend bool operator==(const Location&, const Location&) = default;
};

/// A database that is open. The text in it is somebody else's: what comes out of here has been
/// through `plain_text`, codes through `country_code`.
class Locator {
 public:
  virtual ~Locator() = default;

  /// Of the most specific network that holds `address`.
  [[nodiscard]] virtual Location locate(const Address& address) const = 0;
  /// In English; empty: not known.
  [[nodiscard]] virtual std::string country_name(const CountryCode& code) const = 0;
  /// Whose it is; empty: not known.
  [[nodiscard]] virtual std::string as_name(std::uint32_t number) const = 0;
  /// When the database was made.
  [[nodiscard]] virtual std::chrono::system_clock::time_point made_at() const = 0;
};

/// Something that reads databases.
struct LocatorPlugin {
  std::string_view name;
  /// Opens the file of this path; ENOENT: there is none.
  Result<std::unique_ptr<Locator>> (*open)(const std::string& path);
};

/// Those that are built in, none or more.
std::span<const LocatorPlugin* const> locator_table() noexcept;

/// Opens the first of `paths` that exists, with the first of `table`. No error has a code.
[[nodiscard]] Result<std::unique_ptr<Locator>> open_locator(
    std::span<const LocatorPlugin* const> table, const std::vector<std::string>& paths);

/// The longest that `plain_text` returns.
inline constexpr std::size_t kMaxPlainText = 56;

/// Foreign text as printable ASCII: other characters, of one byte or several, become a question
/// mark; what is too long is cut and ends in `..`.
[[nodiscard]] std::string plain_text(std::string_view text);

/// The code, if `text` is one.
[[nodiscard]] CountryCode country_code(std::string_view text) noexcept;

}  // namespace scanlogd
