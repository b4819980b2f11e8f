# What was found stays found: killed without warning, with a disk that is full, with a log that hangs
# for longer than memory lasts. The store is read with SQLite itself, the events with a JSON parser.

import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

PORTS = range(1, 8)  # the fewest that are a scan
STATE = "/run/state"
EVENTS = "/run/log/eve.json"
CONFIG = "/run/scanlogd.toml"
STEADY = "203.0.113.9"  # scans without a pause
FIRST_NUMBER = 1024
KILLS = int(os.environ.get("SCANLOGD_KILLS", "25"))
SHOWS_ACCOUNTS = "SCANLOGD_KILLS" in os.environ  # after each kill
_ACCOUNTS = re.compile(rb'"message":"(?P<text>seen [^"]*)"\}[^\n]*\n')


def identity(accounts):
    """What became of the scans that were found, as a sum."""
    total, terms = accounts.parts["detected"]
    return f"detected {total} = " + " + ".join(f"{name} {number}" for name, number in terms.items())


class Lab(harness.Case):
    def daemon(self, sinks, before=None, backend="ring"):
        """A daemon with a store; `before` is called with the cell before it first starts."""
        daemon = harness.Daemon(self.lab, "ours", harness.our_binary(), ("--config", CONFIG),
                                env={"TZ": "UTC"})
        self.addCleanup(daemon.cell.close)
        for folder in (STATE, os.path.dirname(EVENTS)):
            os.mkdir(daemon.cell.path(folder), 0o755)
            os.chown(daemon.cell.path(folder), USER_ID, GROUP_ID)
        if before:
            before(daemon.cell)
        with open(daemon.cell.path(CONFIG), "w") as file:
            file.write(f'[daemon]\nstate = "{STATE}"\n[capture]\nbackend = "{backend}"\n'
                       f'interfaces = ["vic0"]\n[log]\nsinks = {json.dumps(sinks)}\n'
                       f'[log.eve]\npath = "{EVENTS}"\n')
        return daemon

    def scan(self, number):
        """A scan from a source of its own; the wire is a packet socket, so nobody waits for it."""
        source = f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}"
        for port in PORTS:
            self.lab.wire.send(probe(source, VICTIM, port))
        return source

    def query(self, daemon, text):
        """Rows of the store, read by SQLite where it lies."""
        program = ("import json, sqlite3, sys\n"
                   "store = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n"
                   "print(json.dumps(store.execute(sys.argv[2]).fetchall()))")
        done = daemon.cell.run(sys.executable, "-c", program, STATE + "/scanlogd.db", text)
        self.assertEqual(0, done.returncode, done.stderr)
        return [tuple(row) for row in json.loads(done.stdout)]

    @staticmethod
    def events(daemon):
        """Every scan event of the log of events; one that is cut is the last before a kill."""
        found = []
        with open(daemon.cell.path(EVENTS)) as file:
            for line in file:
                try:
                    event = json.loads(line)
                except json.JSONDecodeError:
                    found.append(None)
                    continue
                if event["event_type"] == "alert":
                    found.append({**event["alert"]["context"]["scan"], "source": event["src_ip"]})
        return found

    def account(self, daemon):
        """Has it tell its accounts, and returns them; every sum in them is exact."""
        path = daemon.cell.path(EVENTS)
        before = os.path.getsize(path) if os.path.exists(path) else 0

        def told():
            with open(path, "rb") as file:
                file.seek(before)
                found = _ACCOUNTS.search(file.read())
            return found and found["text"].decode()

        os.kill(daemon.pid, signal.SIGUSR1)
        accounts = harness.Accounts(harness.wait_until(lambda: os.path.exists(path) and told(),
                                                       "the accounts"))
        accounts.check(self)
        return accounts

    def is_behind(self, daemon):
        """Has a reader something on record still to be told?"""
        return self.query(daemon, "SELECT (SELECT min(sequence) FROM cursor) < "
                                  "(SELECT max(sequence) FROM event)")[0][0]

    def accounts(self, daemon):
        """The last accounts on record."""
        text = self.query(daemon, "SELECT text FROM event WHERE text LIKE 'seen %' "
                                  "ORDER BY sequence DESC LIMIT 1")
        return harness.Accounts("scanlogd: " + text[0][0])


class Load:
    """Sends from its making until it is stopped: a scan that never pauses, whose ports are numbers
    that rise by one each millisecond, and now and then a whole one from a source of its own."""

    EACH = 50  # probes of the steady scan between two others

    def __init__(self, lab):
        self.sent = {}  # when each number was
        self.scans = []  # (source, when its first probe was sent, and its last)
        self.last = FIRST_NUMBER - 1
        self._lab = lab
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        lab.addCleanup(self.stop)

    def stop(self):
        self._is_over.set()
        self._thread.join()

    def _run(self):
        while not self._is_over.wait(0.001):
            number = self.last + 1
            self.sent[number] = time.monotonic()
            self._lab.lab.wire.send(probe(STEADY, VICTIM, number))
            self.last = number
            if number % self.EACH == 0:
                begun = time.monotonic()
                source = self._lab.scan(len(self.scans) + 1)
                self.scans.append((source, begun, time.monotonic()))


class Delivery(Lab):
    def test_killed_at_any_moment(self):
        """Nothing on record is ever lost to a reader, and each kill repeats at most what was under
        way; whatever a reader was told is on record. After each the accounts add up, over all runs."""
        daemon = self.daemon(["eve"])
        self.seed = random.Random(7)
        number = 0
        detected = 0
        for kill in range(KILLS + 1):
            daemon.start(receiver=False)
            accounts = self.account(daemon)
            self.assertGreaterEqual(accounts.total("detected"), detected, "forgotten")
            detected = accounts.total("detected")
            if SHOWS_ACCOUNTS:
                print(f"\nafter {kill} kills: {identity(accounts)}", end="", flush=True)
            if kill == KILLS:
                break
            end = time.monotonic() + self.seed.uniform(0.0, 0.25)
            while time.monotonic() < end:
                number += 1
                self.scan(number)
            daemon.stop(signal.SIGKILL)
            if kill % 4 == 3:  # once more, while it still takes up what was left
                daemon.start(receiver=False)
                daemon.stop(signal.SIGKILL)
        last = self.scan(number + 1)
        harness.wait_until(lambda: any(event and event["source"] == last
                                       for event in self.events(daemon)), "the last scan")
        daemon.stop()
        # The end of all that went on is on record now; what found no time to be told is told next.
        daemon.start(receiver=False)
        harness.wait_until(lambda: not self.is_behind(daemon), "all to be told", 60, 0.5)
        daemon.stop()

        kills = KILLS + KILLS // 4
        events = self.events(daemon)
        whole = [event for event in events if event]
        told = [(event["id"], event["phase"]) for event in whole]
        stored = set(self.query(daemon, "SELECT scan, phase FROM event WHERE scan IS NOT NULL"))
        self.assertEqual(set(), stored - set(told), "on record, but no reader was told")
        self.assertEqual(set(), set(told) - stored, "told, but not on record")
        twice = len(told) - len(set(told))
        accounts = self.accounts(daemon)
        accounts.check(self)
        print(f"{kills} kills, {len(stored)} events on record, 0 lost, {twice} told twice, "
              f"{len(events) - len(whole)} lines cut, {identity(accounts)}", end=" ... ", flush=True)
        self.assertLessEqual(twice, kills)
        self.assertLessEqual(len(events) - len(whole), kills)
        self.assertGreater(len(stored), KILLS)
        ids = [row[0] for row in self.query(daemon, "SELECT id FROM scan ORDER BY id")]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertEqual(len(ids), accounts.total("detected"))
        self.assertEqual([("ok",)], self.query(daemon, "PRAGMA integrity_check"))

    def test_upgraded_under_load(self):
        """Another binary takes the place of the one that runs, on the same store: what comes from when
        the one is told to end until the other is ready may be missed, and else nothing is lost, told
        twice or begun anew."""
        folder = tempfile.mkdtemp(dir=harness.build_folder("upgrade"))
        self.addCleanup(shutil.rmtree, folder)
        later = shutil.copy(harness.our_binary(), os.path.join(folder, "scanlogd"))
        for backend in ("ring", "bpf"):
            with self.subTest(backend):
                harness.need_back_end(backend)
                self.upgrade(backend, later)

    def upgrade(self, backend, later):
        daemon = self.daemon(["eve", "syslog"], backend=backend)
        daemon.start()
        load = Load(self)
        harness.wait_until(lambda: len(load.scans) >= 10, "the first scans")
        told_to_end = time.monotonic()
        daemon.stop()
        before = self.query(daemon, "SELECT max(id) FROM scan")[0][0]
        daemon.binary = later
        daemon.start()
        ready = time.monotonic()
        at_start = len(load.scans)
        harness.wait_until(lambda: len(load.scans) >= at_start + 10, "scans for the later one")
        load.stop()
        last = self.scan(60_000)
        harness.wait_until(lambda: any(event and event["source"] == last
                                       for event in self.events(daemon)), "the last scan")
        daemon.stop()

        steady = self.query(daemon, "SELECT id, ports FROM scan WHERE ports LIKE '%-%-%'")
        self.assertEqual(1, len(steady), "one scan that went on")
        (number, ports), = steady
        seen = [tuple(map(int, part.split("-"))) for part in ports.split(",")]
        self.assertEqual(2, len(seen), f"seen before and after, and nothing else missing: {ports}")
        (first, gone), (back, end) = seen
        self.assertEqual((FIRST_NUMBER, load.last), (first, end))
        gap = load.sent[back] - load.sent[gone]
        self.assertGreaterEqual(load.sent[gone + 1], told_to_end, "seen until it was told to end")
        self.assertLessEqual(load.sent[back - 1], ready, "seen as soon as the later one says so")

        events = self.events(daemon)
        told = [(event["id"], event["phase"]) for event in events]
        stored = self.query(daemon, "SELECT scan, phase FROM event WHERE scan IS NOT NULL "
                                    "ORDER BY sequence")
        self.assertEqual(stored, told)
        begins = [scan for scan, phase in told if phase == "begin"]
        self.assertEqual(list(range(1, len(begins) + 1)), begins, "ids go on, each begins once")
        self.assertGreater(len(begins), before)
        self.assertIn(number, begins)
        lines = [line for line in daemon.receiver.lines() if line.startswith(STEADY + ":")]
        self.assertEqual(1, len(lines), lines)
        found = {event["source"] for event in events}
        whole = [source for source, begun, done in load.scans
                 if done < load.sent[gone] or begun > load.sent[back]]
        self.assertEqual(set(), set(whole) - found)
        self.accounts(daemon).check(self)
        self.assertEqual(len(begins), self.accounts(daemon).total("detected"))
        print(f"{backend}: {back - gone - 1} of {load.last - FIRST_NUMBER + 1} probes not seen, "
              f"{gap:.2f} s; {len(told)} events of {len(begins)} scans, 0 lost, 0 told twice",
              end=" ... ", flush=True)

    def test_full_disk(self):
        """It goes on, says so, and writes what it kept once there is room; nothing is torn."""
        def small_disk(cell):
            done = cell.run("mount", "-t", "tmpfs", "-o", f"size=256k,uid={USER_ID},mode=755",
                            "tmpfs", STATE)
            self.assertEqual(0, done.returncode, done.stderr)

        daemon = self.daemon(["eve", "syslog"], small_disk)
        daemon.start()
        number = 0
        while not self.said(daemon, "full"):
            for _ in range(20):
                number += 1
                self.scan(number)
            time.sleep(0.05)
            self.assertLess(number, 5000, "the disk is never full")
        for _ in range(20):
            number += 1
            last = self.scan(number)
        harness.wait_until(lambda: any(event and event["source"] == last
                                       for event in self.events(daemon)), "a scan without a disk")
        done = daemon.cell.run("mount", "-o", "remount,size=64m", STATE)
        self.assertEqual(0, done.returncode, done.stderr)
        stored = "SELECT count(DISTINCT scan) FROM event WHERE scan IS NOT NULL"
        harness.wait_until(lambda: self.query(daemon, stored)[0][0] >= number,
                           lambda: f"{number} scans on record: {self.query(daemon, stored)}", 20)
        daemon.stop()
        self.assertEqual([("ok",)], self.query(daemon, "PRAGMA integrity_check"))
        self.assertNotIn(None, self.events(daemon))
        accounts = self.accounts(daemon)
        accounts.check(self)
        print(f"{number} scans, all on record after the disk was full", end=" ... ", flush=True)
        self.assertEqual(0, accounts.terms("stored")["lost"])
        self.assertEqual(0, accounts.terms("detected")["lost"])

    @staticmethod
    def said(daemon, text):
        return [notice for _, notice in daemon.receiver.notices() if text in notice]

    def test_a_log_that_hangs_while_hundreds_are_found(self):
        """No packet is lost meanwhile, and once it reads it gets all that is its due, in order."""
        self.lab.victim.sysctl("net.unix.max_dgram_qlen", 10)
        daemon = self.daemon(["syslog", "eve"])
        daemon.receiver = daemon.cell.receiver(reading=False)
        daemon.start()
        for _ in range(20):  # notices fill its queue
            os.kill(daemon.pid, signal.SIGUSR1)
            time.sleep(0.01)
        for number in range(1, 201):
            last = self.scan(number)
        harness.wait_until(lambda: any(event and event["source"] == last
                                       for event in self.events(daemon)), "the last scan on record")
        daemon.receiver.read()
        # The rule of the man page: five lines, then one that says that more follow.
        harness.wait_until(lambda: "More possible port scans follow" in daemon.receiver.lines(),
                           lambda: f"the sixth line: {daemon.receiver.lines()}")
        daemon.stop()
        sources = [line.split(":")[0] for line in daemon.receiver.lines()][:5]
        self.assertEqual([f"198.18.0.{number}" for number in range(1, 6)], sources)
        accounts = self.accounts(daemon)
        accounts.check(self)
        self.assertEqual(0, accounts.terms("seen")["dropped"])
        self.assertEqual(200, accounts.total("detected"))
        self.assertEqual(0, accounts.terms("detected")["lost"])

    def test_no_directory_and_a_foreign_file(self):
        """Without a directory, or with something else in it, it runs and says so."""
        daemon = self.daemon(["syslog"], lambda cell: os.rmdir(cell.path(STATE)))
        daemon.start()
        source = self.scan(1)
        harness.wait_until(lambda: any(source in line for line in daemon.receiver.lines()), "a line")
        harness.wait_until(lambda: self.said(daemon, STATE), "a word about the directory")
        daemon.stop()

        def foreign(cell):
            path = cell.path(STATE + "/scanlogd.db")
            with open(path, "w") as file:
                file.write("not a database, but a file of somebody\n" * 100)
            os.chown(path, USER_ID, GROUP_ID)

        daemon = self.daemon(["syslog"], foreign)
        daemon.start()
        source = self.scan(2)
        harness.wait_until(lambda: any(source in line for line in daemon.receiver.lines()), "a line")
        harness.wait_until(lambda: self.said(daemon, "scanlogd.db"), "a word about the file")
        daemon.stop()


if __name__ == "__main__":
    harness.main()
