# Everything that goes wrong elsewhere one at a time, here in any order while scans go on: kills, stops,
# hangs, links that flap, a log that goes, signals, a flood. After each the next scan is told and the
# accounts add up. 20 seconds; SCANLOGD_SOAK says how many, such as 86400.

import os
import random
import signal
import time

import harness
from frames import probe
from harness import VICTIM
from test_delivery import Lab, identity

SECONDS = float(os.environ.get("SCANLOGD_SOAK", "20"))
FLOOD = 2000  # packets


class Soak(Lab):
    def test_whatever_happens_the_next_scan_is_told(self):
        """And nothing that is on record is lost to a reader."""
        self.random = random.Random(11)
        self.number = 0
        self.watched = self.daemon(["syslog", "eve"])
        self.watched.start()
        faults = [self.kill, self.end, self.hang_engine, self.hang_recorder, self.flap, self.lose_log,
                  self.hang_up, self.flood]
        happened = {fault.__name__: 0 for fault in faults}
        detected = 0
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            # Each in its turn, in another order each time.
            for fault in self.random.sample(faults, len(faults)):
                self.next_scan()
                fault()
                happened[fault.__name__] += 1
                self.is_told(fault.__name__)
                accounts = self.account(self.watched)
                self.assertGreaterEqual(accounts.total("detected"), detected, fault.__name__)
                detected = accounts.total("detected")
                if time.monotonic() > until:
                    break
        self.watched.stop()
        self.watched.start()
        harness.wait_until(lambda: not self.is_behind(self.watched), "all to be told", 60, 0.5)
        memory = sum(int(harness.status(pid)["VmRSS"].split()[0])
                     for pid in self.watched.cell.processes(self.watched.binary))
        self.watched.stop()
        told = {(event["id"], event["phase"]) for event in self.events(self.watched) if event}
        stored = set(self.query(self.watched,
                                "SELECT scan, phase FROM event WHERE scan IS NOT NULL"))
        self.assertEqual(set(), stored - told, "on record, but no reader was told")
        self.assertEqual([("ok",)], self.query(self.watched, "PRAGMA integrity_check"))
        accounts = self.accounts(self.watched)
        accounts.check(self)
        print(f"{SECONDS:g} s, " + ", ".join(f"{name} {count}" for name, count in happened.items())
              + f": {identity(accounts)}, {len(stored)} events on record, resident {memory} kB",
              end=" ... ", flush=True)
        self.assertEqual(0, accounts.terms("detected")["lost"])

    def next_scan(self):
        self.number += 1
        return self.scan(self.number)

    def is_told(self, after):
        """A scan that begins now is; the first may meet a link that is not yet there."""
        sources = []

        def found():
            sources.append(self.next_scan())
            return any(event and event["source"] in sources
                       for event in self.events(self.watched)[-200:])

        harness.wait_until(found, f"a scan after {after}", 15, 0.1)

    def kill(self):
        self.watched.stop(signal.SIGKILL)
        self.watched.start()

    def end(self):
        self.watched.stop()
        self.watched.start()

    def hang(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.next_scan()
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)

    def hang_engine(self):
        self.hang(self.watched.engines[0])

    def hang_recorder(self):
        self.hang(self.watched.pid)

    def flap(self):
        self.lab.victim.run("ip", "link", "set", "vic0", "down")
        time.sleep(0.1)
        self.lab.victim.run("ip", "link", "set", "vic0", "up")

    def lose_log(self):
        self.watched.receiver.close()
        self.next_scan()
        self.watched.receiver = self.watched.cell.receiver()

    def hang_up(self):
        os.kill(self.watched.pid, signal.SIGHUP)

    def flood(self):
        for _ in range(FLOOD):
            source = f"100.{64 + self.random.randrange(64)}.{self.random.randrange(256)}.1"
            self.lab.wire.send(probe(source, VICTIM, self.random.randrange(1, 65536)))


if __name__ == "__main__":
    harness.main()
