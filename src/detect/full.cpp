// The detectors of the full profile, composed: what we send (outgoing.h), what comes (incoming.h),
// contacts that failed (contact.h), and the scans that come of them (scan_reports.h). Looks at both
// directions, all protocols, IPv4 and IPv6; where it is shown incoming packets only, it does what
// can be done without answers. The rules and their reasons: docs/detection.md.
#include "detect/full.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "detect/explain.h"
#include "detect/full_state.h"
#include "detect/incoming.h"
#include "detect/outgoing.h"

namespace scanlogd {
namespace {

// In the order of `Incoming`, then what is not incoming.
constexpr std::size_t kIncoming = static_cast<std::size_t>(Incoming::contact) + 1;
enum Other : std::size_t { outgoing = kIncoming, own };
constexpr std::size_t kFirstExclusion = own + 1;
constexpr std::size_t kOutcomes = kFirstExclusion + kExclusions;

constexpr std::array<std::string_view, 9> kTunable = {
    "sensitivity", "ignore_sources", "ignore_targets",      "ignore_ports",         "watch_targets",
    "watch_ports", "egress",         "egress_ignore_ports", "egress_ignore_targets"};

class FullDetector final : public Detector {
 public:
  explicit FullDetector(FullState state) : state_(std::move(state)) {}

  void inspect(std::span<const Packet> packets, EventList& events) noexcept override {
    if (diary_ == nullptr) {
      inspect_all<false>(packets, events);
    } else {
      inspect_all<true>(packets, events);
    }
  }

  void advance(std::chrono::nanoseconds now, EventList& events) noexcept override {
    state_.events = &events;
    if (diary_ != nullptr && now != kEndOfTime) diary_->set_time(now);
    if (now != kEndOfTime) {
      pass_time(now, nullptr);
    } else {
      state_.contacts.expire(state_.now, 0);
      state_.raise();
    }
    state_.reports.records().advance(now, events);
  }

  void set_local(std::span<const Network> networks) override { state_.sides.set_local(networks); }

  [[nodiscard]] Result<void> tune(const Section& options) override {
    const auto thresholds = parse_sensitivity(options);
    if (!thresholds) return std::unexpected(thresholds.error());
    auto selection = Selection::parse(options);
    if (!selection) return std::unexpected(selection.error());
    auto egress = EgressOptions::parse(options);
    if (!egress) return std::unexpected(egress.error());
    state_.selection = std::move(*selection);
    state_.contacts.set_thresholds(*thresholds);
    state_.egress.set(std::move(*egress), *thresholds);
    return {};
  }

  [[nodiscard]] DetectorStats stats() const noexcept override {
    return {.counters = counters_,
            .memory = state_.memory(),
            .new_sources = state_.contacts.admitted(),
            .evicted = state_.contacts.evicted(),
            .open_scans = state_.reports.open_scans()};
  }

  [[nodiscard]] SourceExplanation explain(const Address& source) noexcept override {
    return scanlogd::explain(state_, source);
  }

  void keep_diary(SourceDiary* diary) noexcept override {
    diary_ = diary;
    if (diary != nullptr) diarist_ = source_key(diary->source().family, diary->source().bytes);
    state_.contacts.keep_diary(diary, diarist_);
  }

 private:
  template <bool kWritesDiary>
  void inspect_all(std::span<const Packet> packets, EventList& events) noexcept {
    state_.events = &events;
    // In rounds long enough for lines to come from memory: buckets first, then what they name. Each
    // step is a loop of its own, so that what it needs of our own stays in registers.
    const Packet* const end = packets.data() + packets.size();
    for (const Packet* begin = packets.data(); begin != end;) {
      const std::size_t count = std::min(looks_.size(), static_cast<std::size_t>(end - begin));
      Look* const looks = looks_.data();
      for (std::size_t i = 0; i < count; ++i) prepare(begin[i], looks[i]);
      for (std::size_t i = 0; i < count; ++i) look_closer(looks[i]);
      for (std::size_t i = 0; i < count; ++i) {
        const Packet& packet = begin[i];
        if constexpr (kWritesDiary) diary_->set_time(packet.time);
        pass_time(packet.time, &packet);
        Counter& counter = counters_[take(packet, looks[i])];
        ++counter.value;
        if constexpr (kWritesDiary) note_outcome(packet, counter.name);
        state_.raise();
      }
      begin += count;
    }
  }

  void note_outcome(const Packet& packet, std::string_view outcome) noexcept {
    if (source_key(packet.family, packet.source) == diarist_) diary_->tally(outcome);
  }

  [[gnu::always_inline]] void prepare(const Packet& packet, Look& look) noexcept {
    state_.sides.prepare(packet, look);
    if (look.is_out) prefetch(look.out);
    if (look.is_in) prefetch(look.in);
  }

  [[gnu::always_inline]] void prefetch(const Side& side) const noexcept {
    state_.services.prefetch(side.port);
    state_.contacts.prefetch(state_.contacts.place_of_hash(side.hash));
  }

  [[gnu::always_inline]] void look_closer(const Look& look) const noexcept {
    if (look.is_out) {
      state_.questions.prefetch(look.out.flow);
      (void)prefetch_entry(look.out);
    }
    if (look.is_in) {
      const bool is_known = prefetch_entry(look.in);
      // Whoever asks for a service is not asked whether he may come in.
      if (state_.services.knows(look.in.port, state_.now)) return;
      state_.questions.prefetch(look.in.flow);
      if (!is_known) state_.contacts.prefetch_door(look.in.hash);
    }
  }

  [[nodiscard, gnu::always_inline]] bool prefetch_entry(const Side& side) const noexcept {
    const auto index = state_.contacts.prefetch_entry(state_.contacts.place_of_hash(side.hash));
    if (index) state_.reports.prefetch(*index);
    return index.has_value();
  }

  [[nodiscard, gnu::always_inline]] std::size_t take(const Packet& packet,
                                                     const Look& look) noexcept {
    if (look.is_out) take_outgoing(state_, packet, look.out);
    if (state_.egress.is_on() && look.is_out != look.is_in) state_.judge_egress(packet, look);
    if (!look.is_in) return look.is_out ? outgoing : own;
    if (const Exclusion why = state_.selection.judge(packet); why != Exclusion::none) {
      state_.excluded.add(why, look.in.remote);
      return kFirstExclusion + static_cast<std::size_t>(why);
    }
    return static_cast<std::size_t>(take_incoming(state_, packet, look.in));
  }

  // Everything that comes with time alone.
  [[gnu::always_inline]] void pass_time(std::chrono::nanoseconds time,
                                        const Packet* packet) noexcept {
    state_.time = time;
    const Tick now = tick_of(time);
    if (now != state_.now) pass_tick(now, packet);
  }

  void pass_tick(Tick now, const Packet* packet) noexcept {
    state_.now = now;
    state_.questions.turn(now);
    constexpr Tick kPatience = 1 * kSecond;
    constexpr Tick kPatienceWithoutAnswers = 3 * kSecond;
    state_.contacts.expire(now, state_.sees_answers() ? kPatience : kPatienceWithoutAnswers);
    state_.raise();
    if (state_.egress.is_on()) {
      state_.egress.expire(
          now,
          {.records = state_.reports.records(), .events = *state_.events, .time = state_.time});
    }
    state_.pass_second(packet);
  }

  FullState state_;
  SourceDiary* diary_ = nullptr;
  SourceKey diarist_ = 0;
  static constexpr std::size_t kRound = 16;
  std::array<Look, kRound> looks_{};
  std::array<Counter, kOutcomes> counters_{{{"impossible"},
                                            {"to_group"},
                                            {"answers"},
                                            {"connection"},
                                            {"stray"},
                                            {"reply"},
                                            {"service"},
                                            {"unjudged"},
                                            {"scanning"},
                                            {"refused"},
                                            {"repeated"},
                                            {"weightless"},
                                            {"contact"},
                                            {"outgoing"},
                                            {"own"},
                                            {kExclusionCounters[0]},
                                            {kExclusionCounters[1]},
                                            {kExclusionCounters[2]},
                                            {kExclusionCounters[3]},
                                            {kExclusionCounters[4]}}};
  static_assert(kExclusions == 5);
};

Result<std::unique_ptr<Detector>> make(const Section& options) {
  const auto key = random_hash_key();
  if (!key) return std::unexpected(key.error());
  return make_full(options, *key);
}

}  // namespace

Result<std::unique_ptr<Detector>> make_full(const Section& options, HashKey key) {
  auto state = FullState::make(options, key);
  if (!state) return std::unexpected(state.error());
  return std::make_unique<FullDetector>(std::move(*state));
}

extern const DetectorPlugin full_detector{
    .name = "full",
    .summary = "failed first contacts of each source, fast or slow; all protocols, IPv4 and IPv6",
    .interest = {.other_protocols = true, .outgoing = true},
    .tunable = kTunable,
    .make = make};

}  // namespace scanlogd
