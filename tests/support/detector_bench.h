// A detector by its plug-in name, fed packet by packet.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/packet.h"
#include "core/scan_event.h"
#include "detect/detector.h"

namespace scanlogd::test {

inline Result<std::unique_ptr<Detector>> make_detector(std::string_view name,
                                                       const Section& options = {}) {
  const auto found = std::ranges::find(detector_table(), name, &DetectorPlugin::name);
  if (found == detector_table().end()) return fail("no such detector");
  return (*found)->make(options);
}

/// Feeds packets one at a time and hands out what they caused.
class DetectorBench {
 public:
  explicit DetectorBench(std::string_view name, const Section& options = {}) {
    auto made = make_detector(name, options);
    EXPECT_TRUE(made) << made.error().what;
    if (made) detector_ = std::move(*made);
  }

  std::optional<ScanEvent> see(const Packet& packet) {
    events_->clear();
    detector_->inspect({&packet, 1}, *events_);
    EXPECT_LE(events_->view().size(), 1U);
    if (events_->view().empty()) return {};
    return events_->view().front();
  }

  std::uint64_t counter(std::string_view name) const {
    const auto found = std::ranges::find(detector_->stats().counters, name, &Counter::name);
    EXPECT_NE(found, detector_->stats().counters.end()) << name;
    return found == detector_->stats().counters.end() ? 0 : found->value;
  }

  std::uint64_t counted() const {
    std::uint64_t sum = 0;
    for (const Counter& counter : detector_->stats().counters) sum += counter.value;
    return sum;
  }

  Detector& detector() { return *detector_; }

 private:
  std::unique_ptr<Detector> detector_;
  std::unique_ptr<EventList> events_ = std::make_unique<EventList>();
};

}  // namespace scanlogd::test
