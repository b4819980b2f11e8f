// A model of what busy machines ask of others in an hour, for the egress alarm: each kind with the
// share of its contacts that fail. Fixed seeds give the same hour each time. The assumptions:
// docs/detection.md.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "core/packet.h"

namespace scanlogd::test {

/// Kinds of busy machines.
enum class Asker : std::uint8_t {
  mail_server,
  proxy,
  resolver,
  crawler,
  peer,     ///< BitTorrent with its distributed hash table
  backup,   ///< some hosts again and again, a tenth of them gone
  monitor,  ///< 600 hosts every minute, a tenth of them down: a port and a ping of each
};
inline constexpr std::array kAskers = {Asker::mail_server, Asker::proxy, Asker::resolver,
                                       Asker::crawler,     Asker::peer,  Asker::backup,
                                       Asker::monitor};

/// What becomes of a contact.
enum class AskedFate : std::uint8_t { answered, refused, silent };

/// One contact of ours with somebody.
struct AskedContact {
  std::chrono::nanoseconds time{};
  std::uint32_t target = 0;
  Port port = 0;
  IpProto protocol = IpProto::tcp;
  AskedFate fate = AskedFate::answered;
};

/// Hours of what an `Asker` does.
class OutgoingModel {
 public:
  explicit OutgoingModel(Asker asker, std::uint64_t seed = 1) : asker_(asker), random_(seed) {}

  /// The contacts of the next hour, in order.
  [[nodiscard]] std::vector<AskedContact> hour() {
    contacts_.clear();
    switch (asker_) {
      case Asker::mail_server:
        many(2000, 0.25, [] { return std::pair(Port{25}, IpProto::tcp); });
        break;
      case Asker::proxy:
        many(20'000, 0.03, [this] { return web(); });
        break;
      case Asker::resolver:
        many(30'000, 0.08, [] { return std::pair(Port{53}, IpProto::udp); });
        break;
      case Asker::crawler:
        many(40'000, 0.15, [this] { return web(); });
        break;
      case Asker::peer:
        many(1500, 0.70, [this] { return std::pair(peer_port(), IpProto::tcp); });
        many(3000, 0.50, [this] { return std::pair(peer_port(), IpProto::udp); });
        break;
      case Asker::backup:
        again(30, 4, 22);
        break;
      case Asker::monitor:
        again(600, 60, 9100);
        break;
    }
    std::ranges::stable_sort(contacts_, {}, &AskedContact::time);
    begin_ += kHour;
    return std::move(contacts_);
  }

 private:
  static constexpr std::chrono::hours kHour{1};

  [[nodiscard]] std::uint64_t below(std::uint64_t end) { return random_() % end; }
  [[nodiscard]] bool is_one_in(double share) {
    return static_cast<double>(below(1'000'000)) < share * 1e6;
  }
  [[nodiscard]] std::uint32_t somebody() {
    return static_cast<std::uint32_t>(0x14000000 + below(0x60000000));
  }
  [[nodiscard]] std::pair<Port, IpProto> web() {
    return {is_one_in(0.8) ? Port{443} : Port{80}, IpProto::tcp};
  }
  [[nodiscard]] Port peer_port() {
    if (is_one_in(0.15)) return static_cast<Port>(6881 + below(9));
    if (is_one_in(0.05)) return 51413;
    if (is_one_in(0.02)) return 443;
    return static_cast<Port>(1024 + below(64512));
  }

  // Half of the targets are among a few that everybody asks.
  template <class Ask>
  void many(int count, double failing, Ask ask) {
    for (int i = 0; i < count; ++i) {
      const auto [port, protocol] = ask();
      const bool is_known = is_one_in(0.5);
      const std::uint32_t target =
          is_known ? static_cast<std::uint32_t>(0x17000000 + below(2000)) : somebody();
      const bool fails = is_one_in(is_known ? failing / 4 : failing);
      const AskedFate fate = !fails            ? AskedFate::answered
                             : is_one_in(0.35) ? AskedFate::refused
                                               : AskedFate::silent;
      contacts_.push_back(
          {begin_ + std::chrono::nanoseconds(below(kHourNs)), target, port, protocol, fate});
    }
  }

  // The same hosts `times` an hour.
  void again(std::uint32_t hosts, int times, Port port) {
    for (int round = 0; round < times; ++round) {
      for (std::uint32_t host = 0; host < hosts; ++host) {
        const auto at = begin_ + kHour * round / times + std::chrono::milliseconds(host * 20);
        const AskedFate fate = host % 10 == 7 ? AskedFate::silent : AskedFate::answered;
        const std::uint32_t target = 0x0a000000 + 1 + host;
        contacts_.push_back({at, target, port, IpProto::tcp, fate});
        if (asker_ == Asker::monitor) contacts_.push_back({at, target, 0, IpProto::icmp, fate});
      }
    }
  }

  static constexpr std::uint64_t kHourNs = std::chrono::nanoseconds(kHour).count();

  Asker asker_;
  std::mt19937_64 random_;
  std::chrono::nanoseconds begin_{};
  std::vector<AskedContact> contacts_;
};

/// What `source` sends in `contact`, as an ordinary system does.
[[nodiscard]] inline Packet asked_packet(const AskedContact& contact, const AddressBytes& source) {
  Packet packet;
  packet.time = contact.time;
  packet.family = Family::ipv4;
  packet.protocol = contact.protocol;
  packet.source = source;
  packet.target = ipv4_bytes(contact.target);
  packet.ttl = 64;
  packet.sequence = contact.target * 2654435761U + contact.port;
  packet.source_port = static_cast<Port>(33000 + packet.sequence % 27000);
  packet.target_port = contact.port;
  if (contact.protocol == IpProto::icmp) {
    packet.source_port = 8;
    packet.sequence = 0;
  } else if (contact.protocol == IpProto::udp) {
    packet.sequence = 0;
    packet.window = 60;
  } else {
    packet.flags = tcp_flag::syn;
    packet.window = 64240;
    packet.set_options(TcpOptions::other);
    packet.acknowledgement = SynSummary().bits();
  }
  return packet;
}

/// The answer to `asked`; of no family where there is none.
[[nodiscard]] inline Packet asked_answer(const AskedContact& contact, const Packet& asked) {
  Packet answer = asked;
  std::swap(answer.source, answer.target);
  std::swap(answer.source_port, answer.target_port);
  answer.time += std::chrono::milliseconds(30);
  answer.set_options(TcpOptions::none);
  answer.acknowledgement = 0;
  if (contact.fate == AskedFate::silent) answer.family = Family::none;
  if (contact.protocol == IpProto::tcp) {
    answer.acknowledgement = asked.sequence + 1;
    answer.sequence = asked.sequence ^ 0x5bd1'e995;
    answer.flags = static_cast<std::uint8_t>(
        tcp_flag::ack | (contact.fate == AskedFate::answered ? tcp_flag::syn : tcp_flag::rst));
  } else if (contact.protocol == IpProto::icmp) {
    answer.source_port = answer.target_port = 0;
  } else if (contact.fate == AskedFate::refused) {
    answer.protocol = IpProto::icmp;
    answer.flags = static_cast<std::uint8_t>(asked.protocol);
    answer.sequence = std::uint32_t{asked.source_port} << 16 | asked.target_port;
    answer.acknowledgement = ipv4_value(asked.target);
    answer.source_port = answer.target_port = 3;
    answer.window = 0;
  }
  return answer;
}

}  // namespace scanlogd::test
