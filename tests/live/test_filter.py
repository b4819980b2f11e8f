# What matters to the detectors is said several times: in user space, as classic BPF for packet sockets, in
# the BPF programs, as an expression for tcpdump. One table of frames, and how many of each row matter;
# every back end must agree with it, and so must a capture file read by scanlogd and by tcpdump. That
# the classic BPF never drops what user space wants is for filter_test too, frame by frame.

import os
import re
import signal
import struct
import subprocess
import tempfile

import frames
import harness
from frames import probe
from harness import VICTIM

SOURCE = "203.0.113.7"
SOURCE6, VICTIM6 = "2001:db8::7", "fd77::2:1"
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ALL_FLAGS = range(256)


def letters(byte):
    return "".join(letter for letter, bit in frames.FLAGS.items() if byte & bit)


def tells(byte):
    """Is it more than a connection that goes on?"""
    return byte & (FIN | SYN | RST | ACK) != ACK


def tcp4(flags, **fields):
    return [probe(SOURCE, VICTIM, 9, flags=letters(byte), **fields) for byte in flags]


def tcp6(flags):
    return [frames.ethernet(frames.ipv6(SOURCE6, VICTIM6, frames.tcp6(
        SOURCE6, VICTIM6, 40000, 9, flags=letters(byte))), ethertype=frames.IPV6) for byte in flags]


def other4(protocol, payload):
    datagram = bytearray(frames.ipv4(SOURCE, VICTIM, payload))
    datagram[9] = protocol
    datagram[10:12] = b"\0\0"
    datagram[10:12] = struct.pack(">H", frames.checksum(bytes(datagram[:20])))
    return frames.ethernet(bytes(datagram))


def extended6(flags, following):
    """TCP behind one IPv6 extension header of eight bytes."""
    segment = frames.tcp6(SOURCE6, VICTIM6, 40000, 9, flags=letters(flags))
    header = bytes((6, 0, 1, 4, 0, 0, 0, 0)) if following != 44 else bytes((6, 0, 0, 0, 0, 0, 0, 9))
    return frames.ethernet(frames.ipv6(SOURCE6, VICTIM6, header + segment, following=following),
                           ethertype=frames.IPV6)


TELLING = [byte for byte in ALL_FLAGS if tells(byte)]
BULK = [byte for byte in ALL_FLAGS if not tells(byte)]
VLAN = {"tags": ((frames.DOT1Q, 7),)}
QINQ = {"tags": ((frames.DOT1AD, 5), (frames.DOT1Q, 7))}
UDP = struct.pack(">HHHH", 40000, 53, 8, 0)

# name, frames, how many of them matter to the classic profile.
TABLE = (
    ("IPv4, flags that tell", tcp4(TELLING), len(TELLING)),
    ("IPv4, bulk", tcp4(BULK), 0),
    ("IPv4, bulk with data", tcp4([ACK | PSH], payload=b"x" * 1000), 0),
    ("IPv4 with options, SYN", tcp4([SYN], options=b"\1" * 40), 1),
    ("IPv4 with options, bulk", tcp4([ACK], options=b"\1" * 40), 0),
    ("IPv6, flags that tell", tcp6(TELLING), len(TELLING)),
    ("IPv6, bulk", tcp6(BULK), 0),
    ("802.1Q, SYN", tcp4([SYN], **VLAN), 1),
    ("802.1Q, bulk", tcp4([ACK], **VLAN), 0),
    ("QinQ, SYN", tcp4([SYN], **QINQ), 1),
    ("QinQ, bulk", tcp4([ACK], **QINQ), 0),
    *((f"IPv6 extension header {number}, SYN", [extended6(SYN, number)], 1)
      for number in (0, 43, 60, 44)),
    *((f"IPv6 extension header {number}, bulk", [extended6(ACK, number)], 0)
      for number in (0, 43, 60, 44)),
    ("UDP", [other4(17, UDP)], 0),
    ("ICMP echo", [other4(1, b"\x08\0\0\0\0\1\0\1")], 0),
    ("SCTP", [other4(132, UDP + b"\0" * 4)], 0),
    ("GRE", [other4(47, b"\0" * 20)], 0),
    ("ARP", [frames.ethernet(b"\0" * 28, ethertype=0x0806)], 0),
    ("a SYN in three fragments", [frames.ethernet(piece) for piece in frames.fragments(
        frames.ipv4(SOURCE, VICTIM, frames.tcp(SOURCE, VICTIM, 40000, 9), ident=77), 8)], 1),
    ("a bare ACK in three fragments", [frames.ethernet(piece) for piece in frames.fragments(
        frames.ipv4(SOURCE, VICTIM, frames.tcp(SOURCE, VICTIM, 40000, 9, flags="A"), ident=78), 8)],
     1),
)


def write_pcap(path, data):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in data:
            file.write(struct.pack("<IIII", 1_700_000_000, 0, len(frame), len(frame)) + frame)


class Filter(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = harness.our_binary()
        cls.cell = cls.lab.own(harness.Cell(cls.lab.victim))
        cls.listed = cls.cell.run(cls.binary, "--list").stdout
        # Answers would be seen by whoever watches both directions.
        for route in ("203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"):
            cls.lab.victim.run("ip", "route", "add", "blackhole", route)

    def inspected(self, daemon):
        before = len(daemon.errors())
        os.kill(daemon.pid, signal.SIGUSR1)
        harness.wait_until(lambda: any("scanlogd: seen " in line for line in daemon.errors()[before:]),
                           "the accounts")
        line = [line for line in daemon.errors()[before:] if "scanlogd: seen " in line][-1]
        return harness.Accounts(line).terms("processed")["inspected"]

    def test_back_ends_agree(self):
        for backend in ("bpf", "ring", "pcap"):
            with self.subTest(backend=backend):
                harness.need_back_end(backend)
                self.check_table(backend)

    def check_table(self, backend):
        daemon = harness.Foreground(self.lab, self.binary, "-f", "-c", backend, "-i", "vic0",
                                    env={"TZ": "UTC"}, cell=self.cell)
        self.addCleanup(daemon.close)
        daemon.wait_ready()
        for name, data, wanted in TABLE:
            # One more, that surely matters, tells when all before it have been seen.
            with self.subTest(name):
                before = self.inspected(daemon)
                self.lab.send([*data, probe("198.51.100.1", VICTIM, 9)])
                harness.wait_until(lambda: self.inspected(daemon) >= before + wanted + 1,
                                   f"{wanted} packets and one more", timeout=3)
                self.assertEqual(wanted, self.inspected(daemon) - before - 1)
        self.assertEqual(0, daemon.finish())

    def test_files_agree(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            path = os.path.join(folder, "row.pcap")
            for name, data, wanted in TABLE:
                with self.subTest(name):
                    write_pcap(path, data)
                    done = subprocess.run([self.binary, "-r", path], env=harness.ENVIRONMENT,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          timeout=20, check=True)
                    accounts = harness.Accounts(done.stderr.splitlines()[-1])
                    self.assertEqual(wanted, accounts.terms("processed")["inspected"])

    def test_the_expression_agrees(self):
        """Of untagged frames; of fragments and of IPv6 with extension headers it lets all through."""
        tcpdump = harness.tool("tcpdump")
        expression = re.search(r"sees \(pcap-filter\): (.*)", self.listed)[1]
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            path = os.path.join(folder, "row.pcap")
            for name, data, wanted in TABLE:
                if "Q" in name:
                    continue
                everything = "fragments" in name or "extension" in name
                with self.subTest(name):
                    write_pcap(path, data)
                    done = subprocess.run([tcpdump, "-n", "-t", "-r", path, expression],
                                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                          text=True, timeout=20, check=True)
                    lines = [line for line in done.stdout.splitlines() if line.startswith("IP")]
                    self.assertEqual(len(data) if everything else wanted, len(lines))


if __name__ == "__main__":
    harness.main()
