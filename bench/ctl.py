#!/usr/bin/env python3
"""Measures scanlogctl on a store of many scans: bench/ctl.py BUILD [SCANS [DIRECTORY]].

Makes the store with bench_make_store, unless the directory has one, and prints for each command the
time of the fastest of three runs, output included. With a terminal's width of 80.
"""
import os
import subprocess
import sys
import tempfile
import time

COMMANDS = [
    "status", "list", "list --since 1d", "list --source 192.0.2.0/24", "list --source 1.0.0.0/16",
    "list --port 31337", "list --min-ports 9000", "list --verdict suspect", "show 500000",
    "top sources", "top networks", "top targets", "top ports", "top techniques",
    "top sources --since 1w", "top ports --since 1w", "tail", "export nft --since 1w",
]


def measure(binary, directory, command):
    best = float("inf")
    for _ in range(3):
        started = time.monotonic()
        subprocess.run([binary, "--state", directory, *command.split()], stdout=subprocess.DEVNULL,
                       check=True, env={**os.environ, "COLUMNS": "80"})
        best = min(best, time.monotonic() - started)
    return best


def main():
    build = sys.argv[1]
    scans = sys.argv[2] if len(sys.argv) > 2 else "1000000"
    with tempfile.TemporaryDirectory() as scratch:
        directory = sys.argv[3] if len(sys.argv) > 3 else scratch
        if not os.path.exists(os.path.join(directory, "scanlogd.db")):
            subprocess.run([os.path.join(build, "bin", "bench_make_store"), directory, scans],
                           check=True)
        binary = os.path.join(build, "bin", "scanlogctl")
        print(f"| scanlogctl, {int(scans):,} scans | seconds |\n| --- | ---: |")
        for command in COMMANDS:
            print(f"| {command} | {measure(binary, directory, command):.2f} |", flush=True)


if __name__ == "__main__":
    main()
