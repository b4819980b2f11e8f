// What a process can still do once it is locked in. Each case is a child of its own that locks
// itself in and then tries.
#include "daemon/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/unique_fd.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

constexpr int kCouldNotEnter = 99;

/// The wait status of a child that enters the sandbox and returns what `act` does. Skips where the
/// build or the kernel cannot lock in.
class Sandbox : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto missing = missing_here();
    if (!missing.empty() && !missing.starts_with(kOlderLandlock)) GTEST_SKIP() << missing;
  }

  static constexpr std::string_view kOlderLandlock = "this kernel's Landlock knows nothing of ";

  static int run(const Needs& needs, const std::function<int()>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      std::_Exit(enter_sandbox(needs) ? act() : kCouldNotEnter);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  static bool is_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; }
  static bool is_well(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

  static std::string missing_here() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
      (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      Needs needs{.calls = {{"write", {is(0, writer.get())}}}, .writes_files = true};
      const auto missing = enter_sandbox(needs);
      const std::string text = missing ? *missing : missing.error().what;
      (void)!::write(writer.get(), text.data(), text.size());
      std::_Exit(0);
    }
    writer.reset();
    std::string text(1024, '\0');
    const ssize_t size = ::read(reader.get(), text.data(), text.size());
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
  }
};

TEST_F(Sandbox, SaysWhatTheLandlockOfThisKernelDoesNotKnow) {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  const std::string missing = missing_here();
  EXPECT_EQ(missing.contains("signals"), abi < 6) << missing;  // Linux 6.12
  EXPECT_EQ(missing.contains("TCP"), abi < 4) << missing;      // Linux 6.7
}

TEST_F(Sandbox, WaitingMemoryAndItsEndGoWithoutSaying) {
  EXPECT_TRUE(is_well(run({}, [] {
    (void)::poll(nullptr, 0, 1);
    const auto size = std::size_t{4} << 20;
    const std::string large(size, 'x');
    return large[size - 1] == 'x' ? 0 : 1;
  })));
}

TEST_F(Sandbox, AFailedAssertionIsSeenAsOne) {
  const int status = run({}, []() -> int { std::abort(); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST_F(Sandbox, WhateverIsNotNeededKills) {
  const std::vector<std::pair<const char*, std::function<int()>>> attempts = {
      {"open", [] { return ::open("/", O_RDONLY); }},
      {"socket", [] { return ::socket(AF_UNIX, SOCK_DGRAM, 0); }},
      {"fork", [] { return ::fork(); }},
      {"kill", [] { return ::kill(::getppid(), 0); }},
      {"write", [] { return static_cast<int>(::write(STDERR_FILENO, "", 0)); }},
      {"prctl", [] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }}};
  for (const auto& [name, attempt] : attempts) {
    EXPECT_TRUE(is_killed(run({}, attempt))) << name;
  }
}

TEST_F(Sandbox, NoMemoryCanBeRun) {
  EXPECT_TRUE(is_killed(run({}, [] {
    const void* const code =
        ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? 1 : 0;
  })));
  const Needs recorder{.calls = {recorder_calls().begin(), recorder_calls().end()}};
  EXPECT_TRUE(is_killed(run(recorder, [] {
    void* const memory = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mprotect(memory, 4096, PROT_READ | PROT_EXEC);
  })));
}

TEST_F(Sandbox, ACallIsAllowedOnItsDescriptorOnly) {
  const UniqueFd mine(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const UniqueFd other(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const Needs needs{.calls = {{"write", {is(0, mine.get())}}}};
  EXPECT_TRUE(is_well(run(needs, [&] { return ::write(mine.get(), "x", 1) == 1 ? 0 : 1; })));
  EXPECT_TRUE(is_killed(run(needs, [&] { return ::write(other.get(), "x", 1) == 1 ? 0 : 1; })));
}

TEST_F(Sandbox, AlternativesOfOneCallAreEachAllowed) {
  const Needs needs{.calls = {{"socket", {is(0, AF_UNIX), is(1, SOCK_DGRAM)}},
                              {"socket", {is(0, AF_UNIX), is(1, SOCK_STREAM)}}},
                    .new_descriptors = 4};
  EXPECT_TRUE(is_well(run(needs, [] { return ::socket(AF_UNIX, SOCK_DGRAM, 0) < 0 ? 1 : 0; })));
  EXPECT_TRUE(is_well(run(needs, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 1 : 0; })));
  EXPECT_TRUE(
      is_killed(run(needs, [] { return ::socket(AF_UNIX, SOCK_SEQPACKET, 0) < 0 ? 1 : 0; })));
}

TEST_F(Sandbox, FilesAreWithinReachInTheDirectoriesThatWereNamed) {
  const TemporaryDirectory named;
  const TemporaryDirectory other;
  const UniqueFd inside(::open(named.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd outside(::open(other.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Needs needs{.calls = {recorder_calls().begin(), recorder_calls().end()},
              .writable = {inside.get()},
              .new_descriptors = 4,
              .writes_files = true};
  const auto make = [](int directory) {
    const int fd = ::openat(directory, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    return fd >= 0 && ::write(fd, "x", 1) == 1 && ::unlinkat(directory, "file", 0) == 0 ? 0 : errno;
  };
  EXPECT_TRUE(is_well(run(needs, [&] { return make(inside.get()); })));
  EXPECT_EQ(WEXITSTATUS(run(needs, [&] { return make(outside.get()); })), EACCES);
  EXPECT_EQ(WEXITSTATUS(run(needs, [] { return ::open("/etc/passwd", O_RDONLY) < 0 ? errno : 0; })),
            EACCES);
  std::swap(needs.writable, needs.readable);
  EXPECT_EQ(WEXITSTATUS(run(needs, [&] { return make(inside.get()); })), EACCES);
}

TEST_F(Sandbox, DescriptorsAreAsManyAsWereAskedFor) {
  // Gaps among the present numbers are filled first.
  const auto can_open = [](int more) {
    const Needs needs{.calls = {{"socket", {is(0, AF_UNIX)}}}, .new_descriptors = more};
    return WEXITSTATUS(run(needs, [] {
      int count = 0;
      while (::socket(AF_UNIX, SOCK_DGRAM, 0) >= 0) ++count;
      return count;
    }));
  };
  const int gaps = can_open(0);
  EXPECT_EQ(can_open(1), gaps + 1);
  EXPECT_EQ(can_open(2), gaps + 2);
}

TEST_F(Sandbox, TcpGoesToThePortsThatWereNamed) {
  const auto connect_to = [](Port port) {
    const UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const auto* const to = reinterpret_cast<const sockaddr*>(&address);
    return ::connect(out.get(), to, sizeof(address)) == 0 ? 0 : errno;
  };
  // Nobody listens there: a connection is refused where it may be tried.
  constexpr Port kNamed = 4;
  constexpr Port kOther = 6;
  const Needs needs{.calls = {{"socket", {is(0, AF_INET)}}, {"connect"}},
                    .tcp_ports = {kNamed},
                    .new_descriptors = 4};
  EXPECT_EQ(WEXITSTATUS(run(needs, [&] { return connect_to(kNamed); })), ECONNREFUSED);
  const int other = WEXITSTATUS(run(needs, [&] { return connect_to(kOther); }));
  if (other == ECONNREFUSED) GTEST_SKIP() << "this kernel's Landlock does not know TCP (Linux 6.7)";
  EXPECT_EQ(other, EACCES);
}

// On a machine whose clock source is hpet or acpi_pm, that is what libraries come to that ask for
// the time: libnids was killed for it.
TEST_F(Sandbox, TheTimeMayBeAskedOfTheKernel) {
  const auto ask = [] {
    timespec now{};
    timeval today{};
    if (::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0) return 1;
    if (::syscall(SYS_gettimeofday, &today, nullptr) != 0) return 2;
#ifdef SYS_time
    if (::syscall(SYS_time, nullptr) < 0) return 3;
#endif
    return 0;
  };
  EXPECT_TRUE(is_well(run({}, ask)));
}

/// Every name in the lists is a call of one of the architectures we know, and what one of them
/// lacks has a substitute there.
TEST(SandboxCalls, AreKnownOnEveryArchitecture) {
  for (const auto calls : {common_calls(), recorder_calls()}) {
    for (const AllowedCall& call : calls) {
      const std::string name(call.name);
      const int x86 = ::seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
      const int arm = ::seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, name.c_str());
      EXPECT_NE(x86, __NR_SCMP_ERROR) << name;
      EXPECT_TRUE(x86 >= 0 || arm >= 0) << name;
      // Of what x86-64 has, aarch64 lacks only these; there poll(3) is ppoll(2), and time(2) in the
      // vDSO makes the call clock_gettime(2).
      if (arm < 0) {
        EXPECT_TRUE(name == "poll" || name == "time") << name;
      }
    }
  }
  EXPECT_GE(::seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, "ppoll"), 0);
}

}  // namespace
}  // namespace scanlogd::test
