// scanlogd: detects port scans and logs one line per scan. The only file that prints and exits.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/filter.h"
#include "daemon/configuration.h"
#include "daemon/control_desk.h"
#include "daemon/engine.h"
#include "daemon/explainer.h"
#include "daemon/footprint.h"
#include "daemon/pipeline.h"
#include "daemon/probe_replay.h"
#include "daemon/progress.h"
#include "daemon/recorder.h"
#include "daemon/start.h"
#include "daemon/what_if.h"
#include "record/store_reader.h"

namespace scanlogd {
namespace {

int complain(std::string_view what) {
  (void)std::fprintf(stderr, "scanlogd: %.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

void print_entry(std::string_view name, std::string_view summary) {
  std::printf("  %-8.*s %.*s\n", static_cast<int>(name.size()), name.data(),
              static_cast<int>(summary.size()), summary.data());
}

int list() {
  std::puts("Capture back ends (--capture; file is --read):");
  for (const CapturePlugin* const plugin : capture_table()) {
    print_entry(plugin->name, plugin->summary);
    std::printf("           needs: %.*s\n", static_cast<int>(plugin->privilege.size()),
                plugin->privilege.data());
  }
  std::puts("Profiles (--profile):");
  for (const DetectorPlugin* const plugin : detector_table()) {
    print_entry(plugin->name, plugin->summary);
    std::printf("           sees (pcap-filter): %s\n", filter_expression(plugin->interest).c_str());
  }
  std::puts("Sinks (--log):");
  for (const SinkPlugin* const plugin : sink_table()) print_entry(plugin->name, plugin->summary);
  return 0;
}

/// Writes over the line before, and stays at its beginning, so that whatever comes next covers it.
void show_progress(const CaptureStats& sum) {
  static const auto started = std::chrono::steady_clock::now();
  const std::string text =
      to_string(Progress{.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::steady_clock::now() - started),
                         .packets = sum.seen,
                         .position = sum.position,
                         .size = sum.size});
  if (!text.empty()) (void)std::fprintf(stderr, "%s\033[K\r", text.c_str());
}

/// One process does all.
Result<void> run_alone(const Options& options, Started& started, Reloader& reloader,
                       ControlDesk* desk, bool shows_progress) {
  EngineParts& parts = started.engines.front();
  started.reporter->open();
  Pipeline pipeline(std::move(parts.analysis), *started.reporter);
  Engine engine(pipeline, parts.captures, started.signals.get(),
                {.is_live = options.live(),
                 .interfaces = std::move(parts.interfaces),
                 .accounts = options.accounts,
                 .reload = [&] { return reloader.reload(); },
                 .notifier = &started.notifier,
                 .desk = desk,
                 .progress = shows_progress ? show_progress : nullptr});
  if (options.live()) shed_start();
  auto ended = engine.run();
  if (shows_progress) (void)std::fputs("\033[K", stderr);
  return ended;
}

/// Nothing is reported but what one source did.
Result<void> run_explaining(const Options& options, Started& started, bool shows_progress) {
  EngineParts& parts = started.engines.front();
  Explainer explainer(std::move(parts.analysis), *options.explain);
  if (auto able = explainer.failure(); !able) return able;
  Engine engine(explainer, parts.captures, started.signals.get(),
                {.interfaces = {}, .progress = shows_progress ? show_progress : nullptr});
  auto ended = engine.run();
  if (shows_progress) (void)std::fputs("\033[K", stderr);
  for (const std::string& line : explainer.lines()) std::puts(line.c_str());
  (void)complain(explainer.accounts());
  return ended;
}

/// Prints what is different; on standard error what became of the packets.
void print(const WhatIf& judged, const WhatIfSettings& settings, std::vector<std::string> notes) {
  if (judged.left_out() > 0) {
    notes.push_back(std::to_string(judged.left_out()) + " scans are left out: too many to compare");
  }
  const WhatIfFacts facts{.settings = settings.said, .notes = std::move(notes)};
  const ScanComparison comparison = judged.comparison();
  (void)std::fputs(
      (settings.json ? to_json(comparison, facts) : to_text(comparison, facts)).c_str(), stdout);
}

/// Nothing is reported but what other settings would change.
Result<void> run_comparing(const Options& options, Started& started, bool shows_progress) {
  EngineParts& parts = started.engines.front();
  WhatIf judged(std::move(parts.analysis), std::move(*started.other));
  Engine engine(judged, parts.captures, started.signals.get(),
                {.interfaces = {}, .progress = shows_progress ? show_progress : nullptr});
  auto ended = engine.run();
  if (shows_progress) (void)std::fputs("\033[K", stderr);
  print(judged, *options.what_if, judged.notices());
  (void)complain(judged.accounts());
  return ended;
}

/// Without captures: the probes on record are the packets.
Result<void> weigh_record(const Options& options) {
  const WhatIfSettings& settings = *options.what_if;
  auto as_is = make_analysis(options);
  if (!as_is) return std::unexpected(as_is.error());
  auto other = make_analysis(judging_by(options, settings));
  if (!other) return std::unexpected(other.error());
  const auto store = StoreReader::open(options.state);
  if (!store) return std::unexpected(store.error());
  std::optional<std::chrono::system_clock::time_point> since;
  if (settings.since) since = std::chrono::system_clock::now() - *settings.since;
  const auto recorded = read_probes(*store, since);
  if (!recorded) return std::unexpected(recorded.error());
  WhatIf judged(std::move(*as_is), std::move(*other));
  replay(*recorded, judged);
  print(judged, settings, notes_on(*recorded, judged.comparison()));
  return {};
}

/// The half that sees packets. What ends it is for the recorder to tell.
Result<void> run_engine(Started& started) {
  EngineParts& parts = started.engines.front();
  Engine engine(*started.link, parts.captures, started.signals.get(),
                {.is_live = true,
                 .interfaces = std::move(parts.interfaces),
                 .tells_of_interfaces = parts.is_first});
  shed_start();
  auto ended = engine.run();
  if (!ended) started.link->tell_state(false, ended.error().what);
  return ended;
}

/// The half that touches the world.
Result<void> run_recorder(const Options& options, Started& started, Reloader& reloader,
                          ControlDesk* desk) {
  started.reporter->open();
  Recorder recorder(*started.reporter, std::move(started.children), std::move(started.names),
                    started.signals.get(),
                    {.accounts = options.accounts,
                     .reload = [&] { return reloader.reload(); },
                     .notifier = &started.notifier,
                     .desk = desk});
  shed_start();
  return recorder.run();
}

/// What scanlogctl is told of how it was started.
ControlFacts control_facts(const Configuration& configuration, const Started& started) {
  const Options& options = configuration.options();
  std::string local;
  for (const Network& each : options.local) {
    local += (local.empty() ? "" : ",") + to_string(each.base) + "/" + std::to_string(each.prefix);
  }
  return {.version = SCANLOGD_VERSION,
          .profile = options.profile,
          .watching = started.watching,
          .missing = started.missing,
          .state = options.state,
          .config = configuration.has_file() ? options.config : "",
          .local = std::move(local),
          .capture = started.capture,
          .interfaces = options.interfaces,
          .names = started.names,
          .sandbox = options.sandbox};
}

/// Alone or as the recorder: what the terminal, the service manager and the log hear.
int run_in_front(const Configuration& configuration, Started& started, bool shows_progress) {
  const Options& options = configuration.options();
  if (options.foreground) {
    if (!started.missing.empty()) (void)complain(started.missing);
    (void)complain(started.watching);
  }
  started.notifier.ready(started.watching);
  Reloader reloader(configuration, *started.reporter, started.notifier, started.watching);
  std::optional<ControlDesk> desk;
  if (started.control) {
    desk.emplace(std::move(*started.control), control_facts(configuration, started),
                 *started.reporter);
  }
  ControlDesk* const asked = desk ? &*desk : nullptr;
  const auto ended = options.explain   ? run_explaining(options, started, shows_progress)
                     : options.what_if ? run_comparing(options, started, shows_progress)
                     : started.part == Part::alone
                         ? run_alone(options, started, reloader, asked, shows_progress)
                         : run_recorder(options, started, reloader, asked);
  started.notifier.stopping();
  if (ended) return 0;
  if (!options.daemonises()) return complain(ended.error().what);
  // Standard error is /dev/null by now.
  started.reporter->notify(Severity::error, ended.error().what);
  started.reporter->flush(Flush::waiting);
  return 1;
}

int run(const Configuration& configuration) {
  const Options& options = configuration.options();
  // Asked while it may still be.
  const bool shows_progress = !options.live() && ::isatty(STDERR_FILENO) == 1;
  auto started = start(options, configuration.directory());
  if (!started) return complain(started.error().what);
  if (options.action == Action::check) {
    std::puts("scanlogd: ready to start");
    return 0;
  }
  switch (started->part) {
    case Part::parent:
      return started->status;
    case Part::engine:
      // At once: captures go with the process, and taking them down in order would take more
      // rights.
      std::_Exit(run_engine(*started) ? 0 : 1);
    case Part::alone:
    case Part::recorder:
      break;
  }
  const int status = run_in_front(configuration, *started, shows_progress);
  if (!options.live()) return status;
  started->reporter.reset();
  std::_Exit(status);
}

/// What `main` does, with the one kind of exception that can come from below: memory ran out.
int run_command(int argc, const char* const* argv) {
  const auto configuration = Configuration::load(argc, argv);
  if (!configuration) return complain(configuration.error().what);
  switch (configuration->options().action) {
    case Action::print:
      (void)std::fputs(configuration->options().text.c_str(), stdout);
      return 0;
    case Action::list:
      return list();
    case Action::weigh: {
      const auto done = weigh_record(configuration->options());
      return done ? 0 : complain(done.error().what);
    }
    case Action::run:
    case Action::check:
      break;
  }
  return run(*configuration);
}

}  // namespace
}  // namespace scanlogd

int main(int argc, char** argv) {
  try {
    return scanlogd::run_command(argc, argv);
  } catch (const std::exception& error) {
    return scanlogd::complain(error.what());
  }
}
