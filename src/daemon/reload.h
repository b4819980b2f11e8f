// What another configuration means for what runs already: what can change now, what takes a new
// start. Knows no file and no process.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/address.h"
#include "core/section.h"
#include "daemon/options.h"

namespace scanlogd {

/// What engines are told anew, as a value that fits into one record of a socket.
class EngineSettings {
 public:
  static constexpr std::size_t kMostNetworks = 128;
  static constexpr std::size_t kMostText = 16384;  ///< all lists, at their longest

  /// The local networks and the options of the detector; nullopt if they do not fit.
  [[nodiscard]] static std::optional<EngineSettings> pack(const Options& options);

  [[nodiscard]] std::span<const Network> local() const noexcept;
  /// Their origin is "configuration".
  [[nodiscard]] Section detector() const;

 private:
  std::uint16_t network_count_ = 0;
  std::uint16_t text_size_ = 0;
  std::array<Network, kMostNetworks> networks_{};
  std::array<char, kMostText> text_{};  ///< key, zero byte, value, zero byte, and so on
};
static_assert(std::is_trivially_copyable_v<EngineSettings>);

/// A new configuration against the one that runs.
struct Reload {
  Options options;                   ///< what runs from now on
  std::vector<std::string> changed;  ///< names such as "daemon.accounts" of what changes now
  std::vector<std::string> restart;  ///< and of what takes a new start
  /// What engines are to be told, if anything.
  std::optional<EngineSettings> engines;

  /// One line for the log.
  [[nodiscard]] std::string summary() const;
};

/// Compares: `running` is what runs, `wanted` what would run after a new start. `tunable`: the keys
/// of the running detector that it can take now.
[[nodiscard]] Reload plan_reload(const Options& running, const Options& wanted,
                                 std::span<const std::string_view> tunable);

}  // namespace scanlogd
