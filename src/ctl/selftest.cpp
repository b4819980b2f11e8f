// `scanlogctl selftest`: a scan that nobody sent, through everything that a real one goes through.
#include "ctl/selftest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include "core/classic_line.h"
#include "core/json_writer.h"
#include "ctl/client.h"
#include "ctl/daemon_status.h"
#include "ctl/subcommands.h"
#include "record/store_reader.h"

namespace scanlogd::ctl {
namespace {

using std::chrono::steady_clock;

/// Unassigned ports below 1024, so that nothing listens there and each counts most.
constexpr std::array<Port, 24> kPorts = {4,  6,  8,  10, 12, 14, 16, 26, 28, 30, 32, 34,
                                         36, 38, 40, 60, 62, 64, 78, 81, 85, 87, 97, 99};
constexpr std::size_t kLeastProbes = 12;
/// A few tens a second: as fast as a quick scanner, and no flood.
constexpr int kPauseMs = 40;
constexpr std::chrono::seconds kPatience{5};

constexpr const char* kFail2banRegex = "/usr/bin/fail2ban-regex";
constexpr const char* kFail2banFilter = "/etc/fail2ban/filter.d/scanlogd.local";

void pause(int milliseconds) { (void)::poll(nullptr, 0, milliseconds); }

/// `OutRsts` of /proc/net/snmp: segments with RST that were sent (proc_net_snmp, RFC 4022).
std::uint64_t count_resets() {
  std::ifstream file("/proc/net/snmp");
  std::string names;
  std::string values;
  while (std::getline(file, names) && std::getline(file, values)) {
    if (!names.starts_with("Tcp:")) continue;
    std::string_view name = names;
    std::string_view value = values;
    while (!name.empty() && !value.empty()) {
      const std::string_view this_name = name.substr(0, name.find(' '));
      const std::string_view this_value = value.substr(0, value.find(' '));
      if (this_name == "OutRsts") {
        std::uint64_t count = 0;
        (void)std::from_chars(this_value.data(), this_value.data() + this_value.size(), count);
        return count;
      }
      name.remove_prefix(std::min(name.size(), this_name.size() + 1));
      value.remove_prefix(std::min(value.size(), this_value.size() + 1));
    }
  }
  return 0;
}

std::uint64_t grown(const SelftestFindings& findings, std::string_view name) {
  const std::uint64_t before = findings.before.number(name);
  const std::uint64_t after = findings.after.number(name);
  return after > before ? after - before : 0;
}

/// Do packets come to this back end behind the firewall only?
bool is_behind_firewall(const SelftestFindings& findings) {
  const auto capture = findings.after.find("capture").value_or("");
  return capture == "raw";
}

bool is_watched(const SelftestFindings& findings) {
  const auto named = findings.after.find_all("interface");
  return named.empty() || std::ranges::find(named, findings.interface.name) != named.end();
}

bool is_local(const SelftestFindings& findings) {
  const auto networks = parse_networks(findings.after.find("local").value_or("all"));
  return !networks || std::ranges::any_of(*networks, [&](const Network& network) {
    return network.contains(findings.interface.address);
  });
}

std::string_view trouble_with(const SelftestFindings& findings, std::string_view name) {
  for (const std::string_view trouble : findings.after.find_all("trouble")) {
    if (trouble.find(name) != std::string_view::npos) {
      return trouble.substr(std::min(trouble.size(), trouble.find(' ') + 1));
    }
  }
  return {};
}

Stage judge_daemon(const SelftestFindings& findings) {
  const auto ailments = ailments_of(findings.after);
  Stage stage{.name = "daemon"};
  stage.text = fmt::format(
      "scanlogd {}, profile {}, capture {}", findings.after.find("version").value_or("?"),
      findings.after.find("profile").value_or("?"), findings.after.find("capture").value_or("?"));
  for (const std::string& each : ailments) {
    stage.outcome = Outcome::note;
    stage.text += "; " + each;
  }
  return stage;
}

Stage judge_interface(const SelftestFindings& findings) {
  Stage stage{.name = "interface"};
  const std::string& name = findings.interface.name;
  if (!findings.interface.is_up) {
    stage.outcome = Outcome::failed;
    stage.text = name + " is down; nothing can be captured there: ip link set " + name + " up";
  } else if (!is_watched(findings)) {
    stage.outcome = Outcome::failed;
    stage.text = name + " is not watched: see capture.interfaces of the configuration";
  } else {
    stage.text = fmt::format("{}, {} probes from {} to {}", name, findings.sent,
                             to_string(findings.source), to_string(findings.interface.address));
  }
  return stage;
}

bool is_captured(const SelftestFindings& findings) {
  return findings.told.find("known") == "yes" || findings.trace.number("scan") != 0 ||
         (findings.told.find("known") == "never" &&
          grown(findings, "packets.inspected") >= findings.sent);
}

/// What the kernel did with the probes after, or for `raw` before, they were captured.
std::string answers_of(const SelftestFindings& findings) {
  if (findings.resets > 0) return {};
  return "a firewall, or the reverse-path filter, drops the probes: this machine has not answered";
}

Stage judge_capture(const SelftestFindings& findings) {
  Stage stage{.name = "captured"};
  const std::string unanswered = answers_of(findings);
  if (is_captured(findings)) {
    stage.text = unanswered.empty() ? "and this machine has answered" : "yes; " + unanswered;
    if (!unanswered.empty()) stage.outcome = Outcome::note;
    return stage;
  }
  stage.outcome = Outcome::failed;
  const auto excluded = excluded_of_source(findings.told);
  if (findings.told.find("ignored") == "yes" || !excluded.empty()) {
    stage.text = "an ignore list or a watch list of the configuration leaves these probes out";
    for (const ExcludedCount& each : excluded) stage.text.append(": ").append(each.list);
  } else if (!is_local(findings)) {
    stage.text = to_string(findings.interface.address) +
                 " is in none of the networks that count: see capture.local of the configuration";
  } else if (is_behind_firewall(findings) && !unanswered.empty()) {
    stage.text = unanswered + ", and the back end raw sees only what they let in";
  } else if (findings.after.number("engines.silent") > 0) {
    stage.text = "an engine does not answer";
  } else {
    const auto blind = findings.after.find("blind");
    stage.text = blind ? std::string(*blind) : "no: the packets have not come to a detector";
  }
  return stage;
}

Stage judge_detection(const SelftestFindings& findings) {
  Stage stage{.name = "detected"};
  if (findings.trace.number("scan") != 0) {
    stage.text = fmt::format("scan {}", findings.trace.number("scan"));
    return stage;
  }
  stage.outcome = Outcome::failed;
  stage.text = std::string(findings.told.find("why").value_or("no"));
  return stage;
}

Stage judge_limiter(const SelftestFindings& findings) {
  Stage stage{.name = "announced"};
  const auto log = findings.trace.find("log").value_or("none");
  if (log == "line") {
    stage.text = "with a line of its own";
  } else {
    stage.outcome = Outcome::note;
    stage.text =
        log == "more_follow"
            ? "the log gets `More possible port scans follow` for it"
            : "held back: more than 5 scans in 20 seconds; it is on record, and in a digest";
  }
  return stage;
}

Stage judge_store(const SelftestFindings& findings) {
  Stage stage{.name = "stored"};
  const auto stored = findings.trace.find("stored").value_or("no");
  if (stored == "none") {
    stage.outcome = Outcome::note;
    stage.text = "no store is kept";
  } else if (stored == "yes") {
    stage.text = std::string(findings.after.find("state").value_or(""));
  } else {
    stage.outcome = Outcome::failed;
    const std::string_view why = trouble_with(findings, "store");
    stage.text = why.empty() ? "not yet" : std::string(why);
  }
  return stage;
}

Stage judge_sink(const SelftestFindings& findings, const Cursor& sink) {
  Stage stage{.name = sink.sink};
  // Only lines go to the system log.
  const bool is_for_it =
      sink.sink != "syslog" || findings.trace.find("log").value_or("none") != "none";
  if (sink.sequence >= findings.trace.number("sequence")) {
    stage.text = is_for_it ? "delivered" : "nothing to deliver";
    if (!is_for_it) stage.outcome = Outcome::note;
    return stage;
  }
  stage.outcome = Outcome::failed;
  stage.text =
      fmt::format("down: {} messages wait for it", sink.taken - sink.delivered - sink.lost);
  if (const std::string_view why = trouble_with(findings, sink.sink); !why.empty()) {
    stage.text.append("; ").append(why);
  }
  return stage;
}

Stage judge_fail2ban(const SelftestFindings& findings) {
  Stage stage{.name = "fail2ban", .text = findings.no_fail2ban};
  if (!findings.fail2ban) {
    stage.outcome = Outcome::note;
  } else if (*findings.fail2ban != 0) {
    stage.text = "the filter matches the line";
  } else {
    stage.outcome = Outcome::failed;
    stage.text = std::string("the filter does not match the line: see ") + kFail2banFilter;
  }
  return stage;
}

/// 1: the filter matches `line`; 0: not; a negative number: it could not be asked.
int ask_fail2ban(const std::string& line) {
  std::string program = kFail2banRegex;
  std::string argument = line;
  std::string filter = "scanlogd";
  std::array<char*, 4> arguments = {program.data(), argument.data(), filter.data(), nullptr};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return -1;
  (void)::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  (void)::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  (void)::posix_spawn_file_actions_destroy(&actions);
  writer.reset();
  if (error != 0) return -1;
  std::string out;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t size = ::read(reader.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    constexpr std::size_t kMost = 65536;
    if (out.size() < kMost) out.append(piece.data(), static_cast<std::size_t>(size));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (out.find("Lines: 1 lines, 0 ignored, 1 matched") != std::string::npos) return 1;
  // An address that may be forged is left out on purpose.
  if (out.find("Lines: 1 lines, 1 ignored") != std::string::npos) return -2;
  return out.find("Lines: 1 lines") != std::string::npos ? 0 : -1;
}

/// The line that the system log got for the scan, as rsyslog's files have it.
std::optional<std::string> find_line(const SelftestFindings& findings) {
  const auto state = findings.after.find("state").value_or("none");
  if (state == "none" || findings.trace.find("log") != "line") return std::nullopt;
  const auto store = StoreReader::open(std::string(state));
  if (!store) return std::nullopt;
  const auto history = store->history(findings.trace.number("scan"));
  if (!history) return std::nullopt;
  for (const Message& message : *history) {
    const auto* const scan = std::get_if<Scan>(&message.content);
    if (scan == nullptr || scan->event.phase != Phase::begin) continue;
    LineBuffer buffer;
    std::array<char, 16> time{};
    std::string line(format_syslog_time(scan->at, time));
    return line.append(" localhost scanlogd: ").append(format_classic_line(*scan, buffer));
  }
  return std::nullopt;
}

void try_fail2ban(SelftestFindings& findings) {
  if (::access(kFail2banRegex, X_OK) != 0 || ::access(kFail2banFilter, R_OK) != 0) {
    findings.no_fail2ban = "not installed, or without the filter that comes with scanlogd";
    return;
  }
  const auto line = find_line(findings);
  if (!line) {
    findings.no_fail2ban = "there is no line on record that it could be shown";
    return;
  }
  const int said = ask_fail2ban(*line);
  if (said >= 0) {
    findings.fail2ban = said;
  } else {
    findings.no_fail2ban = said == -2 ? "the filter leaves the line out: the address may be forged"
                                      : "fail2ban-regex does not answer";
  }
}

/// Waits until every stage is done with, or is to be called failed.
Result<void> follow(const Request& request, SelftestFindings& findings) {
  const auto end = steady_clock::now() + kPatience;
  for (;;) {
    auto trace =
        ask_daemon(request.control, {.verb = ControlVerb::trace, .source = findings.source});
    if (!trace) return std::unexpected(trace.error());
    findings.trace = std::move(*trace);
    const std::uint64_t sequence = findings.trace.number("sequence");
    const auto sinks = sinks_of(findings.trace);
    const bool is_done =
        findings.trace.number("scan") != 0 && findings.trace.find("stored") != "no" &&
        std::ranges::all_of(sinks, [&](const Cursor& sink) { return sink.sequence >= sequence; });
    if (is_done || steady_clock::now() >= end) return {};
    pause(kPauseMs);
  }
}

Result<void> send_probes(const Request& request, SelftestFindings& findings) {
  const auto injector = FrameInjector::open(findings.interface.index);
  if (!injector) return std::unexpected(injector.error());
  for (const Port port : kPorts) {
    const auto frame = build_test_probe(findings.interface.mac, findings.source,
                                        findings.interface.address, port, findings.sequence + port);
    if (auto done = injector->inject(frame); !done) return done;
    ++findings.sent;
    pause(kPauseMs);
    if (findings.sent < kLeastProbes) continue;
    const auto trace =
        ask_daemon(request.control, {.verb = ControlVerb::trace, .source = findings.source});
    if (!trace) return std::unexpected(trace.error());
    if (trace->number("scan") != 0) break;
  }
  return {};
}

Result<SelftestFindings> run_test(const Request& request) {
  SelftestFindings findings;
  auto before = ask_daemon(request.control, {.verb = ControlVerb::status});
  if (!before) return std::unexpected(before.error());
  findings.before = std::move(*before);
  std::string name = request.interface;
  if (name.empty()) name = findings.before.find("interface").value_or("");
  auto interface = find_tested_interface(name);
  if (!interface) return std::unexpected(interface.error());
  findings.interface = std::move(*interface);
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof(random), 0) != sizeof(random)) {
    return fail_errno("getrandom", "8 bytes", errno);
  }
  findings.source = request.source.family != Family::none
                        ? request.source
                        : choose_test_source(findings.interface.address, random);
  findings.sequence = static_cast<std::uint32_t>(random >> 32);
  if (findings.source.family != findings.interface.address.family) {
    return fail("selftest: " + to_string(findings.source) + " cannot send to " +
                to_string(findings.interface.address));
  }
  // From now on the daemon remembers a scan by it.
  const ControlRequest trace{.verb = ControlVerb::trace, .source = findings.source};
  if (const auto asked = ask_daemon(request.control, trace); !asked) {
    return std::unexpected(asked.error());
  }
  const std::uint64_t resets = count_resets();
  if (findings.interface.is_up) {
    if (const auto done = send_probes(request, findings); !done) {
      return std::unexpected(done.error());
    }
  }
  if (findings.interface.is_up && is_watched(findings)) {
    if (const auto done = follow(request, findings); !done) return std::unexpected(done.error());
  }
  findings.resets = count_resets() - resets;
  auto told =
      ask_daemon(request.control, {.verb = ControlVerb::explain, .source = findings.source});
  if (!told) return std::unexpected(told.error());
  findings.told = std::move(*told);
  auto after = ask_daemon(request.control, {.verb = ControlVerb::status});
  if (!after) return std::unexpected(after.error());
  findings.after = std::move(*after);
  try_fail2ban(findings);
  return findings;
}

std::string_view word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::note:
      return "note";
    case Outcome::failed:
      break;
  }
  return "FAILED";
}

}  // namespace

std::vector<Stage> stages_of(const SelftestFindings& findings) {
  std::vector<Stage> stages = {judge_daemon(findings), judge_interface(findings)};
  if (stages.back().outcome == Outcome::failed) return stages;
  stages.push_back(judge_capture(findings));
  if (stages.back().outcome == Outcome::failed) return stages;
  stages.push_back(judge_detection(findings));
  if (stages.back().outcome == Outcome::failed) return stages;
  stages.push_back(judge_limiter(findings));
  stages.push_back(judge_store(findings));
  for (const Cursor& sink : sinks_of(findings.trace)) {
    stages.push_back(judge_sink(findings, sink));
  }
  stages.push_back(judge_fail2ban(findings));
  return stages;
}

bool has_passed(const std::vector<Stage>& stages) {
  return std::ranges::find(stages, Outcome::failed, &Stage::outcome) == stages.end();
}

Result<bool> test_daemon(const Request& request, const Emit& emit) {
  const auto findings = run_test(request);
  if (!findings) return std::unexpected(findings.error());
  const auto stages = stages_of(*findings);
  std::string text;
  if (request.json) {
    JsonWriter json(text);
    json.open_object();
    json.member("passed", has_passed(stages));
    json.member("source", to_string(findings->source));
    json.member("target", to_string(findings->interface.address));
    json.member("interface", findings->interface.name);
    json.open_array("stages");
    for (const Stage& stage : stages) {
      json.open_object();
      json.member("name", stage.name);
      json.member("outcome", stage.outcome == Outcome::failed ? "failed" : word_of(stage.outcome));
      json.member("text", stage.text);
      json.close_object();
    }
    json.close_array();
    json.close_object();
    emit(text += '\n');
    return has_passed(stages);
  }
  for (const Stage& stage : stages) {
    text += fmt::format("{:<11} {:<6} {}\n", stage.name, word_of(stage.outcome), stage.text);
  }
  text += has_passed(stages) ? "selftest: passed\n" : "selftest: FAILED\n";
  emit(text);
  return has_passed(stages);
}

}  // namespace scanlogd::ctl
