// See command_line.h. CLI11 does the parsing; values that belong to a plug-in are passed on as
// text, so that the plug-in itself judges them.
#include "daemon/command_line.h"

#include <CLI/CLI.hpp>
#include <array>
#include <string>
#include <string_view>

#include "core/age.h"
#include "daemon/settings.h"

namespace scanlogd {
namespace {

/// An option of the command line, and how often it was given.
template <class Value>
struct Given {
  Value value{};
  const CLI::Option* option = nullptr;

  [[nodiscard]] bool is_given() const { return option->count() > 0; }
};

/// A value on its way to the section of a detector.
struct Passed {
  std::string flag;
  std::string key;
  std::string type;
  std::string description;
  Given<std::string> given{};
};

/// Keeps of a configuration file what concerns a run over capture files, too: how to judge.
void forget_live(Options& options, const Options& defaults) {
  options.capture = defaults.capture;
  options.interfaces.clear();
  options.capture_options = {};
  options.outgoing = defaults.outgoing;
  options.engines = defaults.engines;
  options.accounts = defaults.accounts;
  options.state.clear();
  options.control.clear();
  options.sinks.clear();
}

/// The options of one call, as text.
class CommandLine {
 public:
  explicit CommandLine(Options base) : options_(std::move(base)) { declare(); }

  [[nodiscard]] Result<Options> parse(int argc, const char* const* argv);

 private:
  void declare();
  void declare_watching();
  void declare_judging();
  void declare_running();
  void declare_calls();
  [[nodiscard]] Result<void> check_reading() const;
  [[nodiscard]] Result<void> apply();
  [[nodiscard]] Result<void> apply_explain();
  [[nodiscard]] Result<void> apply_capture();
  [[nodiscard]] Result<void> apply_detector();
  [[nodiscard]] Result<void> apply_process();
  [[nodiscard]] Result<void> apply_what_if();
  void apply_sinks();

  void add(Given<bool>& given, const std::string& name, const std::string& description) {
    given.option = app_.add_flag(name, given.value, description);
  }
  void add(Given<std::string>& given, const std::string& name, const std::string& type,
           const std::string& description, const std::string& fallback = {}) {
    given.value = fallback;
    CLI::Option* const option = app_.add_option(name, given.value, description)->type_name(type);
    if (!fallback.empty()) option->capture_default_str();
    given.option = option;
  }

  Options options_;
  CLI::App app_{
      "Detects port scans and writes one line per scan to the system log.\n"
      "Without arguments it does so as a daemon; see scanlogd(8).",
      "scanlogd"};

  Given<bool> foreground_, supervised_;
  Given<std::vector<std::string>> interfaces_, read_, what_if_;
  Given<std::string> explain_, since_;
  Given<std::string> capture_;
  Given<bool> promiscuous_, outgoing_, egress_;
  Given<std::string> engines_, accounts_, local_, profile_, threshold_, memory_, sinks_, output_;
  std::array<Passed, 11> passed_ = {
      Passed{"--delay", "delay", "TIME", "Longest pause between two new ports of a scan (3s)"},
      Passed{"--low-weight", "low_weight", "N", "Points of a port below 1024 (3)"},
      Passed{"--high-weight", "high_weight", "N", "Points of any other port (1)"},
      Passed{"--sources", "sources", "N", "Sources remembered at once, instead of --memory"},
      Passed{"--ignore-sources", "ignore_sources", "NET,...",
             "Nothing that comes from these networks is judged (full)"},
      Passed{"--ignore-targets", "ignore_targets", "NET,...",
             "Nothing that goes to these networks is judged (full)"},
      Passed{"--ignore-ports", "ignore_ports", "PORT,...",
             "Nothing that goes to these is judged, such as 53/udp, 8000-8100, icmp (full)"},
      Passed{"--watch-targets", "watch_targets", "NET,...",
             "Only what goes to these networks is judged (full)"},
      Passed{"--watch-ports", "watch_ports", "PORT,...",
             "Only what goes to these is judged (full)"},
      Passed{"--egress-ignore-targets", "egress_ignore_targets", "NET,...",
             "With --egress: whom this machine may scan (full)"},
      Passed{"--egress-ignore-ports", "egress_ignore_ports", "PORT,...",
             "With --egress: the ports it may scan for (full)"}};
  Given<std::string> user_, chroot_, state_, control_, config_;
  Given<bool> single_, unconfined_, no_config_, list_, check_, version_;
};

void CommandLine::declare() {
  declare_watching();
  declare_judging();
  declare_running();
  declare_calls();
}

void CommandLine::declare_watching() {
  add(foreground_, "-f,--foreground", "Stay in the foreground; lines go to standard output");
  add(supervised_, "--supervised",
      "Stay in the foreground for a service manager; lines go where a daemon's go");
  interfaces_.option = app_.add_option("-i,--interface", interfaces_.value,
                                       "Watch only this interface (repeatable; default: every one)")
                           ->type_name("NAME")
                           ->allow_extra_args(false);
  add(capture_, "-c,--capture", "NAME",
      "How to see packets: a back end of --list, or the best that works", options_.capture);
  read_.option = app_.add_option("-r,--read", read_.value,
                                 "Read pcap or pcapng files, or all of a directory (- for "
                                 "standard input), print the scans and exit")
                     ->type_name("FILE");
  add(explain_, "--explain", "ADDRESS",
      "With --read: print what this source did, contact by contact, and why there is an alarm or "
      "none");
  what_if_.option =
      app_.add_option(
              "--what-if", what_if_.value,
              "Which scans more or fewer there would be with other settings, such as "
              "sensitivity=low or threshold=30: in the files of --read, else among those on "
              "record (repeatable)")
          ->type_name("KEY=VALUE,...")
          ->allow_extra_args(false);
  add(since_, "--since", "TIME",
      "With --what-if: of those on record only what was found at most so long ago: 12h, 1d, 2w");
  add(promiscuous_, "-p,--promiscuous",
      "See what is not addressed to this machine, too (bpf, ring, pcap)");
  add(outgoing_, "--outgoing", "Judge what this machine sends, too (bpf, ring; pcap always does)");
  add(engines_, "--engines", "N",
      "Processes that share the packets, by source address (bpf, ring), or auto: one for each "
      "processor (1)");
}

void CommandLine::declare_judging() {
  add(local_, "--local", "NET,...", "Only packets to these networks count");
  add(profile_, "--profile", "NAME", "What counts as a scan: a detector of --list",
      options_.profile);
  add(threshold_, "--threshold", "N[,DELAY[,LOW[,HIGH]]]", "Points that make a scan (21,3s,3,1)");
  add(egress_, "--egress", "Tell of scans of others by this machine, too (full)");
  for (Passed& each : passed_) add(each.given, each.flag, each.type, each.description);
  add(memory_, "--memory", "SIZE", "Bytes for the tables of sources, such as 16M, or small");
}

void CommandLine::declare_running() {
  add(sinks_, "--log", "SINK,...",
      "Where lines go: sinks of --list (syslog; stdout in the foreground and with --read)");
  add(output_, "-o,--output", "FORM",
      "What stands on standard output: lines, or json, an event of EVE a line (lines)");
  add(accounts_, "--accounts", "TIME", "Write the accounts this often, not only at the end");
  add(user_, "--user", "NAME", "Account to run as", options_.user);
  add(chroot_, "--chroot", "DIR", "Empty directory to lock itself into", options_.chroot);
  add(state_, "--state", "DIR",
      "Directory for what must outlive the process, or none (with --read: none)", options_.state);
  add(control_, "--control", "PATH", "Socket on which scanlogctl asks, or none", options_.control);
  add(single_, "--single", "Do all in one process");
  add(unconfined_, "--no-sandbox", "Without Landlock and seccomp; only to look for faults");
  add(config_, "--config", "FILE", "Configuration file; options given here count more",
      options_.config);
  add(no_config_, "--no-config", "Read no configuration file");
}

void CommandLine::declare_calls() {
  add(list_, "--list", "List back ends, profiles and sinks, and exit");
  add(check_, "--check", "Do what a start does up to the first packet, and exit");
  add(version_, "--version", "Print the version and exit");
}

Result<Options> CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    options_.action = Action::print;
    options_.text = app_.help();
    return options_;
  } catch (const CLI::ParseError& error) {
    return fail(std::string(error.what()) + "; try scanlogd --help");
  }
  if (version_.value) {
    options_.action = Action::print;
    options_.text = "scanlogd " SCANLOGD_VERSION "\n";
    return options_;
  }
  if (list_.value) options_.action = Action::list;
  if (check_.value) options_.action = Action::check;
  if (auto applied = apply(); !applied) return std::unexpected(applied.error());
  return options_;
}

/// The source that is asked about.
Result<void> CommandLine::apply_explain() {
  if (!explain_.is_given()) return {};
  if (!read_.is_given()) {
    return fail("--explain: has a meaning with --read only; a daemon answers scanlogctl explain");
  }
  if (output_.is_given()) return fail("--output: has no meaning with --explain");
  if (sinks_.is_given()) return fail("--log: has no meaning with --explain");
  const auto source = parse_address(explain_.value);
  if (!source) return fail("--explain: " + source.error().what);
  options_.explain = *source;
  return {};
}

/// What has no meaning for capture files.
Result<void> CommandLine::check_reading() const {
  constexpr std::string_view kReason = " has no meaning with --read";
  const auto refuse = [&](std::string_view option) {
    return fail(std::string(option).append(":").append(kReason));
  };
  if (foreground_.is_given()) return refuse("--foreground");
  if (supervised_.is_given()) return refuse("--supervised");
  if (capture_.is_given()) return refuse("--capture");
  if (promiscuous_.is_given()) return refuse("--promiscuous");
  if (interfaces_.is_given()) return refuse("--interface");
  if (engines_.is_given()) return refuse("--engines");
  return {};
}

Result<void> CommandLine::apply() {
  if (config_.is_given() && no_config_.value) return fail("--config: contradicts --no-config");
  if (config_.is_given()) options_.config_use = ConfigUse::required;
  if (no_config_.value) options_.config_use = ConfigUse::none;
  options_.config = config_.value;
  if (read_.is_given()) {
    if (auto sound = check_reading(); !sound) return sound;
    forget_live(options_, default_options());
    options_.read = read_.value;
  }
  options_.foreground = foreground_.value || supervised_.value;
  for (const auto step :
       {&CommandLine::apply_explain, &CommandLine::apply_capture, &CommandLine::apply_detector,
        &CommandLine::apply_process, &CommandLine::apply_what_if}) {
    if (auto applied = (this->*step)(); !applied) return applied;
  }
  apply_sinks();
  return {};
}

Result<void> CommandLine::apply_capture() {
  if (capture_.is_given()) options_.capture = capture_.value;
  if (interfaces_.is_given()) options_.interfaces = interfaces_.value;
  if (outgoing_.is_given()) options_.outgoing = outgoing_.value;
  if (promiscuous_.is_given()) {
    // A back end that does not know the word must not be told that it does not hold.
    options_.capture_options.erase("promiscuous");
    if (promiscuous_.value) options_.capture_options.set("promiscuous", "true", "--promiscuous");
  }
  if (local_.is_given()) return set_local(options_, local_.value, "--local");
  return {};
}

Result<void> CommandLine::apply_detector() {
  if (profile_.is_given()) options_.profile = profile_.value;
  const auto section = options_.profile_options.find(options_.profile);
  if (section != options_.profile_options.end()) options_.detector_options = section->second;
  Section given;
  if (egress_.is_given()) given.set("egress", egress_.value ? "true" : "false", "--egress");
  for (const Passed& each : passed_) {
    if (each.given.is_given()) given.set(each.key, each.given.value, each.flag);
  }
  if (threshold_.is_given()) {
    if (auto set = set_threshold(given, threshold_.value, "--threshold"); !set) return set;
  }
  if (memory_.is_given()) {
    if (auto set = set_memory(given, memory_.value, "--memory"); !set) return set;
  }
  override_detector(options_.detector_options, given);
  return {};
}

/// By what else is to be judged. Without files it is about the scans on record.
Result<void> CommandLine::apply_what_if() {
  if (since_.is_given() && (read_.is_given() || !what_if_.is_given())) {
    return fail("--since: has a meaning with --what-if only, without --read");
  }
  if (!what_if_.is_given()) return {};
  if (explain_.is_given()) return fail("--what-if: has no meaning with --explain");
  if (sinks_.is_given()) return fail("--log: has no meaning with --what-if");
  if (check_.value) return fail("--what-if: has no meaning with --check");
  auto settings = parse_what_if(options_, what_if_.value);
  if (!settings) return std::unexpected(settings.error());
  settings->json = output_.value == "json";
  if (output_.is_given() && !settings->json && output_.value != "lines") {
    return fail("--output: '" + output_.value + "' is none of lines, json");
  }
  if (since_.is_given()) {
    const auto age = parse_age("--since", since_.value);
    if (!age) return std::unexpected(age.error());
    settings->since = *age;
  }
  options_.what_if = std::move(*settings);
  if (read_.is_given()) return {};
  if (options_.state.empty()) return fail("--what-if: there is no store without --state");
  options_.action = Action::weigh;
  return {};
}

Result<void> CommandLine::apply_process() {
  options_.user_given = user_.is_given();
  options_.user = user_.value;
  options_.chroot_given = chroot_.is_given();
  options_.chroot = chroot_.value;
  if (single_.is_given()) options_.single = single_.value;
  if (unconfined_.is_given()) options_.sandbox = !unconfined_.value;
  if (state_.is_given()) {
    if (auto set = set_state(options_, state_.value, "--state"); !set) return set;
  }
  if (control_.is_given()) {
    if (auto set = set_control(options_, control_.value, "--control"); !set) return set;
  }
  if (accounts_.is_given()) {
    if (auto set = set_accounts(options_, accounts_.value, "--accounts"); !set) return set;
  }
  if (engines_.is_given()) {
    if (auto set = set_engines(options_, engines_.value, "--engines"); !set) return set;
  }
  if (options_.single && options_.engines > 1) {
    return fail("--single: has no meaning with several engines");
  }
  return {};
}

void CommandLine::apply_sinks() {
  // Who starts it by hand wants to see something, whatever the daemon is configured to do.
  const bool by_hand = !options_.live() || foreground_.value;
  if (output_.is_given()) {
    options_.sink_options["stdout"].set("format", output_.value, "--output");
  }
  if (sinks_.is_given()) {
    options_.sinks = split(sinks_.value);
  } else if (by_hand) {
    options_.sinks = {"stdout"};
  } else if (options_.sinks.empty()) {
    options_.sinks = {"syslog"};
  }
}

}  // namespace

Options default_options() {
  Options options;
  options.config = SCANLOGD_CONFIG;
  options.user = SCANLOGD_USER;
  options.chroot = SCANLOGD_CHROOT;
  options.state = SCANLOGD_STATE;
  options.control = SCANLOGD_CONTROL;
  return options;
}

Result<Options> parse_command_line(int argc, const char* const* argv, Options base) {
  return CommandLine(std::move(base)).parse(argc, argv);
}

}  // namespace scanlogd
