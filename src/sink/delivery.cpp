// See delivery.h. send(2), write(2), poll(2).
#include "sink/delivery.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace scanlogd {

void Delivery::submit(std::string_view message) {
  ++stats_.written;
  if (!spool_.push(message)) lose();
  deliver();
}

void Delivery::flush(Flush how) {
  if (how == Flush::reopen) close();
  deliver();
}

SinkStats Delivery::stats() const noexcept {
  SinkStats now = stats_;
  now.waiting = spool_.messages();
  return now;
}

void Delivery::lose() noexcept {
  ++stats_.lost;
  ++untold_;
}

/// A message of which only a part was sent is sent whole to whatever comes next: half of one is
/// nothing that a reader could use.
void Delivery::close() noexcept {
  way_.out.reset();
  sent_of_front_ = 0;
}

bool Delivery::reopen() {
  way_ = open_();
  sent_of_front_ = 0;
  return static_cast<bool>(way_.out);
}

/// A message sent to somebody who has closed would be lost without an error; only the one after it
/// would meet one.
bool Delivery::is_closed_by_peer() const noexcept {
  if (way_.carrier != Carrier::stream) return false;
  pollfd peer{.fd = way_.out.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&peer, 1, 0) == 1 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

int Delivery::send_front() {
  if (sent_of_front_ == 0 && is_closed_by_peer()) return EPIPE;
  std::string message(spool_.front());
  message += way_.end;
  const std::string_view rest = std::string_view(message).substr(sent_of_front_);
  const ssize_t sent =
      way_.carrier == Carrier::file
          ? ::write(way_.out.get(), rest.data(), rest.size())
          : ::send(way_.out.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno;
  sent_of_front_ += static_cast<std::size_t>(sent);
  return sent_of_front_ == message.size() ? 0 : EAGAIN;
}

void Delivery::deliver() {
  bool was_reopened = false;
  while (!spool_.empty()) {
    if (!way_.out) {
      if (was_reopened || !reopen()) return;
      was_reopened = true;
    }
    const std::size_t before = sent_of_front_;
    switch (const int code = send_front(); code) {
      case 0:
        ++stats_.delivered;
        break;
      case EMSGSIZE:
        lose();
        break;
      case EAGAIN:
        // A file takes the rest at once, or says why not.
        if (way_.carrier == Carrier::file && sent_of_front_ > before) continue;
        return;
      case EINTR:
      case ENOBUFS:
      case ENOSPC:
      case EDQUOT:
        return;  // no room on the disk or in the socket: later, to the same one
      default:
        close();
        if (way_.carrier == Carrier::file) return;
        continue;
    }
    spool_.pop();
    sent_of_front_ = 0;
  }
}

}  // namespace scanlogd
