// See metrics.h.
#include "exporter/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace scanlogd::exporter {
namespace {

/// Most frequent techniques that are told of; there are not many more.
constexpr std::size_t kMaxTechniques = 32;

constexpr std::string_view kCounter = "counter";
constexpr std::string_view kGauge = "gauge";

/// As the format wants label values.
std::string escape(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text;
}

class Page {
 public:
  /// Begins a family of metrics.
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void add(std::uint64_t value) { text_ += fmt::format("{} {}\n", name_, value); }
  void add(double value) { text_ += fmt::format("{} {}\n", name_, value); }
  void add(std::string_view label, std::string_view is, std::uint64_t value) {
    text_ += fmt::format("{}{{{}=\"{}\"}} {}\n", name_, label, escape(is), value);
  }
  void add_raw(std::string_view labels, std::uint64_t value) {
    text_ += fmt::format("{}{{{}}} {}\n", name_, labels, value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string_view name_;
  std::string text_;
};

/// A number of the daemon's answer as it goes to Prometheus.
struct Number {
  std::string_view answer;  ///< its name there
  std::string_view name;
  std::string_view type;
  std::string_view help;
};

constexpr Number kNumbers[] = {
    {"uptime", "scanlogd_uptime_seconds", kGauge, "Time since the daemon started."},
    {"packets.seen", "scanlogd_packets_seen_total", kCounter,
     "Packets that the kernel counted; seen = processed + dropped + waiting."},
    {"packets.processed", "scanlogd_packets_processed_total", kCounter,
     "Packets that reached the daemon, or that its programs in the kernel left out."},
    {"packets.dropped", "scanlogd_packets_dropped_total", kCounter,
     "Packets that the kernel lost: scans may have been missed."},
    {"packets.waiting", "scanlogd_packets_waiting", kGauge, "Packets that the kernel still holds."},
    {"packets.inspected", "scanlogd_packets_inspected_total", kCounter,
     "Packets shown to detectors."},
    {"scans.detected", "scanlogd_scans_detected_total", kCounter,
     "Scans found since the daemon started; the sum of the following."},
    {"scans.delivered", "scanlogd_scans_delivered_total", kCounter,
     "Scans whose line every sink has delivered."},
    {"scans.spooled", "scanlogd_scans_spooled", kGauge, "Scans whose line waits."},
    {"scans.digested", "scanlogd_scans_digested_total", kCounter,
     "Scans that a digest line told of."},
    {"scans.held_back", "scanlogd_scans_held_back_total", kCounter,
     "Scans that the limiter kept out of the log; they are on record."},
    {"scans.lost", "scanlogd_scans_lost_total", kCounter,
     "Scans whose line was lost for some sink."},
    {"scans.unsent", "scanlogd_scans_unsent_total", kCounter,
     "Scans lost between an engine and the recorder."},
    {"store.waiting", "scanlogd_store_messages_waiting", kGauge,
     "Messages that wait to be written into the store."},
    {"store.lost", "scanlogd_store_messages_lost_total", kCounter,
     "Messages that could not be written into the store."},
    {"engines", "scanlogd_engines", kGauge, "Processes that share the packets."},
};

std::uint64_t number_in(std::string_view words, std::string_view name) {
  const std::size_t at = words.find(name);
  std::uint64_t value = 0;
  if (at == std::string_view::npos) return value;
  const std::string_view rest = words.substr(at + name.size());
  (void)std::from_chars(rest.data(), rest.data() + rest.size(), value);  // else it stays 0
  return value;
}

struct SinkSample {
  std::string name;
  std::uint64_t taken = 0, delivered = 0, waiting = 0, lost = 0;
};

/// `NAME sequence=N taken=N delivered=N waiting=N lost=N`
SinkSample parse_sink(std::string_view words) {
  return {.name = std::string(words.substr(0, words.find(' '))),
          .taken = number_in(words, " taken="),
          .delivered = number_in(words, " delivered="),
          .waiting = number_in(words, " waiting="),
          .lost = number_in(words, " lost=")};
}

std::vector<SinkSample> sinks_of(const Result<ControlAnswer>& daemon,
                                 const Result<StoreSample>& store) {
  std::vector<SinkSample> sinks;
  if (daemon) {
    for (const std::string_view words : daemon->find_all("sink")) {
      sinks.push_back(parse_sink(words));
    }
  } else if (store) {
    for (const Cursor& cursor : store->cursors) {
      sinks.push_back({.name = cursor.sink,
                       .taken = cursor.taken,
                       .delivered = cursor.delivered,
                       .waiting = cursor.taken - cursor.delivered - cursor.lost,
                       .lost = cursor.lost});
    }
  }
  return sinks;
}

void add_sinks(Page& page, const std::vector<SinkSample>& sinks) {
  struct Family {
    std::string_view name, type, help;
    std::uint64_t SinkSample::*value;
  };
  constexpr Family kFamilies[] = {{"scanlogd_sink_messages_taken_total", kCounter,
                                   "Messages that were for this sink.", &SinkSample::taken},
                                  {"scanlogd_sink_messages_delivered_total", kCounter,
                                   "Messages that it has delivered.", &SinkSample::delivered},
                                  {"scanlogd_sink_messages_waiting", kGauge,
                                   "Messages that wait for it.", &SinkSample::waiting},
                                  {"scanlogd_sink_messages_lost_total", kCounter,
                                   "Messages that were lost for it.", &SinkSample::lost}};
  if (sinks.empty()) return;
  for (const Family& family : kFamilies) {
    page.begin(family.name, family.type, family.help);
    for (const SinkSample& sink : sinks) page.add("sink", sink.name, sink.*family.value);
  }
}

/// `NAME OUTCOME=N OUTCOME=N ...`, of each detector.
void add_detectors(Page& page, const std::vector<std::string_view>& detectors) {
  if (detectors.empty()) return;
  page.begin("scanlogd_detector_packets_total", kCounter,
             "What became of the packets that detectors were shown.");
  for (std::string_view words : detectors) {
    const auto take = [&] {
      const std::string_view word = words.substr(0, words.find(' '));
      words.remove_prefix(std::min(word.size() + 1, words.size()));
      return word;
    };
    const std::string_view detector = take();
    while (!words.empty()) {
      const std::string_view word = take();
      const std::string_view outcome = word.substr(0, word.find('='));
      page.add_raw(fmt::format(R"(detector="{}",outcome="{}")", escape(detector), escape(outcome)),
                   number_in(word, "="));
    }
  }
}

void add_daemon(Page& page, const ControlAnswer& daemon) {
  const auto text = [&](std::string_view name) {
    return escape(daemon.find(name).value_or("unknown"));
  };
  page.begin("scanlogd_build_info", kGauge, "Version, detector and back end of the daemon.");
  page.add_raw(fmt::format(R"(version="{}",profile="{}",capture="{}",sandbox="{}")",
                           text("version"), text("profile"), text("capture"), text("sandbox")),
               1);
  for (const Number& number : kNumbers) {
    if (!daemon.find(number.answer)) continue;
    page.begin(number.name, number.type, number.help);
    page.add(daemon.number(number.answer));
  }
  add_detectors(page, daemon.find_all("detector"));
  const std::uint64_t open = daemon.find_all("blind").size();
  page.begin("scanlogd_blind", kGauge, "Blind intervals that go on: somebody may be scanning.");
  page.add(open);
  page.begin("scanlogd_blind_intervals_total", kCounter, "Blind intervals since the start.");
  page.add(daemon.number("blind.before") + open);
}

double seconds_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

void add_store(Page& page, const StoreSample& store) {
  page.begin("scanlogd_scans_recorded_total", kCounter,
             "Scans ever found, restarts of the daemon included.");
  page.add(store.last_id);
  page.begin("scanlogd_egress_scans_recorded_total", kCounter,
             "Of these, scans of others by this machine.");
  page.add(store.egress);
  page.begin("scanlogd_messages_total", kCounter, "Messages ever given to sinks.");
  page.add(store.summary.last_sequence);
  page.begin("scanlogd_store_scans", kGauge, "Scans on record.");
  page.add(store.summary.scans);
  page.begin("scanlogd_scans_going_on", kGauge, "Scans on record that have not ended.");
  page.add(store.summary.going_on);
  page.begin("scanlogd_store_size_bytes", kGauge, "Size of the store, without its log.");
  page.add(store.summary.bytes);
  if (store.summary.scans != 0) {
    page.begin("scanlogd_last_scan_timestamp_seconds", kGauge, "When the latest scan was found.");
    page.add(seconds_of(store.summary.newest));
  }
  page.begin("scanlogd_scans_last_hour", kGauge,
             "Scans found within the last hour, by how they probe.");
  for (const TopEntry& entry : store.techniques) {
    page.add("technique", entry.name, entry.scans);
  }
}

}  // namespace

Result<StoreSample> sample_store(const std::string& path,
                                 std::chrono::system_clock::time_point now) {
  const auto store = StoreReader::open(path);
  if (!store) return std::unexpected(store.error());
  StoreSample sample;
  const auto read = [](auto&& value, auto& into) -> Result<void> {
    if (!value) return std::unexpected(value.error());
    into = std::move(*value);
    return {};
  };
  std::optional<std::int64_t> last_id;
  std::optional<std::int64_t> egress;
  for (const Result<void>& done :
       {read(store->summary(), sample.summary), read(store->cursors(), sample.cursors),
        read(store->state("last_id"), last_id), read(store->state("egress"), egress),
        read(store->top(TopBy::technique, now - std::chrono::hours(1), kMaxTechniques),
             sample.techniques)}) {
    if (!done) return std::unexpected(done.error());
  }
  if (last_id && *last_id > 0) sample.last_id = static_cast<std::uint64_t>(*last_id);
  if (egress && *egress > 0) sample.egress = static_cast<std::uint64_t>(*egress);
  return sample;
}

std::string format_metrics(const Result<ControlAnswer>& daemon, const Result<StoreSample>& store) {
  Page page;
  page.begin("scanlogd_up", kGauge, "Does the daemon answer at its control socket?");
  page.add(std::uint64_t{daemon ? 1U : 0U});
  page.begin("scanlogd_store_up", kGauge, "Can the store be read?");
  page.add(std::uint64_t{store ? 1U : 0U});
  if (daemon) add_daemon(page, *daemon);
  if (store) add_store(page, *store);
  add_sinks(page, sinks_of(daemon, store));
  return page.take();
}

}  // namespace scanlogd::exporter
