# Metrics from end to end: a daemon that sees a scan, scanlogd-exporter beside it as a user of its own,
# Debian's Prometheus that scrapes both of its sockets' pages, promtool on page, rules and their tests;
# and whether dashboard and rules ask only for what there is.

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RULES = SOURCE / "packaging/prometheus"
EXPORTER = os.environ.get("SCANLOGD_EXPORTER", "")
STRANGER = 64990  # another user, in the daemon's group
PORT, PROMETHEUS = 9977, 9091


def exporter():
    if not os.access(EXPORTER, os.X_OK):
        raise harness.Skip(f"no exporter at SCANLOGD_EXPORTER={EXPORTER!r}")
    return EXPORTER


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}")
    return done.stdout


def names(page):
    return {re.split(r"[{ ]", line)[0] for line in page.splitlines() if line[:1] not in ("#", "")}


class Rules(unittest.TestCase):
    def test_promtool_tests_them(self):
        harness.tool("promtool")
        run("promtool", "check", "rules", RULES / "scanlogd.rules.yml")
        self.assertIn("SUCCESS", run("promtool", "test", "rules", "scanlogd.rules.test.yml", cwd=RULES))


class Exporter(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary, cls.exporter = harness.our_binary(), exporter()

    def setUp(self):
        self.cell = self.lab.own(harness.Cell(self.lab.victim))
        state = pathlib.Path(self.cell.path("/run/state"))
        state.mkdir()
        os.chown(state, USER_ID, GROUP_ID)
        state.chmod(0o750)
        pathlib.Path(self.cell.path("/run/metrics")).mkdir()
        os.chown(self.cell.path("/run/metrics"), STRANGER, GROUP_ID)
        pathlib.Path(self.cell.path("/run/scanlogd/control")).mkdir(exist_ok=True)
        pathlib.Path(self.cell.path("/run/scanlogd.toml")).write_text(
            '[daemon]\ncontrol = "/run/scanlogd/control/socket"\ncontrol_group = "scanlogd"\n'
            'state = "/run/state"\n[log]\nsinks = ["stdout"]\n')

    def watch(self):
        daemon = harness.Foreground(
            self.lab, self.binary, "-f", "-c", "ring", "-i", "vic0", "--profile", "classic",
            "--config", "/run/scanlogd.toml", env={"TZ": "UTC"}, cell=self.cell,
            before=("sh", "-c", 'umask 027; exec "$@"', "sh"))
        self.addCleanup(daemon.close)
        return daemon.wait_ready()

    def export(self):
        process = self.cell.popen(
            "setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", f"--groups={GROUP_ID}",
            self.exporter, "--state", "/run/state", "--control", "/run/scanlogd/control/socket",
            "--socket", "/run/metrics/socket", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 10)
        self.addCleanup(self.end, self.exporter)
        harness.wait_until(lambda: os.path.exists(self.cell.path("/run/metrics/socket")), "the exporter")

    def end(self, program):
        for pid in self.cell.processes(program):
            os.kill(pid, signal.SIGTERM)

    def get(self, port, path):
        with self.lab.victim.network(), socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        head, _, body = answer.partition("\r\n\r\n")
        return head.split(" ")[1], body

    def test_from_a_scan_to_prometheus(self):
        daemon = self.watch()
        self.export()
        self.lab.send(probe("203.0.113.1", VICTIM, port) for port in range(1, 8))
        harness.wait_until(daemon.lines, "the scan")
        page = ""

        def counted():
            nonlocal page
            page = self.get(PORT, "/metrics")[1]
            return "scanlogd_scans_recorded_total 1\n" in page

        harness.wait_until(counted, lambda: "the scan in the page: " + page, step=0.3)
        for line in ("scanlogd_up 1", "scanlogd_store_up 1", "scanlogd_store_scans 1", "scanlogd_blind 0",
                     "scanlogd_scans_detected_total 1"):
            self.assertIn(line + "\n", page)
        self.assertRegex(page, r'scanlogd_sink_messages_delivered_total{sink="stdout"} [1-9]')
        self.assertRegex(page, r"scanlogd_packets_seen_total [1-9]")
        # The same through the UNIX socket, for who may reach it.
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.cell.path("/run/metrics/socket"))
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200 OK"))

        if shutil.which("promtool", path=harness.PATH):
            run("promtool", "check", "metrics", input=page)
        self.check_that_names_exist(page)
        self.scrape()

        daemon.finish()
        harness.wait_until(lambda: "scanlogd_up 0\n" in self.get(PORT, "/metrics")[1],
                           "the daemon to be missed", step=0.3)

    def check_that_names_exist(self, page):
        """Dashboard and rules ask for nothing that is not there, or is not made by a rule."""
        rules = (RULES / "scanlogd.rules.yml").read_text()
        there = names(page) | set(re.findall(r"record: (\S+)", rules))
        dashboard = json.loads((SOURCE / "packaging/grafana/scanlogd.json").read_text())
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        asked += re.findall(r"expr: (.*)", rules)
        for expression in asked:
            for name in re.findall(r"(?:instance:)?scanlogd_[a-z0-9_:]+", expression):
                self.assertIn(name, there, expression)

    def scrape(self):
        """Debian's Prometheus takes it, and answers a question about it."""
        prometheus = shutil.which("prometheus", path=harness.PATH)
        if not prometheus:
            raise harness.Skip("prometheus is not installed")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="scanlogd-prometheus-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{RULES}/scanlogd.rules.yml]\n"
            "scrape_configs:\n  - job_name: scanlogd\n    static_configs:\n"
            f"      - targets: ['127.0.0.1:{PORT}']\n")
        run("promtool", "check", "config", folder / "prometheus.yml")
        process = self.cell.popen(
            prometheus, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{PROMETHEUS}", "--log.level=error",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 30)
        self.addCleanup(self.end, prometheus)

        def ask(query):
            try:
                _, body = self.get(PROMETHEUS, "/api/v1/query?query=" + urllib.parse.quote(query))
                result = json.loads(body)["data"]["result"]
                return [each["value"][1] for each in result]
            except (OSError, ValueError, KeyError, IndexError):
                return []  # not there yet

        harness.wait_until(lambda: ask("scanlogd_scans_recorded_total") == ["1"],
                           "Prometheus to know of the scan", timeout=30, step=0.3)
        self.assertEqual(["1"], ask('up{job="scanlogd"}'))

    def test_bad_options_are_refused(self):
        for arguments, complaint in (
                (["--listen", "0.0.0.0:9977"], "must be 127.0.0.1:PORT"),
                (["--listen", "none"], "nothing to do"),
                (["--nonsense"], "unknown option '--nonsense'"),
                (["--state"], "needs a value")):
            with self.subTest(arguments):
                done = self.cell.run(self.exporter, *arguments)
                self.assertEqual(1, done.returncode)
                self.assertIn(complaint, done.stderr)

    def test_without_daemon_and_store_it_says_so(self):
        done = self.cell.run(self.exporter, "--once", "--state", "/run/nowhere", "--control", "/run/nobody")
        self.assertEqual(0, done.returncode)
        self.assertIn("scanlogd_up 0\n", done.stdout)
        self.assertIn("scanlogd_store_up 0\n", done.stdout)


if __name__ == "__main__":
    harness.main()
