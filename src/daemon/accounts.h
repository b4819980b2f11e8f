// The accounts of a run, and the line that says them: every `=` in it holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "capture/capture.h"
#include "record/scan_book.h"
#include "sink/sink.h"

namespace scanlogd {

/// What one engine has counted, a plain value that can be sent to another process and added up.
struct EngineAccounts {
  static constexpr std::size_t kMaxCounters = 32;  ///< of all its detectors together

  CaptureStats captures;        ///< the sum of all
  std::uint64_t inspected = 0;  ///< packets that detectors were shown
  std::uint64_t not_local = 0;  ///< packets to targets that do not count
  std::uint64_t found = 0;      ///< scans
  std::uint64_t unsent = 0;     ///< of these, lost on the way to the recorder
  std::array<std::uint64_t, kMaxCounters> counters{};  ///< of the detectors, one after the other

  EngineAccounts& operator+=(const EngineAccounts& other) noexcept;
};
static_assert(std::is_trivially_copyable_v<EngineAccounts>);

/// The sum of what captures have counted.
[[nodiscard]] CaptureStats sum_of(const Captures& captures) noexcept;

/// Where the counters of a detector stand.
struct CounterNames {
  std::string_view detector;
  std::vector<std::string_view> counters;
};

/// What became of what was to be written into the store: taken = written + waiting + lost.
struct StoreStats {
  std::uint64_t taken = 0;
  std::uint64_t written = 0;
  std::uint64_t waiting = 0;
  std::uint64_t lost = 0;
};

/// Where scans are entered.
enum class Recorded : std::uint8_t {
  here,      ///< where they are found
  elsewhere  ///< in another process: the line says how those found became those on record
};

/// The part of the line that is about packets.
[[nodiscard]] std::string packets_to_string(const EngineAccounts& accounts,
                                            std::span<const CounterNames> names);

/// The line, without a line end. `store`: nothing where there is to be none.
[[nodiscard]] std::string to_string(const EngineAccounts& accounts,
                                    std::span<const CounterNames> names, const BookStats& book,
                                    const SinkStats& sinks, const std::optional<StoreStats>& store,
                                    Recorded recorded);

}  // namespace scanlogd
