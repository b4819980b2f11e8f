// What the BPF programs hand to the `bpf` back end, in C that both compilers take. All numbers in
// host order, addresses in network order.
#pragma once

#include <linux/types.h>

/// A packet that the kernel could decode: member for member the `Packet` of core/packet.h, which is
/// what it becomes by copying.
struct BpfPacket {
  __u64 time;
  __u8 source[16];
  __u8 target[16];
  __u32 sequence;
  __u32 acknowledgement;
  __u16 source_port;
  __u16 target_port;
  __u16 ip_id;
  __u16 window;
  __u8 flags;
  __u8 protocol;
  __u8 ttl;
  __u8 tos;
  __u8 family;
  __u8 traits;
  __u16 vlan;
};

/// Bytes of a frame that are handed over; a power of two.
enum { bpf_frame_snap = 256 };

/// A frame that user space has to decode: a fragment, IPv6 with extension headers, PPPoE, more than
/// two VLAN tags, headers that are impossible or not in one piece, a SYN with more options than an
/// MSS, SCTP, an ICMP error.
struct BpfFrame {
  __u64 time;
  __u32 wire_size;
  __u16 captured;  ///< valid bytes of `bytes`
  __u16 vlan;      ///< of a tag that is not in `bytes`
  __u8 has_vlan;   ///< was there one?
  __u8 is_ip;      ///< begins with the IP header; otherwise with an Ethernet header
  __u8 is_outgoing;
  __u8 unused[5];
  __u8 bytes[bpf_frame_snap];
};

/// Who sent from a port last: of TCP the segments that open a connection, or none; of UDP all.
struct BpfSender {
  __u64 cgroup;
  __u32 uid;
  __u32 second;  ///< of the monotonic clock, when that was; 0: never
};

/// Where the senders of UDP begin, behind those of TCP; and how many there are.
enum { bpf_first_udp_sender = 65536, bpf_senders = 2 * 65536 };

/// The accounts of one processor: seen = filtered + not_ip + other_host + bad_checksum + dropped +
/// what was handed over.
struct BpfCounts {
  __u64 seen;
  __u64 filtered;
  __u64 not_ip;
  __u64 other_host;
  __u64 bad_checksum;
  __u64 dropped;  ///< no room in the ring buffer
  __u64 unused[2];
};
