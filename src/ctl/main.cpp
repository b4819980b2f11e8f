// scanlogctl: shows what scanlogd has on record, and asks it how it fares. Reads the store beside a
// running daemon; changes nothing in it.
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ctl/client.h"
#include "ctl/command_line.h"
#include "ctl/daemon_status.h"
#include "ctl/output_file.h"
#include "ctl/subcommands.h"

namespace scanlogd::ctl {
namespace {

int complain(std::string_view what, int status) {
  (void)std::fprintf(stderr, "scanlogctl: %.*s\n", static_cast<int>(what.size()), what.data());
  return status;
}

void print(std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stdout); }

/// Columns of the terminal: COLUMNS, or what the terminal says; 0 where there is none.
std::size_t terminal_width() {
  if (const char* const columns = std::getenv("COLUMNS")) {
    const std::string_view text = columns;
    std::size_t width = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
    if (error == std::errc() && end == text.data() + text.size()) return width;
  }
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

/// Looks at the store again twice a second; ends when nobody reads any more.
bool wait_for_more() {
  constexpr int kMilliseconds = 500;
  if (std::fflush(stdout) != 0) return false;
  pollfd reader{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return ::poll(&reader, 1, kMilliseconds) == 0;
}

Result<void> run_report(const StoreReader& store, const Request& request) {
  if (request.file.empty()) return write_report(store, request, print);
  auto file = OutputFile::open(request.file);
  // Without its code, which would be taken for one about the store.
  if (!file) return fail(file.error().what);
  auto done = write_report(store, request, [&](std::string_view text) { file->write(text); });
  if (!done) return done;
  done = file->finish();
  return done ? std::move(done) : fail(done.error().what);
}

Result<void> run(const StoreReader& store, const Request& request) {
  switch (request.command) {
    case Command::list:
      return list_scans(store, request, print);
    case Command::show:
      return show_scan(store, request, print);
    case Command::top:
      return show_top(store, request, print);
    case Command::tail:
      return show_tail(store, request, print, wait_for_more);
    case Command::export_scans:
      return export_scans(store, request, print);
    case Command::live:
      return watch_live(store, request);
    case Command::report:
      return run_report(store, request);
    case Command::print:
    case Command::status:
    case Command::reload:
    case Command::explain:
    case Command::selftest:
      break;  // need no store
  }
  return {};
}

int status_of(const Error& error) {
  switch (error.code) {
    case ENOENT:
    case EACCES:
      return exit_status::no_store;
    case EUCLEAN:
    case ENOTSUP:
      return exit_status::bad_store;
    default:
      return exit_status::failed;
  }
}

/// Of those who ask the daemon.
int status_of_asking(const Error& error) {
  return is_absence(error) || error.code == EACCES ? exit_status::no_daemon : exit_status::failed;
}

/// The daemon, and the store, as far as there are any.
int run_status(const Request& request) {
  StatusSources sources;
  std::optional<ControlAnswer> daemon;
  // Who names a store only wants to know of that.
  if (!request.state_given || request.control_given) {
    auto asked = ask_daemon(request.control, {.verb = ControlVerb::status});
    if (asked) {
      daemon = std::move(*asked);
      sources.daemon = &*daemon;
    } else if (is_absence(asked.error()) || asked.error().code == EACCES) {
      sources.no_daemon = asked.error().what;
    } else {
      return complain(asked.error().what, exit_status::failed);
    }
  }
  Request local = request;
  const bool keeps_none = daemon && daemon->find("state") == "none";
  if (daemon && !keeps_none && !request.state_given)
    local.state = daemon->find("state").value_or(request.state);
  auto store =
      keeps_none ? Result<StoreReader>(fail("none is kept")) : StoreReader::open(local.state);
  if (store) {
    sources.store = &*store;
  } else if (!daemon) {
    const std::string why = sources.no_daemon.empty() ? "" : sources.no_daemon + "; ";
    return complain(why + local.state + ": " + store.error().what, status_of(store.error()));
  } else {
    sources.no_store = store.error().what;
  }
  if (const auto done = show_status(sources, local, print); !done) {
    return complain(done.error().what, status_of(done.error()));
  }
  if (!sources.no_daemon.empty()) return exit_status::no_daemon;
  return daemon && !ailments_of(*daemon).empty() ? exit_status::unwell : exit_status::done;
}

/// The store that was named, or that at its usual place, or that of the daemon that runs.
Result<StoreReader> open_store(const Request& request) {
  auto store = StoreReader::open(request.state);
  if (store || request.state_given || store.error().code != ENOENT) return store;
  const auto daemon = ask_daemon(request.control, {.verb = ControlVerb::status});
  const std::string_view state = daemon ? daemon->find("state").value_or("none") : "none";
  return state == "none" ? std::move(store) : StoreReader::open(std::string(state));
}

/// What is asked of the store.
int run_on_store(const Request& request) {
  const auto store = open_store(request);
  if (!store) {
    return complain(request.state + ": " + store.error().what, status_of(store.error()));
  }
  if (const auto done = run(*store, request); !done) {
    (void)std::fflush(stdout);
    const bool unknown = request.command == Command::show && done.error().code == ENOENT;
    return complain(done.error().what, unknown ? exit_status::not_found : status_of(done.error()));
  }
  return exit_status::done;
}

int run_request(const Request& request) {
  switch (request.command) {
    case Command::print:
      print(request.text);
      return exit_status::done;
    case Command::status:
      return run_status(request);
    case Command::reload:
    case Command::explain: {
      const auto done = request.command == Command::reload ? reload_daemon(request, print)
                                                           : explain_source(request, print);
      return done ? exit_status::done : complain(done.error().what, status_of_asking(done.error()));
    }
    case Command::selftest: {
      const auto passed = test_daemon(request, print);
      if (!passed) return complain(passed.error().what, status_of_asking(passed.error()));
      return *passed ? exit_status::done : exit_status::unwell;
    }
    case Command::list:
    case Command::show:
    case Command::top:
    case Command::tail:
    case Command::export_scans:
    case Command::live:
    case Command::report:
      break;
  }
  return run_on_store(request);
}

int run_command(int argc, const char* const* argv) {
  auto request = parse_command_line(argc, argv, std::chrono::system_clock::now());
  if (!request) return complain(request.error().what, exit_status::usage);
  request->width = terminal_width();
  const int status = run_request(*request);
  if (std::fflush(stdout) != 0 && status == exit_status::done) {
    return complain("write(standard output) failed", exit_status::failed);
  }
  return status;
}

}  // namespace
}  // namespace scanlogd::ctl

int main(int argc, char** argv) {
  try {
    return scanlogd::ctl::run_command(argc, argv);
  } catch (const std::exception& error) {
    return scanlogd::ctl::complain(error.what(), scanlogd::ctl::exit_status::failed);
  }
}
