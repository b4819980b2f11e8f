// The contract of a sink: where scans and notices go. One .cpp per sink (docs/extending.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/allowed_call.h"
#include "core/packet.h"
#include "core/result.h"
#include "core/scan.h"
#include "core/section.h"

namespace scanlogd {

/// What became of the messages given to a sink: written = delivered + waiting + lost.
struct SinkStats {
  std::uint64_t written = 0;    ///< messages handed to the sink
  std::uint64_t delivered = 0;  ///< accepted by whoever is behind it
  std::uint64_t waiting = 0;    ///< buffered here
  std::uint64_t lost = 0;       ///< given up because the buffer was full
};

/// What `Sink::flush` does before it delivers.
enum class Flush : std::uint8_t {
  waiting,  ///< nothing
  reopen,   ///< gives up its connection or file and opens it anew (SIGHUP)
};

/// Takes scans and notices; never blocks for longer than a millisecond, except where the options
/// ask it to (standard output of a file run).
class Sink {
 public:
  virtual ~Sink() = default;

  /// Has it anything to say about this scan, as it stands? A log of lines has not if that has none.
  [[nodiscard]] virtual bool takes(const Scan& scan) const noexcept = 0;

  /// Writes the scan, which it takes, or buffers it boundedly. The next message comes when this one
  /// is delivered or lost (`stats`). `stamp` is for programs to see what is missing.
  [[nodiscard]] virtual Result<void> write(const Scan& scan, const Stamp& stamp) = 0;

  /// Writes the notice, or buffers it boundedly; `stamp` as above.
  [[nodiscard]] virtual Result<void> write(const Notice& notice, const Stamp& stamp) = 0;

  /// Tries again to deliver what is buffered; call a few times a second while anything waits.
  virtual void flush(Flush how) = 0;

  [[nodiscard]] virtual SinkStats stats() const noexcept = 0;

  /// A directory, held open, in which it opens its file anew; -1: it has no file.
  [[nodiscard]] virtual int directory() const noexcept { return -1; }

  /// The system calls it makes beside those of every recorder, which is locked in.
  [[nodiscard]] virtual std::vector<AllowedCall> calls() const { return {}; }

  /// The TCP port it connects to; 0: none.
  [[nodiscard]] virtual Port tcp_port() const noexcept { return 0; }
};

/// A sink as `--list` shows it.
struct SinkPlugin {
  std::string_view name;
  std::string_view summary;
  Result<std::unique_ptr<Sink>> (*open)(const Section& options);
  std::string_view excludes{};  ///< the sink that it cannot stand beside, if there is one
};

/// The sinks of this build, in the order CMake lists them.
[[nodiscard]] std::span<const SinkPlugin* const> sink_table() noexcept;

}  // namespace scanlogd
