# What counts as a probe and what does not: forty ports from one source, one field wrong per row.
# The table is what Debian's scanlogd 2.2.8 does; ours on a raw socket must do the same, row by row.
# Rows run together, each from its own source, at most four that count at a time because of the
# limit on lines; a scan that both must log closes each round, so that silence proves something.

import functools
import re
import socket
import time

import frames
import harness
from frames import probe
from harness import VICTIM

OURS = ("--profile", "classic", "--capture", "raw")
PORTS = range(101, 141)
COUNTED_PER_ROUND = 4  # with the sentinel the five lines that the limit allows

LOOSE_SOURCE_ROUTE = bytes((131, 7, 4)) + socket.inet_aton("10.77.200.1") + b"\0"
TRUE_LENGTH = 20 + 20


def row(**fields):
    """Probes with these fields wrong; `source` names the source where it is the point."""
    source = fields.pop("source", None)
    target = fields.pop("target", VICTIM)

    def build(default_source):
        return [probe(source or default_source, target, port, **fields) for port in PORTS]
    return source, build


def short(size):
    """TCP cut to `size` bytes by an honest total length."""
    def build(source):
        segments = (frames.tcp(source, VICTIM, 40000, port)[:size] for port in PORTS)
        return [frames.ethernet(frames.ipv4(source, VICTIM, segment)) for segment in segments]
    return None, build


def fragmented(size, *, reverse=False, complete=True, payload=b""):
    """Datagrams in fragments of `size` bytes; incomplete ones lack the last."""
    def build(source):
        sent = []
        for port in PORTS:
            segment = frames.tcp(source, VICTIM, 40000, port, payload=payload)
            datagram = frames.ipv4(source, VICTIM, segment, ident=port)
            pieces = frames.fragments(datagram, size)
            if not complete:
                pieces.pop()
            sent += [frames.ethernet(piece) for piece in (reversed(pieces) if reverse else pieces)]
        return sent
    return None, build


def long_tail():
    def build(source):
        return [frame + b"\xaa" * 60 for frame in row()[1](source)]
    return None, build


COUNTS = {
    "plain": row(),
    "bad TCP checksum": row(wrong_tcp_checksum=True),
    "to the subnet's broadcast address": row(target="10.77.255.255"),
    "to the subnet's broadcast address and MAC": row(target="10.77.255.255",
                                                     mac=frames.BROADCAST_MAC),
    "TTL 0": row(ttl=0),
    "TTL 1": row(ttl=1),
    "source 240.0.0.1": row(source="240.0.0.1"),
    "IHL 15": row(options=b"\x01" * 40),
    "data offset 0": row(offset=0),
    "data offset 15 beyond the packet": row(offset=15),
    "total length 40 with a long tail": long_tail(),
    "SYN with payload": row(payload=b"GET / HTTP/1.0\r\n"),
    "SYN+FIN": row(flags="SF"),
    "DF": row(fragment=0x4000),
    "reserved IP bit": row(fragment=0x8000),
    "802.1p priority tag, VLAN 0": row(tags=((frames.DOT1Q, 0x6000),)),
    "fragments of 8 bytes": fragmented(8),
    "fragments of 8 bytes, reversed": fragmented(8, reverse=True),
    "fragments of 16 bytes": fragmented(16),
    "fragments of 16 bytes, reversed": fragmented(16, reverse=True),
    "TCP header whole, payload in a second fragment": fragmented(24, payload=b"x" * 24),
}
# What the rule itself, or a look at the packet alone, rules out: true of every back end.
IGNORED_BY_RULE = {
    "source 0.0.0.0": row(source="0.0.0.0"),
    "IHL 4": row(ihl=4),
    "IP version 5": row(version=5),
    "TCP of 16 bytes": short(16),
    "TCP of 19 bytes": short(19),
    "total length beyond the frame": row(total_length=TRUE_LENGTH + 20),
    "flags: all eight": row(flags="FSRPAUEW"),
    "flags: RST": row(flags="R"),
    "flags: ACK": row(flags="A"),
    "flags: SYN+ACK": row(flags="SA"),
    "a fragment of 8 bytes whose rest never comes": fragmented(8, complete=False),
    "a whole TCP header whose rest never comes": fragmented(24, payload=b"x" * 24, complete=False),
}
# What the host's IP does not pass on to a raw socket.
IGNORED_BY_HOST = {
    "bad IP checksum": row(wrong_checksum=True),
    "another host's MAC": row(mac=frames.OTHER_MAC),
    "destination not ours": row(target="10.77.210.1"),
    "source 127.0.0.1": row(source="127.0.0.1"),
    "source our own": row(source=VICTIM),
    "source 255.255.255.255": row(source="255.255.255.255"),
    "source 224.0.0.1": row(source="224.0.0.1"),
    "VLAN 7": row(tags=((frames.DOT1Q, 7),)),
    "loose source route": row(options=LOOSE_SOURCE_ROUTE),
}

DROP_INPUT = """
table inet drop_all {
  chain input { type filter hook input priority 0; policy drop; }
}
"""


def rounds(counts, ignored):
    """The rows in parts that fit the limit, ignored rows spread over them."""
    counts, ignored = list(counts.items()), list(ignored.items())
    number = -(-len(counts) // COUNTED_PER_ROUND)
    for n in range(number):
        yield counts[n::number], ignored[n::number]


class Parity(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = harness.our_binary()
        cls.daemons = []

    def use(self, *daemons):
        self.daemons = daemons
        for daemon in daemons:
            self.addCleanup(daemon.cell.close)

    def use_both(self):
        self.use(harness.Daemon(self.lab, "Debian's", harness.oracle()),
                 harness.Daemon(self.lab, "ours", self.binary, OURS))

    @staticmethod
    def scanners(daemon):
        """The sources that the lines name."""
        return [re.match(r"[0-9.]+", line)[0] for line in daemon.lines()]

    def run_round(self, counts, ignored):
        """Sends the rows; demands of each daemon a line for each of `counts` and no other."""
        for daemon in self.daemons:
            daemon.restart()
        names, expected = {}, set()
        for number, (name, (source, build)) in enumerate(counts + ignored):
            source = source or f"203.0.113.{number + 1}"
            self.assertNotIn(source, names, "two rows with one source")
            names[source] = name
            if number < len(counts):
                expected.add(source)
            self.lab.send(build(source))
        self.lab.sentinel()
        for daemon in self.daemons:
            harness.wait_until(lambda d=daemon: harness.SENTINEL in self.scanners(d),
                               daemon.name + " to log the closing scan")
        self.assertEqual(0, self.lab.drops(), "packets dropped by the kernel")
        for daemon in self.daemons:
            scanners = self.scanners(daemon)
            for source, name in names.items():
                with self.subTest(f"{daemon.name}: {name}"):
                    self.assertEqual(int(source in expected), scanners.count(source),
                                     daemon.lines())
            strangers = set(scanners) - set(names) - {harness.SENTINEL}
            self.assertFalse(strangers, f"{daemon.name} names sources nobody used")

    def run_table(self, counts, ignored):
        rows = 0
        for some, others in rounds(counts, ignored):
            self.run_round(some, others)
            rows += len(some) + len(others)
        self.assertEqual(len(counts) + len(ignored), rows)
        print(f"{rows} rows, {len(counts)} count:", ", ".join(each.name for each in self.daemons),
              flush=True)

    def test_raw(self):
        """Every row of the table, Debian's and ours."""
        self.use_both()
        self.run_table(COUNTS, {**IGNORED_BY_RULE, **IGNORED_BY_HOST})

    def test_other_back_ends(self):
        """They stand before the host's own IP and see more, never less; the rule is the same."""
        for backend in ("pcap", "nids"):
            with self.subTest(backend):
                harness.need_back_end(backend)
                self.use(harness.Daemon(self.lab, "ours, " + backend, self.binary,
                                        ("--capture", backend, "--interface", "vic0")))
                self.run_table(COUNTS, IGNORED_BY_RULE)
                self.daemons[0].stop()

    def check_blind(self, close, reopen):
        """Demands that no daemon sees a plain scan between `close` and `reopen`."""
        for daemon in self.daemons:
            daemon.restart()
        close()
        try:
            self.lab.send(COUNTS["plain"][1]("203.0.113.1"))
            time.sleep(0.1)  # the last of them may still be on its way up to the closed door
        finally:
            reopen()
        self.lab.sentinel()
        for daemon in self.daemons:
            harness.wait_until(lambda d=daemon: harness.SENTINEL in self.scanners(d),
                               daemon.name + " to log the closing scan")
            self.assertEqual([harness.SENTINEL], self.scanners(daemon), daemon.name)

    def test_firewall_that_drops_in_input(self):
        """A raw socket stands behind netfilter: no line."""
        run = functools.partial(self.lab.victim.run, harness.tool("nft"))
        self.use_both()
        self.check_blind(functools.partial(run, "-f", "-", input=DROP_INPUT),
                         functools.partial(run, "delete", "table", "inet", "drop_all"))

    def test_reverse_path_filter_without_a_route_back(self):
        """rp_filter=1 and no route to the source: no line."""
        def close():
            self.lab.victim.run("ip", "route", "del", "default")
            self.lab.victim.sysctl("net.ipv4.conf.vic0.rp_filter", 1)

        def reopen():
            self.lab.victim.sysctl("net.ipv4.conf.vic0.rp_filter", 0)
            self.lab.victim.run("ip", "route", "add", "default", "via", harness.ATTACKER)

        self.use_both()
        self.check_blind(close, reopen)


if __name__ == "__main__":
    harness.main()
