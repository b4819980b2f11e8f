# What interrupts the view of the live back ends: links that flap, interfaces that are removed, made
# anew and renamed, a process that is stopped, more packets than the rings hold. After each the next
# scan is found within a second, the gap is on record, and the accounts are those of the sender.

import socket
import time

import frames
import harness
from frames import probe
from harness import VICTIM

PORTS = range(1, 8)
BACK = 1.0  # seconds from the return of an interface to the line of a scan that then begins
FLAPS = 100
FLOOD = 200_000


class Interruptions(harness.WatchCase):
    def ip(self, *commands, side=None):
        (side or self.lab.victim).run("ip", "-batch", "-", input="\n".join(commands) + "\n")

    def expect_scan(self, daemon, wire, source, goes_on=False):
        """A scan sent now is found within a second. One that goes on is sent again and again: what
        comes before the daemon has heard of an interface that it has to set up is lost."""
        def send():
            for port in PORTS:
                wire.send(probe(source, VICTIM, port))

        def is_found():
            if goes_on:
                send()
            return any(line.startswith(source) for line in daemon.lines())

        send()
        harness.wait_until(
            is_found, lambda: f"the scan of {source}: {daemon.lines()} {daemon.errors()}",
            timeout=BACK, step=0.02)

    def wire(self, device):
        with self.lab.attacker.network():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            wire.bind((device, 0))
        self.addCleanup(wire.close)
        return wire

    def blind(self, daemon, interface, cause):
        return [line for line in daemon.errors()
                if line.startswith(f"scanlogd: blind on {interface} from") and cause in line]

    def pair(self, here, there):
        """Without IPv6, so that nothing passes but what a test sends, and ARP."""
        self.ip(f"link add {here} type veth peer name {there} netns /proc/{self.lab.victim.pid}/ns/net",
                side=self.lab.attacker)
        for side, device in ((self.lab.attacker, here), (self.lab.victim, there)):
            if side.has_sysctl(f"net.ipv6.conf.{device}.disable_ipv6"):
                side.sysctl(f"net.ipv6.conf.{device}.disable_ipv6", 1)
        self.ip(f"link set {here} up", side=self.lab.attacker)
        self.lab.victim.run("ip", "link", "set", there, "address",
                            frames.VICTIM_MAC.hex(":"), "up")

    def has(self, side, device):
        return side.run("ip", "link", "show", device, check=False).returncode == 0

    def remove(self, device):
        """Without it, whatever state the test left behind."""
        self.lab.victim.run("ip", "link", "del", device, check=False)

    def test_link_flaps(self):
        """A hundred times down and up: every gap on record, and a scan after it found."""
        for backend in ("bpf", "ring"):
            with self.subTest(backend):
                harness.need_back_end(backend)
                self.pair("flap0", "flap1")
                self.addCleanup(self.remove, "flap1")
                daemon = self.watch(backend, "-i", "flap1")
                wire = self.wire("flap0")
                for number in range(FLAPS):
                    self.ip("link set flap1 down", "link set flap1 up")
                    # The limiter gives five lines in 20 s, so most scans show in the accounts only.
                    for port in PORTS:
                        wire.send(probe(f"198.51.100.{number + 1}", VICTIM, port))
                harness.wait_until(lambda: len(self.blind(daemon, "flap1", "was down")) == FLAPS,
                                   lambda: f"{FLAPS} gaps: {daemon.errors()}")
                self.assertEqual(0, daemon.finish())
                accounts = daemon.accounts()
                accounts.check(self)
                self.assertEqual(FLAPS, accounts.total("detected"))
                self.remove("flap1")

    def test_removed_and_made_anew(self):
        """An interface of the same name, and one of another, are watched at once; the gap is told."""
        for backend in ("bpf", "ring"):
            for arguments in ([], ["-i", "gone1"]):
                with self.subTest(backend, arguments=arguments):
                    harness.need_back_end(backend)
                    self.pair("gone0", "gone1")
                    self.addCleanup(self.remove, "gone1")
                    daemon = self.watch(backend, *arguments)
                    self.expect_scan(daemon, self.wire("gone0"), "198.51.100.1")
                    for number in (2, 3):
                        self.remove("gone1")
                        time.sleep(0.05)
                        self.pair("gone0", "gone1")
                        self.expect_scan(daemon, self.wire("gone0"), f"198.51.100.{number}",
                                         goes_on=backend == "bpf" or bool(arguments))
                    harness.wait_until(
                        lambda: len(self.blind(daemon, "gone1", "was gone")) == 2, "two gaps")
                    self.assertEqual(0, daemon.finish())
                    daemon.accounts().check(self)
                    self.remove("gone1")

    def test_renamed(self):
        for backend in ("bpf", "ring"):
            for arguments in ([], ["-i", "name1"]):
                with self.subTest(backend, arguments=arguments):
                    harness.need_back_end(backend)
                    self.pair("name0", "name1")
                    self.addCleanup(self.remove, "name1")
                    self.addCleanup(self.remove, "name2")
                    daemon = self.watch(backend, *arguments)
                    self.ip("link set name1 down", "link set name1 name name2", "link set name2 up")
                    self.expect_scan(daemon, self.wire("name0"), "198.51.100.1")
                    self.assertEqual(0, daemon.finish())
                    daemon.accounts().check(self)
                    self.remove("name2")

    def test_changes_that_interrupt_nothing(self):
        """The least and the largest MTU and what is usual with jumbo frames, addresses that come and
        go: the next scan is found, and no gap is told."""
        changes = ("link set same1 mtu 68", "link set same1 mtu 9000", "link set same1 mtu 65535",
                   "addr add 10.99.0.1/32 dev same1", "addr del 10.99.0.1/32 dev same1")
        for backend in ("bpf", "ring", "pcap", "raw"):
            for arguments in ([], ["-i", "same1"]):
                with self.subTest(backend, arguments=arguments):
                    harness.need_back_end(backend)
                    self.pair("same0", "same1")
                    self.addCleanup(self.remove, "same1")
                    for scope in ("all", "same1"):
                        self.lab.victim.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
                    self.ip("addr add 10.99.0.2/32 dev same1")
                    daemon = self.watch(backend, *arguments)
                    wire = self.wire("same0")
                    for number, change in enumerate(changes):
                        self.ip(change)
                        self.expect_scan(daemon, wire, f"198.51.100.{number + 1}")
                    self.assertEqual(0, daemon.finish())
                    daemon.accounts().check(self)
                    self.assertEqual([], [line for line in daemon.errors() if "blind" in line])
                    self.remove("same1")

    def test_gone_to_another_namespace(self):
        """An interface that is moved away, or that goes because the namespace of its other end does:
        the gap is told, and one of its name that comes is watched."""
        for backend in ("bpf", "ring"):
            for way in ("moved", "ended"):
                with self.subTest(backend, way=way):
                    harness.need_back_end(backend)
                    other = harness.Namespace()
                    self.addCleanup(other.close)
                    self.pair("away0", "away1")
                    self.addCleanup(self.remove, "away1")
                    daemon = self.watch(backend)
                    self.expect_scan(daemon, self.wire("away0"), "198.51.100.1")
                    side, device = ((self.lab.victim, "away1") if way == "moved"
                                    else (self.lab.attacker, "away0"))
                    self.ip(f"link set {device} netns /proc/{other.pid}/ns/net", side=side)
                    other.close()
                    harness.wait_until(lambda: not self.has(self.lab.victim, "away1"), "its end")
                    harness.wait_until(lambda: not self.has(self.lab.attacker, "away0"), "its end")
                    self.pair("away0", "away1")
                    self.expect_scan(daemon, self.wire("away0"), "198.51.100.2",
                                     goes_on=backend == "bpf")
                    harness.wait_until(lambda: len(self.blind(daemon, "away1", "was gone")) == 1,
                                       lambda: f"the gap: {daemon.errors()}")
                    self.assertEqual(0, daemon.finish())
                    daemon.accounts().check(self)
                    self.remove("away1")

    def test_interfaces_that_come_later(self):
        """Where the kernel has to be asked first, the time before is on record."""
        for backend in ("bpf", "ring", "pcap", "raw"):
            with self.subTest(backend):
                harness.need_back_end(backend)
                daemon = self.watch(backend)
                self.pair("late0", "late1")
                self.addCleanup(self.remove, "late1")
                self.ip("addr add 10.99.0.1/32 dev late1")
                for scope in ("all", "late1"):
                    self.lab.victim.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
                self.expect_scan(daemon, self.wire("late0"), "198.51.100.1",
                                 goes_on=backend == "bpf")
                self.assertEqual(0, daemon.finish())
                self.assertEqual(1 if backend == "bpf" else 0,
                                 len(self.blind(daemon, "late1", "was not watched")))
                self.remove("late1")

    def test_what_cannot_be_watched_is_told(self):
        """A raw socket that was bound to an interface is deaf when that is gone for good."""
        self.pair("deaf0", "deaf1")
        self.addCleanup(self.remove, "deaf1")
        daemon = self.watch("raw", "-i", "deaf1")
        self.remove("deaf1")
        self.pair("deaf0", "deaf1")
        harness.wait_until(lambda: any("blind on deaf1 since" in line and "without a restart" in line
                                       for line in daemon.errors()), "the warning")
        self.assertEqual(0, daemon.finish())

    def test_a_stopped_process(self):
        """More packets than the rings hold while it is stopped: counted to the last, told, and the
        next scan is found."""
        for backend in ("bpf", "ring"):
            with self.subTest(backend):
                harness.need_back_end(backend)
                self.pair("flood0", "flood1")
                self.addCleanup(self.remove, "flood1")
                wire = self.wire("flood0")
                daemon = self.watch(backend, "-i", "flood1")
                self.expect_scan(daemon, wire, "198.51.100.1")
                stopped = daemon.stop()
                try:
                    frame = probe("198.51.100.77", VICTIM, 9)
                    for _ in range(FLOOD):
                        wire.send(frame)
                finally:
                    daemon.resume(stopped)
                harness.wait_until(lambda: self.blind(daemon, "every interface", "was stopped"),
                                   lambda: f"the gap: {daemon.errors()}")
                self.expect_scan(daemon, wire, "198.51.100.2")
                self.assertEqual(0, daemon.finish())
                accounts = daemon.accounts()
                accounts.check(self)
                processed = accounts.terms("processed")
                self.assertEqual(FLOOD + 2 * len(PORTS),
                                 accounts.total("seen") - processed["filtered"] - processed["not_ip"])
                dropped = accounts.terms("seen")["dropped"]
                self.assertGreater(dropped, 0)
                told = self.blind(daemon, "every interface", "the process was stopped")
                self.assertEqual(1, len(told), daemon.errors())
                self.assertIn(f"packets lost: {dropped}", told[0])
                self.remove("flood1")


if __name__ == "__main__":
    harness.main()
