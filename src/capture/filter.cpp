// The classic BPF program of filter.h. Its own opcode numbers (they are ABI, linux/bpf_common.h),
// so that neither a kernel nor a libpcap header is needed. X holds the bytes of VLAN tags and PPPoE
// headers passed so far. A load behind the end of the frame drops the frame; user space would call
// such a frame truncated.
#include "capture/filter.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace scanlogd {
namespace {

namespace opcode {
constexpr std::uint16_t load_word_abs = 0x20;
constexpr std::uint16_t load_half_abs = 0x28;
constexpr std::uint16_t load_half_at_x = 0x48;
constexpr std::uint16_t load_byte_at_x = 0x50;
constexpr std::uint16_t set_x = 0x01;
constexpr std::uint16_t copy_a_to_x = 0x07;
constexpr std::uint16_t copy_x_to_a = 0x87;
constexpr std::uint16_t add = 0x04;
constexpr std::uint16_t add_x = 0x0c;
constexpr std::uint16_t multiply = 0x24;
constexpr std::uint16_t modulo = 0x94;
constexpr std::uint16_t xor_x = 0xac;
constexpr std::uint16_t shift_right = 0x74;
constexpr std::uint16_t bit_and = 0x54;
constexpr std::uint16_t jump_always = 0x05;
constexpr std::uint16_t shift_left = 0x64;
constexpr std::uint16_t jump_if_equal = 0x15;
constexpr std::uint16_t jump_if_bits = 0x45;
constexpr std::uint16_t finish = 0x06;
constexpr std::uint16_t finish_with_a = 0x16;
}  // namespace opcode

// Loads at these offsets read what the kernel knows of a packet, linux/filter.h.
namespace ancillary {
constexpr std::uint32_t protocol = 0xffff'f000;
constexpr std::uint32_t packet_type = protocol + 4;
constexpr std::uint32_t interface_index = protocol + 8;
constexpr std::uint32_t hardware_type = protocol + 28;
constexpr std::uint32_t network_header = 0xfff0'0000;  // and what follows it
}  // namespace ancillary

// Where jumps go, always forward; `next` is the following instruction.
enum class Label : std::uint8_t { next, tag1, tag2, pppoe, ppp_ip, datagram, ipv4, accept, drop };
constexpr std::size_t kLabels = 9;

class Program {
 public:
  void place(Label label) { places_[index(label)] = code_.size(); }

  void emit(std::uint16_t opcode, std::uint32_t operand = 0) {
    code_.push_back({.code = opcode, .operand = operand});
  }
  void jump_equal(std::uint32_t value, Label if_true, Label if_false = Label::next) {
    jump(opcode::jump_if_equal, value, if_true, if_false);
  }
  void jump_bits(std::uint32_t bits, Label if_true, Label if_false = Label::next) {
    jump(opcode::jump_if_bits, bits, if_true, if_false);
  }

  // The code with all jumps resolved.
  std::vector<FilterInstruction> link() && {
    for (const Jump& jump : jumps_) {
      code_[jump.from].if_true = distance(jump.from, jump.if_true);
      code_[jump.from].if_false = distance(jump.from, jump.if_false);
    }
    return std::move(code_);
  }

 private:
  struct Jump {
    std::size_t from;
    Label if_true, if_false;
  };

  static std::size_t index(Label label) { return static_cast<std::size_t>(label); }

  void jump(std::uint16_t opcode, std::uint32_t operand, Label if_true, Label if_false) {
    jumps_.push_back({code_.size(), if_true, if_false});
    emit(opcode, operand);
  }
  [[nodiscard]] std::uint8_t distance(std::size_t from, Label label) const {
    if (label == Label::next) return 0;
    return static_cast<std::uint8_t>(places_[index(label)] - from - 1);
  }

  std::vector<FilterInstruction> code_;
  std::vector<Jump> jumps_;
  std::array<std::size_t, kLabels> places_{};
};

// What a link header looks like to the program.
struct Shape {
  std::uint32_t header_size = 0;
  std::optional<std::uint32_t> type_at;  // of the EtherType, where there is one
};

std::optional<Shape> shape(LinkType link) {
  switch (link) {
    case LinkType::ethernet:
      return Shape{.header_size = 14, .type_at = 12};
    case LinkType::linux_sll:
      return Shape{.header_size = 16, .type_at = 14};
    case LinkType::linux_sll2:
      return Shape{.header_size = 20, .type_at = 0};
    case LinkType::null:
    case LinkType::loop:
      return Shape{.header_size = 4, .type_at = std::nullopt};
    case LinkType::raw:
    case LinkType::ipv4:
    case LinkType::ipv6:
      return Shape{.header_size = 0, .type_at = std::nullopt};
    case LinkType::ppp:
    case LinkType::ppp_hdlc:
    case LinkType::pppoe:
      break;
  }
  return std::nullopt;
}

void advance_x(Program& program, std::uint32_t bytes) {
  program.emit(opcode::copy_x_to_a);
  program.emit(opcode::add, bytes);
  program.emit(opcode::copy_a_to_x);
}

// A holds an EtherType.
void judge_type(Program& program, Label tagged) {
  program.jump_equal(0x0800, Label::datagram);
  program.jump_equal(0x86dd, Label::datagram);
  program.jump_equal(0x8100, tagged);
  program.jump_equal(0x88a8, tagged);
  program.jump_equal(0x9100, tagged);
  program.jump_equal(0x8864, Label::pppoe, Label::drop);
}

// From the EtherType to the datagram. Live captures have the outermost tag in the kernel's metadata
// and not in the data, other frames have all tags in band: the walk does for both.
void walk_types(Program& program, std::uint32_t header_size, std::uint32_t type_at) {
  program.emit(opcode::load_half_abs, type_at);
  judge_type(program, Label::tag1);

  program.place(Label::tag1);
  program.emit(opcode::set_x, 4);
  program.emit(opcode::load_half_abs, header_size + 2);
  judge_type(program, Label::tag2);

  program.place(Label::tag2);
  program.emit(opcode::set_x, 8);
  program.emit(opcode::load_half_abs, header_size + 6);
  judge_type(program, Label::accept);  // more than two tags are for user space

  // Six bytes of PPPoE, two of PPP in the usual form; user space knows the other forms.
  program.place(Label::pppoe);
  program.emit(opcode::load_half_at_x, header_size + 6);
  program.jump_equal(0x0021, Label::ppp_ip);
  program.jump_equal(0x0057, Label::ppp_ip, Label::accept);
  program.place(Label::ppp_ip);
  advance_x(program, 8);
}

// X points at the end of the IP header: TCP flags decide.
void judge_flags(Program& program, std::uint32_t header_size) {
  program.emit(opcode::load_byte_at_x, header_size + 13);
  program.emit(opcode::bit_and, tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack);
  program.jump_equal(tcp_flag::ack, Label::drop, Label::accept);
}

// Where packets go that are not TCP.
Label other(const Interest& interest) {
  return interest.other_protocols ? Label::accept : Label::drop;
}

void judge_ipv6(Program& program, const Interest& interest, std::uint32_t header_size) {
  program.emit(opcode::load_byte_at_x, header_size + 6);
  // Extension headers, fragments among them: only user space follows the chain.
  for (const std::uint32_t extension : {0u, 43u, 44u, 51u, 60u, 135u, 139u, 140u})
    program.jump_equal(extension, Label::accept);
  program.jump_equal(static_cast<std::uint32_t>(IpProto::tcp), Label::next, other(interest));
  advance_x(program, 40);
  judge_flags(program, header_size);
}

void judge_ipv4(Program& program, const Interest& interest, std::uint32_t header_size) {
  constexpr std::uint32_t kMoreOrOffset = 0x3fff;  // RFC 791 3.1
  program.emit(opcode::load_byte_at_x, header_size + 9);
  program.jump_equal(static_cast<std::uint32_t>(IpProto::tcp), Label::next, other(interest));
  // Before the flags are looked at: a first fragment may be too short to have any.
  program.emit(opcode::load_half_at_x, header_size + 6);
  program.jump_bits(kMoreOrOffset, Label::accept);
  program.emit(opcode::load_byte_at_x, header_size);
  program.emit(opcode::bit_and, 0x0f);
  program.emit(opcode::shift_left, 2);
  program.emit(opcode::add_x);
  program.emit(opcode::copy_a_to_x);
  judge_flags(program, header_size);
}

}  // namespace

std::vector<FilterInstruction> make_filter(LinkType link, const Interest& interest,
                                           std::uint32_t snap_length) {
  const auto header = shape(link);
  if (!header) return {};
  Program program;
  program.emit(opcode::set_x, 0);
  if (header->type_at) walk_types(program, header->header_size, *header->type_at);

  program.place(Label::datagram);
  program.emit(opcode::load_byte_at_x, header->header_size);
  program.emit(opcode::bit_and, 0xf0);
  program.jump_equal(0x40, Label::ipv4);
  program.jump_equal(0x60, Label::next, Label::drop);
  judge_ipv6(program, interest, header->header_size);
  program.place(Label::ipv4);
  judge_ipv4(program, interest, header->header_size);

  program.place(Label::accept);
  program.emit(opcode::finish, snap_length);
  program.place(Label::drop);
  program.emit(opcode::finish, 0);
  return std::move(program).link();
}

namespace {

void append(std::vector<FilterInstruction>& to, const std::vector<FilterInstruction>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// `drop` and `keep` packets by what stands in A: each one returns 0 or falls through.
void drop_if(std::vector<FilterInstruction>& code, std::uint32_t value) {
  code.push_back({.code = opcode::jump_if_equal, .if_true = 0, .if_false = 1, .operand = value});
  code.push_back({.code = opcode::finish, .operand = 0});
}

void keep_only(std::vector<FilterInstruction>& code, const std::vector<int>& values) {
  // Jumps are short, so each value jumps over the one that follows it.
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto over = static_cast<std::uint32_t>(2 * (values.size() - i - 1) + 1);
    code.push_back({.code = opcode::jump_if_equal,
                    .if_true = 0,
                    .if_false = 1,
                    .operand = static_cast<std::uint32_t>(values[i])});
    code.push_back({.code = opcode::jump_always, .operand = over});
  }
  if (!values.empty()) code.push_back({.code = opcode::finish, .operand = 0});
}

}  // namespace

std::vector<FilterInstruction> make_socket_filter(const SocketScope& scope) {
  constexpr std::uint32_t kOtherHost = 3;   // PACKET_OTHERHOST, linux/if_packet.h
  constexpr std::uint32_t kOutgoing = 4;    // PACKET_OUTGOING
  constexpr std::uint32_t kEthernet = 1;    // ARPHRD_ETHER, linux/if_arp.h
  constexpr std::uint32_t kLoopback = 772;  // ARPHRD_LOOPBACK
  std::vector<FilterInstruction> code;
  if (!scope.only.empty()) {
    code.push_back({.code = opcode::load_word_abs, .operand = ancillary::interface_index});
    keep_only(code, scope.only);
  }
  code.push_back({.code = opcode::load_word_abs, .operand = ancillary::packet_type});
  if (!scope.promiscuous) drop_if(code, kOtherHost);
  if (!scope.interest.outgoing) drop_if(code, kOutgoing);

  const auto ethernet = make_filter(LinkType::ethernet, scope.interest, scope.snap_length);
  const auto ip = make_filter(LinkType::raw, scope.interest, scope.snap_length);
  code.push_back({.code = opcode::load_half_abs, .operand = ancillary::hardware_type});
  // Ethernet: over the next five. Loopback: the same, unless it is on its way out.
  code.push_back(
      {.code = opcode::jump_if_equal, .if_true = 5, .if_false = 0, .operand = kEthernet});
  code.push_back(
      {.code = opcode::jump_if_equal, .if_true = 1, .if_false = 0, .operand = kLoopback});
  code.push_back(
      {.code = opcode::jump_always, .operand = static_cast<std::uint32_t>(ethernet.size() + 3)});
  code.push_back({.code = opcode::load_word_abs, .operand = ancillary::packet_type});
  drop_if(code, kOutgoing);
  append(code, ethernet);
  append(code, ip);
  return code;
}

std::vector<FilterInstruction> make_shard_filter(std::size_t engines, std::uint32_t key) {
  constexpr std::uint32_t kOutgoing = 4;
  constexpr std::uint32_t kIpv6 = 0x86dd;
  const auto load = [](std::uint32_t offset) {
    return FilterInstruction{.code = opcode::load_word_abs,
                             .operand = ancillary::network_header + offset};
  };
  // The part of the remote address that counts goes to A, of IPv6 two words made one.
  const std::vector<FilterInstruction> ipv4 = {
      {.code = opcode::load_word_abs, .operand = ancillary::packet_type},
      {.code = opcode::jump_if_equal, .if_true = 2, .if_false = 0, .operand = kOutgoing},
      load(12),
      {.code = opcode::jump_always, .operand = 1},
      load(16),
  };
  const std::vector<FilterInstruction> ipv6 = {
      {.code = opcode::load_word_abs, .operand = ancillary::packet_type},
      {.code = opcode::jump_if_equal, .if_true = 4, .if_false = 0, .operand = kOutgoing},
      load(8),
      {.code = opcode::copy_a_to_x},
      load(12),
      {.code = opcode::jump_always, .operand = 3},
      load(24),
      {.code = opcode::copy_a_to_x},
      load(28),
      {.code = opcode::xor_x},
  };
  // The same as `ring_of` of the BPF program.
  const std::vector<FilterInstruction> choose = {
      {.code = opcode::multiply, .operand = key},
      {.code = opcode::shift_right, .operand = 16},
      {.code = opcode::modulo, .operand = static_cast<std::uint32_t>(engines)},
      {.code = opcode::finish_with_a},
  };
  const auto over_ipv6 = static_cast<std::uint32_t>(ipv6.size());
  std::vector<FilterInstruction> code = {
      {.code = opcode::load_half_abs, .operand = ancillary::protocol},
      {.code = opcode::jump_if_equal,
       .if_true = static_cast<std::uint8_t>(ipv4.size() + 1),
       .if_false = 0,
       .operand = kIpv6}};
  append(code, ipv4);
  code.push_back({.code = opcode::jump_always, .operand = over_ipv6});
  append(code, ipv6);
  append(code, choose);
  return code;
}

std::string filter_expression(const Interest& interest) {
  // The order counts: the first fragment may be too short to have flags.
  std::string expression =
      "(ip and ip[9] == 6 and (ip[6:2] & 0x3fff != 0 or tcp[13] & 0x17 != 0x10))"
      " or (ip6 and ip6[6] == 6 and ip6[53] & 0x17 != 0x10)"
      " or (ip6 and (ip6[6] == 0 or ip6[6] == 43 or ip6[6] == 44 or ip6[6] == 51 or ip6[6] == 60"
      " or ip6[6] == 135 or ip6[6] == 139 or ip6[6] == 140))";
  if (interest.other_protocols) {
    expression.append(" or (ip and ip[9] != 6) or (ip6 and ip6[6] != 6)");
  }
  return expression;
}

}  // namespace scanlogd
