# Debian's scanlogd 2.2.8 and ours side by side in one network namespace: the same packets, each its
# own /dev/log, lines compared byte for byte. Both read raw sockets, so both see the same.
# Only the second of the clock may differ. Each case says how many lines it must bring, so that two
# silent daemons never count as equal; a case without a line is closed by a scan that both must log.

import collections
import datetime
import difflib
import re
import socket
import threading
import time

import frames
import harness
from frames import probe
from harness import VICTIM

OURS = ("--profile", "classic", "--capture", "raw")
LIMIT = 5  # lines in 20 s; the sixth scan gets MORE, the next ones nothing
MORE = "More possible port scans follow"
SECOND = datetime.timedelta(seconds=1)

tally = collections.Counter()


def normalised(datagram):
    """The datagram with its two clocks masked, and the clocks."""
    text = datagram.data.decode("ascii", "replace")
    clocks = re.findall(r"\d\d:\d\d:\d\d", text)
    text = re.sub(r"^(<\d+>)[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d ", r"\1TIME ", text)
    text = re.sub(r" @\d\d:\d\d:\d\d$", " @TIME", text)
    return text, [datetime.datetime.strptime(clock, "%H:%M:%S") for clock in clocks]


def clocks_agree(one, other):
    day = datetime.timedelta(days=1)
    return len(one) == len(other) and all(
        min(abs(a - b), day - abs(a - b)) <= SECOND for a, b in zip(one, other))


class Differential(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        utc = {"TZ": "UTC"}
        cls.daemons = (harness.Daemon(cls.lab, "Debian's", harness.oracle(), env=utc),
                       harness.Daemon(cls.lab, "ours", harness.our_binary(), OURS, env=utc))

    def tearDown(self):
        for daemon in self.daemons:
            if daemon.pid:
                daemon.stop()

    def start(self):
        """Both anew. Nothing comes in meanwhile: a late packet of the case before, such as a reset,
        would be seen by the one that is up first only."""
        hold = "table inet hold"
        self.lab.victim.run(harness.tool("nft"), hold + " { chain everything { type filter hook prerouting "
                            "priority -400; drop; }; }")
        try:
            for daemon in self.daemons:
                daemon.restart()
                scan_from(self.lab, "203.0.113.250")  # held back, or it shows as a difference
        finally:
            self.lab.victim.run(harness.tool("nft"), "delete " + hold)

    def settle(self, expected):
        """Waits until both have dealt with everything that was sent."""
        if expected < LIMIT:
            self.lab.sentinel()
            for daemon in self.daemons:
                harness.wait_until(
                    lambda d=daemon: any(line.startswith(harness.SENTINEL) for line in d.lines()),
                    f"{daemon.name} to log the closing scan")
            return
        for daemon in self.daemons:
            harness.wait_until(lambda d=daemon: len(d.lines()) >= expected,
                               f"{daemon.name} to write {expected} lines")
        self.lab.drained()
        time.sleep(0.1)  # a seventh line, which must not come, has nothing to wait for

    def datagrams(self, daemon):
        return [datagram for datagram in daemon.receiver.datagrams
                if harness.parse(datagram)["priority"] == "25"
                and f" {harness.SENTINEL}:".encode() not in datagram.data]

    def compare(self, name, expected, source=""):
        """Demands equal lines, `expected` of them, and counts the case. With `source` only the
        lines of that address."""
        logged = [[normalised(datagram) for datagram in self.datagrams(daemon)
                   if f" scanlogd: {source}".encode() in datagram.data] for daemon in self.daemons]
        texts = [[text for text, _ in side] for side in logged]
        equal = texts[0] == texts[1] and all(
            clocks_agree(one, other) for (_, one), (_, other) in zip(*logged))
        tally["cases"] += 1
        if not equal:
            for line in difflib.unified_diff(
                    *([str(d.data) for d in self.datagrams(daemon)] for daemon in self.daemons),
                    *(daemon.name for daemon in self.daemons), lineterm=""):
                print("   ", line)
        elif len(texts[0]) == expected:
            tally["equal"] += 1
        print(f"{'equal  ' if equal else 'DIFFERS'} {name}: {len(texts[0])} lines", flush=True)
        self.assertTrue(equal, f"{name}: the lines differ, see above")
        self.assertEqual(expected, len(texts[0]), f"{name}: number of lines: {texts[0]}")

    def run_case(self, name, expected, act):
        for last_try in (False, False, True):
            self.start()
            act(self.lab)
            self.settle(expected)
            if self.lab.drops() == 0:
                break
            # A raw socket that overflowed proves nothing about either daemon.
            self.assertFalse(last_try, f"{name}: the kernel dropped packets each time")
        self.compare(name, expected)

    def test_slow_probes(self):
        """The window of 3 s: probes 2.9 s apart are one scan, probes 3.1 s apart none."""
        nmap = harness.tool("nmap")
        self.start()
        quick, slow, stale, kept = (f"203.0.113.{host}" for host in (29, 31, 40, 41))
        schedule = [(2.9 * n, probe(quick, VICTIM, 1 + n)) for n in range(7)]
        schedule += [(3.1 * n, probe(slow, VICTIM, 1 + n)) for n in range(7)]
        # A probe to a known port does not keep the window open; one to a new port does.
        schedule += [(0, probe(stale, VICTIM, 1 + n)) for n in range(6)]
        schedule += [(2, probe(stale, VICTIM, 1)), (4, probe(stale, VICTIM, 7))]
        schedule += [(0, probe(kept, VICTIM, 1 + n)) for n in range(5)]
        schedule += [(2, probe(kept, VICTIM, 6)), (4, probe(kept, VICTIM, 7))]
        scans = [self.lab.attacker.popen(
            nmap, "-n", "-Pn", "-sS", "-e", "atk0", "-S", address, "--max-retries", "0",
            "--scan-delay", delay, "-p", "21-28", VICTIM)
            for address, delay in (("10.77.0.2", "2900ms"), ("10.77.0.3", "3500ms"))]
        replay = threading.Thread(target=self.lab.replay, args=("delay_2.9", 1))
        replay.start()
        start = time.monotonic()
        for when, frame in sorted(schedule, key=lambda item: item[0]):
            time.sleep(max(0.0, start + when - time.monotonic()))
            self.lab.send([frame])
        for scan in scans:
            output, _ = scan.communicate(timeout=60)
            self.assertEqual(0, scan.returncode, output)
        replay.join()
        self.settle(4)
        for name, source, expected in (
                ("nmap --scan-delay 2.9s", "10.77.0.2", 1),
                ("nmap --scan-delay 3.5s", "10.77.0.3", 0),
                ("replay delay_2.9 at its own speed", "10.77.0.1", 1),
                ("probes 2.9 s apart", quick, 1), ("probes 3.1 s apart", slow, 0),
                ("a known port does not keep the window open", stale, 0),
                ("a new port keeps the window open", kept, 1)):
            with self.subTest(name):
                self.compare(name, expected, source + ":")
        self.compare("slow probes, all sources", 4)

    def test_limiter(self):
        """Eight sources: five lines and one notice; lines again once 20 s have passed."""
        self.start()
        scan_from(self.lab, *(f"198.51.100.{host}" for host in range(1, 9)))
        self.settle(LIMIT + 1)
        end = time.monotonic()
        self.compare("limiter: 8 sources at once", LIMIT + 1)
        time.sleep(max(0.0, end + 18.5 - time.monotonic()))
        scan_from(self.lab, "198.51.100.9")
        time.sleep(max(0.0, end + 20.5 - time.monotonic()))
        scan_from(self.lab, "198.51.100.10", "198.51.100.11")
        self.settle(LIMIT + 3)
        self.compare("limiter: silent at 18.5 s, open at 20.5 s", LIMIT + 3)


def scan_from(lab, *sources, ports=range(1, 8)):
    for source in sources:
        lab.send(probe(source, VICTIM, port) for port in ports)


def nmap(*options, ports="1-200", target=VICTIM, rate=1000):
    def act(lab):
        lab.attacker.run(harness.tool("nmap"), "-n", "-Pn", "--max-retries", "1",
                         "--max-rate", str(rate), *(["-p", ports] if ports else []), *options,
                         target)
    return act


def from_the_victim(target):
    def act(lab):
        lab.victim.run(harness.tool("nmap"), "-n", "-Pn", "-sS", "--max-retries", "1",
                       "--max-rate", "500", "-p", "1-200", target)
    return act


def masscan(lab):
    # It may hang at its end, once all probes are out; that is its own affair.
    lab.attacker.run("timeout", "20", harness.tool("masscan"), VICTIM, "-p1-500", "--rate", "1000",
                     "--wait", "0", "--adapter", "atk0", "--adapter-ip", "10.77.0.9",
                     "--adapter-port", "44444",
                     "--adapter-mac", frames.ATTACKER_MAC.hex("-"),
                     "--router-mac", frames.VICTIM_MAC.hex("-"), check=False)


def hping3(*options):
    def act(lab):
        # hping3 exits with 1 where answers are missing.
        lab.attacker.run(harness.tool("hping3"), "-I", "atk0", "-c", "40", "-i", "u1000", *options,
                         VICTIM, check=False)
    return act


def replay(capture):
    return lambda lab: lab.replay(capture)


def crafted(*probes):
    """Sends probes given as (port, fields), all from one source unless a field says otherwise."""
    def act(lab):
        lab.send(probe(port=port, **{"source": "203.0.113.7", "target": VICTIM, **fields})
                 for port, fields in probes)
    return act


def varied(ports, **choices):
    """Probes to `ports` whose fields take turns, such as ttl=(64, 65)."""
    return crafted(*((port, {name: values[n % len(values)] for name, values in choices.items()})
                     for n, port in enumerate(ports)))


def again_after_the_window(lab):
    scan_from(lab, "203.0.113.7")
    time.sleep(3.2)
    scan_from(lab, "203.0.113.7")


def two_sources_in_turn(lab):
    for port in range(1, 12):
        scan_from(lab, "203.0.113.7", "203.0.113.8", ports=[port])


def connections(lab):
    """Whole connections, with data, to three open ports: no scan."""
    with lab.attacker.network():
        for port in harness.OPEN_PORTS * 3:
            with socket.create_connection((VICTIM, port), timeout=5) as client:
                client.sendall(b"hello\n")


DECOYS = ",".join(f"198.51.100.{host}" for host in range(1, 8))
LOW, HIGH = range(1, 60), range(20001, 20060)

# name: (lines expected, what to do). The closing scan, where there is one, comes on top.
CASES = {
    # Recorded traffic, as fast as it is taken.
    **{f"replay {capture}": (lines, replay(capture)) for capture, lines in {
        "nmap_sS": 1, "nmap_sT": 1, "nmap_sF": 1, "nmap_sX": 1, "nmap_sN": 1, "nmap_sA": 0,
        "nmap_sU": 0, "nmap_T2": 1, "frag_f": 1, "frag_mtu24": 1, "sport53": 1, "masscan": 1,
        "decoys": 6, "thr_6priv": 0, "thr_7priv": 1, "thr_20high": 0, "thr_21high": 1,
        "sweep_1port": 0, "slow_60s": 1, "delay_3.5": 1, "v6_sS": 0, "b_health": 1, "b_knock": 0,
        "b_monitor": 1, "b_smbnfs": 0}.items()},
    # Real scanners.
    "nmap -sS": (1, nmap("-sS")),
    "nmap -sS, default ports": (1, nmap("-sS", ports="")),
    "nmap -sT": (1, nmap("-sT")),
    "nmap -sF": (1, nmap("-sF")),
    "nmap -sX": (1, nmap("-sX")),
    "nmap -sN": (1, nmap("-sN")),
    "nmap -sA": (0, nmap("-sA")),
    "nmap -sW": (0, nmap("-sW")),
    "nmap -sM": (0, nmap("-sM")),
    "nmap -sS -f": (1, nmap("-sS", "-f")),
    "nmap -sS -f -f": (1, nmap("-sS", "-f", "-f")),
    "nmap -sS -g53": (1, nmap("-sS", "-g53")),
    "nmap -sS -D, 7 decoys": (6, nmap("-sS", "-D", DECOYS, ports="1-60", rate=200)),
    "nmap -sS, several targets": (1, nmap("-sS", target="10.77.200.1-8", ports="1-100")),
    "nmap -sS, 6 ports of 30 targets": (0, nmap("-sS", target="10.77.200.1-30", ports="1-6")),
    "nmap -sS --ttl --data-length": (1, nmap("-sS", "--ttl", "99", "--data-length", "30")),
    "nmap --scanflags": (1, nmap("--scanflags", "SYNFINPSHURGECECWR")),
    "nmap -O": (1, nmap("-O", ports="1-30")),
    "masscan": (1, masscan),
    "hping3 SYN": (1, hping3("-S", "-p", "++1")),
    "hping3 SYN+ECE+CWR": (1, hping3("-S", "-X", "-Y", "-p", "++1")),
    "hping3 fixed source port, TOS": (1, hping3("-S", "-s", "5555", "-k", "-o", "10", "-p", "++1")),
    "hping3 RST+ACK": (0, hping3("-R", "-A", "-p", "++1")),
    "nmap -sS of the own address": (1, from_the_victim(VICTIM)),
    "nmap -sS on loopback": (1, from_the_victim("127.0.0.1")),
    # One field at a time.
    "SYN+ECE+CWR": (1, varied(LOW, flags=("SEW",))),
    "no flag": (1, varied(LOW, flags=("",))),
    "flags take turns": (1, varied(LOW, flags=("S", "F", "FPU", ""))),
    "TTL varies": (1, varied(LOW, ttl=(64, 65))),
    "TOS varies": (1, varied(LOW, tos=(0, 0x10))),
    "TOS and TTL constant": (1, varied(LOW, tos=(0xAB,), ttl=(255,))),
    "source port varies": (1, varied(LOW, sport=(1000, 2000))),
    "target varies": (1, varied(LOW, target=harness.VICTIMS[:5])),
    "everything varies": (1, varied(LOW, target=harness.VICTIMS[:5], ttl=(1, 2, 3), tos=(0, 1),
                                    sport=(1, 65535), flags=("S", "SF"))),
    "only the last counted probe differs": (1, crafted(
        *((port, {}) for port in range(1, 7)),
        (7, {"ttl": 9, "tos": 8, "sport": 7, "flags": "F"}))),
    "6 privileged ports": (0, varied(range(1, 7))),
    "7 privileged ports": (1, varied(range(1, 8))),
    "20 high ports": (0, varied(range(20001, 20021))),
    "21 high ports": (1, varied(range(20001, 20022))),
    "6 privileged and 2 high ports": (0, varied([*range(1, 7), 1024, 1025])),
    "6 privileged and 3 high ports": (1, varied([*range(1, 7), 1024, 1025, 1026])),
    "19 high and 1 privileged port": (1, varied([*range(20001, 20020), 1023])),
    "ports 1023 and 1024": (0, varied([1023, 1024] * 40)),
    "ports 0 and 65535": (1, varied([0, 65535, *range(1, 8)])),
    "a known port again and again": (0, varied([1, 2, 3, 4, 5, 6] * 20)),
    "flags of a known port count": (1, crafted(
        (1, {}), (1, {"flags": "A"}), (2, {}), (2, {"flags": "R"}),
        *((port, {}) for port in range(3, 8)))),
    "first packet RST without ACK": (1, crafted(
        (1, {"flags": "R"}), *((port, {}) for port in LOW[1:]))),
    "first packet ACK": (1, crafted((1, {"flags": "A"}), *((port, {}) for port in LOW[1:]))),
    "only RST": (0, varied(LOW, flags=("R",))),
    "only SYN+ACK": (0, varied(LOW, flags=("SA",))),
    "SYN+ACK and SYN in turn": (1, varied(LOW, flags=("SA", "S"))),
    "long line: high ports": (1, varied(HIGH)),
    "long line: long addresses": (1, varied(HIGH, source=("198.151.100.100",), sport=(65535,),
                                            target=("10.77.200.10", "10.77.200.11"))),
    "two sources in turn": (2, two_sources_in_turn),
    "one scan of 500 ports": (1, varied(range(1, 501))),
    "again after the window": (2, again_after_the_window),
    "whole connections": (0, connections),
    "4 sources": (4, lambda lab: scan_from(lab, *(f"203.0.113.{n}" for n in range(1, 5)))),
    "5 sources": (5, lambda lab: scan_from(lab, *(f"203.0.113.{n}" for n in range(1, 6)))),
    "6 sources": (6, lambda lab: scan_from(lab, *(f"203.0.113.{n}" for n in range(1, 7)))),
}


def _add_cases():
    for number, (name, (expected, act)) in enumerate(CASES.items()):
        def test(self, name=name, expected=expected, act=act):
            self.run_case(name, expected, act)
        slug = re.sub(r"\W+", "_", name)
        setattr(Differential, f"test_{number:02}_{slug}", test)


_add_cases()

if __name__ == "__main__":
    harness.main(verbosity=0,
                 last_line=lambda: f"{tally['cases']} cases, {tally['equal']} equal")
