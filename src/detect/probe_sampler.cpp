// See probe_sampler.h. Stratified sampling, the strata doubling whenever there are too many.
#include "detect/probe_sampler.h"

#include <algorithm>

namespace scanlogd {
namespace {

using std::chrono::microseconds;

constexpr unsigned kLowBits = 32;
constexpr std::int64_t kLongest = (std::int64_t{1} << 48) - 1;

/// The last four bytes.
std::uint32_t host_number(const Address& target) noexcept {
  const std::size_t at = target.family == Family::ipv4 ? 0 : 12;
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | target.bytes[i];
  return number;
}

}  // namespace

void ProbeSampler::clear(std::uint64_t seed) noexcept {
  seen_ = 0;
  next_ = 0;
  seed_ = seed;
  first_ = {};
  target_ = {};
  shift_ = 0;
  count_ = 0;
  marks_ = {};
}

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014). Nothing depends on its being unknown.
std::uint64_t ProbeSampler::random(std::uint64_t block) const noexcept {
  std::uint64_t word = seed_ + (block << 8 | shift_) * 0x9e3779b97f4a7c15;
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
  word = (word ^ word >> 27) * 0x94d049bb133111eb;
  return word ^ word >> 31;
}

void ProbeSampler::take(const ProbePoint& point, std::uint32_t mark) noexcept {
  if (count_ == 0) first_ = point.time;
  if (target_.family == Family::none) target_ = point.target;
  const auto time = static_cast<std::uint64_t>(std::clamp<std::int64_t>(
      std::chrono::floor<microseconds>(point.time - first_).count(), 0, kLongest));
  points_[count_] = {.host = host_number(point.target),
                     .time = static_cast<std::uint32_t>(time),
                     .time_high = static_cast<std::uint16_t>(time >> kLowBits),
                     .port = point.port};
  kinds_[count_] = {.outcome = point.outcome, .has_target = point.target.family != Family::none};
  marks_[count_ % kRecent] = mark;
  if (++count_ == ScanSample::kMaxPoints) halve();
  const std::uint64_t block = count_;
  next_ = (block << shift_) + (random(block) & ((std::uint64_t{1} << shift_) - 1));
}

// Two blocks become one, and one of their probes goes. The first of all stays.
void ProbeSampler::halve() noexcept {
  const std::array<std::uint32_t, kRecent> marks = marks_;
  marks_ = {};
  for (std::size_t i = 1; i < ScanSample::kMaxPoints / 2; ++i) {
    const std::size_t kept = 2 * i + (random(i) & 1);
    points_[i] = points_[kept];
    kinds_[i] = kinds_[kept];
    if (kept >= ScanSample::kMaxPoints - kRecent) marks_[i % kRecent] = marks[kept % kRecent];
  }
  count_ = ScanSample::kMaxPoints / 2;
  if (shift_ < ScanSample::kMaxShift) ++shift_;
}

void ProbeSampler::note(std::uint32_t mark, ProbeOutcome outcome) noexcept {
  if (mark == 0) return;
  const std::size_t oldest = count_ - std::min<std::size_t>(count_, kRecent);
  for (std::size_t i = count_; i > oldest; --i) {
    if (marks_[(i - 1) % kRecent] != mark) continue;
    kinds_[i - 1].outcome = outcome;
    return;
  }
}

Address ProbeSampler::target_of(const Kept& kept) const noexcept {
  Address target = target_;
  const std::size_t at = target.family == Family::ipv4 ? 0 : 12;
  for (std::size_t i = 0; i < 4; ++i) {
    target.bytes[at + i] = static_cast<std::uint8_t>(kept.host >> (24 - 8 * i));
  }
  return target;
}

void ProbeSampler::copy_to(ScanSample& sample) const noexcept {
  sample.count = count_;
  sample.shift = shift_;
  for (std::size_t i = 0; i < count_; ++i) {
    const Kept& kept = points_[i];
    const std::uint64_t time = std::uint64_t{kept.time_high} << kLowBits | kept.time;
    sample.points[i] = {.time = first_ + microseconds(time),
                        .target = kinds_[i].has_target ? target_of(kept) : Address{},
                        .port = kept.port,
                        .outcome = kinds_[i].outcome};
  }
}

}  // namespace scanlogd
