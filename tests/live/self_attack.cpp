// What somebody who has taken over a process of scanlogd could still do: it opens what a daemon
// opens, locks itself in with the daemon's own code, and then attacks, each time in a new process.
// Run by test_sandbox.py as root in namespaces made for it.
//   self_attack engine|recorder CHROOT STATE [open]
// With `open` it gives up its rights, but does not lock itself in: what the attacks are worth.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture.h"
#include "capture/interfaces.h"
#include "daemon/control_socket.h"
#include "daemon/engine_link.h"
#include "daemon/needs.h"
#include "daemon/privilege.h"
#include "daemon/sandbox.h"

namespace scanlogd {
namespace {

/// What the attacked process has.
struct Target {
  Captures captures;
  std::optional<InterfaceMonitor> interfaces;
  UniqueFd signals;
  UniqueFd link;      ///< the engine's end
  UniqueFd inbox;     ///< the recorder's
  UniqueFd state;     ///< directory
  UniqueFd control;   ///< the listening socket of the recorder
  UniqueFd root;      ///< a directory outside; nobody should have it, but somebody might forget it
  pid_t other = 0;    ///< the other half
  pid_t foreign = 0;  ///< another process of the same user
};

/// Whether it worked. What it returns otherwise, or whether it is killed, does not matter.
using Attempt = std::function<bool(const Target&)>;
struct Attack {
  const char* name;
  Attempt attempt;
};

bool is_open(int fd) { return fd >= 0; }

int capture_of(const Target& target) { return target.captures.front()->fd(); }

/// A frame that would be seen on the loopback interface.
std::array<char, 64> frame() {
  std::array<char, 64> bytes{};
  bytes[12] = 8;  // IPv4
  return bytes;
}

sockaddr_ll loopback() {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = __builtin_bswap16(0x0800);
  address.sll_ifindex = 1;
  address.sll_halen = 6;
  return address;
}

bool inject_message(const Target& target, bool many) {
  auto bytes = frame();
  auto to = loopback();
  iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
  mmsghdr message{};
  message.msg_hdr.msg_name = &to;
  message.msg_hdr.msg_namelen = sizeof(to);
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  if (many) return ::sendmmsg(capture_of(target), &message, 1, 0) == 1;
  return ::sendmsg(capture_of(target), &message.msg_hdr, 0) >= 0;
}

bool connect_abstract() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, "\0self-attack", 12);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 12)) == 0;
}

/// The kernel answers a change of an interface with an error, or with none.
bool delete_interface(int netlink) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_DELLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = 1;
  if (::send(netlink, &request, sizeof(request), 0) < 0) return false;
  struct {
    nlmsghdr header;
    nlmsgerr error;
    std::array<char, 512> rest;
  } answer{};
  pollfd waiting{.fd = netlink, .events = POLLIN, .revents = 0};
  (void)::poll(&waiting, 1, 1000);
  if (::recv(netlink, &answer, sizeof(answer), 0) < 0) return false;
  return answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

#if defined(__x86_64__)
/// A call by the numbers of i386, which a filter for x86-64 alone would take for others.
bool call_as_i386() {
  long result = 0;
  asm volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");  // getpid
  return result > 0;
}
/// Likewise by those of x32.
bool call_as_x32() { return ::syscall(0x40000000 | SYS_getppid) > 0; }
#endif

/// What neither half may do.
std::vector<Attack> attacks_on_all() {
  std::vector<Attack> attacks = {
      {"open(/)", [](const Target&) { return is_open(::open("/", O_RDONLY)); }},
      {"open(..)", [](const Target&) { return is_open(::open("..", O_RDONLY | O_DIRECTORY)); }},
      {"open(/etc/passwd)", [](const Target&) { return is_open(::open("/etc/passwd", O_RDONLY)); }},
      {"openat(outside, etc/passwd)",
       [](const Target& t) { return is_open(::openat(t.root.get(), "etc/passwd", O_RDONLY)); }},
      {"openat(outside, .)",
       [](const Target& t) { return is_open(::openat(t.root.get(), ".", O_RDONLY)); }},
      {"creat(file)", [](const Target&) { return is_open(::creat("file", 0600)); }},
      {"openat2",
       [](const Target&) {
         std::array<std::uint64_t, 3> how{};
         return is_open(
             static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, "/", how.data(), sizeof(how))));
       }},
      {"open_by_handle_at",
       [](const Target& t) {
         alignas(file_handle) std::array<char, 256> room{};
         auto* const handle = static_cast<file_handle*>(static_cast<void*>(room.data()));
         handle->handle_bytes = 128;
         int mount = 0;
         (void)::name_to_handle_at(t.root.get(), "etc", handle, &mount, 0);
         return is_open(::open_by_handle_at(t.root.get(), handle, O_RDONLY));
       }},
      {"mkdir", [](const Target& t) { return ::mkdirat(t.state.get(), "directory", 0700) == 0; }},
      {"symlink", [](const Target& t) { return ::symlinkat("/", t.state.get(), "link") == 0; }},
      {"mkfifo", [](const Target& t) { return ::mkfifoat(t.state.get(), "fifo", 0600) == 0; }},
      {"chroot", [](const Target&) { return ::chroot("/") == 0; }},
      {"mount", [](const Target&) { return ::mount("none", "/", "tmpfs", 0, nullptr) == 0; }},
      {"pivot_root", [](const Target&) { return ::syscall(SYS_pivot_root, ".", ".") == 0; }},
      {"unshare(user)", [](const Target&) { return ::unshare(CLONE_NEWUSER) == 0; }},
      {"unshare(net)", [](const Target&) { return ::unshare(CLONE_NEWNET) == 0; }},
      {"setns", [](const Target& t) { return ::setns(t.root.get(), 0) == 0; }},
      {"socket(inet)", [](const Target&) { return is_open(::socket(AF_INET, SOCK_STREAM, 0)); }},
      {"socket(inet6)", [](const Target&) { return is_open(::socket(AF_INET6, SOCK_DGRAM, 0)); }},
      {"socket(packet)", [](const Target&) { return is_open(::socket(AF_PACKET, SOCK_RAW, 0)); }},
      {"socket(netlink)",
       [](const Target&) { return is_open(::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)); }},
      {"socket(alg)", [](const Target&) { return is_open(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }},
      {"socket(vsock)", [](const Target&) { return is_open(::socket(AF_VSOCK, SOCK_STREAM, 0)); }},
      {"socketpair",
       [](const Target&) {
         std::array<int, 2> ends{};
         return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0;
       }},
      {"connect(abstract)", [](const Target&) { return connect_abstract(); }},
      {"listen", [](const Target& t) { return ::listen(t.link.get(), 1) == 0; }},
      {"mmap(exec)",
       [](const Target&) {
         return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
       }},
      {"mprotect(exec)",
       [](const Target&) {
         void* const memory =
             ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return ::mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0;
       }},
      {"memfd_create", [](const Target&) { return is_open(::memfd_create("x", 0)); }},
      {"execve",
       [](const Target& t) {
         std::array<char*, 1> none{};
         // Out of reach after the change of root; as far as a filter is concerned it is the call.
         return ::syscall(SYS_execveat, t.root.get(), "bin/true", none.data(), none.data(), 0) == 0;
       }},
      {"fork", [](const Target&) { return ::fork() >= 0; }},
      {"clone(thread)",
       [](const Target&) {
         return ::syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr) >= 0;
       }},
      {"ptrace(other)",
       [](const Target& t) { return ::ptrace(PTRACE_ATTACH, t.other, nullptr, nullptr) == 0; }},
      {"ptrace(same user)",
       [](const Target& t) { return ::ptrace(PTRACE_SEIZE, t.foreign, nullptr, nullptr) == 0; }},
      {"kill(same user)", [](const Target& t) { return ::kill(t.foreign, SIGWINCH) == 0; }},
      {"kill(everybody)", [](const Target&) { return ::kill(-1, SIGWINCH) == 0; }},
      {"tgkill(other)",
       [](const Target& t) { return ::syscall(SYS_tgkill, t.other, t.other, SIGWINCH) == 0; }},
      {"rt_sigqueueinfo",
       [](const Target& t) {
         siginfo_t info{};
         info.si_code = SI_QUEUE;
         return ::syscall(SYS_rt_sigqueueinfo, t.foreign, SIGWINCH, &info) == 0;
       }},
      {"pidfd_open", [](const Target& t) { return ::syscall(SYS_pidfd_open, t.foreign, 0) >= 0; }},
      {"process_vm_writev",
       [](const Target& t) {
         static char word = 0;
         const iovec part{.iov_base = &word, .iov_len = 1};
         return ::process_vm_writev(t.foreign, &part, 1, &part, 1, 0) == 1;
       }},
      {"process_vm_readv",
       [](const Target& t) {
         static char word = 0;
         const iovec part{.iov_base = &word, .iov_len = 1};
         return ::process_vm_readv(t.foreign, &part, 1, &part, 1, 0) == 1;
       }},
      {"bpf",
       [](const Target&) {
         bpf_attr attributes{};
         attributes.map_type = BPF_MAP_TYPE_ARRAY;
         attributes.key_size = attributes.value_size = 4;
         attributes.max_entries = 1;
         return ::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)) >= 0;
       }},
      {"io_uring_setup",
       [](const Target&) {
         io_uring_params parameters{};
         return ::syscall(SYS_io_uring_setup, 1, &parameters) >= 0;
       }},
      {"perf_event_open",
       [](const Target&) {
         perf_event_attr attributes{};
         attributes.size = sizeof(attributes);
         attributes.type = PERF_TYPE_SOFTWARE;
         attributes.exclude_kernel = attributes.exclude_hv = 1;
         return ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) >= 0;
       }},
      {"userfaultfd", [](const Target&) { return ::syscall(SYS_userfaultfd, 1) >= 0; }},
      {"keyctl", [](const Target&) { return ::syscall(SYS_keyctl, 0, -3, 1) >= 0; }},
      {"add_key",
       [](const Target&) { return ::syscall(SYS_add_key, "user", "x", "y", 1, -3) >= 0; }},
      {"seccomp(user notification)",
       [](const Target&) {
         sock_filter allow{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0x7fff0000};
         const sock_fprog program{.len = 1, .filter = &allow};
         return ::syscall(SYS_seccomp, 1, 1U << 3, &program) >= 0;
       }},
      {"shmget", [](const Target&) { return ::shmget(IPC_PRIVATE, 4096, 0600) >= 0; }},
      {"prctl(dumpable)", [](const Target&) { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }},
      {"setrlimit(descriptors)",
       [](const Target&) {
         const rlimit more{.rlim_cur = 4096, .rlim_max = 4096};
         return ::setrlimit(RLIMIT_NOFILE, &more) == 0;
       }},
      {"setuid(0)", [](const Target&) { return ::setuid(0) == 0; }},
      {"setpriority", [](const Target&) { return ::setpriority(PRIO_PROCESS, 0, 10) == 0; }},
      {"ioctl(TIOCSTI)",
       [](const Target&) {
         char key = '\n';
         return ::ioctl(STDIN_FILENO, TIOCSTI, &key) == 0;
       }},
  };
#if defined(__x86_64__)
  attacks.push_back({"a call as i386", [](const Target&) { return call_as_i386(); }});
  attacks.push_back({"a call as x32", [](const Target&) { return call_as_x32(); }});
#endif
  return attacks;
}

/// What the engine may not do with what it has.
std::vector<Attack> attacks_on_engine() {
  return {
      {"socket(unix)", [](const Target&) { return is_open(::socket(AF_UNIX, SOCK_DGRAM, 0)); }},
      {"inject by send",
       [](const Target& t) {
         const auto bytes = frame();
         return ::send(capture_of(t), bytes.data(), bytes.size(), 0) >= 0;
       }},
      {"inject by write",
       [](const Target& t) {
         const auto bytes = frame();
         return ::write(capture_of(t), bytes.data(), bytes.size()) >= 0;
       }},
      {"inject by writev",
       [](const Target& t) {
         auto bytes = frame();
         const iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
         return ::writev(capture_of(t), &part, 1) >= 0;
       }},
      {"inject by sendto",
       [](const Target& t) {
         const auto bytes = frame();
         const auto to = loopback();
         return ::sendto(capture_of(t), bytes.data(), bytes.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof(to)) >= 0;
       }},
      {"inject by sendmsg", [](const Target& t) { return inject_message(t, false); }},
      {"inject by sendmmsg", [](const Target& t) { return inject_message(t, true); }},
      {"inject by a copy of the descriptor",
       [](const Target& t) {
         const auto bytes = frame();
         const auto to = loopback();
         return ::sendto(::dup(capture_of(t)), bytes.data(), bytes.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof(to)) >= 0;
       }},
      {"inject through a ring",
       [](const Target& t) {
         tpacket_req3 request{};
         request.tp_block_size = 4096;
         request.tp_block_nr = 1;
         request.tp_frame_size = 2048;
         request.tp_frame_nr = 2;
         return ::setsockopt(capture_of(t), SOL_PACKET, PACKET_TX_RING, &request,
                             sizeof(request)) == 0;
       }},
      {"setsockopt(detach the filter)",
       [](const Target& t) {
         int none = 0;
         return ::setsockopt(capture_of(t), SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)) == 0;
       }},
      {"setsockopt(promiscuous)",
       [](const Target& t) {
         packet_mreq request{};
         request.mr_ifindex = 1;
         request.mr_type = PACKET_MR_PROMISC;
         return ::setsockopt(capture_of(t), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request,
                             sizeof(request)) == 0;
       }},
      {"setsockopt(netlink group)",
       [](const Target& t) {
         const int group = RTNLGRP_IPV4_ROUTE;
         return ::setsockopt(t.interfaces->fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
                             sizeof(group)) == 0;
       }},
      {"bind elsewhere",
       [](const Target& t) {
         const auto to = loopback();
         return ::bind(capture_of(t), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
       }},
      {"delete an interface", [](const Target& t) { return delete_interface(t.interfaces->fd()); }},
      {"sendto another netlink socket",
       [](const Target& t) {
         sockaddr_nl to{};
         to.nl_family = AF_NETLINK;
         to.nl_pid = 1;
         nlmsghdr message{};
         message.nlmsg_len = sizeof(message);
         return ::sendto(t.interfaces->fd(), &message, sizeof(message), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof(to)) >= 0;
       }},
      {"ioctl(interface)",
       [](const Target& t) {
         ifreq request{};
         std::strcpy(request.ifr_name, "lo");
         return ::ioctl(capture_of(t), SIOCGIFFLAGS, &request) == 0;
       }},
      {"kill(recorder)", [](const Target& t) { return ::kill(t.other, SIGWINCH) == 0; }},
      {"write(standard error)", [](const Target&) { return ::write(STDERR_FILENO, "", 0) >= 0; }},
      {"read(link)",
       [](const Target& t) {
         char word = 0;
         return ::recv(t.link.get(), &word, 1, MSG_DONTWAIT) >= 0 || errno == EAGAIN;
       }},
      {"fcntl(signals)",
       [](const Target& t) { return ::fcntl(t.signals.get(), F_SETOWN, t.other) == 0; }},
      {"chdir", [](const Target& t) { return ::fchdir(t.root.get()) == 0; }},
      {"openat(state)",
       [](const Target& t) {
         return is_open(::openat(t.state.get(), "file", O_CREAT | O_WRONLY, 0600));
       }},
  };
}

/// What the recorder may not do with what it has. It may speak to log daemons, write in its
/// directory, and signal its engines.
std::vector<Attack> attacks_on_recorder() {
  return {
      {"openat(outside, create)",
       [](const Target& t) {
         return is_open(::openat(t.root.get(), "tmp/self-attack", O_CREAT | O_WRONLY, 0600));
       }},
      {"rename out of the directory",
       [](const Target& t) {
         (void)::close(::openat(t.state.get(), "mine", O_CREAT | O_WRONLY, 0600));
         return ::renameat(t.state.get(), "mine", t.root.get(), "tmp/self-attack") == 0;
       }},
      {"link",
       [](const Target& t) {
         return ::linkat(t.root.get(), "etc/passwd", t.state.get(), "passwd", 0) == 0;
       }},
      {"chmod", [](const Target& t) { return ::fchmodat(t.state.get(), ".", 0777, 0) == 0; }},
      {"bind",
       [](const Target&) {
         const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
         const sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
         return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) == 0;
       }},
      {"sendfile",
       [](const Target& t) { return ::sendfile(t.inbox.get(), t.signals.get(), nullptr, 1) >= 0; }},
      {"accept on another socket",
       [](const Target& t) {
         return ::accept4(t.inbox.get(), nullptr, nullptr, 0) >= 0 || errno != EPERM;
       }},
      {"accept without flags",
       [](const Target& t) {
         return ::accept(t.control.get(), nullptr, nullptr) >= 0 || errno != EPERM;
       }},
      {"getsockopt(another option)",
       [](const Target& t) {
         int value = 0;
         socklen_t size = sizeof(value);
         return ::getsockopt(t.control.get(), SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0;
       }},
      {"setsockopt(control)",
       [](const Target& t) {
         const int on = 1;
         return ::setsockopt(t.control.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0;
       }},
      {"wait for others",
       [](const Target& t) { return ::waitpid(t.foreign, nullptr, WNOHANG) >= 0; }},
  };
}

/// Ends when whoever started it does.
pid_t start_sleeper(uid_t uid, gid_t gid) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::setresgid(gid, gid, gid) != 0 || ::setresuid(uid, uid, uid) != 0) ::_exit(1);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  for (;;) (void)::pause();
}

Result<Target> open_target(const Identity& identity, const std::string& state) {
  Target target;
  const auto plugin = std::ranges::find(capture_table(), "ring", &CapturePlugin::name);
  if (plugin == capture_table().end()) return fail("ring is not built in");
  auto captures = (*plugin)->open({});
  if (!captures) return std::unexpected(captures.error());
  target.captures = std::move(captures->front());
  auto interfaces = InterfaceMonitor::open();
  if (!interfaces) return std::unexpected(interfaces.error());
  target.interfaces.emplace(std::move(*interfaces));
  sigset_t known;
  sigemptyset(&known);
  sigaddset(&known, SIGTERM);
  target.signals = UniqueFd(::signalfd(-1, &known, SFD_NONBLOCK | SFD_CLOEXEC));
  auto link = make_engine_link();
  if (!link) return std::unexpected(link.error());
  target.inbox = std::move(link->first);
  target.link = std::move(link->second);
  target.state = UniqueFd(::open(state.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!target.state) return fail_errno("open", state, errno);
  auto control = open_control_socket("/run/self-attack/control", {.user = identity.uid});
  if (!control) return std::unexpected(control.error());
  target.control = std::move(*control);
  target.root = UniqueFd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  target.other = start_sleeper(identity.uid, identity.gid);
  target.foreign = start_sleeper(identity.uid, identity.gid);
  return target;
}

enum class Outcome { worked, failed, killed, broken };

/// One attack in a process of its own, which first becomes what is attacked.
Outcome attack(const Attack& each, const Target& target, const Confinement& confinement,
               const std::optional<Needs>& needs) {
  constexpr int kWorked = 0;
  constexpr int kFailed = 1;
  constexpr int kBroken = 2;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!confine(confinement) || (needs && !enter_sandbox(*needs))) std::_Exit(kBroken);
    const bool worked = each.attempt(target);
    std::_Exit(worked ? kWorked : kFailed);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return Outcome::broken;
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? Outcome::killed : Outcome::broken;
  if (WEXITSTATUS(status) == kBroken) return Outcome::broken;
  return WEXITSTATUS(status) == kWorked ? Outcome::worked : Outcome::failed;
}

int run(std::string_view who, const std::string& chroot, const std::string& state, bool locked) {
  const auto identity = find_identity("scanlogd");
  if (!identity) {
    std::fprintf(stderr, "%s\n", identity.error().what.c_str());
    return 1;
  }
  auto target = open_target(*identity, state);
  if (!target) {
    std::fprintf(stderr, "%s\n", target.error().what.c_str());
    return 1;
  }
  const bool is_engine = who == "engine";
  std::optional<Needs> needs;
  if (locked && is_engine) {
    needs = both(engine_needs(target->captures, target->interfaces, target->signals.get()),
                 {.calls = {{"sendmsg", {is(0, target->link.get())}}}});
  } else if (locked) {
    std::vector<Recorder::Child> engines;
    engines.push_back(
        {.pid = target->other,
         .inbox = EngineInbox(UniqueFd(::fcntl(target->inbox.get(), F_DUPFD_CLOEXEC, 0)))});
    const ControlServer server(UniqueFd(::fcntl(target->control.get(), F_DUPFD_CLOEXEC, 0)),
                               {.user = identity->uid});
    needs = both(recorder_needs(engines, {target->state.get()}), {.calls = server.calls()});
  }
  const Confinement confinement{.chroot = chroot, .identity = *identity};
  auto attacks = attacks_on_all();
  for (auto& each : is_engine ? attacks_on_engine() : attacks_on_recorder()) {
    attacks.push_back(each);
  }
  int worked = 0;
  int killed = 0;
  int broken = 0;
  for (const Attack& each : attacks) {
    switch (attack(each, *target, confinement, needs)) {
      case Outcome::worked:
        ++worked;
        std::printf("succeeded: %s\n", each.name);
        break;
      case Outcome::killed:
        ++killed;
        break;
      case Outcome::broken:
        ++broken;
        std::printf("broken: %s\n", each.name);
        break;
      case Outcome::failed:
        std::printf("failed, not killed: %s\n", each.name);
        break;
    }
  }
  std::printf("%.*s: %zu attempts, %d succeeded (%d killed, %d broken)\n",
              static_cast<int>(who.size()), who.data(), attacks.size(), worked, killed, broken);
  return worked == 0 && broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace scanlogd

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  (void)std::setvbuf(stdout, nullptr, _IONBF, 0);
  return scanlogd::run(argv[1], argv[2], argv[3], argc == 4);
}
