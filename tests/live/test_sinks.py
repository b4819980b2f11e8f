# Where scans go beside the classic line, each sink inside the daemon's sandbox and before a real reader:
# the file of EVE events and its rotation, RFC 5424 over each transport with rsyslogd at the other end, the
# journal with a systemd-journald of its own and journalctl. Does not judge what the members of an event
# are: tests/formats does.

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

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


class Rsyslog(SinkCase):
    """rsyslogd takes the structured data apart (mmpstrucdata) and writes what it understood as JSON."""

    PORT = 5514

    def setUp(self):
        super().setUp()
        harness.tool("rsyslogd")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scanlogd-rsyslog-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = self.folder / "log"
        pathlib.Path(self.cell.path("/run/collector")).mkdir(mode=0o755)
        (self.folder / "rsyslog.conf").write_text(f"""
            module(load="imuxsock" SysSock.Use="off")
            module(load="imudp")
            module(load="imptcp")
            module(load="mmpstrucdata")
            input(type="imuxsock" Socket="/run/collector/log" useSpecialParser="off" parseHostname="on")
            input(type="imudp" address="127.0.0.1" port="{self.PORT}")
            input(type="imptcp" address="127.0.0.1" port="{self.PORT}")
            template(name="understood" type="list") {{
              constant(value="{{") property(name="pri" outname="pri" format="jsonf") constant(value=",")
              property(name="timereported" outname="time" dateFormat="rfc3339" format="jsonf")
              constant(value=",") property(name="app-name" outname="app" format="jsonf")
              constant(value=",") property(name="msgid" outname="id" format="jsonf")
              constant(value=",") property(name="msg" outname="msg" format="jsonf")
              constant(value=",\\"data\\":") property(name="$!rfc5424-sd") constant(value="}}\\n") }}
            action(type="mmpstrucdata")
            action(type="omfile" file="{self.log}" template="understood")
            """)
        self.collector = None

    def collect(self):
        self.collector = self.cell.popen(
            "rsyslogd", "-n", "-iNONE", "-f", str(self.folder / "rsyslog.conf"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop_collecting)
        harness.wait_until(self.is_listening, "rsyslogd")

    def is_listening(self):
        with self.lab.victim.network(), socket.socket() as probe_:
            return probe_.connect_ex(("127.0.0.1", self.PORT)) == 0

    def stop_collecting(self):
        if self.collector and self.collector.poll() is None:
            for pid in self.cell.processes(shutil.which("rsyslogd", path=harness.PATH)):
                os.kill(pid, signal.SIGTERM)
            self.collector.wait(30)

    def understood(self):
        if not self.log.exists():
            return []
        # What has no structured data leaves nothing behind the last colon.
        return [json.loads(line.replace('"data":}', '"data":null}'))
                for line in self.log.read_text().splitlines()]

    def scans(self):
        return {message["data"]["scan@32473"]["src"]: message for message in self.understood()
                if message["id"] == "scan" and message["data"]["scan@32473"]["phase"] == "begin"}

    def await_scan(self, source):
        harness.wait_until(lambda: source in self.scans(), f"{source} at rsyslogd", timeout=10)
        return self.scans()[source]

    def test_every_transport(self):
        self.collect()
        for to in (f"udp:127.0.0.1:{self.PORT}", f"tcp:127.0.0.1:{self.PORT}", "unix:/run/collector/log"):
            with self.subTest(to):
                daemon = self.watch("rfc5424", f'[log.rfc5424]\nto = "{to}"\n')
                self.assertEqual("2", harness.status(daemon.pid)["Seccomp"].strip())
                source = self.scan()
                message = self.await_scan(source)
                data = message["data"]["scan@32473"]
                self.assertEqual(("25", "scanlogd"), (message["pri"], message["app"]))
                self.assertRegex(message["msg"].strip(), f"^{source}:?.* to {VICTIM} ports 1, 2, .*@[0-9:]+$")
                self.assertEqual(("begin", "TCP", VICTIM), (data["phase"], data["proto"], data["dst"]))
                self.assertTrue(data["ports"].startswith("1"), data)
                self.assertEqual(0, daemon.finish())

    def test_a_collector_that_goes_and_comes_gets_everything_by_tcp(self):
        self.collect()
        daemon = self.watch("rfc5424", f'[log.rfc5424]\nto = "tcp:127.0.0.1:{self.PORT}"\n')
        self.await_scan(self.scan())
        self.stop_collecting()
        sources = [self.scan() for _ in range(3)]
        self.collect()
        for source in sources:
            self.await_scan(source)
        self.assertEqual(0, daemon.finish())

    def test_cef_arrives_whole(self):
        self.collect()
        daemon = self.watch("cef", f'[log.cef]\nto = "tcp:127.0.0.1:{self.PORT}"\n')
        source = self.scan()
        harness.wait_until(lambda: self.log.exists() and f"src={source} " in self.log.read_text(),
                           "the event", timeout=10)
        self.assertEqual(0, daemon.finish())
        text = next(message["msg"] for message in self.understood() if f"src={source} " in message["msg"])
        # Seven fields behind the version, and pairs of which a value ends where the next key begins.
        fields = re.split(r"(?<!\\)\|", text[text.index("CEF:0") if "CEF:0" in text else 0:], maxsplit=7)
        self.assertEqual(["scanlogd", "scanlogd"], fields[-7:-5], text)
        self.assertEqual(["122:1", "TCP port scan", "5"], fields[-4:-1], text)
        pairs = dict(re.findall(r"(\w+)=((?:\\.|[^\\=])*?)(?= \w+=|$)", fields[-1]))
        self.assertEqual((source, VICTIM, "TCP", "1"),
                         (pairs["src"], pairs["dst"], pairs["proto"], pairs["dpt"]))
        for number in ("cs1", "cs2", "cs3", "cs4", "flexNumber1"):
            self.assertIn(number + "Label", pairs)
        self.assertRegex(pairs["msg"], f"^{source}:?.* to {VICTIM} ports 1, 2, ")


class Journald(SinkCase):
    """A systemd-journald of its own in the cell, and what journalctl finds in its files."""

    def setUp(self):
        super().setUp()
        self.journald = shutil.which("systemd-journald", path="/lib/systemd:/usr/lib/systemd")
        if not self.journald:
            raise harness.Skip("systemd-journald is not installed")
        harness.tool("journalctl")

    def test_each_fact_is_a_field_to_ask_for(self):
        for directory in ("/run/systemd/journal", "/run/log/journal"):
            pathlib.Path(self.cell.path(directory)).mkdir(parents=True)
        self.cell.run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")  # journald looks there
        process = self.cell.popen(self.journald, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 10)
        self.addCleanup(lambda: [os.kill(pid, signal.SIGTERM)
                                 for pid in self.cell.processes(self.journald)])
        socket_path = self.cell.path("/run/systemd/journal/socket")
        harness.wait_until(lambda: os.path.exists(socket_path), "systemd-journald")
        daemon = self.watch("journald")
        source = self.scan()
        found = []

        def look():
            done = self.cell.run("journalctl", "--directory=/run/log/journal", "-o", "json",
                                 f"SCAN_SRC={source}", "SCAN_PHASE=begin")
            found[:] = map(json.loads, done.stdout.splitlines())
            return found

        harness.wait_until(look, "the scan in the journal", timeout=10, step=0.2)
        self.assertEqual(1, len(found))
        entry = found[0]
        self.assertEqual(("1", "scanlogd", "3"), (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"],
                                                  entry["SYSLOG_FACILITY"]))
        self.assertRegex(entry["MESSAGE"], f"^{source}:?.* to {VICTIM} ports 1, 2, ")
        self.assertEqual("TCP", entry["SCAN_PROTO"])
        self.assertIn("SCAN_SEQUENCE", entry)
        self.assertEqual(0, daemon.finish())

    def test_it_excludes_the_line(self):
        pathlib.Path(self.cell.path("/run/systemd/journal")).mkdir(parents=True)
        done = self.cell.run(self.binary, "-f", "-c", "ring", "-i", "vic0", "--log", "syslog,journald",
                             "--check")
        self.assertEqual(1, done.returncode)
        self.assertIn("log.sinks: syslog and journald would write every scan twice", done.stderr)


if __name__ == "__main__":
    harness.main()
