# The egress alarm with real parts: nmap from the watched namespace to another, by each back end that sees
# what goes out; a scan from outside meanwhile is one as ever. The rule itself is for
# tests/unit/detect/egress_test.cpp.

import contextlib
import os
import re
import time

import frames
import harness
from harness import VICTIM

OWN = re.compile(rf"Egress: {re.escape(VICTIM)}(:\d+)? to 10\.77\.0\.1 ports .*, fSrpauxy.* @\d\d:\d\d:\d\d")
OUTSIDE = re.compile(rf"10\.77\.0\.1:\d+ to {re.escape(VICTIM)} ports ")


def _removed(path):
    """Once nobody is left in it."""
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.exists(path)


def is_sentinel(line):
    """Of the scan that closes a round: all before it has been seen."""
    return line.startswith(harness.SENTINEL)


class Egress(harness.WatchCase):
    ARGUMENTS = ("--profile", "full")

    @staticmethod
    def nmap(side, target, *options):
        side.run(harness.tool("nmap"), "-n", "-Pn", "--max-retries", "0", "-p", "1-200", *options, target)

    def begins(self, daemon):
        return [line for line in daemon.lines() if ", end: " not in line and not is_sentinel(line)]

    def check_backend(self, backend, *arguments, who=""):
        for technique in ("-sS", "-sT"):
            with self.subTest(technique):
                daemon = self.watch(backend, "--egress", *arguments)
                self.nmap(self.lab.victim, "10.77.0.1", technique)
                self.nmap(self.lab.attacker, VICTIM, "-sS")
                harness.wait_until(lambda: len(self.begins(daemon)) >= 2,
                                   lambda: f"two scans: {daemon.lines()}, {daemon.errors()}")
                self.nmap(self.lab.victim, "10.77.0.1", technique)  # once more is no news
                self.lab.sentinel()
                harness.wait_until(lambda: any(map(is_sentinel, daemon.lines())),
                                   lambda: f"the sentinel: {daemon.lines()}")
                self.assertEqual(0, daemon.finish(), daemon.errors())
                begins = self.begins(daemon)
                self.assertEqual(2, len(begins), begins)
                self.assertEqual(1, sum(bool(OWN.fullmatch(line)) for line in begins), begins)
                for line in begins:
                    self.assertEqual(bool(who) and line.startswith("Egress: "), who in line and bool(who), line)
                self.assertEqual(1, sum(bool(OUTSIDE.match(line)) for line in begins), begins)

    def test_bpf(self):
        self.check_backend("bpf", who=", uid 0, ")

    def test_bpf_on_veth(self):
        self.check_backend("bpf", "-i", "vic0", who=", uid 0, ")

    def test_ring(self):
        self.check_backend("ring")

    def test_pcap(self):
        self.check_backend("pcap", "-i", "vic0")

    def test_udp(self):
        """Most ports are silent: the kernel sends few ICMP errors."""
        daemon = self.watch("ring", "--egress")
        self.nmap(self.lab.victim, "10.77.0.1", "-sU", "--min-rate", "500")
        # Something has to come back, or the network could be away.
        end = time.monotonic() + 10
        while time.monotonic() < end and not daemon.lines():
            self.lab.send([frames.probe("10.77.0.2", VICTIM, harness.OPEN_PORTS[0])])
            time.sleep(0.3)
        self.assertEqual(0, daemon.finish(), daemon.errors())
        begins = self.begins(daemon)
        self.assertEqual(1, len(begins), begins)
        self.assertRegex(begins[0], rf"^Egress: {re.escape(VICTIM)}.*, UDP")

    def test_unit_and_user(self):
        """A connect scan by a user who is not root, in a unit whose name is not all harmless."""
        cell = self.lab.own(harness.Cell(self.lab.victim))
        tree = cell.path("/sys/fs/cgroup")
        if cell.run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup").returncode:
            raise harness.Skip("no cgroup version 2 here")
        group = f"{tree}/scanlogd-test.slice/evil, @ me.service"
        os.makedirs(group)
        self.addCleanup(lambda: [harness.wait_until(lambda path=path: _removed(path), path)
                                 for path in (group, os.path.dirname(group))])
        for backend, who in (("bpf", ", uid 33, unit evil??@?me.service @"), ("ring", ", TOS 00, TTL 64 @")):
            with self.subTest(backend):
                harness.need_back_end(backend)
                daemon = harness.Foreground(self.lab, self.binary, "-f", "-c", backend, "--profile", "full",
                                            "--egress", cell=cell)
                self.addCleanup(daemon.close)
                daemon.wait_ready()
                self.lab.victim.run("sh", "-c", f"echo 0 >'{group}/cgroup.procs' && exec setpriv --reuid=33 "
                                    f"--clear-groups {harness.tool('nmap')} -n -Pn --max-retries 0 -sT "
                                    "-p 1-200 10.77.0.1")
                harness.wait_until(daemon.lines, lambda: f"a scan: {daemon.errors()}")
                self.assertEqual(0, daemon.finish(), daemon.errors())
                self.assertEqual(1, len(self.begins(daemon)), daemon.lines())
                self.assertIn(who, self.begins(daemon)[0])

    def test_is_off_unless_asked_for(self):
        daemon = self.watch("ring")
        self.nmap(self.lab.victim, "10.77.0.1", "-sS")
        self.nmap(self.lab.attacker, VICTIM, "-sS")
        harness.wait_until(lambda: self.begins(daemon), "a scan from outside")
        self.assertEqual(0, daemon.finish(), daemon.errors())
        self.assertEqual([], [line for line in daemon.lines() if line.startswith("Egress: ")])

    def test_raw_says_that_it_cannot(self):
        daemon = self.watch("raw", "--egress")
        self.assertEqual(0, daemon.finish(), daemon.errors())
        self.assertIn("raw does not see what this machine sends", "\n".join(daemon.errors()))


if __name__ == "__main__":
    harness.main()
