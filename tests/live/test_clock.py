# Clocks and zones: the wall clock set back and forth (libfaketime, faketime(1)), the monotonic clock
# at the ends of 32 bits (time_namespaces(7)), local time of several zones inside the chroot
# (tzset(3)). What counts is that no scan is missed and none made up, and that the log tells the time
# of the machine. The clock of the machine is not touched.

import datetime
import os
import re
import shutil
import tempfile
import time
import zoneinfo

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

PORTS = range(1, 8)  # the fewest that are a scan
LIBRARY = "/usr/lib/{}/faketime/libfaketime.so.1"
ZONES = "/usr/share/zoneinfo"


class Lab(harness.Case):
    def send(self, source, ports):
        self.lab.send(probe(source, VICTIM, port) for port in ports)

    def scan(self, source):
        self.send(source, PORTS)

    @staticmethod
    def sources(daemon):
        return [line.split(":")[0] for line in daemon.lines()]

    def wait_sources(self, daemon, sources):
        """Waits for a line from each of `sources`; demands these, in this order, and no other."""
        harness.wait_until(lambda: len(daemon.lines()) >= len(sources),
                           lambda: f"lines from {sources}; there are {daemon.lines()}")
        self.assertEqual(sources, self.sources(daemon))


class WallClock(Lab):
    """The wall clock jumps under a daemon that counts by the monotonic one."""

    def setUp(self):
        self.library = next((path for machine in os.listdir("/usr/lib")
                             if os.path.exists(path := LIBRARY.format(machine))), None)
        if not self.library:
            raise harness.Skip("libfaketime is not installed")
        self.cell = self.lab.own(harness.Cell(self.lab.victim))
        self.addCleanup(self.cell.close)
        shared = self.cell.path("/dev/shm")  # where processes under the library meet
        os.mkdir(shared)
        os.chmod(shared, 0o1777)
        # A copy, since the build may lie where only root gets, such as below /root.
        folder = tempfile.mkdtemp(prefix="scanlogd-clock-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        self.binary = shutil.copy(harness.our_binary(), folder)
        self.set_clock(0)

    def set_clock(self, offset):
        """The daemons' wall clock is `offset` seconds ahead of the machine's from now on."""
        path = self.cell.path("/run/offset")
        with open(path + ".new", "w") as file:
            file.write(f"{offset:+d}\n")
        os.rename(path + ".new", path)
        self.offset = offset

    def start(self, backend, zone="UTC"):
        """Not by root, who would be put into a chroot, and not in the sandbox: the library reads its
        file whenever a clock is asked."""
        rights = "-all,+net_raw"
        daemon = harness.Foreground(
            self.lab, self.binary, "-f", "--no-config", "--no-sandbox", "--state", "none",
            "-c", backend, cell=self.cell,
            env={"TZ": zone, "FAKETIME_TIMESTAMP_FILE": "/run/offset", "FAKETIME_NO_CACHE": "1",
                 "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"},
            before=(harness.tool("setpriv"), "--reuid", str(USER_ID), "--regid", str(GROUP_ID),
                    "--clear-groups", "--inh-caps", rights, "--ambient-caps", rights,
                    "env", "LD_PRELOAD=" + self.library))
        self.addCleanup(daemon.close)
        return daemon.wait_ready()

    def assert_clock(self, daemon, source, zone="UTC"):
        """The line from `source` has the time that the clock shows."""
        line = next(line for line in daemon.lines() if line.startswith(source))
        told = datetime.datetime.strptime(line[-8:], "%H:%M:%S")
        shown = datetime.datetime.fromtimestamp(time.time() + self.offset, zoneinfo.ZoneInfo(zone))
        away = (shown.replace(tzinfo=None, year=told.year, month=told.month, day=told.day) -
                told).total_seconds() % 86400
        self.assertLess(min(away, 86400 - away), 10, f"{line!r} at {shown}")

    def test_steps_neither_hide_nor_make_scans(self):
        for backend in ("raw", "ring"):
            with self.subTest(backend):
                self.check_steps(backend)

    def check_steps(self, backend):
        hour, month = 3600, 30 * 86400
        self.set_clock(0)
        daemon = self.start(backend)
        self.scan("203.0.113.1")
        self.wait_sources(daemon, ["203.0.113.1"])
        # In the middle of a scan, an hour back.
        self.send("203.0.113.2", PORTS[:4])
        self.lab.drained()
        self.set_clock(-hour)
        self.send("203.0.113.2", PORTS[4:])
        self.wait_sources(daemon, ["203.0.113.1", "203.0.113.2"])
        # And a month ahead.
        self.send("203.0.113.3", PORTS[:4])
        self.lab.drained()
        self.set_clock(month)
        self.send("203.0.113.3", PORTS[4:])
        self.wait_sources(daemon, ["203.0.113.1", "203.0.113.2", "203.0.113.3"])
        # A source that pauses for longer than the delay has not scanned, however the clock is set.
        self.send("203.0.113.4", PORTS[:6])
        self.lab.drained()
        self.set_clock(-hour)
        time.sleep(3.3)
        self.send("203.0.113.4", PORTS[6:])
        self.scan("203.0.113.5")
        self.wait_sources(daemon, ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.5"])
        self.assert_clock(daemon, "203.0.113.5")
        self.assertEqual(0, daemon.finish())
        daemon.accounts().check(self)

    def test_summer_time_begins(self):
        """On the last Sunday of March it is three o'clock right after two."""
        zone = "Europe/Berlin"
        if not os.path.exists(f"{ZONES}/{zone}"):
            raise harness.Skip("tzdata is not installed")
        change = datetime.datetime(2027, 3, 28, 1, tzinfo=datetime.timezone.utc).timestamp()
        self.set_clock(int(change - time.time()) - 30)
        daemon = self.start("raw", zone)
        self.scan("203.0.113.1")
        self.wait_sources(daemon, ["203.0.113.1"])
        self.assertRegex(daemon.lines()[0], r"@01:59:\d\d$")
        self.assert_clock(daemon, "203.0.113.1", zone)
        self.set_clock(int(change - time.time()) + 1)
        self.scan("203.0.113.2")
        self.wait_sources(daemon, ["203.0.113.1", "203.0.113.2"])
        self.assertRegex(daemon.lines()[1], r"@03:00:\d\d$")
        self.assert_clock(daemon, "203.0.113.2", zone)


class Wrap(Lab):
    """The monotonic clock comes to 2^32 of whatever unit somebody may count in."""

    # Seconds from the start of the daemons to the wrap, and where they were not there in time.
    LEADS = (6, 30)
    WRAPS = {"milliseconds": 2**32 / 1000, "hundredths": 2**32 / 100, "seconds": 2.0**32,
             "half of the milliseconds": 2**31 / 1000}

    def setUp(self):
        # A container may lack the right to a time namespace.
        done = self.lab.victim.run("unshare", "--time", "--fork", "--monotonic", "1", "true",
                                   check=False)
        if done.returncode:
            raise harness.Skip("no time namespaces here: " + done.stdout.strip())

    def start(self, wrap):
        """A daemon for each of WRAPS, whose clock comes to it at `wrap` on ours; and whether it is too
        late for that."""
        daemons = {}
        for name, value in self.WRAPS.items():
            # Offsets are whole seconds: each wraps within the second after `wrap`.
            offset = int(value - wrap)
            cell = self.lab.own(harness.Cell(self.lab.victim))
            self.addCleanup(cell.close)
            daemons[name] = harness.Foreground(
                self.lab, harness.our_binary(), "-f", "--no-config", "--state", "none", "-c", "raw",
                cell=cell, before=("unshare", "--time", "--fork", "--monotonic", str(offset)))
        for daemon in daemons.values():
            daemon.wait_ready()
        return daemons, time.monotonic() >= wrap - 1.5

    def test_a_scan_across_the_wrap_is_found_and_a_pause_across_it_is_one(self):
        for lead in self.LEADS:
            wrap = time.monotonic() + lead
            daemons, is_late = self.start(wrap)
            if not is_late:
                break
            for daemon in daemons.values():
                daemon.finish()
        self.assertFalse(is_late, "too slow to be there before the wrap")
        self.wait(wrap - 1.5)
        self.send("203.0.113.2", PORTS[:6])  # and the seventh more than 3 seconds later
        for number, port in enumerate(PORTS):
            self.wait(wrap - 1.5 + number * 0.6)
            self.send("203.0.113.1", [port])
        self.wait(wrap + 2.6)
        self.send("203.0.113.2", PORTS[6:])
        self.scan("203.0.113.3")
        for name, daemon in daemons.items():
            with self.subTest(name):
                self.wait_sources(daemon, ["203.0.113.1", "203.0.113.3"])
                self.assertEqual(0, daemon.finish())
                daemon.accounts().check(self)

    @staticmethod
    def wait(moment):
        """Until a moment of the monotonic clock, which is what the test is about."""
        time.sleep(max(0.0, moment - time.monotonic()))


class TimeZones(Lab):
    """Lines and messages are in the machine's local time, or in that of TZ, inside the chroot."""

    # (TZ, /etc/localtime, which of them counts)
    CASES = [
        (None, "Asia/Tokyo", "Asia/Tokyo"),
        (None, "Asia/Kathmandu", "Asia/Kathmandu"),
        (None, "America/New_York", "America/New_York"),  # has summer time
        ("Asia/Kolkata", "Asia/Tokyo", "Asia/Kolkata"),
        ("", None, "UTC"),
        ("No/Such_Zone", "Asia/Tokyo", "UTC"),
        ("\x1b[31m\n%n", "Asia/Tokyo", "UTC"),
        ("A" * 5000, "Asia/Tokyo", "UTC"),
    ]

    def test_the_zone_that_counts(self):
        if not os.path.exists(f"{ZONES}/Asia/Kathmandu"):
            raise harness.Skip("tzdata is not installed")
        daemons = []
        for zone, machine, expected in self.CASES:
            env = {} if zone is None else {"TZ": zone}
            daemon = harness.Daemon(self.lab, repr(zone)[:20], harness.our_binary(),
                                    ("--no-config", "--state", "none", "-c", "raw"), env=env,
                                    zone=machine)
            self.addCleanup(daemon.cell.close)
            daemon.start()
            daemons.append((daemon, machine, expected))
        self.scan("203.0.113.1")
        for daemon, machine, expected in daemons:
            with self.subTest(f"TZ {daemon.name}, /etc/localtime {machine or 'as it is'}"):
                self.wait_sources(daemon, ["203.0.113.1"])
                datagram = daemon.receiver.datagrams[-1]
                header = harness.parse(datagram)["time"]
                now = datetime.datetime.now(zoneinfo.ZoneInfo(expected)).replace(tzinfo=None)
                told = datetime.datetime.strptime(f"{now.year} {header}", "%Y %b %d %H:%M:%S")
                self.assertLess(abs(now - told), datetime.timedelta(seconds=20), datagram.data)
                start = re.search(r"@(\d\d:\d\d:\d\d)$", daemon.lines()[0])[1]
                self.assertIn(start, [f"{told - datetime.timedelta(seconds=n):%H:%M:%S}"
                                      for n in range(3)])


if __name__ == "__main__":
    harness.main()
