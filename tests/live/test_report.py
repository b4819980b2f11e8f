# A scan comes over a wire, its sample from the process that sees packets to the one that writes the
# store, and a page is made of it, also when scanlogd was started anew in its middle.

import os
import random
import re
import signal

import harness
from frames import probe
from harness import VICTIM

STATE = "/run/state"


class Report(harness.Case):
    def setUp(self):
        super().setUp()
        self.ctl = os.environ.get("SCANLOGD_CTL") or os.path.join(
            os.path.dirname(harness.our_binary()), "scanlogctl")
        self.daemon = harness.Daemon(
            self.lab, "ours", harness.our_binary(),
            ("--no-config", "--user", "scanlogd", "-c", "ring", "-i", "vic0", "--state", STATE))
        self.addCleanup(self.daemon.cell.close)
        os.mkdir(self.daemon.cell.path(STATE), 0o750)
        os.chown(self.daemon.cell.path(STATE), harness.USER_ID, harness.GROUP_ID)
        self.daemon.start()

    def report(self):
        done = self.daemon.cell.run(self.ctl, "report", "--state", STATE)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def scan(self, source, ports):
        for port in ports:
            self.lab.wire.send(probe(source, VICTIM, port))

    def test_samples_cross_to_the_recorder(self):
        mixed = list(range(1, 301))
        random.Random(1).shuffle(mixed)
        self.scan("203.0.113.5", range(1, 301))
        self.scan("203.0.113.6", mixed)
        harness.wait_until(lambda: self.report().count('class="scatter"') == 2, "both to end")
        page = self.report()
        self.assertEqual(1, page.count("Ports in ascending order"))
        self.assertEqual(1, page.count("Ports in random order"))
        for section in re.findall(r"<section.*?</section>", page, re.S):
            points = section.count('class="p u"')
            self.assertTrue(64 <= points <= 128, points)
        self.assertIn("No blind interval", page)

    def test_a_scan_goes_on_after_a_restart(self):
        self.scan("203.0.113.7", range(1, 51))
        harness.wait_until(lambda: "203.0.113.7" in self.report(), "the scan")
        self.daemon.stop(signal.SIGTERM)
        self.daemon.start()
        self.scan("203.0.113.7", range(51, 101))
        harness.wait_until(lambda: 'class="scatter"' in self.report() and
                           ">it goes on<" not in self.report(), "its end")
        page = self.report()
        self.assertEqual(1, page.count("<section"), "one scan")
        seconds = [float(each) for each in re.findall(r'<td class="n">(\d+\.\d{6})</td>', page)]
        self.assertEqual(sorted(seconds), seconds)
        ports = [int(each) for each in
                 re.findall(r'</td><td>[\d.]+</td><td class="n">(\d+)</td>', page)]
        self.assertIn(50, ports)
        self.assertIn(100, ports)


if __name__ == "__main__":
    harness.main()
