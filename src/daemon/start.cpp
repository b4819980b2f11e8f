// See start.h. The order is that of the original, scanlogd(8): everything that needs a right or a
// path comes first, then the rights go; whatever fails until then is reported by the process that
// was called, which exits last.
#include "daemon/start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>
#include <string_view>

#include "daemon/needs.h"
#include "daemon/own_addresses.h"
#include "daemon/privilege.h"
#include "daemon/sandbox.h"
#include "daemon/split.h"

namespace scanlogd {
namespace {

/// What `--capture` calls the choice of the best back end that works.
constexpr std::string_view kAutomatic = "auto";

/// The plug-in called `name`, or an error that lists those there are.
template <class Plugin>
Result<const Plugin*> find_plugin(std::span<const Plugin* const> table, std::string_view option,
                                  std::string_view name) {
  const auto found = std::ranges::find(table, name, &Plugin::name);
  if (found != table.end()) return *found;
  std::string known;
  for (const Plugin* const plugin : table) {
    if (!known.empty()) known += ", ";
    known += plugin->name;
  }
  return fail(fmt::format("{}: '{}' is not built in; there is {}", option, name, known));
}

Result<UniqueFd> open_signals() {
  sigset_t known;
  sigemptyset(&known);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCONT}) sigaddset(&known, signal);
  if (::sigprocmask(SIG_BLOCK, &known, nullptr) != 0) {
    return fail_errno("sigprocmask", "SIG_BLOCK", errno);
  }
  (void)std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error code to us, never death
  UniqueFd signals(::signalfd(-1, &known, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals) return fail_errno("signalfd", "known signals", errno);
  return signals;
}

struct Detectors {
  std::vector<std::vector<NamedDetector>> of_engines;
  Interest interest;  ///< of all of them
};

Result<Detectors> make_detectors(const Options& options) {
  const auto plugin = find_plugin(detector_table(), "--profile", options.profile);
  if (!plugin) return std::unexpected(plugin.error());
  Detectors detectors;
  for (std::size_t engine = 0; engine < options.engines; ++engine) {
    auto detector = (*plugin)->make(options.detector_options);
    if (!detector) return std::unexpected(detector.error());
    detectors.of_engines.emplace_back().push_back(
        {(*plugin)->name, std::move(*detector), (*plugin)->interest.outgoing});
  }
  detectors.interest = detectors.interest | (*plugin)->interest;
  // What the configuration file says to other detectors has to be right, too.
  for (const auto& [name, section] : options.profile_options) {
    const auto other = find_plugin(detector_table(), "--profile", name);
    if (!other) return std::unexpected(other.error());
    if (*other == *plugin) continue;
    if (auto detector = (*other)->make(section); !detector) {
      return std::unexpected(detector.error());
    }
  }
  return detectors;
}

/// Says what to do about the two errors everybody meets first.
Error with_hint(Error error) {
  if (error.code == EPERM || error.code == EACCES) {
    error.what += "; start as root or with CAP_NET_RAW";
  } else if (error.code == ENODEV) {
    error.what += "; see the interfaces there are with: ip link";
  }
  return error;
}

/// Why several engines cannot be had.
std::string cannot_share(std::string_view name) {
  std::string able;
  for (const CapturePlugin* const plugin : capture_table()) {
    if (plugin->shares) able += (able.empty() ? "" : ", ") + std::string(plugin->name);
  }
  return fmt::format("--engines: '{}' can serve one only; several can share {}", name, able);
}

/// Captures, and the back end they came from.
struct Opened {
  std::string_view name;
  std::string reasons;  ///< why no better one; empty: it was asked for, or is the best
  bool sees_outgoing = true;
  std::vector<Captures> engines;
};

/// The first back end that may be chosen and opens; with the reasons of those before it.
Result<Opened> open_best(const CaptureRequest& request) {
  std::string reasons;
  int code = 0;
  for (const CapturePlugin* const plugin : capture_table()) {
    if (!plugin->automatic || (request.engines > 1 && !plugin->shares)) continue;
    auto engines = plugin->open(request);
    if (engines) {
      return Opened{plugin->name, std::move(reasons), plugin->sees_outgoing, std::move(*engines)};
    }
    // A fault of the request is one of every back end.
    if (engines.error().code == ENODEV) return std::unexpected(engines.error());
    if (!reasons.empty()) reasons += "; ";
    code = engines.error().code;
    reasons.append("not ").append(plugin->name).append(": ").append(engines.error().what);
  }
  return fail("--capture auto: " + (reasons.empty() ? "nothing to choose from" : reasons), code);
}

Result<Opened> open_captures(const Options& options, const Interest& interest) {
  CaptureRequest request{.options = options.capture_options,
                         .interfaces = options.interfaces,
                         .paths = {},
                         .interest = interest,
                         .engines = options.engines};
  std::string_view name = options.capture;
  if (options.live()) {
    if (name == "file") return fail("--capture: 'file' is what --read uses");
    if (name == kAutomatic) {
      auto best = open_best(request);
      if (!best) return std::unexpected(with_hint(best.error()));
      return best;
    }
  } else {
    name = "file";
    request.paths = options.read;
  }
  const auto plugin = find_plugin(capture_table(), "--capture", name);
  if (!plugin) return std::unexpected(plugin.error());
  if (options.engines > 1 && !(*plugin)->shares) return fail(cannot_share((*plugin)->name));
  auto engines = (*plugin)->open(request);
  if (!engines && !options.live()) return std::unexpected(engines.error());
  if (!engines) return std::unexpected(with_hint(engines.error()));
  return Opened{(*plugin)->name, {}, (*plugin)->sees_outgoing, std::move(*engines)};
}

Result<std::vector<NamedSink>> open_sinks(const Options& options) {
  std::vector<NamedSink> sinks;
  for (const std::string& name : options.sinks) {
    const auto plugin = find_plugin(sink_table(), "--log", name);
    if (!plugin) return std::unexpected(plugin.error());
    const std::string_view other = (*plugin)->excludes;
    if (std::ranges::find(options.sinks, other) != options.sinks.end()) {
      return fail(fmt::format("log.sinks: {} and {} would write every scan twice; choose one",
                              other, name));
    }
    const auto given = options.sink_options.find(name);
    Section section = given == options.sink_options.end() ? Section() : given->second;
    if (name == "stdout" && !options.live()) section.set("wait", "true", "--read");
    auto sink = (*plugin)->open(section);
    if (!sink) return std::unexpected(sink.error());
    sinks.push_back({.name = name, .sink = std::move(*sink)});
  }
  return sinks;
}

/// The directory of the store is opened now, because there is no path to it later. It may be
/// missing: scanlogd runs without, and says so.
ReporterOptions reporter_options(const Options& options, const Interest& interest) {
  ReporterOptions reporter;
  reporter.is_live = options.live();
  if (options.live() && interest.outgoing) reporter.units = Units::open();
  if (options.names_held_back()) reporter.style = LogStyle::digest;
  if (options.state.empty()) return reporter;
  reporter.place.path = options.state;
  if (auto directory = StateDirectory::open(options.state); directory) {
    reporter.place.directory.emplace(std::move(*directory));
  }
  return reporter;
}

/// What there is to give up. Root becomes the user and locks itself in; anybody else was confined
/// by whoever started us and has only capabilities to drop. Reading a file needs no account, so
/// there the user and the directory count only if they were asked for.
Result<Confinement> plan_confinement(const Options& options) {
  Confinement confinement;
  if (::geteuid() != 0) {
    if (options.chroot_given) return fail_errno("chroot", options.chroot, EPERM);
    if (options.user_given) return fail_errno("setuid", options.user, EPERM);
    return confinement;
  }
  if (options.live() || options.user_given) {
    auto identity = find_identity(options.user);
    if (!identity) return std::unexpected(identity.error());
    confinement.identity = std::move(*identity);
  }
  if (options.live() || options.chroot_given) {
    if (auto sound = check_chroot(options.chroot); !sound) return std::unexpected(sound.error());
    confinement.chroot = options.chroot;
  }
  return confinement;
}

/// The socket on which scanlogctl asks. Where it was not asked for it may be missing: without its
/// directory, without the right to it, or where another scanlogd has it.
Result<std::optional<ControlServer>> open_control(const Options& options,
                                                  const Confinement& confinement,
                                                  std::string& missing) {
  if (options.control.empty() || !options.live()) return std::optional<ControlServer>();
  ControlAdmission admission{.user =
                                 confinement.identity ? confinement.identity->uid : ::geteuid()};
  if (!options.control_group.empty()) {
    const auto group = find_group(options.control_group);
    if (!group) return std::unexpected(group.error());
    admission.group = *group;
  }
  auto listener = open_control_socket(options.control, admission);
  if (listener) return ControlServer(std::move(*listener), admission);
  if (options.control_given) return std::unexpected(listener.error());
  const int code = listener.error().code;
  if (code != ENOENT && code != EACCES && code != EROFS) {
    missing = "without a control socket: " + listener.error().what;
  }
  return std::optional<ControlServer>();
}

std::string describe(const Options& options, const Opened& opened, std::size_t memory) {
  std::string where;
  for (const std::string& each : options.live() ? options.interfaces : options.read) {
    if (!where.empty()) where += ", ";
    where += each;
  }
  if (where.empty()) where = "every interface";
  return fmt::format("watching {} with {}{}{}{}{}; profile {}, tables of at most {:.1f} MB", where,
                     opened.name, opened.reasons.empty() ? "" : " (", opened.reasons,
                     opened.reasons.empty() ? "" : ")",
                     options.engines == 1 ? "" : fmt::format(", {} engines", options.engines),
                     options.profile, static_cast<double>(memory) / 1e6);
}

/// What leaving the terminal made of a process.
struct Detached {
  std::optional<int> status;  ///< of the parent: to exit with
  UniqueFd verdict;           ///< of the child: to be told that all is up
};

/// Leaves the terminal: the child goes on in a session of its own; the parent waits for the word
/// that it is up, or for its end.
Result<Detached> detach() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("pipe2", "daemon", errno);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork", "daemon", errno);
  if (child == 0) {
    (void)::setsid();  // fails only for a group leader, which a new child never is
    return Detached{.status = std::nullopt, .verdict = std::move(writer)};
  }
  writer.reset();
  char word = 0;
  ssize_t size = 0;
  do {
    size = ::read(reader.get(), &word, sizeof(word));
  } while (size < 0 && errno == EINTR);
  return Detached{.status = size == 1 ? 0 : 1, .verdict = UniqueFd()};
}

/// Points the standard descriptors at /dev/null.
void silence(const UniqueFd& null) {
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    (void)::dup2(null.get(), standard);  // both descriptors are valid
  }
}

/// The last step in each process; says what is missing.
Result<std::string> lock_in(const Options& options, const Needs& needs) {
  if (options.sandbox) return enter_sandbox(needs);
  return std::string("--no-sandbox: without Landlock, limits and seccomp");
}

/// The rest of the start in the process of an engine. What fails here is for the recorder to say.
Result<Started> become_engine(const Options& options, Started started, ProcessRole role,
                              const Confinement& confinement, const UniqueFd& null) {
  EngineParts mine = std::move(started.engines[*role.engine]);
  started.part = Part::engine;
  started.link = std::make_unique<LinkedOutlet>(std::move(mine.analysis), std::move(role.socket));
  started.engines.clear();
  started.engines.push_back(std::move(mine));
  started.reporter.reset();
  started.control.reset();
  started.notifier = Notifier();
  silence(null);
  (void)::prctl(PR_SET_NAME, "scanlogd-engine", 0, 0, 0);  // for ps(1)
  const EngineParts& parts = started.engines.front();
  const Needs needs = both(engine_needs(parts.captures, parts.interfaces, started.signals.get()),
                           {.calls = started.link->calls()});
  const auto give_up = [&]() -> Result<std::string> {
    if (auto confined = confine(confinement); !confined) return std::unexpected(confined.error());
    if (auto tied = end_with(role.recorder); !tied) return std::unexpected(tied.error());
    return lock_in(options, needs);
  };
  const auto missing = give_up();
  started.link->tell_state(missing.has_value(), missing ? *missing : missing.error().what);
  if (!missing) return std::unexpected(missing.error());
  return started;
}

}  // namespace

Result<Analysis> make_analysis(const Options& options) {
  Options of_one = options;
  of_one.engines = 1;
  auto detectors = make_detectors(of_one);
  if (!detectors) return std::unexpected(detectors.error());
  return Analysis(std::move(detectors->of_engines.front()), options.local);
}

Options judging_by(const Options& options, const WhatIfSettings& settings) {
  Options result = options;
  result.profile = settings.profile;
  result.detector_options = settings.detector_options;
  result.local = settings.local;
  return result;
}

// One list of steps, to be read from the first to the last.
// NOLINTNEXTLINE(readability-function-cognitive-complexity)
Result<Started> start(const Options& options, int readable) {
  Started started;

  // 1. Signals become a descriptor, so that none interrupts what follows.
  auto signals = open_signals();
  if (!signals) return std::unexpected(signals.error());
  started.signals = std::move(*signals);

  // 2. Detectors: all their memory, and every complaint about thresholds.
  auto detectors = make_detectors(options);
  if (!detectors) return std::unexpected(detectors.error());

  Interest interest = detectors->interest;
  if (options.what_if) {
    const Options otherwise = judging_by(options, *options.what_if);
    auto others = make_detectors(otherwise);
    if (!others) return std::unexpected(others.error());
    interest = interest | others->interest;
    started.other.emplace(std::move(others->of_engines.front()), otherwise.local);
  }

  // 3. Captures: the one step that needs a right to the network; and the news of its interfaces.
  if (options.outgoing) interest.outgoing = true;
  auto opened = open_captures(options, interest);
  if (!opened) return std::unexpected(opened.error());
  if (interest.outgoing && !opened->sees_outgoing) {
    started.missing = fmt::format(
        "{} does not see what this machine sends: answers are not judged, and no scan by this "
        "machine is found",
        opened->name);
  }
  std::vector<std::optional<InterfaceMonitor>> interfaces(options.engines);
  for (auto& each : interfaces) {
    if (!options.live()) break;
    // A service manager may not allow it; what there is at the start is watched all the same.
    auto monitor = InterfaceMonitor::open();
    if (monitor) {
      each.emplace(std::move(*monitor));
    } else {
      if (!started.missing.empty()) started.missing += "; ";
      started.missing += "interfaces that come and go are not followed: " + monitor.error().what;
    }
  }

  // 4. The time zone, because inside the chroot there is no /etc/localtime.
  ::tzset();

  // 5. Sinks: the directory of the log's socket is held open from here on.
  auto sinks = open_sinks(options);
  if (!sinks) return std::unexpected(sinks.error());
  started.reporter =
      std::make_unique<Reporter>(std::move(*sinks), reporter_options(options, interest));
  std::size_t memory = 0;
  for (std::size_t engine = 0; engine < options.engines; ++engine) {
    started.engines.push_back(
        {.captures = std::move(opened->engines[engine]),
         .analysis = Analysis(std::move(detectors->of_engines[engine]), options.local),
         .interfaces = std::move(interfaces[engine]),
         .is_first = engine == 0});
    if (options.live()) started.engines.back().analysis.set_own(own_addresses());
    memory += started.engines.back().analysis.memory();
  }
  started.names = started.engines.front().analysis.names();
  started.watching = describe(options, *opened, memory);
  started.capture = opened->name;

  // 6. The service manager and /dev/null, both to be out of reach soon.
  auto notifier = Notifier::from_environment();
  if (!notifier) return std::unexpected(notifier.error());
  started.notifier = std::move(*notifier);
  UniqueFd null;
  if (options.live()) {
    null.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return fail_errno("open", "/dev/null", errno);
  }

  // 7. Whom to become, and where to be locked in.
  const auto confinement = plan_confinement(options);
  if (!confinement) return std::unexpected(confinement.error());
  if (options.action == Action::check) return started;

  // 8. The control socket: only root may make it where it is.
  std::string without_control;
  auto control = open_control(options, *confinement, without_control);
  if (!control) return std::unexpected(control.error());
  started.control = std::move(*control);

  // 9. Into the background. Whoever called us waits, so that every failure below is seen, too.
  Detached detached;
  if (options.daemonises()) {
    auto done = detach();
    if (!done) return std::unexpected(done.error());
    detached = std::move(*done);
  }
  if (detached.status) {
    started.part = Part::parent;
    started.status = *detached.status;
    return started;
  }

  // 10. A process for each engine, while each may still give up what the others keep.
  if (options.live() && !options.single) {
    auto role = split(started.engines.size());
    if (!role) return std::unexpected(role.error());
    if (role->engine) {
      return become_engine(options, std::move(started), std::move(*role), *confinement, null);
    }
    started.part = Part::recorder;
    started.children = std::move(role->children);
    started.engines.clear();
  }

  // 11. Every right goes.
  if (auto confined = confine(*confinement); !confined) return std::unexpected(confined.error());

  // 12. What is left is locked in: no file, no call that is not needed.
  Needs needs = both(recorder_needs(started.children, {}), started.reporter->needs());
  for (const EngineParts& parts : started.engines) {
    needs = both(std::move(needs),
                 engine_needs(parts.captures, parts.interfaces, started.signals.get()));
  }
  if (started.control) {
    needs = both(std::move(needs), {.calls = started.control->calls(),
                                    .new_descriptors = ControlServer::kMostClients + 1});
  }
  for (const char* const call : {"dup2", "dup3"}) {
    if (options.daemonises()) needs.calls.push_back({call, {is(0, null.get())}});
  }
  if (readable >= 0) needs.readable.push_back(readable);
  const auto missing = lock_in(options, needs);
  if (!missing) return std::unexpected(missing.error());

  // 13. The engines have done the same, or the start has failed.
  auto missing_there = await_engines(started.children);
  if (!missing_there) return std::unexpected(missing_there.error());
  for (const std::string& each : {without_control, *missing, *missing_there}) {
    if (each.empty() || started.missing.find(each) != std::string::npos) continue;
    if (!started.missing.empty()) started.missing += "; ";
    started.missing += each;
  }

  // 14. All is up: nothing more to be said on the terminal.
  if (options.daemonises()) {
    silence(null);
    // Whoever does not listen any more has gone; nobody is left to be told.
    [[maybe_unused]] const ssize_t told = ::write(detached.verdict.get(), "", 1);
  }
  return started;
}

}  // namespace scanlogd
