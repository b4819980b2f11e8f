# Each back end of ours with real parts: nmap through a veth pair, loopback, fragments, VLAN tags, a
# firewall, somebody else's frames, capture files. The daemon runs in the foreground; its last line
# of standard error is the account of every packet, and every sum in it must be exact.
# What counts as a probe is for test_parity.py.

import gzip
import os
import subprocess
import tempfile
import time

import frames
import harness
from frames import probe
from harness import VICTIM

SCANNER = "203.0.113.7"
PORTS = range(1, 8)  # the fewest that are a scan
LINE = SCANNER + ":40000 to 10.77.200.1 ports 1, 2, 3, 4, 5, 6, ..., fSrpauxy, TOS 00, TTL 64 @"
SLOWEST = 1.0  # seconds from the last probe to the line, on a quiet link

DROP_INPUT = """
table inet drop_all {
  chain input { type filter hook input priority 0; policy drop; }
}
"""

# What the original prints for these captures, with the packets' clock and in UTC, as its libpcap
# build sees them; frag_f as its raw build does.
RECORDED = {
    "nmap_sS": ["10.77.0.1:61621 to 10.77.200.1 ports 554, 22, 995, 3389, 111, 1025, 8888, 5900, "
                "110, ..., f??pauxy, TOS 00 @22:08:30"],
    "nmap_sX": ["10.77.0.1:34943 to 10.77.200.1 ports 3389, 1723, 1720, 1025, 143, 554, 993, 8888, "
                "139, ..., FsrPaUxy, TOS 00 @22:08:35"],
    "frag_f": ["10.77.0.1:56853 to 10.77.200.1 ports 80, 1723, 443, 23, 22, 111, 445, ..., "
               "f??pauxy, TOS 00 @22:12:26"],
    "delay_2.9": ["10.77.0.1:41336 to 10.77.200.1 ports 25, 21, 23, 22, 24, 28, ..., "
                  "f??pauxy, TOS 00 @22:11:18"],
    "decoys": [f"{source}:62779 to 10.77.200.1 ports 23, 80, 445, 143, 8080, 5900, 22, 25, ..., "
               "fSrpauxy, TOS 00 @22:12:25"
               for source in ("198.51.100.1", "198.51.100.2", "198.51.100.3", "203.0.113.4",
                              "203.0.113.5")] + ["More possible port scans follow"],
    "thr_6priv": [],
    "thr_7priv": ["10.77.0.1:38680 to 10.77.200.1 ports 5, 2, 6, 7, 4, 3, ..., "
                  "fSrpauxy, TOS 00 @22:13:13"],
}


class Backends(harness.WatchCase):
    def scan(self, source=SCANNER, **fields):
        self.lab.send(probe(source, fields.get("target", VICTIM), port,
                            **{name: value for name, value in fields.items() if name != "target"})
                      for port in PORTS)

    def expect(self, daemon, *beginnings):
        """Demands lines with these beginnings, and no other, then sound accounts."""
        harness.wait_until(lambda: len(daemon.lines()) >= len(beginnings),
                           lambda: f"{len(beginnings)} lines: {daemon.lines()}, {daemon.errors()}")
        self.assertEqual(0, daemon.finish(), daemon.errors())
        lines = daemon.lines()
        self.assertEqual(len(beginnings), len(lines), lines)
        for beginning, line in zip(beginnings, lines):
            self.assertTrue(line.startswith(beginning), line)
        accounts = daemon.accounts()
        accounts.check(self)
        self.assertEqual(len(beginnings), accounts.total("detected"))
        return accounts

    def expect_only_sentinel(self, daemon):
        """Demands that what was sent before brought no line, though the daemon is awake."""
        self.lab.sentinel()
        return self.expect(daemon, harness.SENTINEL)

    def nmap(self, *options, target=VICTIM, side=None):
        (side or self.lab.attacker).run(harness.tool("nmap"), "-n", "-Pn", "-sS",
                                        "--max-retries", "1", "-p", "1-200", *options, target)

    def check_backend(self, backend, *arguments):
        with self.subTest("nmap -sS"):
            daemon = self.watch(backend, *arguments)
            self.nmap()
            accounts = self.expect(daemon, "10.77.0.1:")
            self.assertGreaterEqual(accounts.total("seen"), 200)
        with self.subTest("nmap -f"):
            daemon = self.watch(backend, *arguments)
            self.nmap("-f")
            self.expect(daemon, "10.77.0.1:")
        with self.subTest("prompt on a quiet link"):
            daemon = self.watch(backend, *arguments)
            self.scan()
            sent = time.monotonic()
            self.expect(daemon, LINE)
            self.assertLess(daemon.timed_lines()[0][0] - sent, SLOWEST)
        with self.subTest("six ports are none"):
            daemon = self.watch(backend, *arguments)
            self.lab.send(probe(SCANNER, VICTIM, port) for port in PORTS[:-1])
            self.expect_only_sentinel(daemon)

    def test_raw(self):
        self.check_backend("raw")

    def test_ring(self):
        self.check_backend("ring")

    def test_ring_on_veth(self):
        self.check_backend("ring", "-i", "vic0")

    def test_bpf(self):
        self.check_backend("bpf")

    def test_bpf_on_veth(self):
        self.check_backend("bpf", "-i", "vic0")

    def test_automatic_choice(self):
        """Without --capture the best back end that works is taken; the choice is named."""
        with self.subTest("root"):
            daemon = harness.Foreground(self.lab, self.binary, "-f", env={"TZ": "UTC"},
                                        cell=self.cell)
            self.addCleanup(daemon.close)
            daemon.wait_ready()
            self.assertRegex("\n".join(daemon.errors()),
                             f"watching every interface with {harness.best_back_end()}[ ;]")
            self.scan()
            self.expect(daemon, LINE)
        with self.subTest("CAP_NET_RAW only"):
            harness.need_back_end("bpf")
            daemon = harness.Foreground(
                self.lab, self.binary, "-f", env={"TZ": "UTC"}, cell=self.cell,
                before=("setpriv", f"--reuid={harness.USER_ID}", f"--regid={harness.GROUP_ID}",
                        "--clear-groups", "--inh-caps=+net_raw", "--ambient-caps=+net_raw"))
            self.addCleanup(daemon.close)
            daemon.wait_ready()
            self.assertRegex("\n".join(daemon.errors()),
                             r"with ring \(not bpf: .*CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON\);")
            self.scan()
            self.expect(daemon, LINE)

    def test_fragments(self):
        """nmap --mtu 24, IPv4 in pieces of 8 in either order, IPv6 in pieces of 8 in either order."""
        source, target = "2001:db8::7", "fd77::2:1"
        pieces4 = [frames.fragments(frames.ipv4(SCANNER, VICTIM, frames.tcp(
            SCANNER, VICTIM, 40000, port), ident=port), 8) for port in PORTS]
        pieces6 = [frames.fragments6(source, target, frames.tcp6(source, target, 40000, port), 8,
                                     port) for port in PORTS]
        for backend in ("bpf", "ring", "pcap"):
            with self.subTest("nmap --mtu 24", backend=backend):
                daemon = self.watch(backend)
                self.nmap("--mtu", "24")
                self.expect(daemon, "10.77.0.1:")
            for order in (1, -1):
                with self.subTest("IPv4", backend=backend, order=order):
                    daemon = self.watch(backend)
                    self.lab.send(frames.ethernet(piece) for pieces in pieces4
                                  for piece in pieces[::order])
                    self.expect(daemon, LINE)
                # The classic rule is about IPv4; that the datagrams were put together is in the
                # accounts, where each is one packet that was inspected.
                with self.subTest("IPv6", backend=backend, order=order):
                    daemon = self.watch(backend)
                    self.lab.send(frames.ethernet(piece, ethertype=frames.IPV6)
                                  for pieces in pieces6 for piece in pieces[::order])
                    self.lab.sentinel()
                    accounts = self.expect(daemon, harness.SENTINEL)
                    self.assertEqual(len(PORTS), accounts.terms("classic")["not_ipv4_tcp"])
                    self.assertEqual(2 * len(PORTS), accounts.terms("processed")["fragments"])

    def test_reverse_path_filter(self):
        """What the kernel drops for its way back is seen all the same."""
        for backend in ("bpf", "ring", "pcap"):
            with self.subTest(backend):
                daemon = self.watch(backend)
                self.lab.victim.run("ip", "route", "del", "default")
                for device in ("all", "vic0"):
                    self.lab.victim.sysctl(f"net.ipv4.conf.{device}.rp_filter", 1)
                try:
                    self.scan()
                    self.expect(daemon, LINE)
                finally:
                    for device in ("all", "vic0"):
                        self.lab.victim.sysctl(f"net.ipv4.conf.{device}.rp_filter", 0)
                    self.lab.victim.run("ip", "route", "add", "default", "via", harness.ATTACKER)

    def test_wrong_header_checksum(self):
        """No host takes such a packet; that it came is in the accounts."""
        for backend in ("bpf", "ring"):
            with self.subTest(backend):
                daemon = self.watch(backend)
                self.scan(wrong_checksum=True)
                accounts = self.expect_only_sentinel(daemon)
                self.assertEqual(len(PORTS), accounts.terms("processed")["bad_checksum"])

    def test_outgoing(self):
        """What this machine sends is judged on request only, and then once."""
        for backend in ("bpf", "ring"):
            for options, beginnings in (([], [harness.SENTINEL]),
                                        (["--outgoing"], ["10.77.200.1", harness.SENTINEL])):
                with self.subTest(backend, options=options):
                    daemon = self.watch(backend, *options)
                    self.nmap(target="10.77.0.1", side=self.lab.victim)
                    self.lab.sentinel()
                    self.expect(daemon, *beginnings)

    def test_frames_are_counted_exactly(self):
        """The kernel's count of what came is that of the sender."""
        for backend in ("bpf", "ring"):
            with self.subTest(backend):
                daemon = self.watch(backend, "-i", "vic0")
                self.scan()
                self.lab.send(probe("203.0.113.9", VICTIM, 80, flags="A") for _ in range(50))
                accounts = self.expect(daemon, LINE)
                self.assertEqual(len(PORTS), accounts.terms("processed")["inspected"])
                # The filter of a packet socket leaves no count of what it left out.
                bulk = 50 if backend == "bpf" else 0
                self.assertEqual(bulk, accounts.terms("processed")["filtered"])
                self.assertEqual(len(PORTS) + bulk, accounts.total("seen"))

    def test_accounts_at_intervals(self):
        daemon = self.watch("ring", "--accounts", "1s")
        harness.wait_until(lambda: sum("scanlogd: seen " in each for each in daemon.errors()) >= 2,
                           "two accounts")
        self.expect_only_sentinel(daemon)

    def test_raw_on_one_interface(self):
        daemon = self.watch("raw", "-i", "lo")
        self.scan()
        self.nmap(target="127.0.0.1", side=self.lab.victim)
        self.expect(daemon, "127.0.0.1:")

    def test_raw_on_two_interfaces(self):
        daemon = self.watch("raw", "-i", "lo", "-i", "vic0")
        self.scan()
        harness.wait_until(daemon.lines, "a line from vic0")
        self.nmap(target="127.0.0.1", side=self.lab.victim)
        self.expect(daemon, LINE, "127.0.0.1:")

    def test_pcap_on_veth(self):
        self.check_backend("pcap", "-i", "vic0")

    def test_pcap_on_any(self):
        self.check_backend("pcap", "-i", "any")

    def test_pcap_on_every_interface(self):
        self.check_backend("pcap")

    def test_nids(self):
        self.check_backend("nids")

    def test_nids_on_veth(self):
        self.check_backend("nids", "-i", "vic0")

    def test_loopback(self):
        """Packets of the loopback interface pass once, not twice."""
        for backend, *arguments in (["raw"], ["pcap", "-i", "lo"], ["pcap"], ["nids", "-i", "lo"],
                                    ["bpf"], ["bpf", "-i", "lo"], ["bpf", "--outgoing"], ["ring"],
                                    ["ring", "-i", "lo"], ["ring", "--outgoing"]):
            with self.subTest(backend, arguments=arguments):
                daemon = self.watch(backend, *arguments)
                self.nmap(target="127.0.0.1", side=self.lab.victim)
                self.expect(daemon, "127.0.0.1:")

    def test_vlan(self):
        """pcap looks inside tags; a raw socket gets no frame of a VLAN the host is not part of."""
        tagged = {"802.1Q": ((frames.DOT1Q, 7),), "QinQ": ((frames.DOT1AD, 5), (frames.DOT1Q, 7)),
                  "two 802.1Q tags": ((frames.DOT1Q, 5), (frames.DOT1Q, 7))}
        tagged["priority"] = ((frames.DOT1Q, 0),)
        tagged["three tags"] = ((frames.DOT1AD, 5), (frames.DOT1AD, 6), (frames.DOT1Q, 7))
        for name, tags in tagged.items():
            for backend, *arguments in (["pcap", "-i", "vic0"], ["bpf"], ["ring"]):
                with self.subTest(name, backend=backend):
                    daemon = self.watch(backend, *arguments)
                    self.scan(tags=tags)
                    self.expect(daemon, LINE)
        # Not more than one tag there: the cooked header names the innermost protocol of a frame,
        # though the kernel (seen with 6.18) leaves the second tag in front of it.
        with self.subTest("802.1Q on any"):
            daemon = self.watch("pcap", "-i", "any")
            self.scan(tags=tagged["802.1Q"])
            self.expect(daemon, LINE)
        with self.subTest("raw"):
            daemon = self.watch("raw")
            self.scan(tags=tagged["802.1Q"])
            self.expect_only_sentinel(daemon)

    def test_firewall_that_drops_in_input(self):
        """What netfilter drops, a raw socket never gets; the others stand before it."""
        nft = harness.tool("nft")
        before = [LINE, harness.SENTINEL]
        for backend, beginnings in (("raw", [harness.SENTINEL]), ("pcap", before),
                                    ("nids", before), ("bpf", before), ("ring", before)):
            with self.subTest(backend):
                daemon = self.watch(backend)
                self.lab.victim.run(nft, "-f", "-", input=DROP_INPUT)
                try:
                    self.scan()
                    time.sleep(0.1)  # the last may still be on its way up to the closed door
                finally:
                    self.lab.victim.run(nft, "delete", "table", "inet", "drop_all")
                self.lab.sentinel()
                self.expect(daemon, *beginnings)

    def test_frames_for_another_host(self):
        """Only --promiscuous shows what is not addressed to this machine."""
        elsewhere = {"mac": frames.OTHER_MAC, "target": "10.77.210.1"}
        for backend, device in (("pcap", "vic0"), ("pcap", "any"), ("nids", "vic0"),
                                ("bpf", "vic0"), ("ring", "vic0")):
            with self.subTest("not asked for", backend=backend, device=device):
                daemon = self.watch(backend, "-i", device)
                self.scan(**elsewhere)
                self.expect_only_sentinel(daemon)
        for backend in ("pcap", "bpf", "ring"):
            with self.subTest("asked for", backend=backend):
                daemon = self.watch(backend, "-i", "vic0", "--promiscuous")
                self.scan(**elsewhere)
                self.expect(daemon, LINE.replace("10.77.200.1", "10.77.210.1"))

    def test_local_networks(self):
        """With --local only packets to these networks count; the others are in the accounts."""
        daemon = self.watch("raw", "--local", "10.77.200.2/32")
        self.scan()
        self.scan(source="203.0.113.8", target="10.77.200.2")
        accounts = self.expect(daemon, "203.0.113.8:")
        self.assertEqual(len(PORTS), accounts.terms("processed")["not_local"])

    def test_answers_of_the_host_are_no_scan(self):
        """Scanned from many ports, a host answers to many ports: RST and SYN+ACK do not count."""
        daemon = self.watch("pcap", "-i", "vic0")
        self.lab.send(probe("10.77.0.2", VICTIM, 22 if port % 2 else 9999, sport=port)
                      for port in range(1000, 1100))
        self.expect_only_sentinel(daemon)

    def test_accounts_on_demand(self):
        """SIGUSR1 prints the accounts, and the daemon goes on."""
        daemon = self.watch("raw")
        self.scan()
        harness.wait_until(daemon.lines, "a line")
        daemon.kill(10)
        harness.wait_until(lambda: daemon.errors()[-1].startswith("scanlogd: seen "),
                           "the accounts")
        asked = harness.Accounts(daemon.errors()[-1])
        asked.check(self)
        self.assertGreaterEqual(asked.total("seen"), len(PORTS))
        self.lab.sentinel()
        accounts = self.expect(daemon, LINE, harness.SENTINEL)
        self.assertGreater(accounts.total("seen"), asked.total("seen"))

    def test_unknown_back_end(self):
        done = self.cell.run(self.binary, "-f", "-c", "telepathy")
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, r"^scanlogd: .*telepathy")


class Files(harness.Case):
    """-r FILE: reads to the end, prints what the original printed, and the accounts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = harness.our_binary()

    def read(self, source, **options):
        done = subprocess.run([self.binary, "-r", source, "--local", "10.77.200.0/24"], check=False,
                              env={**harness.ENVIRONMENT, "TZ": "UTC"}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, **options)
        errors = done.stderr.decode().splitlines()
        self.assertEqual(0, done.returncode, errors)
        accounts = harness.Accounts(errors[-1])
        accounts.check(self)
        self.assertEqual(0, accounts.terms("seen")["dropped"])
        return done.stdout.decode().splitlines(), accounts

    @staticmethod
    def capture(name):
        return os.path.join(harness.CAPTURES, name + ".pcap")

    def test_file(self):
        for name, lines in RECORDED.items():
            with self.subTest(name):
                printed, accounts = self.read(self.capture(name))
                self.assertEqual(lines, printed)
                self.assertEqual(len(frames.read_pcap(self.capture(name))), accounts.total("seen"))

    def run_on(self, *paths):
        done = subprocess.run([self.binary, "-r", *paths, "--local", "10.77.200.0/24"], check=False,
                              env={**harness.ENVIRONMENT, "TZ": "UTC"}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, text=True)
        return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()

    def test_several_files_and_directories(self):
        """One after the other, with one memory; a broken one is told and the others are read."""
        both = RECORDED["nmap_sS"] + RECORDED["nmap_sX"]
        status, lines, _ = self.run_on(self.capture("nmap_sS"), self.capture("nmap_sX"))
        self.assertEqual((0, both), (status, lines))
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            for name in ("nmap_sS", "nmap_sX"):
                os.symlink(self.capture(name), os.path.join(folder, name))
            with open(os.path.join(folder, "nmap_a_cut"), "wb") as file:
                with open(self.capture("nmap_sS"), "rb") as whole:
                    file.write(whole.read(1000))
            with open(os.path.join(folder, "notes.txt"), "w") as file:
                file.write("no capture\n")
            status, lines, errors = self.run_on(folder)
            self.assertEqual((1, both), (status, lines), errors)
            self.assertIn(f"scanlogd: read({folder}/nmap_a_cut): file ends inside a record", errors)

    def test_progress(self):
        """At a terminal a long reading says how far it is; elsewhere never."""
        master, slave = os.openpty()
        reading, writing = os.pipe()
        process = subprocess.Popen([self.binary, "-r", "-"], stdin=reading, stderr=slave,
                                   stdout=subprocess.DEVNULL, env=harness.ENVIRONMENT)
        os.close(slave)
        os.close(reading)
        with open(self.capture("nmap_sS"), "rb") as file:
            content = file.read()
        end = time.monotonic() + 1.5
        os.write(writing, content[:24])
        record = content[24:24 + 16 + int.from_bytes(content[32:36], "little")]
        while time.monotonic() < end:
            os.write(writing, record * 100)
            time.sleep(0.02)
        os.close(writing)
        process.wait(10)
        shown = os.read(master, 65536).decode()
        os.close(master)
        self.assertRegex(shown, r"\d packets, [\d,]+ a second")
        _, _, errors = self.run_on(self.capture("nmap_sS"))
        self.assertEqual(1, len(errors), "the accounts only")

    def test_standard_input(self):
        with open(self.capture("nmap_sX"), "rb") as file:
            self.assertEqual(RECORDED["nmap_sX"], self.read("-", stdin=file)[0])

    def test_gzip(self):
        with open(self.capture("nmap_sX"), "rb") as file:
            packed = gzip.compress(file.read())
        with tempfile.NamedTemporaryFile(suffix=".pcap.gz") as file:
            file.write(packed)
            file.flush()
            self.assertEqual(RECORDED["nmap_sX"], self.read(file.name)[0])
        with self.subTest("standard input"):
            self.assertEqual(RECORDED["nmap_sX"], self.read("-", input=packed)[0])

    def test_recorded_by_tcpdump(self):
        """pcap and the cooked header of "any", as tcpdump writes them today."""
        tcpdump = harness.tool("tcpdump")
        for device in ("vic0", "any"):
            with self.subTest(device), tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "file.pcap")
                recorder = self.lab.victim.popen(
                    tcpdump, "-i", device, "-U", "-w", path, "-Z", "root", "-c", str(len(PORTS)),
                    "tcp and src " + SCANNER)
                harness.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) >= 24,
                                   "tcpdump to listen")
                self.lab.send(probe(SCANNER, VICTIM, port) for port in PORTS)
                output, _ = recorder.communicate(timeout=10)
                self.assertEqual(0, recorder.returncode, output)
                printed, _ = self.read(path)
                self.assertEqual(1, len(printed), printed)
                self.assertTrue(printed[0].startswith(LINE), printed)

    def test_missing_file(self):
        done = subprocess.run([self.binary, "-r", "/nonexistent.pcap"], check=False, text=True,
                              env=harness.ENVIRONMENT, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr,
                         r"^scanlogd: \w+\(/nonexistent\.pcap\): No such file or directory")


if __name__ == "__main__":
    harness.main()
