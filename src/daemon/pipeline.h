// The way a packet takes from the batch to the sinks: all of it in one process, or its first half
// in an engine that sends what it finds to a recorder (engine_link.h). Live runs, file runs and the
// tests all go through here.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture.h"
#include "core/packet.h"
#include "daemon/analysis.h"
#include "daemon/reporter.h"

namespace scanlogd {

/// What `Outlet::listen` heard.
enum class Heard : std::uint8_t {
  something,
  nothing,
  trouble,  ///< the kernel refused, maybe for a moment
};

/// Where the loop over the captures (engine.h) puts packets and what it has to say.
class Outlet {
 public:
  virtual ~Outlet() = default;

  /// Judges the packets of `batch`, which is used up, and passes on the scans found.
  virtual void process(PacketBatch& batch) = 0;

  /// Time has come to `now` without packets (`Detector::advance`); `wall_minus_monotonic` as in
  /// `PacketBatch`.
  virtual void advance(std::chrono::nanoseconds now,
                       std::chrono::nanoseconds wall_minus_monotonic) = 0;

  /// Is `advance` to be called about once a second?
  [[nodiscard]] virtual bool has_open_scans() const noexcept = 0;

  /// A turn of the loop is over: what was found in it is to be written and told.
  virtual void settle() = 0;

  /// Asks `captures` who sent what this machine did; they are not owned.
  virtual void ask_senders(const Captures& captures) noexcept = 0;

  /// Says something about ourselves.
  virtual void notify(Severity severity, std::string_view text) = 0;

  /// Says the accounts, of `captures` and of everything here.
  virtual void report_accounts(const Captures& captures) = 0;

  /// What was counted here and by `captures`.
  [[nodiscard]] virtual EngineAccounts count(const Captures& captures) const = 0;

  /// What the detectors make of a source.
  [[nodiscard]] virtual SourceExplanation explain(const Address& source) = 0;

  /// Judges by other settings from now on; says what takes a new start.
  virtual void adopt(const EngineSettings& settings) = 0;

  /// Descriptor that is readable when `listen` has something to hear; negative: never.
  [[nodiscard]] virtual int fd() const noexcept = 0;

  /// Does what the other side asks for.
  [[nodiscard]] virtual Heard listen() = 0;

  /// Delivers what waits.
  virtual void flush(Flush how) = 0;

  /// Does something wait to be delivered?
  [[nodiscard]] virtual bool waiting() const noexcept = 0;

  /// Says the accounts and delivers what waits, for the last time; takes less than a second.
  virtual void end(const Captures& captures) = 0;

  /// Why it makes no sense to go on, if so.
  [[nodiscard]] virtual Result<void> failure() const = 0;
};

/// Both halves in one process.
class Pipeline final : public Outlet {
 public:
  /// `reporter` is not owned.
  Pipeline(Analysis analysis, Reporter& reporter) noexcept;

  /// Enters each scan found.
  void process(PacketBatch& batch) override;
  /// Enters what ends or goes on, and at the end of time what is left to be told.
  void advance(std::chrono::nanoseconds now,
               std::chrono::nanoseconds wall_minus_monotonic) override;
  [[nodiscard]] bool has_open_scans() const noexcept override;
  /// Writes and delivers what was found.
  void settle() override;
  /// For the analysis.
  void ask_senders(const Captures& captures) noexcept override {
    analysis_.set_captures(&captures);
  }
  /// Gives the notice to the sinks.
  void notify(Severity severity, std::string_view text) override;
  /// Gives the sinks a notice with the accounts.
  void report_accounts(const Captures& captures) override;
  /// Those of the analysis and the captures.
  [[nodiscard]] EngineAccounts count(const Captures& captures) const override;
  /// Asks the detectors.
  [[nodiscard]] SourceExplanation explain(const Address& source) override;
  /// Gives them to the detectors.
  void adopt(const EngineSettings& settings) override;
  /// There is no other side.
  [[nodiscard]] int fd() const noexcept override { return -1; }
  [[nodiscard]] Heard listen() override { return Heard::something; }
  /// Flushes the sinks.
  void flush(Flush how) override;
  [[nodiscard]] bool waiting() const noexcept override;
  /// What the sinks do not take now is in the accounts as waiting.
  void end(const Captures& captures) override;
  [[nodiscard]] Result<void> failure() const override;

  /// The accounts on one line.
  [[nodiscard]] std::string accounts(const Captures& captures) const;

 private:
  template <class Found>
  void pass_on(const Found& found, std::chrono::nanoseconds wall_minus_monotonic) {
    reporter_.report(found, wall_minus_monotonic);
  }
  void pass_on(const StatePressure& pressure, std::chrono::nanoseconds /*wall_minus_monotonic*/) {
    notify(Severity::warning, to_string(pressure));
  }

  Analysis analysis_;
  Reporter& reporter_;
};

}  // namespace scanlogd
