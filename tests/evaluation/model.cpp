// See model.h.
#include "evaluation/model.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace scanlogd::evaluation {
namespace {

using Random = std::mt19937_64;

std::uint64_t below(Random& random, std::uint64_t end) { return random() % end; }
double part(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }
Time within_day(Random& random) { return static_cast<Time>(below(random, kDay)); }

constexpr std::array<Port, 8> kServices = {443, 80, 25, 22, 993, 587, 53, 8443};

// What clients try by mistake, most of it what was there once or is elsewhere.
constexpr std::array<Port, 24> kMistakes = {80,   443,  8080, 21,   22,   23,   25,   110,
                                            143,  465,  995,  3306, 3389, 5900, 8000, 8888,
                                            9000, 5222, 6667, 7070, 2222, 1433, 5432, 11211};
constexpr std::array<Port, 9> kMail = {25, 110, 143, 465, 587, 993, 995, 2525, 4190};
constexpr std::array<Port, 7> kWeb = {80, 443, 3000, 8000, 8080, 8443, 8888};
constexpr std::array<Port, 8> kWindows = {88, 135, 139, 389, 445, 464, 636, 3389};
constexpr std::array<Port, 7> kPanels = {2082, 2083, 2086, 2087, 2095, 2096, 10000};
constexpr std::array<Port, 5> kPrint = {161, 515, 631, 9100, 9101};
constexpr std::array<Port, 12> kWanted = {23,   2323, 22,   445,  3389, 80,
                                          8080, 443,  5555, 6379, 8443, 1433};

// The ports of the same kind of service as `port`, if any.
std::span<const Port> kind_of(Port port) {
  const auto holds = [port](std::span<const Port> ports) {
    return std::ranges::find(ports, port) != ports.end();
  };
  if (holds(kMail)) return kMail;
  if (holds(kWeb)) return kWeb;
  if (holds(kWindows)) return kWindows;
  return {};
}

bool is_service(Port port) { return std::ranges::find(kServices, port) != kServices.end(); }
Answer answer_of(Port port) { return is_service(port) ? Answer::service : Answer::refused; }

template <std::size_t size>
Port pick(const std::array<Port, size>& ports, Random& random) {
  return ports[below(random, size)];
}

// All of a list of ports, in any order, some seconds between.
template <std::size_t size>
void add_burst(std::array<Port, size> ports, Time begin, Random& random,
               std::vector<Contact>& contacts) {
  std::shuffle(ports.begin(), ports.end(), random);
  const std::uint32_t source = random_source(random);
  const std::size_t count = size / 2 + below(random, size - size / 2 + 1);
  for (std::size_t i = 0; i < count; ++i) {
    begin += static_cast<Time>(below(random, 3 * kSecond));
    contacts.push_back({begin, source, kServer, ports[i], Shape::system, answer_of(ports[i])});
  }
}

void add_client(std::uint32_t source, Time at, const Mix& mix, Random& random,
                std::vector<Contact>& contacts) {
  const Port port = part(random) < 0.85 ? kServices[below(random, 2)] : pick(kServices, random);
  contacts.push_back({at, source, kServer, port, Shape::system, Answer::service});
  if (part(random) >= mix.failing) return;
  // The next try is of the same kind of service two times out of three.
  Port mistake = 0;
  do {
    at += static_cast<Time>(below(random, 20 * kSecond));
    const std::span<const Port> kind = kind_of(mistake);
    if (!kind.empty() && part(random) < 0.67) {
      mistake = kind[below(random, kind.size())];
    } else {
      mistake = part(random) < 0.7 ? pick(kMistakes, random)
                                   : static_cast<Port>(1024 + below(random, 60000));
    }
    contacts.push_back({at, source, kServer, mistake, Shape::system, answer_of(mistake)});
  } while (part(random) < mix.tail);
}

// Scanners of the whole Internet: not ours to find at a port or two, and no mistake if we do.
void add_background(Time begin, Random& random, std::vector<Contact>& contacts) {
  constexpr std::array kShapes = {Shape::masscan, Shape::zmap, Shape::nmap, Shape::system};
  const std::uint32_t source = random_source(random);
  const Shape shape = kShapes[below(random, kShapes.size())];
  const double kind = part(random);
  std::uint64_t count = kind < 0.8 ? 1 : kind < 0.95 ? 2 : kind < 0.99 ? 3 + below(random, 8) : 0;
  if (count == 0) count = 11 + below(random, 40);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Port port =
        part(random) < 0.6 ? pick(kWanted, random) : static_cast<Port>(1 + below(random, 65535));
    contacts.push_back({begin, source, kServer, port, shape, answer_of(port), false});
    begin += static_cast<Time>(below(random, 600 * kSecond));
  }
}

// The ports that nmap tries first, in the order of a run.
std::vector<Port> scanned_ports(std::size_t count, Random& random) {
  std::vector<Port> ports;
  ports.insert(ports.end(), kServices.begin(), kServices.end());
  ports.insert(ports.end(), kMistakes.begin(), kMistakes.end());
  ports.insert(ports.end(), kMail.begin(), kMail.end());
  ports.insert(ports.end(), kWindows.begin(), kWindows.end());
  while (ports.size() < 1000) {
    const double kind = part(random);  // as among the thousand ports that nmap tries
    ports.push_back(static_cast<Port>(kind < 0.25  ? 1 + below(random, 1023)
                                      : kind < 0.9 ? 1024 + below(random, 31744)
                                                   : 32768 + below(random, 32768)));
  }
  std::ranges::sort(ports);
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  std::shuffle(ports.begin(), ports.end(), random);
  ports.resize(std::min(count, ports.size()));
  return ports;
}

std::uint64_t mix_bits(std::uint64_t x) {
  x = (x ^ x >> 31) * 0x7fb5'd329'728e'a185;
  x = (x ^ x >> 27) * 0x81da'def4'bc2d'd44d;
  return x ^ x >> 33;
}

}  // namespace

std::uint32_t random_source(Random& random) {
  for (;;) {
    const auto address = static_cast<std::uint32_t>(random());
    const std::uint32_t first = address >> 24;
    if (first == 0 || first == 10 || first == 127 || first >= 224 || address >> 8 == kServer >> 8) {
      continue;
    }
    return address;
  }
}

void add_day(const Mix& mix, Time begin, Random& random, std::vector<Contact>& contacts) {
  for (int i = 0; i < static_cast<int>(mix.clients); ++i) {
    // In this order, which the language leaves open among arguments: seeds are to mean the same
    // days whatever compiles this.
    const Time at = begin + within_day(random);
    add_client(random_source(random), at, mix, random, contacts);
  }
  for (int i = 0; i < mix.mail_bursts; ++i) {
    add_burst(kMail, begin + within_day(random), random, contacts);
  }
  for (int i = 0; i < mix.windows_bursts; ++i) {
    add_burst(kWindows, begin + within_day(random), random, contacts);
  }
  for (int i = 0; i < mix.panel_bursts; ++i) {
    add_burst(kPanels, begin + within_day(random), random, contacts);
  }
  for (int i = 0; i < mix.print_bursts; ++i) {
    add_burst(kPrint, begin + within_day(random), random, contacts);
  }
  // The same every day.
  Random fixed(4711);
  for (int i = 0; i < mix.nats; ++i) {
    const std::uint32_t source = random_source(fixed);
    const std::uint64_t clients = 20 + below(fixed, 120);
    for (std::uint64_t client = 0; client < clients; ++client) {
      add_client(source, begin + within_day(random), mix, random, contacts);
    }
  }
  for (int i = 0; i < mix.monitors; ++i) {
    const std::uint32_t source = random_source(fixed);
    const std::array<Port, 3> ports = {pick(kMistakes, fixed), static_cast<Port>(9100 + i),
                                       static_cast<Port>(10050)};
    for (Time at = static_cast<Time>(below(random, 60 * kSecond)); at < kDay; at += 60 * kSecond) {
      for (const Port port : ports) {
        contacts.push_back({begin + at, source, kServer, port, Shape::system, answer_of(port)});
      }
    }
  }
  for (int i = 0; i < mix.passive_ftp; ++i) {
    const std::uint32_t source = random_source(random);
    Time at = begin + within_day(random);
    const std::uint64_t files = 20 + below(random, 130);
    for (std::uint64_t file = 0; file < files; ++file) {
      at += static_cast<Time>(below(random, kSecond));
      const auto port = static_cast<Port>(49152 + below(random, 16384));
      contacts.push_back({at, source, kServer, port, Shape::system, Answer::service});
    }
  }
  for (int i = 0; i < mix.leftovers; ++i) {
    const std::uint32_t source = random_source(random);
    const Shape shape = below(random, 2) == 0 ? Shape::udp : Shape::system;
    Time at = begin + within_day(random);
    for (std::uint64_t times = 1 + below(random, 5); times > 0; --times) {
      contacts.push_back({at, source, kServer, 51413, shape,
                          shape == Shape::udp ? Answer::silent : Answer::refused});
      at += static_cast<Time>(below(random, 900 * kSecond));
    }
  }
  for (int i = 0; i < mix.late_answers; ++i) {
    contacts.push_back({begin + within_day(random), random_source(random), kServer,
                        static_cast<Port>(32768 + below(random, 28000)), Shape::udp,
                        Answer::silent});
  }
  for (int i = 0; i < mix.traceroutes; ++i) {
    const std::uint32_t source = random_source(random);
    Time at = begin + within_day(random);
    for (Port port = 33434; port < 33464; ++port) {
      contacts.push_back({at, source, kServer, port, Shape::udp, Answer::silent});
      at += kSecond / 10;
    }
  }
  for (int i = 0; i < mix.background; ++i) {
    add_background(begin + within_day(random), random, contacts);
  }
}

void add_scan(const ScanPlan& plan, Time begin, std::uint32_t source, Random& random,
              std::vector<Contact>& contacts) {
  const std::vector<Port> ports = scanned_ports(static_cast<std::size_t>(plan.probes), random);
  const Port swept = pick(kWanted, random);
  for (int i = 0; i < static_cast<int>(ports.size()); ++i) {
    Contact contact{begin,      source,          kServer, ports[static_cast<std::size_t>(i)],
                    plan.shape, Answer::refused, false};
    if (plan.is_sweep) {
      if (i == 16) return;
      contact.target = kServer + 16 + static_cast<std::uint32_t>(i);
      contact.port = plan.shape == Shape::echo ? Port{0} : swept;
    } else if (plan.shape == Shape::protocol) {
      contact.port = static_cast<Port>(140 + i);
    } else if (plan.shape != Shape::udp && plan.shape != Shape::sctp) {
      contact.answer = answer_of(contact.port);
    }
    // Our kernel sends one ICMP error a second.
    if (plan.shape == Shape::udp && plan.gap < kSecond && i >= 6) contact.answer = Answer::silent;
    contacts.push_back(contact);
    begin += plan.gap;
  }
}

Packet question(const Contact& contact) {
  Packet packet;
  const std::uint64_t bits = mix_bits(contact.source * std::uint64_t{65537} + contact.port);
  packet.time = std::chrono::nanoseconds(contact.time);
  packet.source = ipv4_bytes(contact.source);
  packet.target = ipv4_bytes(contact.target);
  packet.family = Family::ipv4;
  packet.protocol = IpProto::tcp;
  packet.target_port = contact.port;
  packet.ip_id = static_cast<std::uint16_t>(bits >> 48);
  packet.sequence = static_cast<std::uint32_t>(bits);
  packet.flags = tcp_flag::syn;
  // One port and one number for all probes of a run, as nmap has it; programs have new ones.
  const auto fixed = static_cast<Port>(33000 + mix_bits(contact.source) % 27000);
  const auto fresh = static_cast<Port>(33000 + (bits >> 20) % 27000);
  packet.source_port = fixed;
  packet.ttl = static_cast<std::uint8_t>(37 + bits % 23);
  switch (contact.shape) {
    case Shape::system:
      packet.source_port = fresh;
      packet.window = 64240;
      packet.ttl = static_cast<std::uint8_t>(45 + contact.source % 15);
      packet.set_options(TcpOptions::other);
      break;
    case Shape::nmap:
      packet.window = 1024;
      packet.sequence = static_cast<std::uint32_t>(mix_bits(contact.source + 1));
      packet.set_options(TcpOptions::mss_only);
      break;
    case Shape::masscan:
      packet.window = 1024;
      packet.ttl = 240;
      packet.ip_id = static_cast<std::uint16_t>(contact.target ^ contact.port ^ packet.sequence);
      break;
    case Shape::zmap:
      packet.window = 65535;
      packet.ttl = 240;
      packet.ip_id = 54321;
      break;
    case Shape::null:
      packet.flags = 0;
      break;
    case Shape::fin:
      packet.flags = tcp_flag::fin;
      break;
    case Shape::xmas:
      packet.flags = tcp_flag::fin | tcp_flag::psh | tcp_flag::urg;
      break;
    case Shape::maimon:
      packet.flags = tcp_flag::fin | tcp_flag::ack;
      break;
    case Shape::ack:
      packet.flags = tcp_flag::ack;
      break;
    case Shape::udp:
      packet.protocol = IpProto::udp;
      packet.source_port = contact.port >= 32768 && contact.is_benign ? Port{443} : fixed;
      break;
    case Shape::sctp:
      packet.protocol = IpProto::sctp;
      packet.flags = 1;
      break;
    case Shape::protocol:
      packet.protocol = IpProto(static_cast<std::uint8_t>(contact.port));
      packet.source_port = packet.target_port = 0;
      packet.flags = 0;
      break;
    case Shape::echo:
      packet.protocol = IpProto::icmp;
      packet.source_port = 8;
      packet.target_port = 0;
      packet.flags = 0;
      break;
  }
  if (packet.protocol == IpProto::udp) {
    packet.flags = 0;
    packet.sequence = 0;
  }
  if (packet.is_syn()) packet.acknowledgement = SynSummary().bits();
  return packet;
}

Packet reply(const Contact& contact, const Packet& question) {
  Packet answer = question;
  answer.family = Family::none;
  const bool is_service = contact.answer == Answer::service;
  if (contact.answer == Answer::silent) return answer;
  std::swap(answer.source, answer.target);
  std::swap(answer.source_port, answer.target_port);
  answer.ttl = 64;
  answer.sequence = static_cast<std::uint32_t>(mix_bits(question.sequence));
  answer.acknowledgement = question.sequence + 1;
  switch (contact.shape) {
    case Shape::system:
    case Shape::nmap:
    case Shape::masscan:
    case Shape::zmap:
      answer.flags = tcp_flag::ack | (is_service ? tcp_flag::syn : tcp_flag::rst);
      break;
    case Shape::null:
    case Shape::fin:
    case Shape::xmas:
      if (is_service) return answer;
      answer.flags = tcp_flag::rst | tcp_flag::ack;
      break;
    case Shape::maimon:
    case Shape::ack:
      answer.flags = tcp_flag::rst;
      answer.acknowledgement = 0;
      break;
    case Shape::udp:
      answer.protocol = IpProto::icmp;
      answer.source_port = answer.target_port = 3;
      answer.flags = static_cast<std::uint8_t>(IpProto::udp);
      answer.sequence = std::uint32_t{question.source_port} << 16 | question.target_port;
      answer.acknowledgement = contact.target;
      break;
    case Shape::sctp:
      answer.flags = 6;
      break;
    case Shape::protocol:
      return answer;
    case Shape::echo:
      answer.source_port = 0;
      break;
  }
  answer.family = Family::ipv4;
  return answer;
}

}  // namespace scanlogd::evaluation
