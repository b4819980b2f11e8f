// From an engine to the recorder: fixed-size records over a socket pair, one datagram each
// (SOCK_SEQPACKET, unix(7)). The engine never waits: what does not fit is counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/allowed_call.h"
#include "core/result.h"
#include "core/scan.h"
#include "core/scan_event.h"
#include "core/source_explanation.h"
#include "core/unique_fd.h"
#include "daemon/accounts.h"
#include "daemon/pipeline.h"

namespace scanlogd {

/// A scan that an engine has found.
struct FoundScan {
  ScanEvent event;
  std::chrono::nanoseconds wall_minus_monotonic{};
};

/// The first that an engine sends: how its start went. Once more where it cannot go on: why.
struct EngineState {
  bool is_running = false;  ///< it watches, and has given up every right
  Notice what;              ///< then: what this machine could not give, or nothing; else the error
};

/// Sent to an engine, which returns it once its loop comes round.
struct Pulse {
  std::uint64_t number = 0;
};

/// Sent to an engine: what does it make of this source?
struct SourceQuestion {
  std::uint64_t number = 0;  ///< returned with the answer
  Address source;
};

/// Its answer.
struct SourceAnswer {
  std::uint64_t number = 0;
  SourceExplanation explanation;
};

/// What an engine sends.
using EngineRecord = std::variant<FoundScan, ScanPorts, ScanSample, ScanSources, Notice,
                                  EngineAccounts, EngineState, Pulse, SourceAnswer>;

/// The recorder's end.
class EngineInbox {
 public:
  explicit EngineInbox(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  /// What a look into the inbox found.
  enum class Look : std::uint8_t {
    record,
    nothing,
    closed,
    trouble,   ///< the kernel refused, maybe for a moment
    nonsense,  ///< what no engine sends: somebody else speaks through it
  };

  /// Takes one record, without waiting. Whatever it holds can be used without harm: sizes are
  /// within bounds, enumerators are some.
  [[nodiscard]] Look take(EngineRecord& record) noexcept;

  /// Sends to the engine, without waiting. False where there is no room.
  [[nodiscard]] bool send(const EngineSettings& settings) noexcept;
  /// Asks it whether it is well, in the same way.
  [[nodiscard]] bool send(const Pulse& pulse) noexcept;
  /// Asks it about a source, in the same way.
  [[nodiscard]] bool send(const SourceQuestion& question) noexcept;

 private:
  UniqueFd socket_;
};

/// The engine's end: the first half of a packet's way, and the socket. Nothing here waits but
/// `end`.
class LinkedOutlet final : public Outlet {
 public:
  LinkedOutlet(Analysis analysis, UniqueFd socket)
      : analysis_(std::move(analysis)), socket_(std::move(socket)) {}

  /// The system calls of all that, as in `Capture::calls`.
  [[nodiscard]] std::vector<AllowedCall> calls() const;

  /// Sends how the start went, or that this is the end.
  void tell_state(bool is_running, std::string_view what) noexcept;

  /// Sends each scan found; one that does not fit is counted.
  void process(PacketBatch& batch) override;
  /// Sends what ends or goes on, as `process` does.
  void advance(std::chrono::nanoseconds now,
               std::chrono::nanoseconds wall_minus_monotonic) override;
  [[nodiscard]] bool has_open_scans() const noexcept override;
  /// All was sent at once.
  void settle() override {}
  /// For the analysis.
  void ask_senders(const Captures& captures) noexcept override {
    analysis_.set_captures(&captures);
  }
  /// Sends the notice, or keeps it for later, so that they arrive in order.
  void notify(Severity severity, std::string_view text) override;
  /// Sends the accounts, or keeps them for later.
  void report_accounts(const Captures& captures) override;
  /// Those of the analysis and the captures.
  [[nodiscard]] EngineAccounts count(const Captures& captures) const override;
  /// Refusals are sent as a notice.
  void adopt(const EngineSettings& settings) override;
  [[nodiscard]] int fd() const noexcept override { return socket_.get(); }
  /// Asks the detectors.
  [[nodiscard]] SourceExplanation explain(const Address& source) override;
  /// Takes what the recorder has sent: other settings, pulses, questions.
  [[nodiscard]] Heard listen() override;
  /// Sends what was kept, and how much was not sent.
  void flush(Flush how) override;
  [[nodiscard]] bool waiting() const noexcept override;
  /// The accounts and all that was kept; waits for a recorder that is slow, not for one that hangs.
  void end(const Captures& captures) override;
  [[nodiscard]] Result<void> failure() const override;

 private:
  /// False where there was no room, or nobody is left to read.
  template <class Record>
  bool send(const Record& record) noexcept;
  /// Takes one record of the recorder.
  EngineInbox::Look take_one();

  void pass_on(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic) noexcept;
  void pass_on(const ScanPorts& ports, std::chrono::nanoseconds wall_minus_monotonic) noexcept;
  void pass_on(const ScanSources& sources, std::chrono::nanoseconds wall_minus_monotonic) noexcept;
  void pass_on(const ScanSample& sample, std::chrono::nanoseconds wall_minus_monotonic) noexcept;
  void pass_on(const StatePressure& pressure, std::chrono::nanoseconds wall_minus_monotonic);

  Analysis analysis_;
  UniqueFd socket_;
  std::uint64_t unsent_ = 0;         ///< scans
  std::uint64_t unsent_others_ = 0;  ///< what else was to be said: of scans, of ourselves
  std::uint64_t told_ = 0;           ///< of both together
  std::deque<Notice> kept_;          ///< notices that did not fit, at most `kMostKept`
  std::optional<EngineAccounts> kept_accounts_;
  bool is_alone_ = false;  ///< the recorder is gone
};

/// A connected pair: the recorder's end and the engine's.
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> make_engine_link();

}  // namespace scanlogd
