# Packets for the live tests, built byte by byte so that every field can be wrong on purpose, and a
# reader for captures. Ethernet II, 802.1Q and 802.1ad tags, RFC 791, RFC 8200, RFC 9293,
# pcap-savefile(5).
# Of transports it knows TCP only; sends nothing.

import dataclasses
import socket
import struct

ATTACKER_MAC = bytes.fromhex("02000000000a")
VICTIM_MAC = bytes.fromhex("02000000000b")
OTHER_MAC = bytes.fromhex("02000000000c")
BROADCAST_MAC = b"\xff" * 6

IPV4 = 0x0800
IPV6 = 0x86DD
DOT1Q = 0x8100
DOT1AD = 0x88A8

# The letters of tcpdump and nmap; E and W stand for ECE and CWR, which the line prints as X and Y.
FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "W": 0x80}


def checksum(data):
    """The Internet checksum (RFC 1071) of `data`."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def flag_byte(letters):
    return sum(FLAGS[letter] for letter in letters)


def tcp(source, target, sport, dport, *, flags="S", offset=5, payload=b"", wrong_checksum=False):
    """A TCP segment; `offset` is what the header claims, in 32-bit words."""

    def header(check):
        return struct.pack(">HHIIBBHHH", sport, dport, 0x1000 + dport, 0, offset << 4,
                           flag_byte(flags), 1024, check, 0)

    length = 20 + len(payload)
    pseudo = (socket.inet_aton(source) + socket.inet_aton(target)
              + struct.pack(">BBH", 0, socket.IPPROTO_TCP, length))
    check = checksum(pseudo + header(0) + payload)
    return header(check ^ 0x5555 if wrong_checksum else check) + payload


def ipv4(source, target, payload, *, ttl=64, tos=0, ident=0, fragment=0, version=4, ihl=None,
         options=b"", total_length=None, wrong_checksum=False):
    """An IPv4 datagram; `fragment` is the 16-bit field of flags and offset."""
    words = 5 + len(options) // 4 if ihl is None else ihl
    length = 20 + len(options) + len(payload) if total_length is None else total_length

    def header(check):
        return struct.pack(">BBHHHBBH4s4s", version << 4 | words, tos, length, ident, fragment, ttl,
                           socket.IPPROTO_TCP, check, socket.inet_aton(source),
                           socket.inet_aton(target)) + options

    check = checksum(header(0))
    return header(check ^ 0x5555 if wrong_checksum else check) + payload


def ethernet(payload, *, target=VICTIM_MAC, source=ATTACKER_MAC, ethertype=IPV4, tags=()):
    """A frame; `tags` are (TPID, TCI) pairs from the outermost."""
    stack = b"".join(struct.pack(">HH", tpid, tci) for tpid, tci in tags)
    return target + source + stack + struct.pack(">H", ethertype) + payload


def fragments(datagram, size):
    """Cuts an IPv4 datagram without options into fragments of `size` bytes, a multiple of 8."""
    header, payload = datagram[:20], datagram[20:]
    pieces = []
    for start in range(0, len(payload), size):
        piece = payload[start:start + size]
        more = 0x2000 if start + size < len(payload) else 0
        fresh = bytearray(header)
        struct.pack_into(">H", fresh, 2, 20 + len(piece))
        struct.pack_into(">H", fresh, 6, more | start // 8)
        struct.pack_into(">H", fresh, 10, 0)
        struct.pack_into(">H", fresh, 10, checksum(bytes(fresh)))
        pieces.append(bytes(fresh) + piece)
    return pieces


def tcp6(source, target, sport, dport, *, flags="S"):
    """A TCP segment over IPv6."""

    def header(check):
        return struct.pack(">HHIIBBHHH", sport, dport, 0x1000 + dport, 0, 5 << 4, flag_byte(flags),
                           1024, check, 0)

    pseudo = (socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
              + struct.pack(">II", 20, socket.IPPROTO_TCP))
    return header(checksum(pseudo + header(0)))


def ipv6(source, target, payload, *, following=socket.IPPROTO_TCP):
    """An IPv6 datagram; `following` is the next header."""
    return (struct.pack(">IHBB", 6 << 28, len(payload), following, 64)
            + socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, target) + payload)


def fragments6(source, target, segment, size, ident):
    """A TCP segment in IPv6 fragments of `size` bytes, a multiple of 8."""
    pieces = []
    for start in range(0, len(segment), size):
        piece = segment[start:start + size]
        more = 1 if start + size < len(segment) else 0
        header = struct.pack(">BBHI", socket.IPPROTO_TCP, 0, start | more, ident)
        pieces.append(ipv6(source, target, header + piece, following=44))
    return pieces


TCP_FIELDS = {"flags", "offset", "payload", "wrong_tcp_checksum"}
ETHERNET_FIELDS = {"mac", "tags"}


def probe(source, target, port, *, sport=40000, **fields):
    """One frame with a TCP segment, a SYN unless `flags` says otherwise. Other fields go to the
    layer that knows them: `mac` and `tags` to Ethernet, those of `tcp`, and the rest to `ipv4`."""
    segment = {name: fields.pop(name) for name in TCP_FIELDS & fields.keys()}
    segment["wrong_checksum"] = segment.pop("wrong_tcp_checksum", False)
    outer = {name: fields.pop(name) for name in ETHERNET_FIELDS & fields.keys()}
    body = tcp(source, target, sport, port, **segment)
    fields.setdefault("ident", port)
    return ethernet(ipv4(source, target, body, **fields), target=outer.get("mac", VICTIM_MAC),
                    tags=outer.get("tags", ()))


@dataclasses.dataclass
class Frame:
    time: float  # seconds since the first frame of the capture
    data: bytes


def read_pcap(path):
    """The frames of a classic pcap file with Ethernet frames, micro- or nanoseconds."""
    with open(path, "rb") as file:
        content = file.read()
    magic = content[:4]
    endian = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e-9 if b"\x3c\xb2" in magic or b"\xb2\x3c" in magic else 1e-6
    frames, position, start = [], 24, None
    while position + 16 <= len(content):
        seconds, fraction, kept, _ = struct.unpack_from(endian + "IIII", content, position)
        time = seconds + fraction * unit
        start = time if start is None else start
        frames.append(Frame(time - start, content[position + 16:position + 16 + kept]))
        position += 16 + kept
    return frames


def inbound(frames):
    """Of a capture of the collection, what was sent to the victim: to 10.77.200.0/24 or
    fd77::2:0/112."""
    def is_inbound(data):
        ethertype = struct.unpack_from(">H", data, 12)[0]
        if ethertype == IPV4:
            return data[30:33] == bytes((10, 77, 200))
        return ethertype == IPV6 and data[38:52] == socket.inet_pton(
            socket.AF_INET6, "fd77::2:0")[:14]

    return [Frame(frame.time, VICTIM_MAC + ATTACKER_MAC + frame.data[12:])
            for frame in frames if is_inbound(frame.data)]
