#!/usr/bin/env python3
"""Measures scanlogctl on a store of many scans: bench/ctl.py BUILD [SCANS [DIRECTORY]].

Makes the store with bench_make_store, unless the directory has one, and prints for each command the
wall-clock time of the fastest of three runs, start and output included. With a terminal's width of
80. What asks the daemon (explain, status of a daemon) does not read the store and is not here.
"""
import os
import subprocess
import sys
import tempfile
import time

SCANS = 1_000_000
# What a person waits for, and is to take less than a second.
WAITED_FOR = (
    "status", "list", "list --since 1d", "list --source 192.0.2.0/24", "list --source 1.0.0.0/16",
    "list --port 31337", "list --min-ports 9000", "list --verdict suspect", "show 500000", "tail",
    "top sources", "top networks", "top targets", "top ports", "top techniques", "top tools", "top countries",
    "top sources --since 1d", "top networks --since 1d", "top targets --since 1d",
    "top ports --since 1d", "top ports --since 1w", "report --since 1d", "report --since 1w",
    "export csv --since 1d", "export nft --since 1w")
# What reads all there is.
OTHERS = ("report --since 52w", "export csv")
LIMIT, RUNS = 1.0, 3


def measure(binary, directory, command):
    best = float("inf")
    for _ in range(RUNS):
        started = time.monotonic()
        subprocess.run([binary, "--state", directory, *command.split()], stdout=subprocess.DEVNULL,
                       check=True, env={**os.environ, "COLUMNS": "80"})
        best = min(best, time.monotonic() - started)
    return best


def measure_all(build, scans=SCANS, directory=None):
    """Seconds for each command."""
    # Beside the build, because it is larger than a /tmp in memory.
    with tempfile.TemporaryDirectory(dir=build, prefix="store.") as scratch:
        directory = directory or scratch
        if not os.path.exists(os.path.join(directory, "scanlogd.db")):
            subprocess.run([os.path.join(build, "bin", "bench_make_store"), directory, str(scans)],
                           check=True)
        binary = os.path.join(build, "bin", "scanlogctl")
        return {command: measure(binary, directory, command) for command in WAITED_FOR + OTHERS}


def main():
    scans = int(sys.argv[2]) if len(sys.argv) > 2 else SCANS
    times = measure_all(sys.argv[1], scans, sys.argv[3] if len(sys.argv) > 3 else None)
    print(f"| scanlogctl, {scans:,} scans | seconds |\n| --- | ---: |")
    for command, seconds in times.items():
        print(f"| {command} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
