// The evaluation on labelled captures: every scan is to be found, with one begin, and every benign
// capture is to be silent. The list of captures.txt is an argument, folders to look for them
// follow. Prints `evaluation: captures: scans N/N, benign 0 alarms/N, probes median/p90`; exits
// with 1 where that is not so.
#include "support/captures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "core/address.h"
#include "core/scan_names.h"
#include "detect/full.h"

namespace scanlogd::evaluation {
namespace {

constexpr HashKey kKey{.a = 0x0123'4567'89ab'cdef, .b = 0xfedc'ba98'7654'3210};

/// One line of the list.
struct Label {
  std::string name;
  bool is_scan = false;
  std::vector<Address> scanners;
  std::string kind;  ///< of the event; empty: any
};

struct Result {
  std::size_t begins = 0;
  std::size_t wrong = 0;  ///< begins of others than the scanners
  std::size_t probes = 0;
  ScanEvent first;
};

std::vector<Label> read_labels(const std::string& path) {
  std::vector<Label> labels;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    Label label;
    std::string expected;
    if (!(words >> label.name >> expected)) continue;
    label.is_scan = expected == "scan";
    for (std::string word; words >> word;) {
      if (const auto address = parse_address(word)) {
        label.scanners.push_back(*address);
      } else {
        label.kind = word;
      }
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

// What was asked for, seen by the packets of the scanner or, where captures leave those out, by our
// resets.
class Probes {
 public:
  explicit Probes(const std::vector<Address>& scanners) : scanners_(scanners) {}

  void see(const Packet& packet) {
    const auto is_scanner = [this](const Address& address) {
      return std::ranges::find(scanners_, address) != scanners_.end();
    };
    constexpr std::uint8_t kNoProbe = tcp_flag::rst;
    const bool is_tcp = packet.protocol == IpProto::tcp;
    if (is_scanner(packet.source_address())) {
      if (is_tcp && (packet.flags & kNoProbe) != 0) return;
      asked_.emplace(packet.target, packet.protocol, port(packet, packet.target_port));
    } else if (is_tcp && (packet.flags & kNoProbe) != 0 && is_scanner(packet.target_address())) {
      asked_.emplace(packet.source, packet.protocol, packet.source_port);
    }
  }
  [[nodiscard]] std::size_t count() const { return asked_.size(); }

 private:
  static Port port(const Packet& packet, Port port) {
    const bool is_icmp = packet.protocol == IpProto::icmp || packet.protocol == IpProto::icmpv6;
    return is_icmp ? Port{0} : port;
  }

  const std::vector<Address>& scanners_;
  std::set<std::tuple<AddressBytes, IpProto, Port>> asked_;
};

bool names(const ScanEvent& event, const std::vector<Address>& scanners) {
  const auto is_named = [&](const Address& scanner) {
    const std::span group{event.group.data(), event.group_count};
    if (event.source == scanner || std::ranges::find(group, scanner) != group.end()) return true;
    const Network network{event.source, event.source_prefix};
    return event.source_prefix != 0 && network.contains(scanner);
  };
  return std::ranges::any_of(scanners, is_named);
}

scanlogd::Result<Result> evaluate(const std::string& path, const Label& label, bool has_answers) {
  auto capture = test::open_files({path}, {.other_protocols = true, .outgoing = true});
  if (!capture) return std::unexpected(capture.error());
  auto detector = make_full({}, kKey).value();
  const auto ours = parse_networks("10.77.200.0/24,fd77::2:0/112").value();
  detector->set_local(ours);
  Probes probes(label.scanners);
  Result result;
  const auto events = std::make_unique<EventList>();
  const auto take = [&] {
    for (const ScanEvent& event : events->view()) {
      if (event.phase != Phase::begin) continue;
      if (result.begins++ == 0) {
        result.first = event;
        result.probes = probes.count();
      }
      if (!names(event, label.scanners)) ++result.wrong;
    }
  };
  const auto batch = std::make_unique<PacketBatch>();
  for (Poll poll = Poll::more; poll != Poll::end_of_input;) {
    const auto polled = (*capture)->poll(*batch);
    if (!polled) return std::unexpected(polled.error());
    poll = *polled;
    for (const Packet& packet : batch->view()) {
      const bool is_ours = std::ranges::any_of(
          ours, [&](const Network& net) { return net.contains(packet.source_address()); });
      if (is_ours && !has_answers) continue;
      probes.see(packet);
      events->clear();
      detector->inspect({&packet, 1}, *events);
      take();
    }
  }
  events->clear();
  detector->advance(Detector::kEndOfTime, *events);
  take();
  return result;
}

std::string find(const std::string& name, const std::vector<std::string>& folders) {
  namespace fs = std::filesystem;
  for (const std::string& folder : folders) {
    for (const std::string& path : {folder + "/" + name + ".pcap", folder + "/" + name + ".pcap.gz",
                                    folder + "/" + name + "/input.pcap.gz"}) {
      if (fs::exists(path)) return path;
    }
  }
  return name;
}

int run(const std::string& list, const std::vector<std::string>& folders, bool is_wordy) {
  int failures = 0;
  std::size_t scans = 0;
  std::size_t found = 0;
  std::size_t benign = 0;
  std::size_t alarms = 0;
  std::vector<std::size_t> probes;
  std::size_t found_without_answers = 0;
  std::size_t alarms_without_answers = 0;
  for (const Label& label : read_labels(list)) {
    const std::string path = find(label.name, folders);
    const auto result = evaluate(path, label, true);
    const auto blind = evaluate(path, label, false);
    if (!result || !blind) {
      fmt::print("{}: {}\n", label.name, result.error().what);
      ++failures;
      continue;
    }
    const std::string kind(name_of(result->first.kind));
    if (is_wordy) {
      fmt::print("{:20} {:7} begins {} probes {} {} {} {} {} without answers {}\n", label.name,
                 label.is_scan ? "scan" : "benign", result->begins, result->probes, kind,
                 name_of(result->first.rule), name_of(result->first.technique),
                 name_of(result->first.tool), blind->begins);
    }
    if (!label.is_scan) {
      ++benign;
      alarms += result->begins;
      alarms_without_answers += blind->begins;
      if (result->begins == 0) continue;
      fmt::print("WRONG: {}: {} alarms\n", label.name, result->begins);
      ++failures;
      continue;
    }
    ++scans;
    if (blind->begins > 0) ++found_without_answers;
    const bool is_right =
        result->begins == 1 && result->wrong == 0 && (label.kind.empty() || label.kind == kind);
    if (result->begins > 0) {
      ++found;
      probes.push_back(result->probes);
    }
    if (is_right) continue;
    fmt::print("WRONG: {}: {} begins, {} of others, {}\n", label.name, result->begins,
               result->wrong, kind);
    ++failures;
  }
  std::ranges::sort(probes);
  fmt::print(
      "evaluation: captures: scans {}/{}, benign {} alarms/{}, probes {}/{}; without our answers: "
      "scans {}/{}, benign {} alarms\n",
      found, scans, alarms, benign, probes.empty() ? 0 : probes[probes.size() / 2],
      probes.empty() ? 0 : probes[probes.size() * 9 / 10], found_without_answers, scans,
      alarms_without_answers);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace scanlogd::evaluation

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool is_wordy = !arguments.empty() && arguments.front() == "--each";
  if (is_wordy) arguments.erase(arguments.begin());
  if (arguments.empty()) return EXIT_FAILURE;
  const std::string list = arguments.front();
  arguments.erase(arguments.begin());
  return scanlogd::evaluation::run(list, arguments, is_wordy);
}
