#!/usr/bin/env python3
"""scanlogctl as a program: exit statuses, tables that fit 80 columns, JSON that fits the schema, CSV
and nft sets that their readers take, and stores that are missing, foreign, newer or damaged.

Arguments: scanlogctl, the program that makes a store, the EVE schema.
"""
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

SCANS = 300
DATABASE = Path("/usr/share/libloc-location/location.db")
PROBLEMS = []


def expect(is_true, what):
    if not is_true:
        PROBLEMS.append(what)


class Ctl:
    def __init__(self, binary, state):
        self.binary, self.state = binary, state

    def __call__(self, *words, status=0):
        done = subprocess.run([self.binary, "--state", self.state, *words], capture_output=True,
                              text=True, timeout=60, check=False,
                              env={**os.environ, "COLUMNS": "80", "TZ": "UTC"})
        expect(done.returncode == status,
               f"{' '.join(words)}: status {done.returncode}, not {status}: {done.stderr}")
        if status != 0:
            expect(done.stderr.startswith("scanlogctl: ") and done.stderr.count("\n") == 1,
                   f"{' '.join(words)}: says {done.stderr!r}")
        return done.stdout


def check_tables(ctl):
    for words in (["status"], ["list"], ["list", "--since", "1h"], ["show", str(SCANS)],
                  ["show", "5"], ["top", "sources"], ["top", "networks"], ["top", "ports"],
                  ["top", "targets"], ["top", "techniques"], ["top", "tools"]):
        text = ctl(*words)
        expect(text.endswith("\n") and text.count("\n") > 1, f"{words}: printed {text!r}")
        expect(max(map(len, text.splitlines())) <= 80, f"{words}: does not fit:\n{text}")
    expect(ctl("list").count("\n") == 21, "list: not 20 scans")
    expect(ctl("tail", "-n", "3").count("\n") == 3, "tail: not 3 events")


def check_countries(ctl):
    nowhere = ["--locations", "/nonexistent/locations.db"]
    ctl("top", "countries", *nowhere, status=1)
    ctl("report", *nowhere, status=1)
    done = subprocess.run([ctl.binary, "--state", ctl.state, "top", "countries", *nowhere],
                          capture_output=True, text=True, timeout=60, check=False)
    if "without libloc" in done.stderr or not DATABASE.exists():
        print("no countries: libloc or libloc-database is missing")
        return
    text = ctl("top", "countries", "-n", "300")
    expect("Germany" in text and max(map(len, text.splitlines())) <= 80, f"countries:\n{text}")
    places = [json.loads(line) for line in
              ctl("top", "countries", "-n", "300", "-o", "json").splitlines()]
    expect(sum(place["scans"] for place in places) == SCANS, f"countries: {places}")
    expect("\ncountry" in ctl("show", "5"), "show: no country")


def check_json(ctl, schema):
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    for words in (["list"], ["show", "7"], ["tail"], ["export", "json"]):
        lines = ctl(*words, "-o", "json").splitlines()
        expect(lines, f"{words}: no JSON")
        for line in lines:
            for error in validator.iter_errors(json.loads(line)):
                expect(False, f"{words}: {error.message[:200]}")
    expect(json.loads(ctl("status", "-o", "json"))["scans"] == SCANS, "status: not all scans")
    expect("scans" in json.loads(ctl("top", "ports", "-n", "1", "-o", "json")), "top: no count")


def check_exports(ctl):
    rows = list(csv.DictReader(io.StringIO(ctl("export", "csv"))))
    expect(len(rows) == SCANS and rows[0]["id"] == str(SCANS), f"export csv: {len(rows)} rows")
    expect(all(None not in row and None not in row.values() for row in rows), "export csv: ragged")
    sets = ctl("export", "nft")
    proven = {row["source"] for row in rows if row["verdict"] == "proven"}
    expect(proven and all(source in sets for source in proven), "export nft: not all proven sources")
    elements = [line.strip(" ,") for line in sets.splitlines() if line.startswith("      ")]
    expect(sorted(elements) == sorted(proven), "export nft: others than the proven sources")
    if shutil.which("nft") and os.geteuid() == 0:
        done = subprocess.run(["unshare", "-n", "nft", "-c", "-f", "-"], input=sets, text=True,
                              capture_output=True, check=False, timeout=60)
        expect(done.returncode == 0, f"export nft: {done.stderr}")


def check_statuses(ctl, scratch):
    ctl("list", "--port", "x", status=2)
    ctl(status=2)
    ctl("show", str(SCANS + 1), status=3)
    Ctl(ctl.binary, str(scratch / "none"))("list", status=4)

    def other(name, change):
        directory = scratch / name
        shutil.copytree(ctl.state, directory)
        change(directory / "scanlogd.db")
        Ctl(ctl.binary, str(directory))("list", status=5)

    def newer(path):
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version=99")

    def foreign(path):
        path.unlink()
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE scan (id)")

    other("newer", newer)
    other("foreign", foreign)
    other("text", lambda path: path.write_text("not a database, whatever its name says\n" * 99))
    other("cut", lambda path: path.write_bytes(path.read_bytes()[:8192]))


def main():
    binary, maker, schema = sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text())
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        state = scratch / "state"
        state.mkdir()
        subprocess.run([maker, str(state), str(SCANS)], check=True, timeout=120)
        ctl = Ctl(binary, str(state))
        check_tables(ctl)
        check_countries(ctl)
        check_json(ctl, schema)
        check_exports(ctl)
        check_statuses(ctl, scratch)
    for problem in PROBLEMS:
        print(problem)
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
