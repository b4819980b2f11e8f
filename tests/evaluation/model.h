// A model of what a busy server sees in a day: clients, their mistakes, NATs, monitors, passive
// FTP, peer-to-peer leftovers, traceroute, late answers, the Internet's background of scanners, and
// scans of every kind and pace among them. Fixed seeds give the same day each time. The assumptions
// and the figures they give: docs/detection.md.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "core/packet.h"

namespace scanlogd::evaluation {

/// Nanoseconds since the begin of the model.
using Time = std::int64_t;
inline constexpr Time kSecond = 1'000'000'000;
inline constexpr Time kDay = 86400 * kSecond;

/// What somebody sends.
enum class Shape : std::uint8_t {
  system,  ///< SYN of connect(2)
  nmap,    ///< SYN of nmap -sS
  masscan,
  zmap,
  null,
  fin,
  xmas,
  maimon,
  ack,
  udp,
  sctp,
  protocol,
  echo,
};

/// What we answer.
enum class Answer : std::uint8_t { service, refused, silent };

/// One contact with us.
struct Contact {
  Time time = 0;
  std::uint32_t source = 0;
  std::uint32_t target = 0;
  Port port = 0;
  Shape shape = Shape::system;
  Answer answer = Answer::refused;
  bool is_benign = true;
};

/// How much of what there is in a day.
struct Mix {
  double clients = 200'000;
  double failing = 0.01;  ///< of the clients try a port that is closed
  double tail = 0.2;      ///< of those try another one, and so on
  int mail_bursts = 30;   ///< clients that look for a mail server
  int windows_bursts = 5;
  int panel_bursts = 20;
  int print_bursts = 5;
  int nats = 300;     ///< addresses with many clients behind them
  int monitors = 20;  ///< each asks for three closed ports every minute
  int passive_ftp = 50;
  int leftovers = 3000;  ///< peers that look for a program that has gone
  int late_answers = 2000;
  int traceroutes = 20;
  int background = 6000;  ///< sources of the Internet's background, most with a port or two
};

/// The server's address, and those beside it.
inline constexpr std::uint32_t kServer = 0xc6336401;  // 198.51.100.1
/// A random public address.
[[nodiscard]] std::uint32_t random_source(std::mt19937_64& random);

/// Adds the contacts of the day that begins at `begin`.
void add_day(const Mix& mix, Time begin, std::mt19937_64& random, std::vector<Contact>& contacts);

/// One kind of scan.
struct ScanPlan {
  std::string_view name;
  Shape shape = Shape::nmap;
  Time gap = kSecond;
  int probes = 60;        ///< that are sent at most
  bool is_sweep = false;  ///< one port of sixteen hosts
  double recall = 1;      ///< that must be reached
  int median = 5;         ///< probes until it is found, at most
  int ninetieth = 0;      ///< likewise of nine in ten; 0: not asked for
  int most = 0;           ///< likewise of all
};

/// Adds the probes of one scanner.
void add_scan(const ScanPlan& plan, Time begin, std::uint32_t source, std::mt19937_64& random,
              std::vector<Contact>& contacts);

/// Calls `take(packet)` for each packet of the contact: what comes and what we answer.
template <class Take>
void expand(const Contact& contact, Take take);

/// What comes, of a contact.
[[nodiscard]] Packet question(const Contact& contact);
/// What we answer; nothing where its family is none.
[[nodiscard]] Packet reply(const Contact& contact, const Packet& question);

template <class Take>
void expand(const Contact& contact, Take take) {
  constexpr Time kReaction = 20'000;
  Packet asked = question(contact);
  if (contact.shape != Shape::ack) take(asked);  // captures leave out bare ACKs
  Packet answered = reply(contact, asked);
  if (answered.family == Family::none) return;
  answered.time = std::chrono::nanoseconds(contact.time + kReaction);
  take(answered);
  if (contact.shape != Shape::system || contact.answer != Answer::service) return;
  Packet fin = asked;
  fin.time = std::chrono::nanoseconds(contact.time + 2 * kReaction);
  fin.flags = tcp_flag::fin | tcp_flag::ack;
  fin.sequence = asked.sequence + 1;
  fin.acknowledgement = answered.sequence + 1;
  take(fin);
  answered.time = std::chrono::nanoseconds(contact.time + 3 * kReaction);
  answered.flags = tcp_flag::fin | tcp_flag::ack;
  take(answered);
}

}  // namespace scanlogd::evaluation
