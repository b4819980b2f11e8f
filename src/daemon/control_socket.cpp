// See control_socket.h. unix(7): SO_PEERCRED, SO_PEERGROUPS.
#include "daemon/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace scanlogd {
namespace {

/// After a fault of accept4(2).
constexpr std::chrono::seconds kRest{1};

/// How often the kernel may refuse to read what it calls readable.
constexpr unsigned kMostRefusals = 3;

/// Connections taken in one turn, before packets and engines get theirs.
constexpr int kPerTurn = 8;

/// Groups of a peer that are looked at.
constexpr std::size_t kMostGroups = 64;

constexpr mode_t kAll = 0777;
constexpr mode_t kModeOfDirectory = 0755;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return fail_errno("bind", path, ENAMETOOLONG);
  std::ranges::copy(path, address.sun_path);
  return address;
}

const sockaddr* as_base(const sockaddr_un& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Makes the last two directories of the path, where they are missing; whoever has none of the
/// others wants no socket there.
Result<void> make_directories(const std::string& path) {
  const auto parent = [](const std::string& of) {
    return of.substr(0, std::max<std::size_t>(of.rfind('/'), 1));
  };
  const std::string inner = parent(path);
  for (const std::string& directory : {parent(inner), inner}) {
    if (::mkdir(directory.c_str(), kModeOfDirectory) != 0 && errno != EEXIST) {
      return fail_errno("mkdir", directory, errno);
    }
  }
  return {};
}

/// Takes away a socket that nobody listens on any more.
Result<void> remove_leftover(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) return fail_errno("bind", path, EEXIST);
  const UniqueFd probe(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return fail_errno("socket", "AF_UNIX, SOCK_SEQPACKET", errno);
  if (::connect(probe.get(), as_base(address), sizeof(address)) == 0 || errno == EAGAIN) {
    return fail(path + ": another scanlogd listens there", EADDRINUSE);
  }
  if (errno != ECONNREFUSED && errno != EPROTOTYPE) return fail_errno("connect", path, errno);
  if (::unlink(path.c_str()) != 0) return fail_errno("unlink", path, errno);
  return {};
}

/// Whose the socket is to be. Nobody is asked for what is so already: the service manager's filter
/// may forbid the call.
Result<void> give_to(const std::string& path, const ControlAdmission& admission) {
  if (::geteuid() != 0 && !admission.group) return {};
  constexpr auto kAsItIs = static_cast<uid_t>(-1);
  const uid_t user = ::geteuid() == 0 ? admission.user : kAsItIs;
  if (::lchown(path.c_str(), user, admission.group.value_or(kAsItIs)) == 0) return {};
  return fail_errno("chown", path, errno);
}

}  // namespace

bool is_admitted(const ControlAdmission& admission, uid_t user, gid_t group,
                 std::span<const gid_t> groups) noexcept {
  if (user == 0 || user == admission.user) return true;
  if (!admission.group) return false;
  return group == *admission.group || std::ranges::find(groups, *admission.group) != groups.end();
}

Result<UniqueFd> open_control_socket(const std::string& path, const ControlAdmission& admission) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  if (auto made = make_directories(path); !made) return std::unexpected(made.error());
  if (auto removed = remove_leftover(path, *address); !removed) {
    return std::unexpected(removed.error());
  }
  UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return fail_errno("socket", "AF_UNIX, SOCK_SEQPACKET", errno);
  // Never open to more than it will be in the end, not even for a moment.
  const mode_t before = ::umask(admission.group ? kAll & ~mode_t{0660} : kAll & ~mode_t{0600});
  const int bound = ::bind(listener.get(), as_base(*address), sizeof(*address));
  const int code = errno;
  (void)::umask(before);  // never fails
  if (bound != 0) return fail_errno("bind", path, code);
  auto done = give_to(path, admission);
  if (done && ::listen(listener.get(), static_cast<int>(ControlServer::kMostClients)) != 0) {
    done = fail_errno("listen", path, errno);
  }
  if (done) return listener;
  (void)::unlink(path.c_str());  // one that nobody listens on misleads who asks
  return std::unexpected(done.error());
}

bool ControlServer::is_called(const UniqueFd& socket) noexcept {
  pollfd polled{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return ::poll(&polled, 1, 0) > 0;
}

std::vector<AllowedCall> ControlServer::calls() const {
  return {{"accept4", {is(0, listener_.get())}},
          {"getsockopt", {is(1, SOL_SOCKET), is(2, SO_PEERCRED)}},
          {"getsockopt", {is(1, SOL_SOCKET), is(2, SO_PEERGROUPS)}}};
}

void ControlServer::watch(std::vector<pollfd>& polled, Clock::time_point now) const {
  // While all have asked, and wait for their answers, nobody can be let in.
  const bool is_open = has_room() && (!closed_until_ || now >= *closed_until_);
  polled.push_back({.fd = is_open ? listener_.get() : -1, .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    polled.push_back(
        {.fd = client.request ? -1 : client.socket.get(), .events = POLLIN, .revents = 0});
  }
}

void ControlServer::serve(Clock::time_point now, const Answer& answer) {
  admit(now);
  for (Client& client : clients_) {
    if (!client.request) read(client);
    if (!client.request || client.is_done) continue;
    const auto said = answer(*client.request, std::exchange(client.is_new, false));
    if (said) send(client, *said);
  }
  std::erase_if(clients_, [](const Client& client) { return client.is_done; });
}

bool ControlServer::is_waiting() const noexcept {
  return closed_until_ || std::ranges::any_of(clients_, [](const Client& client) {
           return client.request.has_value();
         });
}

void ControlServer::admit(Clock::time_point now) {
  if (closed_until_ && now < *closed_until_) return;
  closed_until_.reset();
  for (int turn = 0; turn < kPerTurn; ++turn) {
    if (!has_room()) return;
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      // Such as no descriptor left: who waits goes on waiting, and poll(2) goes on saying so.
      const bool may_be_empty = errno == EAGAIN || errno == ECONNABORTED || errno == EINTR;
      if (!may_be_empty || is_called(listener_)) closed_until_ = now + kRest;
      return;
    }
    make_room();
    const bool is_welcomed = is_welcome(socket);
    clients_.push_back({.socket = std::move(socket), .is_welcome = is_welcomed});
  }
}

bool ControlServer::has_room() const noexcept {
  return clients_.size() < kMostClients ||
         std::ranges::any_of(clients_, [](const Client& client) { return !client.request; });
}

void ControlServer::make_room() {
  if (clients_.size() < kMostClients) return;
  const auto idle =
      std::ranges::find_if(clients_, [](const Client& client) { return !client.request; });
  // It may have asked by now; then there is one more than there should be, this once.
  read(*idle);
  if (!idle->request || idle->is_done) clients_.erase(idle);
}

bool ControlServer::is_welcome(const UniqueFd& socket) const {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  std::array<gid_t, kMostGroups> groups{};
  size = sizeof(groups);
  // Fails for want of room, too: then the first group has to do.
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) size = 0;
  return is_admitted(admission_, peer.uid, peer.gid, std::span(groups).first(size / sizeof(gid_t)));
}

void ControlServer::read(Client& client) {
  // One byte more than may be: what is too long shows.
  std::array<char, kMostControlRequest + 1> bytes;
  const ssize_t size = ::read(client.socket.get(), bytes.data(), bytes.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    if (is_called(client.socket)) client.is_done = ++client.refusals == kMostRefusals;
    return;
  }
  if (size <= 0) {
    client.is_done = true;
    return;
  }
  // Not before it has asked: closed with something unread, it would not get to see why.
  if (!client.is_welcome) {
    return send(client,
                ControlAnswer("connect: only root, the daemon's user and its group may ask"));
  }
  const auto request =
      parse_control_request(std::string_view(bytes.data(), static_cast<std::size_t>(size)));
  if (request) {
    client.request = *request;
  } else {
    send(client, ControlAnswer(request.error().what));
  }
}

void ControlServer::send(Client& client, const ControlAnswer& answer) {
  const std::string text = answer.format();
  // The first datagram of a connection always has room; whoever has gone needs no answer.
  (void)::send(client.socket.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  client.is_done = true;
}

}  // namespace scanlogd
