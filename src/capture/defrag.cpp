// Reassembly as defrag.h says. A table of datagrams in flight, eight-way set-associative: a
// datagram lives in the set that its keyed hash names and nowhere else, so the work per fragment is
// bounded and nobody outside can choose whom to push out. Of the payload only the beginning is
// kept; that the rest came is kept as one bit for each 8-byte unit, because fragments begin at such
// units.
#include "capture/defrag.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/reserved_memory.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWays = 8;
constexpr std::size_t kUnitSize = 8;               // RFC 791 3.1, RFC 8200 4.5
constexpr std::size_t kUnits = 65536 / kUnitSize;  // the largest payload is 65535 bytes
constexpr std::size_t kWordBits = 64;

// What decode_transport may need: eight IPv6 extension headers of usual size and a TCP header.
constexpr std::size_t kKept = 256;

constexpr std::chrono::nanoseconds kIpv4Lifetime = 30s;  // net.ipv4.ipfrag_time
constexpr std::chrono::nanoseconds kIpv6Lifetime = 60s;  // RFC 8200 4.5

// What fragments of one datagram have in common. IPv6 leaves `protocol` out (0): only the first
// fragment's next header counts there.
struct Key {
  AddressBytes source{};
  AddressBytes target{};
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;
  Family family = Family::none;

  friend bool operator==(const Key&, const Key&) = default;
};

// A datagram in flight. All zero when unused, as mmap delivers it.
struct Datagram {
  Key key;
  bool in_use = false;
  std::uint8_t next = 0;       // protocol of the first header, from the fragment with offset 0
  std::uint16_t units = 0;     // covered so far
  std::uint32_t end = 0;       // of the fragment that reaches farthest
  std::uint32_t total = 0;     // payload size; 0 until the last fragment came
  std::uint32_t readable = 0;  // bytes of the beginning that were captured wherever they came
  std::uint64_t hash = 0;
  std::chrono::nanoseconds first_seen{};
  Packet header;  // from the fragment with offset 0
};

struct Body {
  std::array<std::uint64_t, kUnits / kWordBits> covered;
  std::array<std::byte, kKept> payload;
};

Key key_of(const Fragment& fragment) noexcept {
  const Packet& header = fragment.header;
  const bool is_ipv4 = header.family == Family::ipv4;
  return {.source = header.source,
          .target = header.target,
          .id = fragment.id,
          .protocol = is_ipv4 ? fragment.next : std::uint8_t{0},
          .family = header.family};
}

std::uint64_t load_word(const AddressBytes& bytes, std::size_t at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, bytes.data() + at, sizeof(word));
  return word;
}

std::uint64_t hash_of(const Key& key, HashKey secret) noexcept {
  std::uint64_t hash = keyed_hash(secret, load_word(key.source, 0), load_word(key.source, 8));
  hash = keyed_hash(secret, hash ^ load_word(key.target, 0), load_word(key.target, 8));
  const std::uint64_t rest = std::uint64_t{key.id} << 16 | std::uint64_t{key.protocol} << 8 |
                             static_cast<std::uint64_t>(key.family);
  return keyed_hash(secret, hash ^ rest);
}

// Calls `visit(word, mask)` for each word of a bitmap that units [first, last) touch.
template <class Visit>
void for_each_word(std::size_t first, std::size_t last, Visit visit) noexcept {
  while (first < last) {
    const std::size_t word = first / kWordBits;
    const std::size_t stop = std::min(last, (word + 1) * kWordBits);
    const std::uint64_t ones = ~std::uint64_t{0} >> (kWordBits - (stop - first));
    visit(word, ones << first % kWordBits);
    first = stop;
  }
}

}  // namespace

struct Defragmenter::State {
  ReservedMemory<Datagram> datagrams;
  ReservedMemory<Body> bodies;  // one for each of `datagrams`
  HashKey secret;
  DefragStats stats;

  // The place of the datagram `key`, which is begun if it is not there.
  std::size_t find_or_begin(const Key& key, std::chrono::nanoseconds now) noexcept;
  std::size_t make_room(std::size_t set, std::chrono::nanoseconds now) noexcept;
  void release(std::size_t at, std::uint64_t& why) noexcept;

  enum class Fit { fits, repeats, contradicts };
  [[nodiscard]] Fit fit(std::size_t at, const Fragment& fragment) const noexcept;
  void take(std::size_t at, const Fragment& fragment) noexcept;
  void end_at(std::size_t at, std::size_t end) noexcept;
  [[nodiscard]] bool is_complete(std::size_t at) const noexcept;
  [[nodiscard]] Decoded decode(std::size_t at, Packet& out) const noexcept;
};

namespace {

// A clock that ran backwards by a lifetime says as little about the datagram as one that ran on.
bool is_expired(const Datagram& datagram, std::chrono::nanoseconds now) noexcept {
  const auto lifetime = datagram.key.family == Family::ipv4 ? kIpv4Lifetime : kIpv6Lifetime;
  const auto age = now - datagram.first_seen;
  return age > lifetime || age < -lifetime;
}

std::size_t end_unit(std::size_t end) noexcept { return (end + kUnitSize - 1) / kUnitSize; }

}  // namespace

std::size_t Defragmenter::State::find_or_begin(const Key& key,
                                               std::chrono::nanoseconds now) noexcept {
  const auto all = datagrams.items();
  const std::uint64_t hash = hash_of(key, secret);
  const std::size_t set = (hash & (all.size() / kWays - 1)) * kWays;
  for (std::size_t at = set; at < set + kWays; ++at) {
    const Datagram& datagram = all[at];
    if (!datagram.in_use || datagram.hash != hash || datagram.key != key) continue;
    if (!is_expired(datagram, now)) return at;
    release(at, stats.expired);
    break;
  }
  const std::size_t at = make_room(set, now);
  all[at] = {
      .key = key, .in_use = true, .readable = kKept, .hash = hash, .first_seen = now, .header = {}};
  bodies.items()[at].covered.fill(0);
  ++stats.started;
  ++stats.waiting;
  return at;
}

std::size_t Defragmenter::State::make_room(std::size_t set, std::chrono::nanoseconds now) noexcept {
  const auto all = datagrams.items();
  std::size_t oldest = set;
  for (std::size_t at = set; at < set + kWays; ++at) {
    if (!all[at].in_use) return at;
    if (is_expired(all[at], now)) {
      release(at, stats.expired);
      return at;
    }
    if (all[at].first_seen < all[oldest].first_seen) oldest = at;
  }
  release(oldest, stats.evicted);
  return oldest;
}

void Defragmenter::State::release(std::size_t at, std::uint64_t& why) noexcept {
  datagrams.items()[at].in_use = false;
  --stats.waiting;
  ++why;
}

Defragmenter::State::Fit Defragmenter::State::fit(std::size_t at,
                                                  const Fragment& fragment) const noexcept {
  const Datagram& datagram = datagrams.items()[at];
  const auto& covered = bodies.items()[at].covered;
  const std::size_t end = fragment.offset + fragment.size;
  // Only the last fragment may end within a unit, so two ends within one unit are told apart here.
  if (datagram.total != 0 && (fragment.more ? end > datagram.total : end != datagram.total))
    return Fit::contradicts;
  if (!fragment.more && end < datagram.end) return Fit::contradicts;

  const std::size_t first = fragment.offset / kUnitSize;
  std::size_t known = 0;
  for_each_word(first, end_unit(end), [&](std::size_t word, std::uint64_t mask) {
    known += static_cast<std::size_t>(std::popcount(covered[word] & mask));
  });
  if (known == 0) return Fit::fits;
  return known == end_unit(end) - first ? Fit::repeats : Fit::contradicts;
}

void Defragmenter::State::take(std::size_t at, const Fragment& fragment) noexcept {
  Datagram& datagram = datagrams.items()[at];
  Body& body = bodies.items()[at];
  const std::size_t first = fragment.offset / kUnitSize;
  const std::size_t end = fragment.offset + fragment.size;
  for_each_word(first, end_unit(end),
                [&](std::size_t word, std::uint64_t mask) { body.covered[word] |= mask; });
  datagram.units = static_cast<std::uint16_t>(datagram.units + end_unit(end) - first);
  datagram.end = std::max(datagram.end, static_cast<std::uint32_t>(end));
  if (fragment.offset == 0) {
    datagram.header = fragment.header;
    datagram.next = fragment.next;
  }
  if (fragment.offset >= kKept) return;
  const auto captured =
      fragment.payload.first(std::min(fragment.payload.size(), kKept - fragment.offset));
  std::ranges::copy(captured, body.payload.begin() + fragment.offset);
  if (fragment.payload.size() < fragment.size) {
    datagram.readable =
        std::min(datagram.readable, static_cast<std::uint32_t>(fragment.offset + captured.size()));
  }
}

void Defragmenter::State::end_at(std::size_t at, std::size_t end) noexcept {
  datagrams.items()[at].total = static_cast<std::uint32_t>(end);
}

bool Defragmenter::State::is_complete(std::size_t at) const noexcept {
  const Datagram& datagram = datagrams.items()[at];
  return datagram.total != 0 && datagram.units == end_unit(datagram.total);
}

Decoded Defragmenter::State::decode(std::size_t at, Packet& out) const noexcept {
  const Datagram& datagram = datagrams.items()[at];
  const std::size_t kept = std::min(datagram.readable, datagram.total);
  out = datagram.header;
  out.traits |= trait::fragmented;
  return decode_transport(datagram.next, std::span(bodies.items()[at].payload).first(kept),
                          datagram.total, out);
}

Defragmenter::Defragmenter(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Defragmenter::Defragmenter(Defragmenter&&) noexcept = default;
Defragmenter& Defragmenter::operator=(Defragmenter&&) noexcept = default;
Defragmenter::~Defragmenter() = default;

Result<Defragmenter> Defragmenter::make(std::size_t datagrams, HashKey key) {
  const std::size_t count = std::bit_ceil(std::max(datagrams, kWays));
  auto slots = ReservedMemory<Datagram>::make(count, "reassembler");
  if (!slots) return std::unexpected(slots.error());
  auto bodies = ReservedMemory<Body>::make(count, "reassembler");
  if (!bodies) return std::unexpected(bodies.error());
  return Defragmenter(
      std::make_unique<State>(std::move(*slots), std::move(*bodies), key, DefragStats{}));
}

Decoded Defragmenter::add(std::span<const std::byte> datagram, std::size_t wire_size,
                          std::chrono::nanoseconds now, Packet& out) noexcept {
  State& state = *state_;
  ++state.stats.fragments;
  Fragment fragment;
  if (!decode_fragment(datagram, wire_size, fragment)) {
    ++state.stats.bad;
    return Decoded::fragment;
  }
  const std::size_t at = state.find_or_begin(key_of(fragment), now);
  switch (state.fit(at, fragment)) {
    case State::Fit::fits:
      state.take(at, fragment);
      break;
    case State::Fit::repeats:
      break;
    case State::Fit::contradicts:
      state.release(at, state.stats.overlapping);
      return Decoded::fragment;
  }
  // A repeat too may say for the first time where the datagram ends, and Linux listens to it.
  if (!fragment.more) state.end_at(at, fragment.offset + fragment.size);
  if (!state.is_complete(at)) return Decoded::fragment;
  state.release(at, state.stats.completed);
  return state.decode(at, out);
}

const DefragStats& Defragmenter::stats() const noexcept { return state_->stats; }

std::size_t Defragmenter::memory() const noexcept {
  return state_->datagrams.items().size_bytes() + state_->bodies.items().size_bytes();
}

}  // namespace scanlogd
