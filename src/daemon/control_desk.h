// What scanlogctl asks for, and who of the daemon knows it: the reporter and the loop that runs
// (engine.h alone, recorder.h beside engines).
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/address.h"
#include "core/control.h"
#include "core/source_explanation.h"
#include "daemon/accounts.h"
#include "daemon/control_socket.h"
#include "daemon/reloader.h"
#include "daemon/reporter.h"

namespace scanlogd {

/// What does not change while it runs.
struct ControlFacts {
  std::string version{};
  std::string profile{};
  std::string watching{};  ///< what, with which back end, with how much memory
  std::string missing{};   ///< what this machine could not give; empty: all was there
  std::string state{};     ///< directory of the store; empty: there is none
  std::string config{};    ///< path of the configuration file; empty: there is none
  std::string local{};     ///< networks that count; empty: all
  std::string capture{};   ///< back end
  std::vector<std::string> interfaces{};  ///< that were named; none: every one
  std::vector<CounterNames> names{};      ///< of the counters of each engine
  bool sandbox = true;                    ///< asked for
};

/// What the engines have counted, as far as they have answered.
struct LoopCounts {
  EngineAccounts sum;
  std::size_t engines = 0;
  std::size_t silent = 0;  ///< of them: have not answered in time
};

/// What the engines make of a source: one of them sees its packets.
struct Explained {
  std::vector<SourceExplanation> answers;
  std::size_t silent = 0;  ///< engines that have not answered in time
};

/// The loop, as far as it is asked; nullopt: not known yet, `is_new` with the first call only.
class ControlledLoop {
 public:
  virtual ~ControlledLoop() = default;

  /// Asks for the accounts of every engine.
  [[nodiscard]] virtual std::optional<LoopCounts> count(bool is_new) = 0;

  /// Asks every engine about a source.
  [[nodiscard]] virtual std::optional<Explained> explain(const Address& source, bool is_new) = 0;

  /// Does what SIGHUP does.
  [[nodiscard]] virtual Reloaded reload() = 0;
};

/// Answers.
class ControlDesk {
 public:
  using Clock = ControlServer::Clock;

  /// `reporter` is not owned.
  ControlDesk(ControlServer server, ControlFacts facts, Reporter& reporter)
      : server_(std::move(server)),
        facts_(std::move(facts)),
        reporter_(reporter),
        started_(Clock::now()) {}

  /// Adds to what is waited for.
  void watch(std::vector<pollfd>& polled) const { server_.watch(polled, Clock::now()); }

  /// Answers what was asked, as far as `loop` knows by now. Waits for nobody.
  void serve(ControlledLoop& loop);

  /// Is it to be called again soon, though nobody says anything new?
  [[nodiscard]] bool is_waiting() const noexcept { return server_.is_waiting(); }

  /// The answer to one request; nullopt: not yet.
  [[nodiscard]] std::optional<ControlAnswer> answer(const ControlRequest& request, bool is_new,
                                                    ControlledLoop& loop);

 private:
  [[nodiscard]] ControlAnswer tell_status(const LoopCounts& counts) const;
  [[nodiscard]] static ControlAnswer tell_source(const Explained& explained);
  [[nodiscard]] ControlAnswer tell_trace(const Address& source);
  void add_sinks(ControlAnswer& answer) const;

  ControlServer server_;
  ControlFacts facts_;
  Reporter& reporter_;
  Clock::time_point started_;
};

}  // namespace scanlogd
