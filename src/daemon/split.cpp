// See split.h. fork(2), PR_SET_PDEATHSIG in prctl(2).
#include "daemon/split.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace scanlogd {

Result<Role> split(std::size_t engines) {
  const pid_t recorder = ::getpid();
  Role role;
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
      if (::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || ::getppid() != recorder) {
        return fail_errno("prctl", "PR_SET_PDEATHSIG", ESRCH);
      }
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

}  // namespace scanlogd
