// See sandbox.h. landlock(7), seccomp(2), seccomp_rule_add(3), setrlimit(2). libseccomp finds the
// numbers of calls for the architecture it runs on and refuses those made by another (x32, i386).
#include "daemon/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <tuple>

#include "core/unique_fd.h"

namespace scanlogd {
namespace {

/// Sanitizers and coverage make calls of their own: their builds go without seccomp.
constexpr bool kIsInstrumented = SCANLOGD_INSTRUMENTED != 0;

constexpr std::array kCommon = {
    AllowedCall{"poll"},
    AllowedCall{"ppoll"},
    AllowedCall{"clock_gettime"},
    AllowedCall{"gettimeofday"},  // these two where the clock is not the processor's: see vdso(7)
    AllowedCall{"time"},
    AllowedCall{"clock_nanosleep"},
    AllowedCall{"restart_syscall"},  // poll(2) after a stop, a suspend, the freezer
    AllowedCall{"rt_sigreturn"},
    AllowedCall{"exit"},
    AllowedCall{"exit_group"},
    AllowedCall{"close"},
    AllowedCall{"brk"},
    AllowedCall{"mmap", {lacks(2, PROT_EXEC), has(3, MAP_ANONYMOUS)}},
    AllowedCall{"munmap"},
    AllowedCall{"madvise", {is(2, MADV_DONTNEED)}},  // what only the start has used
};

constexpr std::array kRecorder = {
    AllowedCall{"read"},
    AllowedCall{"write"},
    AllowedCall{"pread64"},
    AllowedCall{"pwrite64"},
    AllowedCall{"lseek"},
    AllowedCall{"openat"},
    AllowedCall{"fcntl"},
    AllowedCall{"fstat"},
    AllowedCall{"newfstatat"},
    AllowedCall{"faccessat"},
    AllowedCall{"faccessat2"},
    AllowedCall{"fchmod"},
    AllowedCall{"fchown"},  // SQLite gives its log the owner of the database, when root
    AllowedCall{"ftruncate"},
    AllowedCall{"fsync"},
    AllowedCall{"fdatasync"},
    AllowedCall{"unlinkat"},
    AllowedCall{"renameat"},
    AllowedCall{"renameat2"},
    AllowedCall{"mmap", {lacks(2, PROT_EXEC)}},  // the index of SQLite's log
    AllowedCall{"mremap"},
    AllowedCall{"madvise"},  // of tables that are made to see whether options are right
    AllowedCall{"getpid"},
    AllowedCall{"geteuid"},
    AllowedCall{"getrandom"},
    AllowedCall{"socket", {is(0, AF_UNIX)}},
    AllowedCall{"connect"},
    AllowedCall{"sendto"},
    AllowedCall{"sendmsg"},
    AllowedCall{"fchdir"},
    AllowedCall{"chdir"},
};

// LANDLOCK_ACCESS_NET_*: TCP.
constexpr std::uint64_t kBind = 1;
constexpr std::uint64_t kConnect = 2;

/// What the running kernel can be asked to forbid; the headers of Debian 12 know the first field
/// only. A kernel refuses rights that it does not know, and rights that we do not know stay.
struct LandlockRules {
  std::uint64_t files = 0;   ///< LANDLOCK_ACCESS_FS_*
  std::uint64_t net = 0;     ///< LANDLOCK_ACCESS_NET_*, ABI 4
  std::uint64_t scopes = 0;  ///< LANDLOCK_SCOPE_*, ABI 6
};

LandlockRules known_rules(long abi, bool sends_signals) noexcept {
  constexpr std::uint64_t kFirst = (std::uint64_t{1} << 13) - 1;  // execute .. make_sym
  constexpr std::uint64_t kRefer = std::uint64_t{1} << 13;        // ABI 2
  constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14;     // ABI 3
  constexpr std::uint64_t kDevices = std::uint64_t{1} << 15;      // ABI 5, ioctl(2)
  constexpr std::uint64_t kAbstractSockets = 1;
  constexpr std::uint64_t kSignals = 2;
  LandlockRules rules{.files = kFirst};
  if (abi >= 2) rules.files |= kRefer;
  if (abi >= 3) rules.files |= kTruncate;
  if (abi >= 4) rules.net = kBind | kConnect;
  if (abi >= 5) rules.files |= kDevices;
  if (abi >= 6) rules.scopes = sends_signals ? kAbstractSockets : kAbstractSockets | kSignals;
  return rules;
}

std::size_t known_size(long abi) noexcept {
  if (abi >= 6) return sizeof(LandlockRules);
  return (abi >= 4 ? 2 : 1) * sizeof(std::uint64_t);
}

Result<void> allow_below(const UniqueFd& ruleset, int directory, std::uint64_t rights) {
  const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = directory};
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return fail_errno("landlock_add_rule", "directory " + std::to_string(directory), errno);
  }
  return {};
}

Result<void> allow_port(const UniqueFd& ruleset, Port port) {
  // landlock_net_port_attr and LANDLOCK_RULE_NET_PORT, which the headers of Debian 12 lack.
  struct {
    std::uint64_t allowed_access;
    std::uint64_t port;
  } rule{.allowed_access = kConnect, .port = port};
  constexpr int kRuleNetPort = 2;
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), kRuleNetPort, &rule, 0) != 0) {
    return fail_errno("landlock_add_rule", "port " + std::to_string(port), errno);
  }
  return {};
}

/// What the running kernel cannot be asked to forbid, of what others can.
std::string unknown_rules(long abi) {
  if (abi >= 6) return {};
  return std::string("this kernel's Landlock knows nothing of ") + (abi < 4 ? "TCP, " : "") +
         "abstract sockets and signals: those are left to seccomp";
}

/// The descriptors that are open stay usable, and so does connecting to a socket by its path.
Result<std::string> enter_landlock(const Needs& needs) {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    return std::string("this kernel has no Landlock: files are left to chroot and seccomp");
  }
  const LandlockRules rules = known_rules(abi, needs.sends_signals);
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, known_size(abi), 0)));
  if (!ruleset) return fail_errno("landlock_create_ruleset", "all rights", errno);
  constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14;
  constexpr std::uint64_t kWrite = kRead | kTruncate | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
  for (const int directory : needs.readable) {
    if (auto done = allow_below(ruleset, directory, kRead); !done) {
      return std::unexpected(done.error());
    }
  }
  for (const int directory : needs.listable) {
    if (auto done = allow_below(ruleset, directory, LANDLOCK_ACCESS_FS_READ_DIR); !done) {
      return std::unexpected(done.error());
    }
  }
  for (const int directory : needs.writable) {
    if (auto done = allow_below(ruleset, directory, kWrite & rules.files); !done) {
      return std::unexpected(done.error());
    }
  }
  for (const Port port : needs.tcp_ports) {
    if (rules.net == 0) break;
    if (auto done = allow_port(ruleset, port); !done) return std::unexpected(done.error());
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return fail_errno("landlock_restrict_self", "rules", errno);
  }
  return unknown_rules(abi);
}

Result<void> limit(__rlimit_resource resource, rlim_t most, std::string_view name) {
  const rlimit both{.rlim_cur = most, .rlim_max = most};
  if (::setrlimit(resource, &both) != 0) return fail_errno("setrlimit", name, errno);
  return {};
}

/// One more than the highest descriptor that is open, of those below `end`. Many are asked about
/// with one call: poll(2) says which are none.
int used_descriptors(std::size_t end) {
  std::array<pollfd, 256> asked{};
  int used = 0;
  for (std::size_t first = 0; first < end; first += asked.size()) {
    const std::size_t count = std::min(asked.size(), end - first);
    for (std::size_t i = 0; i < count; ++i) {
      asked[i] = {.fd = static_cast<int>(first + i), .events = 0, .revents = 0};
    }
    if (::poll(asked.data(), count, 0) < 0) return static_cast<int>(end);
    for (std::size_t i = 0; i < count; ++i) {
      if ((asked[i].revents & POLLNVAL) == 0) used = asked[i].fd + 1;
    }
  }
  return used;
}

Result<void> enter_limits(const Needs& needs) {
  rlimit before{};
  if (::getrlimit(RLIMIT_NOFILE, &before) != 0) return fail_errno("getrlimit", "NOFILE", errno);
  // Numbers above are those of whoever started us, if of anybody.
  constexpr rlim_t kMost = 65536;
  const int used = used_descriptors(std::min(before.rlim_cur, kMost));
  const rlim_t most = std::min(
      before.rlim_max, static_cast<rlim_t>(used) + static_cast<rlim_t>(needs.new_descriptors));
  if (auto done = limit(RLIMIT_NOFILE, most, "NOFILE"); !done) return done;
  if (auto done = limit(RLIMIT_NPROC, 0, "NPROC"); !done) return done;
  if (auto done = limit(RLIMIT_CORE, 0, "CORE"); !done) return done;
  // A write beyond it is a signal that kills; so only for who writes nothing.
  if (needs.writes_files) return {};
  return limit(RLIMIT_FSIZE, 0, "FSIZE");
}

struct FilterCloser {
  void operator()(void* filter) const noexcept { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterCloser>;

Result<void> add(const Filter& filter, const AllowedCall& call) {
  const int number = ::seccomp_syscall_resolve_name(std::string(call.name).c_str());
  if (number == __NR_SCMP_ERROR) {
    return fail("seccomp_syscall_resolve_name(" + std::string(call.name) + "): no such call");
  }
  if (number < 0) return {};  // of other architectures
  std::array<scmp_arg_cmp, std::tuple_size_v<decltype(call.tests)>> tests{};
  unsigned count = 0;
  for (const ArgumentTest& test : call.tests) {
    if (test.mask == 0) continue;
    tests[count++] = {.arg = test.argument,
                      .op = SCMP_CMP_MASKED_EQ,
                      .datum_a = test.mask,
                      .datum_b = test.value};
  }
  const int status =
      ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number, count, tests.data());
  // The same again is no failure.
  if (status == 0 || status == -EEXIST) return {};
  return fail_errno("seccomp_rule_add", call.name, -status);
}

Result<std::string> enter_seccomp(const Needs& needs) {
  if (kIsInstrumented) return std::string("this build is instrumented: it goes without seccomp");
  const Filter filter(::seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return fail_errno("seccomp_init", "SCMP_ACT_KILL_PROCESS", EINVAL);
  // Fails only for an attribute that there is not.
  (void)::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  for (const std::span<const AllowedCall> calls : {common_calls(), std::span(needs.calls)}) {
    for (const AllowedCall& call : calls) {
      if (auto done = add(filter, call); !done) return std::unexpected(done.error());
    }
  }
  // So that a failed assertion is seen as what it is.
  const pid_t self = ::getpid();
  for (const AllowedCall& call :
       {AllowedCall{"tgkill", {is(0, self), is(2, SIGABRT)}}, AllowedCall{"rt_sigprocmask"},
        AllowedCall{"getpid"}, AllowedCall{"gettid"}}) {
    if (auto done = add(filter, call); !done) return std::unexpected(done.error());
  }
  const int status = ::seccomp_load(filter.get());
  if (status == 0) return std::string();
  if (status == -EINVAL || status == -ENOSYS) {
    return std::string("this kernel has no seccomp filters: system calls stay as they are");
  }
  return fail_errno("seccomp_load", std::to_string(needs.calls.size()) + " calls", -status);
}

}  // namespace

std::span<const AllowedCall> common_calls() noexcept { return kCommon; }

std::span<const AllowedCall> recorder_calls() noexcept { return kRecorder; }

Result<std::string> enter_sandbox(const Needs& needs) {
  auto missing = enter_landlock(needs);
  if (!missing) return missing;
  if (auto limited = enter_limits(needs); !limited) return std::unexpected(limited.error());
  auto missing_too = enter_seccomp(needs);
  if (!missing_too) return missing_too;
  if (!missing->empty() && !missing_too->empty()) *missing += "; ";
  return *missing + *missing_too;
}

}  // namespace scanlogd
