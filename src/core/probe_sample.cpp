// See probe_sample.h. Numbers are packed as in LEB128 (DWARF 5, 7.6): seven bits a byte, the lowest
// first; signed ones as zigzag, so that small ones are short whatever their sign.
#include "core/probe_sample.h"

#include <algorithm>
#include <utility>

namespace scanlogd {
namespace {

using std::chrono::microseconds;

/// The first byte; another one would be another way to pack.
constexpr char kVersion = 1;

constexpr unsigned kOutcomeBits = 2;

/// Nanoseconds of a signed 64-bit number, with room for sums: 146 years.
constexpr std::int64_t kMostTime = (std::int64_t{1} << 62) / 1000;

void put(std::string& out, std::uint64_t number) {
  constexpr std::uint64_t kMore = 0x80;
  for (; number >= kMore; number >>= 7) out += static_cast<char>(number % kMore | kMore);
  out += static_cast<char>(number);
}

void put_signed(std::string& out, std::int64_t number) {
  put(out, static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63));
}

std::size_t size_of(Family family) noexcept {
  return family == Family::ipv4 ? 4 : family == Family::ipv6 ? 16 : 0;
}

/// Takes what was put. Past the end everything is 0, and `is_good` says so.
class Taker {
 public:
  explicit Taker(std::string_view bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool is_good() const noexcept { return is_good_; }
  [[nodiscard]] bool is_done() const noexcept { return is_good_ && bytes_.empty(); }

  std::uint8_t byte() noexcept {
    if (bytes_.empty()) {
      is_good_ = false;
      return 0;
    }
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }

  std::uint64_t number() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const std::uint8_t part = byte();
      value |= std::uint64_t{part & 0x7fU} << shift;
      if ((part & 0x80U) == 0) return value;
    }
    is_good_ = false;
    return 0;
  }

  /// The number, if it is at most `most`.
  std::uint64_t number(std::uint64_t most) noexcept {
    const std::uint64_t value = number();
    if (value <= most) return value;
    is_good_ = false;
    return 0;
  }

  std::int64_t signed_number() noexcept {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1) * ((value & 1) != 0 ? -1 : 1) -
           static_cast<std::int64_t>(value & 1);
  }

  Address address() noexcept {
    Address address;
    const std::uint8_t size = byte();
    if (size == 0) return address;
    if ((size != 4 && size != 16) || bytes_.size() < size) {
      is_good_ = false;
      return address;
    }
    address.family = size == 4 ? Family::ipv4 : Family::ipv6;
    std::copy_n(bytes_.begin(), size, address.bytes.begin());
    bytes_.remove_prefix(size);
    return address;
  }

 private:
  std::string_view bytes_;
  bool is_good_ = true;
};

void halve(ProbeSample& sample) {
  for (std::size_t i = 1; 2 * i < sample.points.size(); ++i) {
    sample.points[i] = sample.points[2 * i];
  }
  sample.points.resize((sample.points.size() + 1) / 2);
  ++sample.shift;
}

}  // namespace

ProbeSample join(ProbeSample earlier, ProbeSample later) {
  if (later.points.empty()) return earlier;
  if (earlier.points.empty()) return later;
  while (earlier.shift < later.shift) halve(earlier);
  while (later.shift < earlier.shift) halve(later);
  earlier.points.insert(earlier.points.end(), later.points.begin(), later.points.end());
  while (earlier.points.size() > ScanSample::kMaxPoints) halve(earlier);
  return earlier;
}

std::string pack(const ProbeSample& sample) {
  if (sample.points.empty()) return {};
  std::vector<Address> targets;
  const auto index_of = [&](const Address& target) {
    // The latest first: most scans stay with a host, or go from one to the next.
    const auto found = std::find(targets.rbegin(), targets.rend(), target);
    if (found != targets.rend()) return static_cast<std::size_t>(targets.rend() - found - 1);
    targets.push_back(target);
    return targets.size() - 1;
  };
  std::string points;
  std::int64_t time = 0;
  std::int64_t port = 0;
  for (const ProbePoint& point : sample.points) {
    const std::int64_t at = std::chrono::floor<microseconds>(point.time).count();
    put_signed(points, std::clamp(at, -kMostTime, kMostTime) - time);
    time = std::clamp(at, -kMostTime, kMostTime);
    put_signed(points, point.port - port);
    port = point.port;
    put(points, index_of(point.target) << kOutcomeBits | static_cast<std::uint64_t>(point.outcome));
  }
  std::string out{kVersion, static_cast<char>(sample.shift)};
  put(out, targets.size());
  for (const Address& target : targets) {
    const std::size_t size = size_of(target.family);
    out += static_cast<char>(size);
    out.append(target.bytes.begin(), target.bytes.begin() + static_cast<std::ptrdiff_t>(size));
  }
  put(out, sample.points.size());
  return out + points;
}

std::optional<ProbeSample> unpack(std::string_view bytes) {
  ProbeSample sample;
  if (bytes.empty()) return sample;
  Taker taker(bytes);
  if (taker.byte() != kVersion) return {};
  sample.shift = taker.byte();
  if (sample.shift > ScanSample::kMaxShift) return {};
  std::vector<Address> targets(taker.number(ScanSample::kMaxPoints));
  for (Address& target : targets) target = taker.address();
  sample.points.resize(taker.number(ScanSample::kMaxPoints));
  std::int64_t time = 0;
  std::int64_t port = 0;
  for (ProbePoint& point : sample.points) {
    constexpr std::int64_t kMostPort = 65535;
    const std::int64_t later = taker.signed_number();
    const std::int64_t higher = taker.signed_number();
    const std::uint64_t which = taker.number();
    const std::uint64_t target = which >> kOutcomeBits;
    if (!taker.is_good() || later < -2 * kMostTime || later > 2 * kMostTime ||
        higher < -kMostPort || higher > kMostPort || target >= targets.size()) {
      return {};
    }
    time += later;
    port += higher;
    if (time < -kMostTime || time > kMostTime || port < 0 || port > kMostPort) return {};
    point.time = microseconds(time);
    point.port = static_cast<Port>(port);
    point.target = targets[target];
    point.outcome = static_cast<ProbeOutcome>(which % (1U << kOutcomeBits));
  }
  if (!taker.is_done()) return {};
  return sample;
}

}  // namespace scanlogd
