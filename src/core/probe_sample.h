// A sample of a scan's probes, to draw it by: of bounded size, and spread evenly over all of them.
// In memory, as it goes from an engine to the recorder, and packed into few bytes as the store
// keeps it (docs/formats.md).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/address.h"
#include "core/packet.h"

namespace scanlogd {

/// What became of a probe.
enum class ProbeOutcome : std::uint8_t {
  unknown,  ///< no answer was seen, or nobody looked
  open,
  closed,
  filtered,
};

/// One probe.
struct ProbePoint {
  std::chrono::nanoseconds time{};  ///< in a `ScanSample` monotonic, else since the scan began
  Address target{};
  Port port = 0;  ///< 0 where the protocol has none
  ProbeOutcome outcome = ProbeOutcome::unknown;

  friend bool operator==(const ProbePoint&, const ProbePoint&) = default;
};

/// The sample of one scan; goes beside an event that tells of an end (or an update).
struct ScanSample {
  static constexpr std::size_t kMaxPoints = 128;
  /// More halvings than any number of probes brings about.
  static constexpr unsigned kMaxShift = 56;

  std::uint64_t record = 0;  ///< `ScanEvent::record`
  std::uint16_t count = 0;   ///< valid entries of `points`
  std::uint8_t shift = 0;    ///< each point stands for 2^shift probes
  std::array<ProbePoint, kMaxPoints> points{};

  [[nodiscard]] std::span<const ProbePoint> view() const noexcept { return {points.data(), count}; }
};
static_assert(std::is_trivially_copyable_v<ScanSample>);

/// A sample on record.
struct ProbeSample {
  std::uint8_t shift = 0;          ///< each point stands for 2^shift probes
  std::vector<ProbePoint> points;  ///< at most `ScanSample::kMaxPoints`, in order

  friend bool operator==(const ProbeSample&, const ProbeSample&) = default;
};

/// Both after one another, thinned where that is too much; each point stands for as many probes as
/// any other.
[[nodiscard]] ProbeSample join(ProbeSample earlier, ProbeSample later);

/// In few bytes: six to eight a point where one host is probed. Times are cut to microseconds.
/// Empty for no points.
[[nodiscard]] std::string pack(const ProbeSample& sample);

/// What `pack` makes, read again; nullopt for anything else. An empty text is an empty sample.
[[nodiscard]] std::optional<ProbeSample> unpack(std::string_view bytes);

}  // namespace scanlogd
