#!/usr/bin/env python3
"""Runs one scenario: a folder with an input, options, and what must come out.

  input.*           the capture file, given with --read ("stdin" in `how`: on standard input)
  options           command line, one or more words
  expected.log      standard output, byte for byte
  expected.error    optional: the message on standard error; exit status 1 is then expected
  README.md         what it is and where it comes from

Every run must also account for each packet: the last line on standard error adds up.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

# LeakSanitizer wants /proc, which is out of reach once the program has locked itself in.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0"}


def sums_that_fail(accounts):
    """The parts of an accounting line whose left side is not the sum of its right side."""
    wrong = []
    for part in accounts.split("; "):
        match = re.fullmatch(r"(\w+ )?(\d+) = (.*)", part)
        if match and int(match[2]) != sum(int(n) for n in re.findall(r"\d+", match[3])):
            wrong.append(part)
    inspected = int(re.search(r"inspected (\d+)", accounts)[1])
    name, detector = re.search(r"; (\w+): ([^;]*)", accounts).groups()
    if inspected != sum(int(n) for n in re.findall(r" (\d+)", detector)):
        wrong.append(f"{name}: {detector}")
    return wrong


def run(binary, folder, config=("--no-config",)):
    """What is wrong with what the program does in the scenario of `folder`."""
    source = next(folder.glob("input*"))
    options = (folder / "options").read_text().split()
    on_stdin = "stdin" in folder.name
    command = [binary, *config, "--read", "-" if on_stdin else str(source), *options]
    with open(source if on_stdin and source.is_file() else os.devnull, "rb") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, timeout=120, check=False,
                              env={**os.environ, "TZ": "UTC", **SANITIZERS})
    problems = []
    expected = (folder / "expected.log").read_bytes()
    if done.stdout != expected:
        problems.append(f"standard output:\n  expected {expected!r}\n  got      {done.stdout!r}")
    errors = done.stderr.decode().splitlines()
    error_file = folder / "expected.error"
    wanted_status = 1 if error_file.exists() else 0
    if done.returncode != wanted_status:
        problems.append(f"exit status: expected {wanted_status}, got {done.returncode}")
    if error_file.exists():
        message = error_file.read_text().strip().replace("INPUT", str(source))
        if not errors or errors[-1] != "scanlogd: " + message:
            problems.append(f"standard error: expected last line {message!r}, got {errors!r}")
    accounts = [line for line in errors if line.startswith("scanlogd: seen ")]
    if len(accounts) == 1:
        problems += [f"does not add up: {part}" for part in sums_that_fail(accounts[0])]
    elif wanted_status == 0 or accounts:
        problems.append(f"accounting lines: expected one, got {accounts!r}")
    return problems


def main():
    binary, folder = sys.argv[1], Path(sys.argv[2])
    assert sums_that_fail("seen 3 = processed 1 + dropped 1; inspected 1; classic: a 1"), "vacuous"
    problems = run(binary, folder)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
