# The packs that need a whole program to read them: CrowdSec (Debian's package, unpacked and not installed,
# because its configuration wants the network; in a network namespace of its own) and logwatch. What their
# patterns make of every kind of line is for tests/formats/check_packs.py.

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
HEADER = "Nov 26 20:40:25 host scanlogd: "
SCANS = {
    "192.0.2.7": "192.0.2.7:4444 to 10.9.0.1 and others, ports 21, 22, ..., fSrpauxy @22:40:39",
    "192.0.2.8": "192.0.2.8 to 10.9.0.1 ports 21, 22, ..., fSrpauxy, TOS 00, TTL 64, slow, open 22 @22:40:40",
    "2001:db8::7": "[2001:db8::7] to [2001:db8::1] ports 53, 69, ..., fsrpauxy, TTL 64, UDP, proven @22:40:39",
    "192.0.2.10": "192.0.2.10 to 10.9.0.1 and others, ports ..., fsrpauxy, TTL 64, ICMP, sweep @22:40:41",
}
NOT_TO_BE_BANNED = [
    "192.0.2.91 to 10.9.0.1 ports 21, ..., fSrpauxy, TOS 00, TTL 64, suspect @22:40:39",
    "192.0.2.92 to 10.9.0.1 ports 21, ..., fSrpauxy, decoys 5 @22:40:39",
    "192.0.2.93 to 10.9.0.1 ports 1-1024, fSrpauxy, end: 1024 ports, 1 host, 20 s @22:40:39",
    "Held back: 3 scans from 2 sources in 20 s: 192.0.2.94(22,80) 192.0.2.95(443)",
    "Egress: 192.0.2.97:40000 to 10.9.0.1 and others, ports 22, ..., fSrpauxy, TOS 00, TTL 64 @22:40:39",
    "Egress: 192.0.2.98 to 10.9.0.1 and others, ports 22, fSrpauxy, end: 1 port, 300 hosts, 9 s @22:40:39",
    "Flood: 5000 new sources, first 192.0.2.96 @22:40:39",
    "seen 1040 = processed 1040 + dropped 0; detected 1 = delivered 1 + spooled 0",
]
LINES = [*SCANS.values(), *NOT_TO_BE_BANNED]


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False, **options).stdout


class CrowdSec(unittest.TestCase):
    def unpacked(self):
        cache = pathlib.Path(harness.build_folder("live-crowdsec"))
        root = cache / "root"
        if not (root / "usr/bin/crowdsec").exists():
            subprocess.run(["apt-get", "download", "crowdsec"], cwd=cache, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for package in cache.glob("crowdsec_*.deb"):
                subprocess.run(["dpkg", "-x", package, root], check=True)
                package.unlink()
        if not (root / "usr/bin/crowdsec").exists():
            raise harness.Skip("Debian's crowdsec cannot be downloaded")
        return root

    def test_parser_and_scenario_name_the_scanners_and_nobody_else(self):
        root = self.unpacked()
        folder = pathlib.Path(tempfile.mkdtemp(prefix="scanlogd-crowdsec-"))
        self.addCleanup(shutil.rmtree, folder)
        for name in ("parsers/s00-raw", "parsers/s01-parse", "parsers/s02-enrich", "scenarios",
                     "postoverflows", "data", "hub", "notifications", "plugins"):
            (folder / name).mkdir(parents=True)
        hub = root / "usr/share/crowdsec/hub/parsers"
        shutil.copy(hub / "s00-raw/crowdsecurity/syslog-logs.yaml", folder / "parsers/s00-raw")
        shutil.copy(hub / "s02-enrich/crowdsecurity/dateparse-enrich.yaml", folder / "parsers/s02-enrich")
        shutil.copy(PACKAGING / "crowdsec/parsers/scanlogd-logs.yaml", folder / "parsers/s01-parse")
        shutil.copy(PACKAGING / "crowdsec/scenarios/scanlogd-portscan.yaml", folder / "scenarios")
        shutil.copytree(root / "etc/crowdsec/patterns", folder / "patterns")
        shutil.copy(root / "etc/crowdsec/profiles.yaml", folder)
        (folder / "hub/.index.json").write_text(
            '{"parsers":{},"scenarios":{},"postoverflows":{},"collections":{}}')
        (folder / "simulation.yaml").write_text("simulation: false\n")
        (folder / "acquis.yaml").touch()
        (folder / "lapi.yaml").touch()
        (folder / "log").write_text("".join(HEADER + line + "\n" for line in LINES))
        (folder / "config.yaml").write_text(f"""
common: {{daemonize: false, log_media: stdout, log_level: info, log_dir: {folder}, working_dir: {folder}}}
config_paths: {{config_dir: {folder}, data_dir: {folder}/data, simulation_path: {folder}/simulation.yaml,
  hub_dir: {folder}/hub, index_path: {folder}/hub/.index.json, notification_dir: {folder}/notifications,
  plugin_dir: {folder}/plugins}}
crowdsec_service: {{enable: true, acquisition_path: {folder}/acquis.yaml, parser_routines: 1,
  buckets_routines: 1, output_routines: 1}}
cscli: {{output: human}}
db_config: {{log_level: info, type: sqlite, db_path: {folder}/data/crowdsec.db}}
plugin_config: {{user: nobody, group: nogroup}}
api:
  client: {{insecure_skip_verify: false, credentials_path: {folder}/lapi.yaml}}
  server: {{enable: true, log_level: info, listen_uri: 127.0.0.1:18080,
    profiles_path: {folder}/profiles.yaml, online_client: {{credentials_path: ''}}}}
prometheus: {{enabled: false}}
""")
        programs = root / "usr/bin"
        said = run("unshare", "--net", "sh", "-ec", f"""
            ip link set lo up
            {programs}/cscli -c {folder}/config.yaml machines add test --password testtest \\
                -f {folder}/lapi.yaml
            timeout 90 {programs}/crowdsec -c {folder}/config.yaml -dsn file://{folder}/log -type syslog -no-capi
            """)
        found = re.findall(r"Ip (\S+) performed 'scanlogd/scanlogd-portscan'", said)
        self.assertEqual(sorted(SCANS), sorted(found), said)


class Logwatch(unittest.TestCase):
    def test_its_report_counts_scans(self):
        harness.tool("logwatch")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="scanlogd-logwatch-"))
        self.addCleanup(shutil.rmtree, folder)
        log = folder / "log"
        log.mkdir()
        stamp = run("date", "+%b %e %H:%M:%S").strip()
        (log / "messages").write_text("".join(f"{stamp} host scanlogd: {line}\n" for line in LINES))
        # logwatch looks into /etc/logwatch only: in a mount namespace that is ours.
        said = run("unshare", "--mount", "sh", "-ec", f"""
            mount --make-rprivate /
            mkdir -p /etc/logwatch
            mount -t tmpfs tmpfs /etc/logwatch
            mkdir -p /etc/logwatch/conf/services /etc/logwatch/scripts/services /var/cache/logwatch
            cp {PACKAGING}/logwatch/conf/scanlogd.conf /etc/logwatch/conf/services/
            cp {PACKAGING}/logwatch/scripts/scanlogd /etc/logwatch/scripts/services/
            logwatch --service scanlogd --logdir {log} --archives n --range all --output stdout
            """)
        self.assertIn("Port scans (scanlogd)", said)
        for source in SCANS:
            self.assertRegex(said, rf"(?m)^ +{re.escape(source)} +1 Time", said)
        self.assertIn("Scans held back by the limiter: 3", said)
        self.assertIn("Scans that ended: 1", said)
        self.assertNotIn("seen 1040", said)


if __name__ == "__main__":
    harness.main()
