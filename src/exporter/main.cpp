// scanlogd-exporter: what scanlogd counts, for Prometheus; see scanlogd-exporter(8). A process of
// its own, so that no daemon that sees packets or writes logs ever listens on the network. It needs
// no right but to read the store and to ask at the control socket, and does without either.
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/client.h"
#include "exporter/metrics.h"
#include "exporter/server.h"

namespace scanlogd::exporter {
namespace {

constexpr const char* kHelp =
    "Usage: scanlogd-exporter [OPTION]...\n"
    "Tells Prometheus what scanlogd counts; see scanlogd-exporter(8).\n"
    "  --listen ADDRESS:PORT  of loopback; may be given twice (127.0.0.1:9977; \"none\")\n"
    "  --socket PATH          UNIX socket to listen on, too\n"
    "  --state DIR            directory of the store (" SCANLOGD_STATE
    ")\n"
    "  --control PATH         control socket of the daemon (" SCANLOGD_CONTROL
    ")\n"
    "  --once                 print the page and exit\n"
    "  --version, --help\n";

struct Options {
  std::vector<std::string> listen;
  std::string socket;
  std::string state = SCANLOGD_STATE;
  std::string control = SCANLOGD_CONTROL;
  bool is_once = false;
};

volatile std::sig_atomic_t stopping = 0;
void stop(int /*number*/) { stopping = 1; }

int complain(const std::string& what) {
  (void)std::fprintf(stderr, "scanlogd-exporter: %s\n", what.c_str());
  return 1;
}

std::string make_page(const Options& options) {
  return format_metrics(ctl::ask_daemon(options.control, {.verb = ControlVerb::status}),
                        sample_store(options.state, std::chrono::system_clock::now()));
}

Result<std::vector<UniqueFd>> listen_everywhere(const Options& options) {
  std::vector<UniqueFd> sockets;
  for (const std::string& address : options.listen) {
    if (address == "none") continue;
    auto socket = listen_tcp(address);
    if (!socket) return std::unexpected(socket.error());
    sockets.push_back(std::move(*socket));
  }
  if (!options.socket.empty()) {
    auto socket = listen_unix(options.socket);
    if (!socket) return std::unexpected(socket.error());
    sockets.push_back(std::move(*socket));
  }
  if (sockets.empty()) return fail("--listen: none, and no --socket: nothing to do");
  return sockets;
}

int run(Options options) {
  if (options.is_once) {
    (void)std::fputs(make_page(options).c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
  }
  if (options.listen.empty()) options.listen.emplace_back("127.0.0.1:9977");
  auto sockets = listen_everywhere(options);
  if (!sockets) return complain(sockets.error().what);
  // What it has now is all that it will ever have.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return complain("prctl(NO_NEW_PRIVS)");
  struct sigaction action {};
  action.sa_handler = stop;
  (void)::sigaction(SIGTERM, &action, nullptr);  // fails for a number that is none
  (void)::sigaction(SIGINT, &action, nullptr);
  Server server(std::move(*sockets), [options] { return make_page(options); });
  (void)std::fputs("scanlogd-exporter: listening\n", stderr);
  while (stopping == 0) server.serve(std::chrono::milliseconds(500));
  if (!options.socket.empty()) (void)::unlink(options.socket.c_str());  // else the next one does
  return 0;
}

int parse_and_run(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    if (name == "--help") {
      (void)std::fputs(kHelp, stdout);
      return 0;
    }
    if (name == "--version") {
      (void)std::puts("scanlogd-exporter " SCANLOGD_VERSION);
      return 0;
    }
    if (name == "--once") {
      options.is_once = true;
      continue;
    }
    if (name != "--listen" && name != "--socket" && name != "--state" && name != "--control") {
      return complain("unknown option '" + std::string(name) + "'; see --help");
    }
    if (equals == std::string_view::npos && i + 1 == arguments.size()) {
      return complain(std::string(name) + ": needs a value");
    }
    const std::string value(equals == std::string_view::npos ? arguments[++i]
                                                             : argument.substr(equals + 1));
    if (name == "--listen") options.listen.push_back(value);
    if (name == "--socket") options.socket = value;
    if (name == "--state") options.state = value;
    if (name == "--control") options.control = value;
  }
  return run(std::move(options));
}

}  // namespace
}  // namespace scanlogd::exporter

int main(int argc, char** argv) {
  try {
    return scanlogd::exporter::parse_and_run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "scanlogd-exporter: %s\n", error.what());
    return 1;
  }
}
