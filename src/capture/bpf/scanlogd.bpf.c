// The kernel half of the `bpf` back end: programs for tcx ingress and egress (kernel 6.6) that
// count every packet, leave out what cannot matter, decode the rest into `struct BpfPacket` and
// put it into the ring buffer of the engine that owns the remote address. What they do not decode
// they hand over as a frame, so they never judge what user space would judge differently. They
// change no packet and let all pass on. No kernel structure but those of the UAPI is touched, so
// there is nothing to relocate. core/decode.h and capture/filter.h say what is meant.
#include <linux/bpf.h>
#include <linux/if_packet.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sample.h"

enum {
  next_program = -1,  // TCX_NEXT
  icmp = 1,
  tcp = 6,
  udp = 17,
  icmpv6 = 58,
  sctp = 132,
  family_ipv4 = 4,
  family_ipv6 = 6,
  trait_outgoing = 0x02,
  tcp_header = 20,
  ipv4_header = 20,
  ipv6_header = 40,
  ethernet_header = 14,
  // FIN, SYN, RST and ACK: what tells more than that a connection goes on.
  telling_flags = 0x17,
  syn_flag = 0x02,
  rst_flag = 0x04,
  ack_flag = 0x10,
  more_or_offset = 0x3fff,  // RFC 791 3.1
  vlan_number = 0x0fff,
  options_none = 0,
  options_mss_only = 1,
  options_other = 2,
  options_unclear = 3,  // for user space to say
  end_option = 0,
  nop_option = 1,
  mss_option = 2,
  mss_size = 4,
  // `SynSummary`: no MSS and no window scale; the first option is an MSS; it is any other.
  no_summary = 15 << 16,
  first_is_mss = 2 << 20,
  first_is_other = 7 << 20,
};

// Set before loading.
const volatile __u32 engines = 1;
const volatile __u32 shard_key = 1;
const volatile __u8 other_protocols = 0;  // does anything but TCP matter?
const volatile __u8 host_scope = 1;       // only what is for this machine, and right?

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct BpfCounts);
} counts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct BpfSender);
} senders SEC(".maps");

struct ring {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);
  __type(key, __u32);
  __array(values, struct ring);
} rings SEC(".maps");

static __always_inline __u16 load_half(const __u8* at) { return (__u16)(at[0] << 8 | at[1]); }
static __always_inline __u32 load_word(const __u8* at) { return bpf_ntohl(*(const __u32*)at); }

// The ring buffer of whoever owns the remote address, of which `word` is the part that counts. The
// same in capture/filter.cpp, for packet sockets.
static __always_inline void* ring_of(__u32 word) {
  __u32 engine = engines > 1 ? ((word * shard_key) >> 16) % engines : 0;
  return bpf_map_lookup_elem(&rings, &engine);
}

static __always_inline void hand_over_frame(struct __sk_buff* skb, struct BpfCounts* counted,
                                            _Bool is_ip, _Bool is_outgoing, __u32 word) {
  void* ring = ring_of(word);
  struct BpfFrame* frame = ring ? bpf_ringbuf_reserve(ring, sizeof(*frame), 0) : 0;
  if (!frame) {
    ++counted->dropped;
    return;
  }
  __u32 size = skb->len;
  if (size > bpf_frame_snap) size = bpf_frame_snap;
  frame->time = bpf_ktime_get_ns();
  frame->wire_size = skb->len;
  frame->vlan = (__u16)(skb->vlan_tci & vlan_number);
  frame->has_vlan = skb->vlan_present != 0;
  frame->is_ip = is_ip;
  frame->is_outgoing = is_outgoing;
  frame->captured = (__u16)size;
  // The verifier has to see that it is neither 0 nor too much.
  size = (size - 1) & (bpf_frame_snap - 1);
  if (bpf_skb_load_bytes(skb, 0, frame->bytes, size + 1) != 0) frame->captured = 0;
  bpf_ringbuf_submit(frame, 0);
}

// Is the checksum of a header without options right?
static __always_inline _Bool is_right(const __u8* header) {
  const __u32* words = (const __u32*)header;
  __u64 sum = (__u64)words[0] + words[1] + words[2] + words[3] + words[4];
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
  return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

// What the options of a segment look like, as `characterise` of core/decode.cpp has it, as far as a
// few bytes tell: a loop over options costs old verifiers more than they bear. There are `header`
// bytes of the segment, and `size` on the wire.
static __always_inline __u8 options_of(const __u8* segment, const __u8* end, __u32 header,
                                       __u32 size) {
  if (header <= tcp_header) return options_none;
  if (header > size) return options_other;
  const __u8* option = segment + tcp_header;
  if (option + mss_size > end) return options_unclear;
  if (option[0] > mss_option) return options_other;
  if (option[0] == end_option) return options_none;
  if (option[0] == nop_option) {
    return option[1] > mss_option || (option[1] == nop_option && option[2] > mss_option)
               ? options_other : options_unclear;
  }
  if (option[1] != mss_size) return options_other;
  if (header == tcp_header + mss_size) return options_mss_only;
  // Behind the MSS: another one is one too many.
  if (option + mss_size + 1 > end) return options_unclear;
  return option[mss_size] >= mss_option ? options_other : options_unclear;
}

// Bytes of the transport header that are read here.
static __always_inline __u32 needed(__u8 protocol) {
  switch (protocol) {
    case tcp:
      return 20;
    case udp:
      return 8;
    case icmp:
    case icmpv6:
      return 4;
    default:
      return 0;
  }
}

// Is it TCP that says only that a connection goes on? There are 20 bytes.
static __always_inline _Bool is_bulk(__u8 protocol, const __u8* segment) {
  return protocol == tcp && (segment[13] & telling_flags) == ack_flag;
}

static __always_inline _Bool is_syn(const __u8* segment) {
  return (segment[13] & (syn_flag | ack_flag)) == syn_flag;
}

// Notes whose socket a packet leaves by, where it has one: what is forwarded has none. What answers
// has its owner noted no more than what goes on.
static __always_inline void note_sender(struct __sk_buff* skb, __u8 protocol, const __u8* segment,
                                        const __u8* end) {
  if (protocol == tcp) {
    if (segment + tcp_header > end || (segment[13] & (ack_flag | rst_flag)) != 0) return;
  } else if (protocol != udp || segment + 8 > end) {
    return;
  }
  if (!skb->sk) return;
  const __u32 key = load_half(segment) | (protocol == udp ? bpf_first_udp_sender : 0);
  struct BpfSender* sender = bpf_map_lookup_elem(&senders, &key);
  if (!sender) return;
  sender->cgroup = bpf_skb_cgroup_id(skb);
  sender->uid = bpf_get_socket_uid(skb);
  sender->second = (__u32)(bpf_ktime_get_ns() / 1000000000);
}

// Is it bulk, without doubt: whole, in IPv4 without IP options? What most packets are, so it is
// asked first.
static __always_inline _Bool is_plain_bulk(const __u8* ip, const __u8* end, __u32 wire) {
  if (ip + ipv4_header + tcp_header > end) return 0;
  if (ip[0] != 0x45 || ip[9] != tcp || !is_bulk(tcp, ip + ipv4_header)) return 0;
  const __u32 total = load_half(ip + 2);
  return (load_half(ip + 6) & more_or_offset) == 0 && total >= ipv4_header + tcp_header &&
         total <= wire;
}

// Is it for user space to say what the transport header says? Of the segment, `size` bytes on the
// wire, what is `needed` is there; of TCP, `options` are what `options_of` says.
static __always_inline _Bool is_odd(__u8 protocol, const __u8* segment, const __u8* end, __u32 size,
                                    __u8 options) {
  if (protocol == sctp) return 1;
  if (protocol == icmp || protocol == icmpv6) {
    if (segment + 4 > end) return 1;
    const __u8 type = segment[0];
    return protocol == icmpv6 ? type < 128 : (type >= 3 && type <= 5) || type == 11 || type == 12;
  }
  if (protocol != tcp || segment + tcp_header > end) return 0;
  const __u32 header = (segment[12] >> 4) * 4u;
  if (header <= tcp_header || header > size) return 0;
  // Options that are not all there, or those of a SYN that are more than an MSS.
  if (segment + (header & 60) > end || options == options_unclear) return 1;
  return is_syn(segment) && options != options_mss_only;
}

static __always_inline void fill_tcp(struct BpfPacket* packet, const __u8* segment, const __u8* end,
                                     __u32 size, __u8 options) {
  const __u32 header = (segment[12] >> 4) * 4u;
  const __u8* option = segment + tcp_header;
  __u32 summary = no_summary;
  if (header > size) {
    summary |= first_is_other;
  } else if (header > tcp_header && option + mss_size <= end) {
    summary |= first_is_mss | load_half(option + 2);
  }
  packet->source_port = load_half(segment);
  packet->target_port = load_half(segment + 2);
  packet->sequence = load_word(segment + 4);
  packet->acknowledgement = is_syn(segment) ? summary : load_word(segment + 8);
  packet->flags = segment[13];
  packet->window = load_half(segment + 14);
  packet->traits |= options << 2;
}

// A packet on its way through the programs.
struct Datagram {
  struct __sk_buff* skb;
  struct BpfCounts* counted;
  const __u8* ip;
  const __u8* end;  // of what is in one piece
  __u32 link;       // bytes before `ip`
  __u32 remote;     // the part of the remote address that says whose it is
  __u16 vlan;
  _Bool is_outgoing;
};

// What becomes of it.
enum Verdict { settled, frame_wanted };

static __always_inline void fill_transport(struct BpfPacket* packet,
                                           const struct Datagram* datagram, __u8 protocol,
                                           const __u8* segment, __u32 size, __u8 options) {
  const __u8* end = datagram->end;
  packet->time = bpf_ktime_get_ns();
  packet->protocol = protocol;
  packet->traits = datagram->is_outgoing ? trait_outgoing : 0;
  packet->vlan = datagram->vlan;
  packet->source_port = 0;
  packet->target_port = 0;
  packet->sequence = 0;
  packet->acknowledgement = 0;
  packet->flags = 0;
  packet->window = 0;
  if (protocol == tcp) {
    if (segment + tcp_header <= end) fill_tcp(packet, segment, end, size, options);
  } else if (protocol == udp) {
    if (segment + 8 > end) return;
    packet->source_port = load_half(segment);
    packet->target_port = load_half(segment + 2);
    packet->window = (__u16)(size - 8);
  } else if (protocol == icmp || protocol == icmpv6) {
    if (segment + 4 > end) return;
    packet->source_port = segment[0];
    packet->target_port = segment[1];
  }
}

static __always_inline void fill_network(struct BpfPacket* packet, const __u8* ip, __u8 family) {
  packet->family = family;
  if (family == family_ipv4) {
    __builtin_memset(packet->source, 0, 32);
    __builtin_memcpy(packet->source, ip + 12, 4);
    __builtin_memcpy(packet->target, ip + 16, 4);
    packet->ip_id = load_half(ip + 4);
    packet->ttl = ip[8];
    packet->tos = ip[1];
  } else {
    __builtin_memcpy(packet->source, ip + 8, 32);
    packet->ip_id = 0;
    packet->ttl = ip[7];
    packet->tos = (__u8)(load_half(ip) >> 4);
  }
}

// What remains when the network header is known to be usual: hands over the packet, if it matters.
// Of the segment there are `size` bytes on the wire.
static __always_inline enum Verdict judge_segment(const struct Datagram* datagram, __u8 family,
                                                  __u8 protocol, const __u8* segment, __u32 size) {
  const __u8* end = datagram->end;
  const __u32 need = needed(protocol);
  if (size < need || segment + need > end) return frame_wanted;
  __u8 options = options_none;
  if (protocol == tcp && segment + tcp_header <= end) {
    if (is_bulk(protocol, segment)) {
      ++datagram->counted->filtered;
      return settled;
    }
    options = options_of(segment, end, (segment[12] >> 4) * 4u, size);
  }
  if (is_odd(protocol, segment, end, size, options)) return frame_wanted;
  void* ring = ring_of(datagram->remote);
  struct BpfPacket* packet = ring ? bpf_ringbuf_reserve(ring, sizeof(*packet), 0) : 0;
  if (!packet) {
    ++datagram->counted->dropped;
    return settled;
  }
  fill_network(packet, datagram->ip, family);
  fill_transport(packet, datagram, protocol, segment, size, options);
  bpf_ringbuf_submit(packet, 0);
  return settled;
}

static __always_inline enum Verdict judge_ipv4(struct Datagram* datagram) {
  const __u8* ip = datagram->ip;
  const __u8* end = datagram->end;
  const __u32 wire = datagram->skb->len - datagram->link;
  if (is_plain_bulk(ip, end, wire)) {
    ++datagram->counted->filtered;
    return settled;
  }
  if (ip + ipv4_header > end) return frame_wanted;
  datagram->remote = load_word(datagram->is_outgoing ? ip + 16 : ip + 12);
  const __u32 header = (ip[0] & 0x0f) * 4u;
  const __u32 total = load_half(ip + 2);
  if (host_scope && !datagram->is_outgoing && header == ipv4_header && !is_right(ip)) {
    ++datagram->counted->bad_checksum;
    return settled;
  }
  const __u8 protocol = ip[9];
  if (protocol != tcp && !other_protocols) {
    ++datagram->counted->filtered;
    return settled;
  }
  if (datagram->is_outgoing) note_sender(datagram->skb, protocol, ip + (header & 60), end);
  // Whatever is odd, and whatever is in pieces, is for user space.
  if (header != ipv4_header || total < ipv4_header || total > wire ||
      (load_half(ip + 6) & more_or_offset) != 0) {
    return frame_wanted;
  }
  return judge_segment(datagram, family_ipv4, protocol, ip + ipv4_header, total - ipv4_header);
}

static __always_inline _Bool is_extension(__u8 next) {
  return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135 ||
         next == 139 || next == 140;
}

static __always_inline enum Verdict judge_ipv6(struct Datagram* datagram) {
  const __u8* ip = datagram->ip;
  if (ip + ipv6_header > datagram->end) return frame_wanted;
  // The upper half, so that the addresses of one network have one owner.
  const __u8* remote = datagram->is_outgoing ? ip + 24 : ip + 8;
  datagram->remote = load_word(remote) ^ load_word(remote + 4);
  const __u32 wire = datagram->skb->len - datagram->link;
  const __u32 payload = load_half(ip + 4);
  const __u8 next = ip[6];
  if (next != tcp && !is_extension(next) && !other_protocols) {
    ++datagram->counted->filtered;
    return settled;
  }
  const __u8* segment = ip + ipv6_header;
  if (datagram->is_outgoing) note_sender(datagram->skb, next, segment, datagram->end);
  if (is_extension(next) || payload == 0 || payload + ipv6_header > wire) return frame_wanted;
  return judge_segment(datagram, family_ipv6, next, segment, payload);
}

static __always_inline struct BpfCounts* count(struct __sk_buff* skb, _Bool is_outgoing) {
  const __u32 processor = bpf_get_smp_processor_id();
  struct BpfCounts* counted = bpf_map_lookup_elem(&counts, &processor);
  if (!counted) return 0;
  ++counted->seen;
  if (host_scope && !is_outgoing && skb->pkt_type == PACKET_OTHERHOST) {
    ++counted->other_host;
    return 0;
  }
  return counted;
}

static __always_inline enum Verdict judge_ip(struct Datagram* datagram) {
  datagram->ip = (const __u8*)(long)datagram->skb->data;
  if (datagram->ip + 1 > datagram->end) return frame_wanted;
  if (datagram->ip[0] >> 4 == 4) return judge_ipv4(datagram);
  if (datagram->ip[0] >> 4 == 6) return judge_ipv6(datagram);
  ++datagram->counted->not_ip;
  return settled;
}

static __always_inline enum Verdict judge_ethernet(struct Datagram* datagram) {
  const struct __sk_buff* skb = datagram->skb;
  const __u8* frame = (const __u8*)(long)skb->data;
  // The outermost VLAN tag is not in the frame but beside it; one more may be left.
  datagram->link = ethernet_header;
  if (frame + ethernet_header + 4 > datagram->end) return frame_wanted;
  __u16 type = load_half(frame + 12);
  datagram->vlan = skb->vlan_present ? (__u16)(skb->vlan_tci & vlan_number) : 0;
  if (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
    if (!skb->vlan_present) datagram->vlan = load_half(frame + 14) & vlan_number;
    type = load_half(frame + 16);
    datagram->link += 4;
  }
  datagram->ip = frame + datagram->link;
  if (datagram->ip + 1 > datagram->end) return frame_wanted;
  switch (type) {
    case 0x0800:
      if (datagram->ip[0] >> 4 == 4) return judge_ipv4(datagram);
      break;
    case 0x86dd:
      if (datagram->ip[0] >> 4 == 6) return judge_ipv6(datagram);
      break;
    case 0x8100:
    case 0x88a8:
    case 0x9100:
    case 0x8864:
      return frame_wanted;
    default:
      break;
  }
  ++datagram->counted->not_ip;
  return settled;
}

static __always_inline int watch(struct __sk_buff* skb, _Bool has_ethernet, _Bool is_outgoing) {
  struct BpfCounts* counted = count(skb, is_outgoing);
  if (!counted) return next_program;
  struct Datagram datagram = {.skb = skb,
                              .counted = counted,
                              .end = (const __u8*)(long)skb->data_end,
                              .is_outgoing = is_outgoing};
  const enum Verdict verdict = has_ethernet ? judge_ethernet(&datagram) : judge_ip(&datagram);
  if (verdict == frame_wanted) {
    hand_over_frame(skb, counted, !has_ethernet, is_outgoing, datagram.remote);
  }
  return next_program;
}

SEC("tc")
int ethernet_in(struct __sk_buff* skb) { return watch(skb, 1, 0); }

SEC("tc")
int ethernet_out(struct __sk_buff* skb) { return watch(skb, 1, 1); }

SEC("tc")
int ip_in(struct __sk_buff* skb) { return watch(skb, 0, 0); }

SEC("tc")
int ip_out(struct __sk_buff* skb) { return watch(skb, 0, 1); }

// The helpers used are for programs under a licence compatible with the GPL; BSD-2-Clause is.
const char _license[] SEC("license") = "Dual BSD/GPL";
