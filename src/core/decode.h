// From the bytes of an IP datagram to a `Packet`. RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792,
// RFC 4443, RFC 9260. Every read is bounds-checked; no byte of a packet is ever trusted as a length
// before it was compared with what is really there. Checksums are not looked at: offloading leaves
// them unfinished on captured packets, and the original counts packets with bad TCP checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/packet.h"

namespace scanlogd {

/// What became of a datagram. Each value but `packet` and `fragment` is a reason in the accounts.
enum class Decoded : std::uint8_t {
  packet,      ///< `Packet` is filled
  fragment,    ///< one of several fragments: for a `Defragmenter`; `Packet` is not filled
  not_ip,      ///< version nibble is neither 4 nor 6
  truncated,   ///< ends inside a header, or claims more bytes than the wire carried
  bad_header,  ///< impossible: IHL below 5, total length below the header, IPv6 chain too long
};

/// Decodes one whole IPv4 or IPv6 datagram into `out`. On `packet` every field is set, `time`,
/// `vlan` and the bits of `traits` that are not about options to 0: those are the caller's to fill
/// in afterwards. On any other answer the fields of `out` mean nothing.
/// `datagram` starts at the version nibble and holds what was captured; `wire_size` is how many
/// bytes the wire carried from there (at least `datagram.size()`; more when the capture cut the
/// packet). Trailing padding is ignored. A total length of 0 (segmentation offload, BIG TCP) means
/// `wire_size`. TCP needs 20 bytes, UDP 8, SCTP 12 (the common header plus nothing), ICMP and
/// ICMPv6 4, within the datagram's own length; the TCP data offset is not believed (the original
/// counts 0 and 15). IPv6: at most 8 extension headers (hop-by-hop, routing, destination, AH,
/// mobility, HIP, shim6, fragment); an atomic fragment (offset 0, no more) is a whole packet (RFC
/// 6946).
[[nodiscard]] Decoded decode_ip(std::span<const std::byte> datagram, std::size_t wire_size,
                                Packet& out) noexcept;

/// Decodes the options of a TCP `segment`, whose header claims to be longer than 20 bytes, into
/// what `out` says of them; its flags are set already. `segment` is what is here of it, at least 20
/// bytes, and nothing from behind its end. Where it holds less than the header claims, options are
/// `other`.
void decode_options(std::span<const std::byte> segment, Packet& out) noexcept;

/// Decodes what follows the IP header (and, for IPv6, follows any further extension headers) into
/// the transport fields of `out` (the options of `traits` among them), setting all of them and no
/// others; the `Defragmenter` calls it
/// with the beginning of a rebuilt datagram. A fragment header in there is `bad_header`, as Linux
/// has it. `next` is the protocol number of the first byte of `payload`; `payload_size` is the true
/// size on the wire, of which `payload` holds the beginning. `out.family` says whether extension
/// headers may follow.
[[nodiscard]] Decoded decode_transport(std::uint8_t next, std::span<const std::byte> payload,
                                       std::size_t payload_size, Packet& out) noexcept;

/// A fragment as its IP header describes it.
struct Fragment {
  Packet header;                       ///< IP-level fields set (addresses, ttl, tos, ip_id, family)
  std::uint32_t id = 0;                ///< identification: 16 bits for IPv4, 32 for IPv6
  std::uint32_t offset = 0;            ///< in bytes, a multiple of 8
  bool more = false;                   ///< more fragments follow
  std::uint8_t next = 0;               ///< protocol (IPv4) or the fragment header's next header
  std::size_t size = 0;                ///< bytes this fragment adds, as its header says
  std::span<const std::byte> payload;  ///< what was captured of them, from the first
};

/// Reads a datagram for which `decode_ip` answered `fragment`.
/// All but the last fragment must be a multiple of 8 long: of an IPv4 one the bytes past that are
/// left off `size` and `payload`, as Linux does, so that they cannot hide a datagram from us.
/// Returns false where the header is not to be believed (no such multiple in IPv6, no bytes, end
/// past 65535).
[[nodiscard]] bool decode_fragment(std::span<const std::byte> datagram, std::size_t wire_size,
                                   Fragment& out) noexcept;

}  // namespace scanlogd
