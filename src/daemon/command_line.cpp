// See command_line.h. CLI11 does the parsing; values that belong to a plug-in are passed on as
// text, so that the plug-in itself judges them.
#include "daemon/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace scanlogd {
namespace {

constexpr std::chrono::seconds kLeastAccounts{1};

/// What `--state` calls no directory.
constexpr std::string_view kNoState = "none";

/// A value on its way to a plug-in's section.
struct Passed {
  std::string flag;
  std::string key;
  std::string value;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  if (text.empty() || text.ends_with(',')) parts.emplace_back();
  return parts;
}

/// `21,3s,3,1`: threshold, delay, weight of ports below 1024, weight of the others; any prefix of
/// it.
Result<void> expand_threshold(const std::string& value, Section& section) {
  constexpr std::array<std::string_view, 4> kKeys = {"threshold", "delay", "low_weight",
                                                     "high_weight"};
  const std::vector<std::string> parts = split(value);
  if (parts.size() > kKeys.size()) {
    return fail("--threshold: '" + value + "' must be N[,DELAY[,LOW[,HIGH]]]");
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (section.has(kKeys[i])) {
      return fail("--threshold: " + std::string(kKeys[i]) + " is given twice");
    }
    section.set(kKeys[i], parts[i], "--threshold");
  }
  return {};
}

Result<std::size_t> parse_engines(const std::string& value) {
  constexpr std::uint64_t kMost = 64;
  if (value == "auto") {
    // What this process may use, not what there is.
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMost);
  }
  Section section;
  section.set("engines", value, "--engines");
  const auto number = section.number("engines", 1, 1, kMost);
  if (!number) return std::unexpected(number.error());
  return static_cast<std::size_t>(*number);
}

/// The size goes on in bytes, so that a detector need not know the units.
Result<void> pass_memory(const std::string& value, Section& section) {
  const auto bytes = parse_size(value);
  if (!bytes) return fail("--memory: '" + value + "' is not a size such as 16M, 512k, 1G or small");
  section.set("memory", std::to_string(*bytes), "--memory");
  return {};
}

/// What contradicts itself or makes no sense together.
Result<void> check_combination(const Options& options, bool capture_given, bool promiscuous) {
  if (options.live()) return {};
  if (options.foreground) return fail("--foreground: has no meaning with --read");
  if (capture_given) return fail("--capture: has no meaning with --read");
  if (promiscuous) return fail("--promiscuous: has no meaning with --read");
  if (!options.interfaces.empty()) return fail("--interface: has no meaning with --read");
  return {};
}

}  // namespace

Result<Options> parse_command_line(int argc, const char* const* argv) {
  Options options;
  options.user = SCANLOGD_USER;
  options.chroot = SCANLOGD_CHROOT;
  options.state = SCANLOGD_STATE;

  CLI::App app{
      "Detects port scans and writes one line per scan to the system log.\n"
      "Without arguments it does so as a daemon; see scanlogd(8).",
      "scanlogd"};
  bool list = false;
  bool check = false;
  bool version = false;
  bool promiscuous = false;
  bool unconfined = false;
  std::string local;
  std::string accounts;
  std::string engines;
  std::string memory;
  std::string threshold;
  std::string sinks;
  std::array passed = {Passed{"--delay", "delay", {}}, Passed{"--low-weight", "low_weight", {}},
                       Passed{"--high-weight", "high_weight", {}},
                       Passed{"--sources", "sources", {}}};

  app.add_flag("-f,--foreground", options.foreground,
               "Stay in the foreground; lines go to standard output");
  app.add_option("-i,--interface", options.interfaces,
                 "Watch only this interface (repeatable; default: every one)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  const auto* capture =
      app.add_option("-c,--capture", options.capture,
                     "How to see packets: a back end of --list, or the best that works")
          ->type_name("NAME")
          ->capture_default_str();
  app.add_option(
         "-r,--read", options.read,
         "Read pcap or pcapng files, or all of a directory (- for standard input), print the "
         "scans and exit")
      ->type_name("FILE");
  app.add_flag("-p,--promiscuous", promiscuous,
               "See what is not addressed to this machine, too (bpf, ring, pcap)");
  app.add_flag("--outgoing", options.outgoing,
               "Judge what this machine sends, too (bpf, ring; pcap always does)");
  const auto* engines_option =
      app.add_option("--engines", engines,
                     "Processes that share the packets, by source address (bpf, ring), or auto: "
                     "one for each processor (1)")
          ->type_name("N");
  const auto* accounts_option =
      app.add_option("--accounts", accounts, "Write the accounts this often, not only at the end")
          ->type_name("TIME");
  const auto* local_option =
      app.add_option("--local", local, "Only packets to these networks count")
          ->type_name("NET,...");
  app.add_option("--profile", options.profile, "What counts as a scan: a detector of --list")
      ->type_name("NAME")
      ->capture_default_str();
  const auto* threshold_option =
      app.add_option("--threshold", threshold, "Points that make a scan (21,3s,3,1)")
          ->type_name("N[,DELAY[,LOW[,HIGH]]]");
  std::array<const CLI::Option*, passed.size()> passed_options = {
      app.add_option(passed[0].flag, passed[0].value,
                     "Longest pause between two new ports of a scan (3s)")
          ->type_name("TIME"),
      app.add_option(passed[1].flag, passed[1].value, "Points of a port below 1024 (3)")
          ->type_name("N"),
      app.add_option(passed[2].flag, passed[2].value, "Points of any other port (1)")
          ->type_name("N"),
      app.add_option(passed[3].flag, passed[3].value,
                     "Sources remembered at once, instead of --memory")
          ->type_name("N")};
  const auto* memory_option =
      app.add_option("--memory", memory, "Bytes for the tables of sources, such as 16M, or small")
          ->type_name("SIZE");
  const auto* sinks_option =
      app.add_option("--log", sinks,
                     "Where lines go: sinks of --list (syslog; stdout in the foreground and with "
                     "--read)")
          ->type_name("SINK,...");
  const auto* user = app.add_option("--user", options.user, "Account to run as")
                         ->type_name("NAME")
                         ->capture_default_str();
  const auto* chroot =
      app.add_option("--chroot", options.chroot, "Empty directory to lock itself into")
          ->type_name("DIR")
          ->capture_default_str();
  const auto* state =
      app.add_option("--state", options.state,
                     "Directory for what must outlive the process, or none (with --read: none)")
          ->type_name("DIR")
          ->capture_default_str();
  app.add_flag("--single", options.single, "Do all in one process");
  app.add_flag("--no-sandbox", unconfined, "Without Landlock and seccomp; only to look for faults");
  app.add_flag("--list", list, "List back ends, profiles and sinks, and exit");
  app.add_flag("--check", check, "Do what a start does up to the first packet, and exit");
  app.add_flag("--version", version, "Print the version and exit");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    options.action = Action::print;
    options.text = app.help();
    return options;
  } catch (const CLI::ParseError& error) {
    return fail(std::string(error.what()) + "; try scanlogd --help");
  }

  if (version) {
    options.action = Action::print;
    options.text = "scanlogd " SCANLOGD_VERSION "\n";
    return options;
  }
  if (list) options.action = Action::list;
  if (check) options.action = Action::check;
  options.user_given = user->count() > 0;
  options.chroot_given = chroot->count() > 0;
  options.sandbox = !unconfined;
  if (options.state.empty()) return fail("--state: must be a directory or none");
  if (options.state == kNoState || (!options.live() && state->count() == 0)) options.state.clear();
  if (auto sound = check_combination(options, capture->count() > 0, promiscuous); !sound) {
    return std::unexpected(sound.error());
  }
  if (promiscuous) options.capture_options.set("promiscuous", "true", "--promiscuous");
  if (engines_option->count() > 0) {
    const auto number = parse_engines(engines);
    if (!number) return std::unexpected(number.error());
    options.engines = *number;
    if (!options.live()) return fail("--engines: has no meaning with --read");
    if (options.single && options.engines > 1) {
      return fail("--single: has no meaning with several engines");
    }
  }
  if (accounts_option->count() > 0) {
    const auto interval = parse_duration(accounts);
    if (!interval || *interval < kLeastAccounts) {
      return fail("--accounts: '" + accounts + "' must be a time of at least 1s");
    }
    options.accounts = *interval;
  }
  if (local_option->count() > 0) {
    auto networks = parse_networks(local);
    if (!networks) return fail("--local: " + networks.error().what);
    options.local = std::move(*networks);
  }
  for (std::size_t i = 0; i < passed.size(); ++i) {
    if (passed_options[i]->count() == 0) continue;
    options.detector_options.set(passed[i].key, passed[i].value, passed[i].flag);
  }
  if (threshold_option->count() > 0) {
    if (auto expanded = expand_threshold(threshold, options.detector_options); !expanded) {
      return std::unexpected(expanded.error());
    }
  }
  if (memory_option->count() > 0) {
    if (auto passed_on = pass_memory(memory, options.detector_options); !passed_on) {
      return std::unexpected(passed_on.error());
    }
  }
  if (sinks_option->count() > 0) {
    options.sinks = split(sinks);
  } else {
    options.sinks = {options.daemonises() ? "syslog" : "stdout"};
  }
  return options;
}

}  // namespace scanlogd
