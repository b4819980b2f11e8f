// See interfaces.h. rtnetlink(7), netlink(7), RTM_GETLINK.
#include "capture/interfaces.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace scanlogd {
namespace {

using ByteView = std::span<const std::byte>;
using Kind = InterfaceChange::Kind;

constexpr int kBufferSize = 1 << 20;         // a few thousand changes
constexpr std::size_t kDatagram = 32 << 10;  // the largest that the kernel makes (NLMSG_GOODSIZE)
constexpr int kAnswerTimeoutMs = 2000;

template <class Header>
bool load(ByteView bytes, Header& out) noexcept {
  if (bytes.size() < sizeof(Header)) return false;
  std::memcpy(&out, bytes.data(), sizeof(Header));
  return true;
}

constexpr std::size_t aligned(std::size_t size) noexcept { return (size + 3) & ~std::size_t{3}; }

ByteView behind(ByteView bytes, std::size_t size) noexcept {
  return bytes.subspan(std::min(size, bytes.size()));
}

// The name among the attributes of a link message, or nothing.
std::string_view name_in(ByteView attributes) noexcept {
  rtattr header{};
  while (load(attributes, header)) {
    const std::size_t size = header.rta_len;
    if (size < sizeof(header) || size > attributes.size()) return {};
    const ByteView value = attributes.subspan(sizeof(header), size - sizeof(header));
    if (header.rta_type == IFLA_IFNAME) {
      const auto* const text = static_cast<const char*>(static_cast<const void*>(value.data()));
      return {text, ::strnlen(text, std::min<std::size_t>(value.size(), IFNAMSIZ - 1))};
    }
    attributes = behind(attributes, aligned(size));
  }
  return {};
}

}  // namespace

Result<InterfaceMonitor> InterfaceMonitor::open() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) return fail_errno("socket", "NETLINK_ROUTE", errno);
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBufferSize, sizeof(int)) != 0) {
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kBufferSize, sizeof(int));
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return fail_errno("bind", "NETLINK_ROUTE", errno);
  }
  InterfaceMonitor monitor(std::move(socket));
  if (auto asked = monitor.ask_for_all(); !asked) return std::unexpected(asked.error());
  while (monitor.is_listing_) {
    pollfd answer{.fd = monitor.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&answer, 1, kAnswerTimeoutMs) == 0) {
      return fail_errno("recv", "RTM_GETLINK", ETIMEDOUT);
    }
    if (auto changes = monitor.poll(); !changes) return std::unexpected(changes.error());
  }
  return monitor;
}

Result<void> InterfaceMonitor::ask_for_all() {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (::send(socket_.get(), &request, sizeof(request), 0) < 0) {
    return fail_errno("send", "RTM_GETLINK", errno);
  }
  is_listing_ = true;
  listed_.clear();
  return {};
}

Result<std::vector<InterfaceChange>> InterfaceMonitor::poll() {
  std::vector<InterfaceChange> changes;
  if (is_stale_) {
    if (auto asked = ask_for_all(); !asked) return std::unexpected(asked.error());
    is_stale_ = false;
  }
  was_silent_ = false;
  alignas(nlmsghdr) std::array<std::byte, kDatagram> buffer;
  // Bounded, so that a storm of changes cannot keep the caller from its packets.
  for (int i = 0; i < 64; ++i) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof(from);
    const ssize_t size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) {
      was_silent_ = errno == EAGAIN && i == 0;
      if (errno == EAGAIN) break;
      // Messages were lost: nobody knows what is true but the kernel.
      is_stale_ = true;
      // What was heard before is to be told all the same.
      if (errno == ENOBUFS || !changes.empty()) break;
      return fail_errno("recv", "NETLINK_ROUTE", errno);
    }
    if (from.nl_pid != 0) continue;  // not from the kernel
    take(ByteView(buffer).first(static_cast<std::size_t>(size)), changes);
  }
  return changes;
}

std::vector<AllowedCall> InterfaceMonitor::calls() const {
  // Without an address: to the kernel.
  return {{"recvfrom", {is(0, fd())}}, {"sendto", {is(0, fd()), is_null(4)}}};
}

void InterfaceMonitor::take(ByteView datagram, std::vector<InterfaceChange>& changes) {
  nlmsghdr header{};
  while (load(datagram, header)) {
    const std::size_t size = header.nlmsg_len;
    if (size < sizeof(header) || size > datagram.size()) return;
    const ByteView message = datagram.subspan(sizeof(header), size - sizeof(header));
    switch (header.nlmsg_type) {
      case RTM_NEWLINK:
        take_link(message, true, changes);
        break;
      case RTM_DELLINK:
        take_link(message, false, changes);
        break;
      case NLMSG_DONE:
        if (std::exchange(is_listing_, false)) forget_unlisted(changes);
        break;
      default:
        break;
    }
    datagram = behind(datagram, aligned(size));
  }
}

void InterfaceMonitor::take_link(ByteView message, bool is_there,
                                 std::vector<InterfaceChange>& changes) {
  ifinfomsg link{};
  if (!load(message, link) || link.ifi_family != AF_UNSPEC) return;
  if (!is_there) {
    const auto known = std::ranges::find(interfaces_, link.ifi_index, &Interface::index);
    if (known == interfaces_.end()) return;
    changes.push_back({.kind = Kind::gone, .interface = *known, .old_name = {}});
    interfaces_.erase(known);
    return;
  }
  if (is_listing_) listed_.push_back(link.ifi_index);
  take_change({.index = link.ifi_index,
               .name = std::string(name_in(behind(message, aligned(sizeof(link))))),
               .type = link.ifi_type,
               .is_up = (link.ifi_flags & IFF_UP) != 0},
              changes);
}

void InterfaceMonitor::take_change(Interface now, std::vector<InterfaceChange>& changes) {
  const auto known = std::ranges::find(interfaces_, now.index, &Interface::index);
  if (known == interfaces_.end()) {
    if (now.name.empty()) return;
    changes.push_back({.kind = Kind::appeared, .interface = now, .old_name = {}});
    interfaces_.push_back(std::move(now));
    return;
  }
  if (!now.name.empty() && now.name != known->name) {
    std::string old_name = std::exchange(known->name, now.name);
    changes.push_back(
        {.kind = Kind::renamed, .interface = *known, .old_name = std::move(old_name)});
  }
  if (now.is_up != known->is_up) {
    known->is_up = now.is_up;
    changes.push_back(
        {.kind = now.is_up ? Kind::up : Kind::down, .interface = *known, .old_name = {}});
  }
}

void InterfaceMonitor::forget_unlisted(std::vector<InterfaceChange>& changes) {
  std::erase_if(interfaces_, [&](const Interface& interface) {
    if (std::ranges::find(listed_, interface.index) != listed_.end()) return false;
    changes.push_back({.kind = Kind::gone, .interface = interface, .old_name = {}});
    return true;
  });
}

}  // namespace scanlogd
