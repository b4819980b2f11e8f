// The tables of sources by themselves, at 64 MB, with lines asked for ahead as the detector does:
// what a packet costs that finds its source there or takes a place from another, in the upper tier
// and in both; and the same with a hash map whose longest unused entry goes. All memory has been
// touched before.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/keyed_hash.h"
#include "detect/classic_source.h"
#include "detect/probation_table.h"
#include "detect/source_table.h"
#include "per_packet.h"

namespace scanlogd::bench {
namespace {

using Entry = ClassicSource<20>;
using Table = SourceTable<Entry>;

constexpr HashKey kKey{.a = 0x0123456789abcdef, .b = 0xfedcba9876543210};
constexpr std::size_t kMemory = std::size_t{64} << 20;
constexpr std::size_t kBuckets = kMemory / Table::kBucketBytes;
constexpr std::uint32_t kLifetime = 300;
constexpr std::size_t kUpdates = std::size_t{1} << 20;
constexpr std::size_t kUpdatesPerTick = 10'000;  // a million a second

/// Random sources of which there are `count`, and after `next` others.
class Sources {
 public:
  explicit Sources(std::uint32_t count) : sources_(kUpdates) {
    for (std::uint32_t& source : sources_) {
      source = 1 + static_cast<std::uint32_t>(random_()) % count;
    }
  }
  void next() {
    for (std::uint32_t& source : sources_) source += 0x9e37'79b9;
  }
  [[nodiscard]] const std::vector<std::uint32_t>& all() const { return sources_; }

 private:
  std::mt19937 random_{1};
  std::vector<std::uint32_t> sources_;
};

constexpr std::size_t kBucketAhead = 24;
constexpr std::size_t kEntryAhead = 12;

std::uint32_t hash(std::uint32_t source) { return keyed_permutation(kKey, source); }

/// Calls `ask(hash)`, `ask_closer(hash)` and `update(hash)` for each source, the first two ahead.
/// Those must be inlined by order: GCC 12 leaves out what only asks for lines.
template <class Ask, class AskCloser, class Update>
void walk(const std::vector<std::uint32_t>& sources, Ask ask, AskCloser ask_closer, Update update) {
  constexpr std::size_t kHashes = 32;
  static_assert(kBucketAhead < kHashes);
  std::array<std::uint32_t, kHashes> hashes{};
  for (std::size_t i = 0; i < sources.size() + kBucketAhead; ++i) {
    if (i < sources.size()) ask(hashes[i % kHashes] = hash(sources[i]));
    constexpr std::size_t kCloser = kBucketAhead - kEntryAhead;
    if (i >= kCloser) ask_closer(hashes[(i - kCloser) % kHashes]);
    if (i >= kBucketAhead) update(hashes[(i - kBucketAhead) % kHashes]);
  }
}

/// The upper tier.
class UpperTier {
 public:
  void update(const std::vector<std::uint32_t>& sources) {
    const auto ask = [this](std::uint32_t key) __attribute__((always_inline)) {
      table_.prefetch(table_.place(key));
    };
    const auto ask_closer = [this](std::uint32_t key) __attribute__((always_inline)) {
      (void)table_.prefetch_entry(table_.place(key), key);
    };
    walk(sources, ask, ask_closer, [this](std::uint32_t key) {
      const auto now = static_cast<std::uint32_t>(updates_++ / kUpdatesPerTick);
      const auto place = table_.place(key);
      bool evicted = false;
      auto slot = table_.find(place, key);
      if (!slot) slot = table_.insert(place, key, now, evicted);
      table_.touch(slot, now);
      ++*slot.weight;
    });
  }

 private:
  Table table_ = Table::make(kBuckets, kLifetime).value();
  std::uint64_t updates_ = 0;
};

/// Both tiers, of which packets that are all to one port leave the upper one empty.
class BothTiers {
 public:
  void update(const std::vector<std::uint32_t>& sources) {
    const auto ask = [this](std::uint32_t key) __attribute__((always_inline)) {
      upper_.prefetch(upper_.place(key));
    };
    const auto ask_closer = [this](std::uint32_t key) __attribute__((always_inline)) {
      if (upper_.prefetch_entry(upper_.place(key), key)) return;
      lower_.prefetch(key);
      lower_.prefetch_rest(key);
    };
    walk(sources, ask, ask_closer, [this](std::uint32_t key) {
      const std::chrono::nanoseconds time = kPause * ++updates_;
      const std::uint32_t now = ProbationTable::tick_of(time);
      if (const auto slot = upper_.find(upper_.place(key), key)) return upper_.touch(slot, now);
      const auto known = lower_.find(key);
      if (known && now - lower_.tick(known) <= kLifetime) return;
      if (known) lower_.forget(known);
      lower_.put(lower_.room(key, now).slot, key, {.time = time, .target_port = 80});
    });
  }

 private:
  static constexpr std::chrono::nanoseconds kPause = std::chrono::microseconds(1);

  Table upper_ = Table::make(kBuckets / 2, kLifetime).value();
  ProbationTable lower_ =
      ProbationTable::make(kMemory / 2 / ProbationTable::kBucketBytes, kLifetime).value();
  std::uint64_t updates_ = 0;
};

/// What one would take without thinking: as many sources, the longest unused goes.
class LruMap {
 public:
  void update(const std::vector<std::uint32_t>& sources) {
    for (const std::uint32_t source : sources) {
      const auto now = static_cast<std::uint32_t>(updates_++ / kUpdatesPerTick);
      auto found = map_.find(source);
      if (found == map_.end()) {
        if (map_.size() == kBuckets * Table::kWays) {
          map_.erase(order_.back().first);
          order_.pop_back();
        }
        order_.emplace_front(source, Entry{});
        found = map_.emplace(source, order_.begin()).first;
      } else {
        order_.splice(order_.begin(), order_, found->second);
      }
      found->second->second.last = now;
      ++found->second->second.count;
    }
  }

 private:
  std::list<std::pair<std::uint32_t, Entry>> order_;
  std::unordered_map<std::uint32_t, decltype(order_)::iterator> map_;
  std::uint64_t updates_ = 0;
};

template <class Subject>
void update(benchmark::State& state, std::uint32_t count) {
  Sources sources(count);
  Subject subject;
  for (int i = 0; i < 3; ++i) subject.update(sources.all());
  for (auto _ : state) subject.update(sources.all());
  report_packets(state, kUpdates);
}

/// A flood: hardly a source comes twice.
template <class Subject>
void flood(benchmark::State& state) {
  Sources sources(~std::uint32_t{0});
  Subject subject;
  for (int i = 0; i < 3; ++i) {
    subject.update(sources.all());
    sources.next();
  }
  for (auto _ : state) {
    subject.update(sources.all());
    state.PauseTiming();
    sources.next();
    state.ResumeTiming();
  }
  report_packets(state, kUpdates);
}

// Half of what the upper tier has room for: hardly anybody has to go.
constexpr std::uint32_t kFew = kBuckets * Table::kWays / 2;
constexpr std::uint32_t kMillion = 1'000'000;

void upper_known(benchmark::State& state) { update<UpperTier>(state, kFew); }
BENCHMARK(upper_known)->Name("tables/upper tier, 64 MB, known sources");
void upper_new(benchmark::State& state) { flood<UpperTier>(state); }
BENCHMARK(upper_new)->Name("tables/upper tier, 64 MB, new sources");
void both_million(benchmark::State& state) { update<BothTiers>(state, kMillion); }
BENCHMARK(both_million)->Name("tables/both tiers, 64 MB, a million sources");
void both_new(benchmark::State& state) { flood<BothTiers>(state); }
BENCHMARK(both_new)->Name("tables/both tiers, 64 MB, new sources");
void map_million(benchmark::State& state) { update<LruMap>(state, kMillion); }
BENCHMARK(map_million)->Name("tables/hash map with LRU, a million sources");
void map_new(benchmark::State& state) { flood<LruMap>(state); }
BENCHMARK(map_new)->Name("tables/hash map with LRU, new sources");

}  // namespace
}  // namespace scanlogd::bench
