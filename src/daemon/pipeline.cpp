// See pipeline.h.
#include "daemon/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace scanlogd {

Pipeline::Pipeline(std::vector<NamedDetector> detectors, std::vector<std::unique_ptr<Sink>> sinks,
                   std::vector<Network> local)
    : detectors_(std::move(detectors)),
      sinks_(std::move(sinks)),
      local_(std::move(local)),
      events_(std::make_unique<EventList>()) {}

void Pipeline::process(PacketBatch& batch) {
  if (!local_.empty()) keep_local_targets(batch);
  inspected_ += batch.size;
  for (const NamedDetector& each : detectors_) {
    events_->clear();
    each.detector->inspect(batch.view(), *events_);
    for (const ScanEvent& event : events_->view()) {
      write(book_.enter(event, batch.wall_minus_monotonic));
    }
  }
}

void Pipeline::keep_local_targets(PacketBatch& batch) noexcept {
  const auto foreign = [this](const Packet& packet) {
    return std::ranges::none_of(local_, [target = packet.target_address()](const Network& network) {
      return network.contains(target);
    });
  };
  Packet* const first = batch.packets.data();
  auto* const kept = std::remove_if(first, first + batch.size, foreign);
  const auto size = static_cast<std::size_t>(kept - first);
  not_local_ += batch.size - size;
  batch.size = size;
}

void Pipeline::write(const Scan& scan) {
  for (const auto& sink : sinks_) note_failure(sink->write(scan));
}

void Pipeline::notify(Severity severity, std::string_view text) {
  const Notice notice = make_notice(severity, std::chrono::system_clock::now(), text);
  for (const auto& sink : sinks_) note_failure(sink->write(notice));
}

void Pipeline::flush(Flush how) noexcept {
  for (const auto& sink : sinks_) sink->flush(how);
}

bool Pipeline::waiting() const noexcept {
  return std::ranges::any_of(sinks_, [](const auto& sink) { return sink->stats().waiting > 0; });
}

void Pipeline::note_failure(const Result<void>& result) {
  if (!result && failure_.empty()) failure_ = result.error().what;
}

Result<void> Pipeline::failure() const {
  if (failure_.empty()) return {};
  return fail(failure_);
}

std::string Pipeline::accounts(const Captures& captures) const {
  CaptureStats sum;
  for (const auto& capture : captures) {
    const CaptureStats one = capture->stats();
    sum.seen += one.seen;
    sum.received += one.received;
    sum.dropped += one.dropped;
    sum.not_ip += one.not_ip;
    sum.truncated += one.truncated;
    sum.bad_header += one.bad_header;
    sum.filtered += one.filtered;
    sum.other_host += one.other_host;
    sum.bad_checksum += one.bad_checksum;
    sum.fragments += one.fragments;
  }
  // What the kernel has counted and we have not fetched yet; nothing at the end.
  std::string waiting;
  if (const std::uint64_t fetched = sum.received + sum.dropped; sum.seen > fetched) {
    waiting = fmt::format(" + waiting {}", sum.seen - fetched);
  }
  std::string text = fmt::format(
      "seen {} = processed {} + dropped {}{}; processed = inspected {} + not_local {} + filtered "
      "{} "
      "+ other_host {} + fragments {} + not_ip {} + truncated {} + bad_header {} + bad_checksum {}",
      sum.seen, sum.received, sum.dropped, waiting, inspected_, not_local_, sum.filtered,
      sum.other_host, sum.fragments, sum.not_ip, sum.truncated, sum.bad_header, sum.bad_checksum);
  for (const NamedDetector& each : detectors_) {
    fmt::format_to(std::back_inserter(text), "; {}:", each.name);
    std::string_view separator = " ";
    for (const Counter& counter : each.detector->counters()) {
      fmt::format_to(std::back_inserter(text), "{}{} {}", separator, counter.name, counter.value);
      separator = " + ";
    }
  }
  const BookStats& book = book_.stats();
  fmt::format_to(std::back_inserter(text),
                 "; detected {} = lines {} + more_follow {} + held_back {}", book.detected,
                 book.lines, book.more_follow, book.held_back);
  SinkStats sinks;
  for (const auto& sink : sinks_) {
    const SinkStats one = sink->stats();
    sinks.written += one.written;
    sinks.delivered += one.delivered;
    sinks.waiting += one.waiting;
    sinks.lost += one.lost;
  }
  fmt::format_to(std::back_inserter(text), "; messages {} = delivered {} + waiting {} + lost {}",
                 sinks.written, sinks.delivered, sinks.waiting, sinks.lost);
  return text;
}

std::size_t Pipeline::memory() const noexcept {
  std::size_t bytes = 0;
  for (const NamedDetector& each : detectors_) bytes += each.detector->memory();
  return bytes;
}

}  // namespace scanlogd
