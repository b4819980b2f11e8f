// The way out of a sink: who goes away, who takes only a part, who comes late.
#include "sink/delivery.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace scanlogd {
namespace {

using Carrier = Delivery::Carrier;

/// Hands out one end of a new pair of sockets each time, and keeps the other.
class Peers {
 public:
  explicit Peers(int type) : type_(type) {}

  Delivery::Way open() {
    ++attempts;
    if (!is_there) return {};
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, type_ | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    ends.emplace_back(pair[1]);
    return {.out = UniqueFd(pair[0]),
            .carrier = type_ == SOCK_STREAM ? Carrier::stream : Carrier::datagrams,
            .end = "."};
  }
  /// All that has come to the latest end.
  std::string read() {
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t size = 0; (size = ::read(ends.back().get(), part.data(), part.size())) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(size));
    }
    return all;
  }

  bool is_there = true;
  int attempts = 0;
  std::vector<UniqueFd> ends;

 private:
  int type_;
};

Delivery to(Peers& peers, std::size_t bytes = 4096) {
  return Delivery(bytes, [&peers] { return peers.open(); });
}

TEST(Delivery, WhatIsTakenIsDeliveredInOrder) {
  Peers peers(SOCK_STREAM);
  Delivery delivery = to(peers);
  delivery.submit("one");
  delivery.submit("two");
  EXPECT_EQ(peers.read(), "one.two.");
  EXPECT_EQ(peers.attempts, 1);
  EXPECT_EQ(delivery.stats().delivered, 2U);
}

TEST(Delivery, WaitsForSomebodyToComeAndAsksOnceAtATime) {
  Peers peers(SOCK_DGRAM);
  peers.is_there = false;
  Delivery delivery = to(peers);
  delivery.submit("one");
  EXPECT_EQ(peers.attempts, 1);
  EXPECT_EQ(delivery.stats().waiting, 1U);
  peers.is_there = true;
  delivery.flush(Flush::waiting);
  EXPECT_EQ(peers.read(), "one.");
  EXPECT_EQ(delivery.stats().waiting, 0U);
}

TEST(Delivery, WhoHasClosedAStreamIsNoticedBeforeAMessageIsLost) {
  Peers peers(SOCK_STREAM);
  Delivery delivery = to(peers);
  delivery.submit("one");
  peers.ends.back().reset();
  delivery.submit("two");
  EXPECT_EQ(peers.attempts, 2);
  EXPECT_EQ(peers.read(), "two.");
}

TEST(Delivery, WhatWasSentInPartIsSentWholeToTheNext) {
  Peers peers(SOCK_STREAM);
  Delivery delivery = to(peers, 4 * 1024 * 1024);
  const std::string message(16000, 'x');
  while (delivery.stats().waiting == 0) delivery.submit(message);
  peers.ends.back().reset();
  delivery.flush(Flush::waiting);
  EXPECT_EQ(peers.read(), message + ".");
  EXPECT_EQ(delivery.stats().waiting, 0U);
}

TEST(Delivery, ReopenGoesToWhoeverIsThereNow) {
  Peers peers(SOCK_DGRAM);
  Delivery delivery = to(peers);
  delivery.submit("one");
  delivery.flush(Flush::reopen);
  delivery.submit("two");
  EXPECT_EQ(peers.ends.size(), 2U);
  EXPECT_EQ(peers.read(), "two.");
}

TEST(Delivery, LossesAreToldOnceAndOnlyWhenNothingWaits) {
  Peers peers(SOCK_DGRAM);
  peers.is_there = false;
  Delivery delivery = to(peers, 10);
  delivery.submit("12345678");  // with two bytes for its length: all the room there is
  delivery.submit("lost");
  EXPECT_EQ(delivery.stats().lost, 1U);
  EXPECT_EQ(delivery.take_losses(), 0U);
  peers.is_there = true;
  delivery.flush(Flush::waiting);
  EXPECT_EQ(delivery.take_losses(), 1U);
  EXPECT_EQ(delivery.take_losses(), 0U);
  const SinkStats stats = delivery.stats();
  EXPECT_EQ(stats.written, stats.delivered + stats.waiting + stats.lost);
}

TEST(Delivery, ADatagramThatIsTooLongIsLostAndStopsNoOther) {
  Peers peers(SOCK_DGRAM);
  Delivery delivery(1 << 20, [&peers] {
    auto way = peers.open();
    const int little = 2048;
    (void)::setsockopt(way.out.get(), SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    return way;
  });
  delivery.submit(std::string(15000, 'x'));
  delivery.submit("two");
  EXPECT_EQ(peers.read(), "two.");
  EXPECT_EQ(delivery.stats().lost, 1U);
}

TEST(Delivery, AFileIsUsedAsItWasOpened) {
  Delivery delivery(4096, [] { return Delivery::Way(); });
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC), 0);
  const UniqueFd reader(pipe[0]);
  delivery.use({.out = UniqueFd(pipe[1]), .carrier = Carrier::file});
  delivery.submit("line\n");
  std::array<char, 16> got{};
  EXPECT_EQ(::read(reader.get(), got.data(), got.size()), 5);
}

}  // namespace
}  // namespace scanlogd
