// A scan for tests of sinks and the pipeline, and a sink that remembers.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.h"
#include "core/classic_line.h"
#include "core/scan.h"
#include "sink/sink.h"

namespace scanlogd::test {

inline Scan some_scan(std::uint64_t id = 1) {
  Scan scan;
  scan.id = id;
  scan.event.source = parse_address("192.0.2.8").value();
  scan.event.target = parse_address("10.9.0.1").value();
  scan.event.source_port = static_cast<Port>(id);
  scan.event.flags_or = scan.event.flags_and = tcp_flag::syn;
  scan.event.ttl = 64;
  scan.event.port_count = 2;
  scan.event.ports[0] = 21;
  scan.event.ports[1] = 22;
  return scan;
}

/// The line of `some_scan(id)` with TZ=UTC.
inline std::string some_line(std::uint64_t id = 1) {
  return "192.0.2.8:" + std::to_string(id) +
         " to 10.9.0.1 ports 21, 22, ..., fSrpauxy, TOS 00, TTL 64 @00:00:00";
}

inline Result<std::unique_ptr<Sink>> open_sink(std::string_view name, const Section& options = {}) {
  const auto found = std::ranges::find(sink_table(), name, &SinkPlugin::name);
  if (found == sink_table().end()) return fail("no such sink");
  return (*found)->open(options);
}

/// Keeps every line and notice in vectors that outlive it.
class RecordingSink final : public Sink {
 public:
  struct Tape {
    std::vector<Scan> scans;
    std::vector<Stamp> stamps;
    std::vector<std::string> lines;
    std::vector<std::string> notices;
  };
  explicit RecordingSink(Tape& tape) : tape_(tape) {}

  [[nodiscard]] bool takes(const Scan& /*scan*/) const noexcept override { return true; }
  [[nodiscard]] Result<void> write(const Scan& scan, const Stamp& stamp) override {
    LineBuffer buffer;
    tape_.scans.push_back(scan);
    tape_.stamps.push_back(stamp);
    if (const auto line = format_classic_line(scan, buffer); !line.empty()) {
      tape_.lines.emplace_back(line);
    }
    return {};
  }
  [[nodiscard]] Result<void> write(const Notice& notice, const Stamp& /*stamp*/) override {
    tape_.notices.emplace_back(notice.view());
    return {};
  }
  void flush(Flush /*how*/) override {}
  [[nodiscard]] SinkStats stats() const noexcept override {
    const std::uint64_t all = tape_.scans.size() + tape_.notices.size();
    return {.written = all, .delivered = all};
  }

 private:
  Tape& tape_;
};

}  // namespace scanlogd::test
