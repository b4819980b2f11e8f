# Where scans go beside the classic line, each sink inside the daemon's sandbox and before a real reader:
# the file of EVE events and its rotation. systemd-journald's and rsyslogd's own rules are those of
# Debian 12. Does not judge what the members of an event are: tests/formats does.

import json
import os
import pathlib
import signal

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM


class SinkCase(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = harness.our_binary()

    def setUp(self):
        self.cell = self.lab.own(harness.Cell(self.lab.victim))
        self.source = 0

    def configure(self, text):
        path = self.cell.path("/run/scanlogd.toml")
        pathlib.Path(path).write_text(text)
        return ["--config", "/run/scanlogd.toml"]

    def directory(self, path):
        """One of the daemon's account, as the packaging makes it."""
        outside = pathlib.Path(self.cell.path(path))
        outside.mkdir(mode=0o750)
        os.chown(outside, USER_ID, GROUP_ID)
        return outside

    def watch(self, sinks, text=""):
        daemon = harness.Foreground(
            self.lab, self.binary, "-f", "-c", "ring", "-i", "vic0", "--profile", "classic",
            "--log", sinks, *self.configure(text), env={"TZ": "UTC"}, cell=self.cell)
        self.addCleanup(daemon.close)
        return daemon.wait_ready()

    def scan(self):
        """The address of a new source of a scan of seven ports below 1024."""
        self.source += 1
        source = f"203.0.113.{self.source}"
        self.lab.send(probe(source, VICTIM, port) for port in range(1, 8))
        return source


class Eve(SinkCase):
    CONFIG = '[log.eve]\npath = "/run/events/eve.json"\n'

    @staticmethod
    def events(path):
        if not path.exists():
            return []
        return [event for event in map(json.loads, path.read_text().splitlines())
                if event["event_type"] == "alert"]

    def await_source(self, path, source):
        harness.wait_until(lambda: source in [event["src_ip"] for event in self.events(path)],
                           f"{source} in {path.name}")

    def test_a_file_is_rotated_under_the_sandbox(self):
        directory = self.directory("/run/events")
        file = directory / "eve.json"
        daemon = self.watch("eve,stdout", self.CONFIG)
        self.assertEqual("2", harness.status(daemon.pid)["Seccomp"].strip())
        self.await_source(file, self.scan())
        status = file.stat()
        self.assertEqual((USER_ID, GROUP_ID, 0o640), (status.st_uid, status.st_gid, status.st_mode & 0o777))

        # Without a rotation, too: root made the file, and the daemon is not root any more.
        daemon.kill(signal.SIGHUP)
        second = self.scan()
        self.await_source(file, second)

        file.rename(directory / "eve.json.1")
        daemon.kill(signal.SIGHUP)
        harness.wait_until(file.exists, "a new file")
        third = self.scan()
        self.await_source(file, third)
        self.assertEqual([third], [event["src_ip"] for event in self.events(file)])
        self.assertEqual(0, daemon.finish())

        numbers = []
        for name in ("eve.json.1", "eve.json"):
            for event in map(json.loads, (directory / name).read_text().splitlines()):
                if event["event_type"] == "alert":
                    numbers.append(event["alert"]["context"]["scan"]["sequence"])
                else:
                    numbers.append(event["metadata"]["flowints"]["scanlogd.sequence"])
        self.assertEqual(list(range(numbers[0], numbers[0] + len(numbers))), numbers, "a gap")

    def test_after_a_new_start_the_same_file_goes_on(self):
        file = self.directory("/run/events") / "eve.json"
        for _ in range(2):
            daemon = self.watch("eve", self.CONFIG)
            source = self.scan()
            self.await_source(file, source)
            self.assertEqual(0, daemon.finish())
        self.assertEqual(2, len({event["src_ip"] for event in self.events(file)}))


if __name__ == "__main__":
    harness.main()
