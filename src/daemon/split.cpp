// See split.h. fork(2), PR_SET_PDEATHSIG in prctl(2).
#include "daemon/split.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace scanlogd {
namespace {

/// A start takes milliseconds; whoever needs this long hangs.
constexpr int kPatienceMs = 10'000;

/// The first record of an engine, which is about its start.
Result<std::string> await(EngineInbox& inbox, const std::string& name) {
  EngineRecord record;
  for (;;) {
    pollfd answer{.fd = inbox.fd(), .events = POLLIN, .revents = 0};
    const int found = ::poll(&answer, 1, kPatienceMs);
    if (found == 0) return fail_errno("recv", name, ETIMEDOUT);
    if (found < 0 && errno != EINTR) return fail_errno("poll", name, errno);
    switch (inbox.take(record)) {
      case EngineInbox::Look::nothing:
      case EngineInbox::Look::trouble:
        continue;
      case EngineInbox::Look::closed:
        return fail(name + " ended during the start");
      case EngineInbox::Look::nonsense:
        return fail(name + " sent what no engine sends");
      case EngineInbox::Look::record:
        break;
    }
    const auto* const start = std::get_if<EngineState>(&record);
    if (start == nullptr) return fail(name + ": spoke before it was ready");
    if (!start->is_running) return fail(std::string(start->what.view()));
    return std::string(start->what.view());
  }
}

}  // namespace

Result<ProcessRole> split(std::size_t engines) {
  ProcessRole role;
  role.recorder = ::getpid();
  for (std::size_t engine = 0; engine < engines; ++engine) {
    auto link = make_engine_link();
    const pid_t child = link ? ::fork() : -1;
    if (child < 0) {
      const int code = errno;
      for (const Recorder::Child& each : role.children) (void)::kill(each.pid, SIGKILL);
      if (!link) return std::unexpected(link.error());
      return fail_errno("fork", "engine", code);
    }
    if (child == 0) {
      // What others have to say is not for us, and our own ends must close with us.
      role.children.clear();
      role.engine = engine;
      role.socket = std::move(link->second);
      return role;
    }
    role.children.push_back({.pid = child, .inbox = EngineInbox(std::move(link->first))});
  }
  return role;
}

Result<void> end_with(pid_t recorder) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return fail_errno("prctl", "PR_SET_PDEATHSIG", errno);
  }
  if (::getppid() != recorder) return fail_errno("getppid", "recorder", ESRCH);
  return {};
}

Result<std::string> await_engines(std::vector<Recorder::Child>& children) {
  std::string missing;
  for (std::size_t i = 0; i < children.size(); ++i) {
    auto what = await(children[i].inbox, "engine " + std::to_string(i));
    if (!what) return what;
    // They have the same kernel: what one lacks, all lack.
    if (missing.empty()) missing = std::move(*what);
  }
  return missing;
}

}  // namespace scanlogd
