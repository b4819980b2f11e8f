# The profile `full` against the scanners themselves: nmap with every technique and at every pace that
# fits into a test, masscan, hping3, ZMap. Each scan begins once, names the scanner and his technique, and
# the accounts are exact. What slower scans cost is for tests/evaluation.

import json
import os

import frames
import harness
from harness import ATTACKER, VICTIM

SCANNER_6, VICTIM_6 = "fd00:77::1", "fd00:77::200:1"
PATIENT = "10.77.0.9"  # who takes his time while the others are looked at
MAC = frames.VICTIM_MAC.hex(":")

NMAP = ("nmap", "-n", "-Pn", "--max-retries", "1")
MASSCAN = ("timeout", "20", "masscan", "--wait", "1", "--interface", "atk0", "--router-mac", MAC,
           "--source-ip", ATTACKER)
ZMAP = ("zmap", "-i", "atk0", "-G", MAC, "-S", ATTACKER, "--cooldown-time", "1", "-q", "-b", "/dev/null",
        "-o", "/dev/null")

# What is run, and what the scan that it makes is: (kind, technique, tool); tool None: whatever is said.
SCANS = {
    "nmap -sS -T3": ([*NMAP, "-sS", "-p1-200", VICTIM], ("vertical", "syn", "nmap")),
    "nmap -sS -T4": ([*NMAP, "-sS", "-T4", "-p1-200", VICTIM], ("vertical", "syn", "nmap")),
    "nmap -sS -T5": ([*NMAP, "-sS", "-T5", "-p1-200", VICTIM], ("vertical", "syn", "nmap")),
    "nmap -sS -T2": ([*NMAP, "-sS", "-T2", "-p1-9", VICTIM], ("vertical", "syn", "nmap")),
    "nmap -sT": ([*NMAP, "-sT", "-p1-200", VICTIM], ("vertical", "connect", "unknown")),
    "nmap -sF": ([*NMAP, "-sF", "-p1-30", VICTIM], ("vertical", "fin", "nmap")),
    "nmap -sX": ([*NMAP, "-sX", "-p1-30", VICTIM], ("vertical", "xmas", "nmap")),
    "nmap -sN": ([*NMAP, "-sN", "-p1-30", VICTIM], ("vertical", "null", "nmap")),
    "nmap -sM": ([*NMAP, "-sM", "-p1-30", VICTIM], ("vertical", "maimon", None)),
    "nmap -sA": ([*NMAP, "-sA", "-p1-30", VICTIM], ("vertical", "ack_or_window", None)),
    "nmap -sU": ([*NMAP, "-sU", "-p1-20", VICTIM], ("vertical", "udp", None)),
    "nmap -sY": ([*NMAP, "-sY", "-p1-20", VICTIM], ("vertical", "sctp_init", None)),
    "nmap -sO": ([*NMAP, "-sO", "-p1-20", VICTIM], ("vertical", "ip_protocol", None)),
    "nmap -f": ([*NMAP, "-sS", "-f", "-p1-30", VICTIM], ("vertical", "fragments", None)),
    "nmap -6": ([*NMAP, "-6", "-sS", "-p1-60", VICTIM_6], ("vertical", "syn", "nmap")),
    "nmap -D": ([*NMAP, "-sS", "-D", "198.51.100.1,198.51.100.2,ME,198.51.100.3", "-p1-40", VICTIM],
                ("decoys", "syn", "nmap")),
    "nmap -sn": (["nmap", "-n", "-sn", "-PE", "--disable-arp-ping", "10.77.200.1-16"],
                 ("horizontal", "icmp_echo", None)),
    "nmap, one port of many hosts": (["nmap", "-n", "-Pn", "-sS", "-p25", "10.77.200.1-16"],
                                     ("horizontal", "syn", "nmap")),
    "masscan": ([*MASSCAN, VICTIM, "-p1-100", "--rate", "500"], ("vertical", "syn", "masscan")),
    "hping3": (["hping3", "-I", "atk0", "-c", "40", "-i", "u2000", "-S", "-p", "++1", VICTIM],
               ("vertical", "syn", "hping")),
    "ZMap": ([*ZMAP, "-p25", "--rate", "200", "10.77.200.0/27"], ("horizontal", "syn", "zmap")),
}
DECOY_RUNS = int(os.environ.get("SCANLOGD_DECOY_RUNS", "5"))
ENDS_WITH_ONE = ("hping3",)  # where answers are missing


class Full(harness.WatchCase):
    ARGUMENTS = ("--profile", "full", "-o", "json")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.victim.run("ip", "addr", "add", VICTIM_6 + "/64", "dev", "vic0", "nodad")
        cls.lab.attacker.run("ip", "addr", "add", SCANNER_6 + "/64", "dev", "atk0", "nodad")

    @staticmethod
    def scans(daemon):
        """The alerts so far: (source address, what is known of the scan)."""
        events = [json.loads(line) for line in daemon.lines()]
        return [(event["src_ip"], event["alert"]["context"]["scan"]) for event in events
                if event["event_type"] == "alert"]

    def check(self, backend, name):
        command, (kind, technique, tool) = SCANS[name]
        program = harness.tool(next(word for word in command if word not in ("timeout", "20")))
        command = [program if word == program.rpartition("/")[2] else word for word in command]
        daemon = self.watch(backend)
        done = self.lab.attacker.run(*command, check=False)
        self.assertIn(done.returncode, (0, 1) if name in ENDS_WITH_ONE else (0,), done.stderr)
        harness.wait_until(lambda: self.scans(daemon), lambda: f"{name}: a scan; {daemon.errors()}")
        self.assertEqual(0, daemon.finish(), daemon.errors())
        daemon.accounts().check(self)
        begun = [(source, scan) for source, scan in self.scans(daemon) if scan["phase"] == "begin"]
        self.assertEqual(1, len(begun), begun)
        ended = [(source, scan) for source, scan in self.scans(daemon) if scan["phase"] == "end"]
        self.assertEqual(1, len(ended), ended)
        scanner, scan = ended[0]
        self.assertEqual(SCANNER_6 if "-6" in command else ATTACKER, scanner)
        if kind != "decoys":  # there it is known only once an open port has answered to it
            self.assertEqual(scanner, begun[0][0])
        self.assertEqual(kind, scan["kind"])
        self.assertIn(technique, scan["techniques"])
        if tool is not None:
            self.assertEqual(tool, scan["tool"])

    def check_all(self, backend):
        harness.need_back_end(backend)
        for name in SCANS:
            with self.subTest(name):
                self.check(backend, name)

    def test_1_patient_scanner_begins(self):
        """nmap -T1, a probe each 15 s, goes on while the others are looked at."""
        type(self).patient_daemon = harness.Foreground(
            self.lab, harness.our_binary(), "-f", "--profile", "full", "-o", "json", "-c", "ring",
            cell=self.lab.own(harness.Cell(self.lab.victim))).wait_ready()
        # It ends with the namespace at the latest.
        type(self).patient = self.lab.attacker.popen(
            harness.tool("nmap"), "-n", "-Pn", "-sS", "-T1", "--max-retries", "0", "-p1-7", "-S", PATIENT,
            "-e", "atk0", VICTIM)

    def test_2_bpf(self):
        self.check_all("bpf")

    def test_2_ring(self):
        self.check_all("ring")

    def test_2_hundred_decoys(self):
        """No port is open, so nothing tells the scanner from his decoys: all are to be named."""
        program, named = harness.tool("nmap"), 0
        decoys = ",".join(f"198.51.100.{n}" for n in range(1, 101))
        for victim in (harness.VICTIMS * 2)[:DECOY_RUNS]:
            daemon = self.watch("ring")
            self.lab.attacker.run(program, "-n", "-Pn", "--max-retries", "0", "-sS", "-D", decoys,
                                  "-p101-110", victim)
            harness.wait_until(lambda: self.scans(daemon), "a scan")
            self.assertEqual(0, daemon.finish(), daemon.errors())
            scans = self.scans(daemon)
            begun = [scan["id"] for _, scan in scans if scan["phase"] == "begin"]
            self.assertEqual(1, len(begun), scans)
            named += ATTACKER in scans[-1][1]["sources"]
            self.assertEqual(101, len(scans[-1][1]["sources"]))
            daemon.close()
        print(f"scanner named among 100 decoys: {named} of {DECOY_RUNS}", end=" ... ", flush=True)
        self.assertEqual(DECOY_RUNS, named)

    def test_3_patient_scanner_is_found(self):
        daemon = self.patient_daemon

        def found():
            return [scan for source, scan in self.scans(daemon)
                    if source == PATIENT and scan["phase"] == "begin"]

        begin = harness.wait_until(found, "nmap -T1 to be found", timeout=110)[0]
        self.assertEqual("nmap", begin["tool"])
        self.assertLessEqual(begin["ports_total"], 7)
        self.assertEqual(0, daemon.finish(), daemon.errors())
        daemon.accounts().check(self)


if __name__ == "__main__":
    harness.main()
