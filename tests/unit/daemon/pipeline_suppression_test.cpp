// Whoever wants a scan to be overlooked can use up the lines of the limiter with forged scans, over
// and over: a real scanner each five seconds for ten minutes among them, from packets to the lines
// of the log. Recipe of the burst: six forged sources that ask for seven privileged ports each, and
// a little more than the 20 seconds of silence later the next one.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/pipeline.h"
#include "support/detector_bench.h"
#include "support/full_bench.h"
#include "support/scans.h"

namespace scanlogd::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr int kScanners = 121;  // at 0, 5 ... 600 s
constexpr auto kBetweenScanners = 5s;
constexpr int kBursts = 30;  // at 0, 20.5 ... 594.5 s
constexpr auto kBetweenBursts = 20'500ms;
constexpr int kForgedInBurst = 6;
constexpr Port kForgedPorts = 7;    // 1 to 7, the fewest that are a scan
constexpr Port kScannerPorts = 10;  // from 601 on
constexpr nanoseconds kStart = 1000h;

/// Each in a network of its own: what is said of networks does not help.
std::string scanner(int number) { return "20." + std::to_string(number) + ".1.7"; }
std::string forged(int number) {
  return "100." + std::to_string(number / 200) + "." + std::to_string(number % 200) + ".9";
}

/// What comes in ten minutes, and what we answer.
class Traffic {
 public:
  /// All forged packets at once, and again when the silence is over.
  void add_bursts() {
    for (int burst = 0; burst < kBursts; ++burst) {
      nanoseconds at = burst * kBetweenBursts;
      for (int i = 0; i < kForgedInBurst; ++i) {
        const std::string source = forged(forged_++);
        for (Port port = 1; port <= kForgedPorts; ++port) add_forged(source, port, at += 1ms);
      }
    }
  }
  /// 2.45 packets a second, one forged source after the other.
  void add_trickle() {
    constexpr nanoseconds kGap = 1'000'000'000ns * 100 / 245;
    for (nanoseconds at = 0s; at <= 600s;) {
      const std::string source = forged(forged_++);
      for (Port port = 1; port <= kForgedPorts; ++port) add_forged(source, port, at += kGap);
    }
  }
  /// Half of them connect to a service of ours first, which proves their address.
  void add_scanners() {
    for (int number = 0; number < kScanners; ++number) {
      const std::string source = scanner(number);
      nanoseconds at = number * kBetweenScanners + 100ms;
      if (number % 2 == 0) add_connection(source, at += 10ms);
      for (Port i = 0; i < kScannerPorts; ++i) {
        const Packet syn = system_syn(source, kHost, static_cast<Port>(601 + i));
        add(syn, at += 10ms);
        add(answer_to(syn, "RA"), at, true);
      }
    }
  }
  /// A client each second until the last of them has had time to be named.
  void add_quiet_end() {
    const nanoseconds last = (kScanners - 1) * kBetweenScanners;
    for (nanoseconds at = last; at <= last + Digest::kInterval + kBetweenScanners; at += 1s) {
      add_connection("203.0.113.7", at);
    }
  }

  [[nodiscard]] int forged_sources() const noexcept { return forged_; }

  /// Calls `take(packet)` in the order of time.
  template <class Take>
  void play(Take take) {
    std::ranges::stable_sort(packets_, {}, &Packet::time);
    for (const Packet& packet : packets_) take(packet);
  }

 private:
  /// What one of them sends is in no way like what another does, as with decoys of one scan.
  void add_forged(const std::string& source, Port port, nanoseconds at) {
    Packet syn = nmap_syn(source, kHost, port);
    syn.sequence = ++sequence_ * 2654435761U;
    syn.ip_id = static_cast<std::uint16_t>(syn.sequence >> 16);
    add(syn, at);
    add(answer_to(syn, "RA"), at, true);
  }
  void add_connection(const std::string& source, nanoseconds at) {
    const Packet syn = system_syn(source, kHost, 443);
    const Packet syn_ack = answer_to(syn, "SA");
    const Packet fin = answer_to(syn_ack, "FA");
    add(syn, at);
    add(syn_ack, at, true);
    add(fin, at + 1ms);
    add(answer_to(fin, "FA"), at + 1ms, true);
  }
  void add(Packet packet, nanoseconds at, bool is_outgoing = false) {
    packet.time = kStart + at;
    if (is_outgoing) packet.traits |= trait::outgoing;
    packets_.push_back(packet);
  }

  std::vector<Packet> packets_;
  std::uint32_t sequence_ = 0;
  int forged_ = 0;
};

/// One profile from packets to lines, in the time of the packets.
class Watch {
 public:
  explicit Watch(std::string_view profile) : is_full_(profile == "full") {
    std::vector<NamedDetector> detectors;
    detectors.push_back({profile, make_detector(profile).value(), is_full_});
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "tape", .sink = std::make_unique<RecordingSink>(tape_)});
    reporter_.emplace(std::move(sinks),
                      ReporterOptions{.style = is_full_ ? LogStyle::digest : LogStyle::classic});
    Analysis analysis(std::move(detectors), {});
    analysis.set_own(parse_networks(kHost).value());
    pipeline_.emplace(std::move(analysis), *reporter_);
  }

  /// Shows all of it; not the end, at which whatever is left is told.
  void see(Traffic& traffic) {
    traffic.play([&](const Packet& packet) {
      if (!is_full_ && (packet.traits & trait::outgoing) != 0) return;
      now_ = packet.time;
      batch_->size = 0;
      batch_->push(packet);
      pipeline_->process(*batch_);
      settle();
    });
  }

  [[nodiscard]] BookStats book() const { return reporter_->book(); }
  [[nodiscard]] bool is_on_record(const std::string& source) const {
    return on_record_.contains(source);
  }
  [[nodiscard]] bool is_proven(const std::string& source) const { return proven_.contains(source); }
  /// When this source was first named, by a line of its own or in a digest.
  [[nodiscard]] std::optional<nanoseconds> named(const std::string& source) const {
    const auto found = named_.find(source);
    if (found == named_.end()) return {};
    return found->second - kStart;
  }
  [[nodiscard]] bool has_line(const std::string& source) const { return lines_.contains(source); }

 private:
  void settle() {
    pipeline_->settle();
    for (const Scan& scan : std::exchange(tape_.scans, {})) {
      const std::string source = to_string(scan.event.source);
      on_record_.insert(source);
      if (scan.event.verdict == Verdict::proven) proven_.insert(source);
    }
    for (const std::string& line : std::exchange(tape_.lines, {})) {
      const std::string source = line.substr(0, line.find_first_of(": "));
      lines_.insert(source);
      named_.emplace(source, now_);
    }
    for (const std::string& notice : std::exchange(tape_.notices, {})) {
      if (!notice.starts_with("Held back: ")) continue;
      std::istringstream words(notice.substr(notice.find(" s:") + 3));
      for (std::string word; words >> word;) named_.emplace(word.substr(0, word.find('(')), now_);
    }
  }

  bool is_full_;
  RecordingSink::Tape tape_;
  std::optional<Reporter> reporter_;
  std::optional<Pipeline> pipeline_;
  std::unique_ptr<PacketBatch> batch_ = std::make_unique<PacketBatch>();
  nanoseconds now_{};
  std::set<std::string> on_record_;
  std::set<std::string> lines_;
  std::set<std::string> proven_;
  std::map<std::string, nanoseconds> named_;
};

struct Outcome {
  int found = 0;  ///< of the scanners
  int proven = 0;
  int with_line = 0;
  int named = 0;
  nanoseconds longest{};  ///< from a scan to its name
  int forged = 0;         ///< forged scans that were found
};

Outcome outcome(const Watch& watch, const Traffic& traffic) {
  Outcome outcome;
  for (int i = 0; i < traffic.forged_sources(); ++i) {
    if (watch.is_on_record(forged(i))) ++outcome.forged;
  }
  for (int i = 0; i < kScanners; ++i) {
    if (watch.is_on_record(scanner(i))) ++outcome.found;
    if (watch.is_proven(scanner(i))) ++outcome.proven;
    if (watch.has_line(scanner(i))) ++outcome.with_line;
    const auto at = watch.named(scanner(i));
    if (!at) continue;
    ++outcome.named;
    outcome.longest = std::max(outcome.longest, *at - i * kBetweenScanners);
  }
  return outcome;
}

void print(std::string_view what, const Outcome& outcome, const BookStats& book) {
  std::cout << what << ": " << outcome.named << " of " << kScanners << " named ("
            << outcome.with_line << " by lines of their own, the longest after "
            << std::chrono::round<std::chrono::seconds>(outcome.longest).count() << " s), "
            << outcome.found << " on record; " << outcome.forged << " forged scans; detected "
            << book.detected << " = lines " << book.lines << " + more_follow " << book.more_follow
            << " + held_back " << book.held_back << " + digested " << book.digested << " + pending "
            << book.pending << '\n';
}

class PipelineSuppression : public ::testing::TestWithParam<const char*> {
 protected:
  static Traffic traffic() {
    Traffic traffic;
    if (GetParam() == std::string_view("Bursts")) {
      traffic.add_bursts();
    } else {
      traffic.add_trickle();
    }
    traffic.add_scanners();
    traffic.add_quiet_end();
    return traffic;
  }
};

TEST_P(PipelineSuppression, NamesEveryRealScannerInTheProfileFull) {
  Traffic sent = traffic();
  Watch watch("full");
  watch.see(sent);
  const Outcome seen = outcome(watch, sent);
  const BookStats book = watch.book();
  print(GetParam(), seen, book);
  EXPECT_EQ(seen.forged, sent.forged_sources()) << "a burst that is not found: too easy";
  EXPECT_GT(book.digested, 0U) << "lines enough for all: too easy";
  EXPECT_EQ(seen.found, kScanners);
  EXPECT_EQ(seen.proven, (kScanners + 1) / 2);
  EXPECT_EQ(seen.named, kScanners);
  EXPECT_LE(seen.longest, Digest::kInterval + kBetweenScanners);
  EXPECT_EQ(book.detected, book.lines + book.digested + book.pending);
}

TEST_P(PipelineSuppression, LeavesThemOnRecordInTheProfileClassic) {
  Traffic sent = traffic();
  Watch watch("classic");
  watch.see(sent);
  const Outcome seen = outcome(watch, sent);
  const BookStats book = watch.book();
  print(GetParam(), seen, book);
  EXPECT_EQ(seen.forged, sent.forged_sources());
  EXPECT_LT(seen.named, kScanners) << "lines enough for all: too easy";
  EXPECT_EQ(seen.found, kScanners);
  EXPECT_EQ(book.detected, static_cast<std::uint64_t>(sent.forged_sources() + kScanners));
  EXPECT_EQ(book.detected, book.lines + book.more_follow + book.held_back);
}

INSTANTIATE_TEST_SUITE_P(Forged, PipelineSuppression, ::testing::Values("Bursts", "Trickle"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace scanlogd::test
