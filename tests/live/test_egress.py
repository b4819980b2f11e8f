# The egress alarm with real parts: nmap from the watched namespace to another, by each back end that sees
# what goes out; a scan from outside meanwhile is one as ever. The rule itself is for
# tests/unit/detect/egress_test.cpp.

import re
import time

import harness
from harness import VICTIM

OWN = re.compile(rf"Egress: {re.escape(VICTIM)}(:\d+)? to 10\.77\.0\.1 ports .*, fSrpauxy.* @\d\d:\d\d:\d\d")
OUTSIDE = re.compile(rf"10\.77\.0\.1:\d+ to {re.escape(VICTIM)} ports ")


class Egress(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = harness.our_binary()
        cls.cell = cls.lab.own(harness.Cell(cls.lab.victim))
        cls.listed = cls.cell.run(cls.binary, "--list").stdout.split()

    def watch(self, backend, *arguments):
        if backend not in self.listed:
            raise harness.Skip(f"back end {backend} is not built in")
        daemon = harness.Foreground(self.lab, self.binary, "-f", "-c", backend, "--profile", "full",
                                    *arguments, cell=self.cell)
        self.addCleanup(daemon.close)
        return daemon.wait_ready()

    @staticmethod
    def nmap(side, target, *options):
        side.run(harness.tool("nmap"), "-n", "-Pn", "--max-retries", "0", "-p", "1-200", *options, target)

    def begins(self, daemon):
        return [line for line in daemon.lines() if ", end: " not in line]

    def check_backend(self, backend, *arguments):
        for technique in ("-sS", "-sT"):
            with self.subTest(technique):
                daemon = self.watch(backend, "--egress", *arguments)
                self.nmap(self.lab.victim, "10.77.0.1", technique)
                self.nmap(self.lab.attacker, VICTIM, "-sS")
                harness.wait_until(lambda: len(self.begins(daemon)) >= 2,
                                   lambda: f"two scans: {daemon.lines()}, {daemon.errors()}")
                self.nmap(self.lab.victim, "10.77.0.1", technique)  # once more is no news
                time.sleep(1)
                self.assertEqual(0, daemon.finish(), daemon.errors())
                begins = self.begins(daemon)
                self.assertEqual(2, len(begins), begins)
                self.assertEqual(1, sum(bool(OWN.fullmatch(line)) for line in begins), begins)
                self.assertEqual(1, sum(bool(OUTSIDE.match(line)) for line in begins), begins)

    def test_bpf(self):
        self.check_backend("bpf")

    def test_bpf_on_veth(self):
        self.check_backend("bpf", "-i", "vic0")

    def test_ring(self):
        self.check_backend("ring")

    def test_pcap(self):
        self.check_backend("pcap", "-i", "vic0")

    def test_udp(self):
        """Most ports are silent: the kernel sends few ICMP errors."""
        daemon = self.watch("auto" if "auto" in self.listed else "ring", "--egress")
        self.nmap(self.lab.victim, "10.77.0.1", "-sU", "--min-rate", "500")
        # Something has to come back, or the network could be away.
        end = time.monotonic() + 10
        while time.monotonic() < end and not daemon.lines():
            self.lab.victim.run("ping", "-c", "1", "-W", "1", "10.77.0.2", check=False)
            time.sleep(0.3)
        self.assertEqual(0, daemon.finish(), daemon.errors())
        begins = self.begins(daemon)
        self.assertEqual(1, len(begins), begins)
        self.assertRegex(begins[0], rf"^Egress: {re.escape(VICTIM)}.*, UDP")

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
