// scanlogctl: shows what scanlogd has on record. Reads the store beside a running daemon; changes
// nothing.
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "ctl/command_line.h"
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

Result<void> run(const StoreReader& store, const Request& request) {
  switch (request.command) {
    case Command::print:
      break;
    case Command::status:
      return show_status(store, request, print);
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

int run_command(int argc, const char* const* argv) {
  auto request = parse_command_line(argc, argv, std::chrono::system_clock::now());
  if (!request) return complain(request.error().what, exit_status::usage);
  if (request->command == Command::print) {
    print(request->text);
  } else {
    request->width = terminal_width();
    const auto store = StoreReader::open(request->state);
    if (!store) {
      return complain(request->state + ": " + store.error().what, status_of(store.error()));
    }
    if (const auto done = run(*store, *request); !done) {
      (void)std::fflush(stdout);
      const bool unknown = request->command == Command::show && done.error().code == ENOENT;
      return complain(done.error().what,
                      unknown ? exit_status::not_found : status_of(done.error()));
    }
  }
  if (std::fflush(stdout) != 0)
    return complain("write(standard output) failed", exit_status::failed);
  return exit_status::done;
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
