// See reporter.h.
#include "daemon/reporter.h"

#include <algorithm>
#include <utility>

namespace scanlogd {

Reporter::Reporter(std::vector<std::unique_ptr<Sink>> sinks) noexcept : sinks_(std::move(sinks)) {}

void Reporter::report(const ScanEvent& event, std::chrono::nanoseconds wall_minus_monotonic) {
  if (event.phase != Phase::begin) return;
  const Scan scan = book_.enter(event, wall_minus_monotonic);
  for (const auto& sink : sinks_) note_failure(sink->write(scan));
}

void Reporter::report(const ScanPorts& /*ports*/,
                      std::chrono::nanoseconds /*wall_minus_monotonic*/) {}

void Reporter::notify(Severity severity, std::string_view text) {
  const Notice notice = make_notice(severity, std::chrono::system_clock::now(), text);
  for (const auto& sink : sinks_) note_failure(sink->write(notice));
}

void Reporter::flush(Flush how) noexcept {
  for (const auto& sink : sinks_) sink->flush(how);
}

bool Reporter::waiting() const noexcept {
  return std::ranges::any_of(sinks_, [](const auto& sink) { return sink->stats().waiting > 0; });
}

void Reporter::note_failure(const Result<void>& result) {
  if (!result && failure_.empty()) failure_ = result.error().what;
}

Result<void> Reporter::failure() const {
  if (failure_.empty()) return {};
  return fail(failure_);
}

std::vector<int> Reporter::directories() const {
  std::vector<int> directories;
  for (const auto& sink : sinks_) {
    if (const int directory = sink->directory(); directory >= 0) directories.push_back(directory);
  }
  return directories;
}

SinkStats Reporter::sinks() const noexcept {
  SinkStats sum;
  for (const auto& sink : sinks_) {
    const SinkStats one = sink->stats();
    sum.written += one.written;
    sum.delivered += one.delivered;
    sum.waiting += one.waiting;
    sum.lost += one.lost;
  }
  return sum;
}

}  // namespace scanlogd
