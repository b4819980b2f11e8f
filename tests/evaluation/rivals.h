// Other rules on the same contacts, as naively as they are published: TRW (Jung 2004, with the
// constants of SiLK's rwscan) and the simple scan of Zeek. They are told the outcome of each
// contact, which the real ones have to find out.
#pragma once

#include <cmath>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>

#include "evaluation/model.h"

namespace scanlogd::evaluation {

/// The alarms of one rule.
struct Alarms {
  std::unordered_map<std::uint32_t, Time> first;  ///< by source
  std::uint64_t benign = 0;                       ///< of sources that do not scan

  void raise(const Contact& contact) {
    if (contact.is_benign) ++benign;
    first.try_emplace(contact.source, contact.time);
  }
};

/// Threshold random walk: a sequential test on first contacts, forgotten after half an hour.
class Trw {
 public:
  explicit Trw(double alpha) : upper_(std::log(0.99 / alpha)), lower_(std::log(0.01)) {}

  void see(const Contact& contact) {
    constexpr Time kForget = 1800 * kSecond;
    State& state = sources_[contact.source];
    if (contact.time - state.last > kForget) state = {};
    state.last = contact.time;
    if (!state.seen.emplace(contact.target, contact.port).second || state.is_found) return;
    const double step = std::log(4.0);
    state.walk += contact.answer == Answer::service ? -step : step;
    if (state.walk <= lower_) state.walk = 0;
    if (state.walk < upper_) return;
    state.is_found = true;
    alarms.raise(contact);
  }

  Alarms alarms;

 private:
  struct State {
    Time last = 0;
    double walk = 0;
    bool is_found = false;
    std::set<std::pair<std::uint32_t, Port>> seen;
  };
  double upper_;
  double lower_;
  std::unordered_map<std::uint32_t, State> sources_;
};

/// Twenty-five failed (host, port) of TCP, each at most fifteen minutes after the one before.
class SimpleScan {
 public:
  void see(const Contact& contact) {
    constexpr Time kForget = 900 * kSecond;
    constexpr std::size_t kThreshold = 25;
    if (contact.shape > Shape::zmap || contact.answer == Answer::service) return;
    State& state = sources_[contact.source];
    if (contact.time - state.last > kForget) state = {};
    state.last = contact.time;
    if (!state.failed.emplace(contact.target, contact.port).second) return;
    if (state.failed.size() == kThreshold) alarms.raise(contact);
  }

  Alarms alarms;

 private:
  struct State {
    Time last = 0;
    std::set<std::pair<std::uint32_t, Port>> failed;
  };
  std::unordered_map<std::uint32_t, State> sources_;
};

}  // namespace scanlogd::evaluation
