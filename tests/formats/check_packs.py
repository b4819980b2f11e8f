#!/usr/bin/env python3
"""Gives the lines of thousands of scans of every kind to those who read them: fail2ban-regex with our
filter, grep with the rules for logcheck as logcheck itself does, the script for logwatch, and the
expressions of the Wazuh decoder (there is no Wazuh in Debian: as XML, by Python's re).

Arguments: eve_samples, the packaging folder. What each has to find follows from the event beside the line.
Exit status 77: a reader is not installed.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

STAMPS = ("Nov 22 22:40:25", "2026-11-22T22:40:25.123456+00:00")
OTHERS = [
    "More possible port scans follow",
    "Held back: 3 scans from 2 sources in 20 s: 192.0.2.66(22,80,proven) 2001:db8::66(443)",
    "blind on eth0 from 2026-01-31T10:00:00.123Z to 2026-01-31T10:00:01.456Z (1.333 s): interface was down",
    "seen 1040 = processed 1040 + dropped 0; detected 1 = delivered 1 + spooled 0",
    "watching every interface with bpf; profile classic, tables of at most 4.7 MB",
]


def is_scan(scan):
    """By somebody else: who acts on a scan by this machine acts against himself."""
    return scan["kind"] not in ("flood", "backscatter", "egress")


def is_to_be_banned(scan):
    """A scan begins, by one source that may be believed."""
    if not is_scan(scan) or scan["phase"] == "end":
        return False
    if scan["rule"] == "classic":
        return True  # its line has no marks
    return (scan["kind"] not in ("decoys", "distributed") and "source_network" not in scan
            and scan["verdict"] not in ("suspect", "impossible"))


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, check=False, **options)


def check_fail2ban(lines, packaging, folder):
    if not shutil.which("fail2ban-regex") or not Path("/etc/fail2ban/filter.d/common.conf").exists():
        yield None
        return
    config = folder / "fail2ban"
    shutil.copytree("/etc/fail2ban", config, symlinks=False)
    for local in config.rglob("*.local"):
        local.unlink()
    shutil.copy(packaging / "fail2ban/filter.d/scanlogd.local", config / "filter.d")
    log = folder / "log"
    for stamp in STAMPS:
        log.write_text("".join(f"{stamp} host scanlogd: {line}\n" for line, _ in lines))
        said = run("fail2ban-regex", "-c", config, "-o", "found <ip>", log, "scanlogd").stdout
        found = re.findall(r"^found (\S+)", said, re.M)
        wanted = [scan["src"] for _, scan in lines if scan and is_to_be_banned(scan)]
        if found != wanted:
            at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
            yield f"fail2ban: found {len(found)} of {len(wanted)}; number {at}: {found[at:at+1]} {wanted[at:at+1]}"
        print(f"fail2ban-regex: {len(found)} sources in {len(lines)} lines")


def check_logcheck(lines, packaging, folder):
    log = folder / "log"
    for stamp in STAMPS:
        log.write_text("".join(f"{stamp} host scanlogd: {line}\n" for line, _ in lines))
        violations = run("grep", "-E", "-f", packaging / "logcheck/violations.d/scanlogd", log).stdout.splitlines()
        ignored = run("grep", "-E", "-f", packaging / "logcheck/ignore.d.server/scanlogd", log).stdout.splitlines()
        quiet = [line for line, _ in lines if line.startswith(("seen ", "watching "))]
        if len(violations) != len(lines) - len(quiet) or len(ignored) != len(quiet):
            yield f"logcheck: {len(violations)} violations and {len(ignored)} ignored of {len(lines)} lines"
        print(f"logcheck: {len(violations)} reported, {len(ignored)} ignored")


def check_logwatch(lines, packaging, folder):
    said = run("perl", packaging / "logwatch/scripts/scanlogd",
               input="".join(line + "\n" for line, _ in lines)).stdout
    counted = sum(int(count) for count in re.findall(
        r"(\d+) Time", said.partition("Scanned by:")[2].partition("Scanned:")[0]))
    wanted = sum(1 for _, scan in lines if scan and is_scan(scan) and scan["phase"] != "end")
    ended = sum(1 for _, scan in lines if scan and is_scan(scan) and scan["phase"] == "end")
    own = sum(1 for _, scan in lines if scan and scan["kind"] == "egress" and scan["phase"] != "end")
    told = sum(int(count) for count in re.findall(
        r"(\d+) Time", said.partition("Scanned others from here:")[2].partition("\n\n")[0]))
    if counted != wanted or told != own or f"Scans that ended: {ended}" not in said:
        yield f"logwatch: {counted} scans of {wanted}, or not {ended} that ended:\n{said[:400]}"
    print(f"logwatch script: {counted} scans, {ended} ended")


def check_wazuh(lines, packaging, _folder):
    ElementTree.parse(packaging / "wazuh/scanlogd_rules.xml")
    text = (packaging / "wazuh/scanlogd_decoders.xml").read_text()
    decoders = ElementTree.fromstring(f"<root>{text}</root>").findall("decoder")
    scan_decoder = next(each for each in decoders if each.get("name") == "scanlogd-scan")
    prematch, regex = (re.compile(scan_decoder.findtext(name)) for name in ("prematch", "regex"))
    order = [name.strip() for name in scan_decoder.findtext("order").split(",")]
    count = 0
    for line, scan in lines:
        match = prematch.search(line) and regex.search(line)
        wanted = scan["src"] if scan and is_scan(scan) else None
        if (match.groups()[order.index("srcip")] if match else None) != wanted:
            yield f"wazuh: not {wanted} in {line}"
        count += bool(match)
    print(f"wazuh decoder: {count} scans")


def main():
    events = [json.loads(line) for line in run(sys.argv[1]).stdout.splitlines()]
    lines = []
    for event in events:
        scan = event.get("alert", {}).get("context", {}).get("scan")
        if scan and scan["announce"] != "more_follow":
            lines.append((scan["log"], {**scan, "src": event["src_ip"]}))
    lines += [(line, None) for line in OTHERS]
    problems, missing = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_fail2ban, check_logcheck, check_logwatch, check_wazuh):
            for problem in check(lines, Path(sys.argv[2]), Path(folder)):
                if problem is None:
                    missing += 1
                    print(f"{check.__name__}: not installed here")
                else:
                    problems.append(problem)
    for problem in problems[:20]:
        print(problem)
    return 1 if problems or len(lines) < 2000 else 77 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
