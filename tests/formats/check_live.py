#!/usr/bin/env python3
"""scanlogctl live on a real terminal of 80x24 (tmux): what it shows, its keys, a scan that is found
while it runs, another size, and the terminal as it was when it ends, whatever ends it.

Arguments: scanlogctl, the program that makes a store.
"""
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

SCANS = 60
PROBLEMS = []


class Tmux:
    def __init__(self, folder, charset="C.UTF-8"):
        self.socket = os.path.join(folder, "tmux")
        self.env = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC", "LC_ALL": charset}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "-s", "t",
                  "sh", "-i")
        self.tmux("set-option", "-g", "window-size", "manual")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], env=self.env, text=True,
                              capture_output=True, timeout=20, check=True).stdout

    def keys(self, *keys):
        self.tmux("send-keys", "-t", "t", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "t")

    def until(self, condition, what):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            screen = self.screen()
            if condition(screen):
                return screen
            time.sleep(0.05)
        PROBLEMS.append(f"{what}; the screen is\n{screen}")
        return screen

    def start(self, *argv):
        self.keys("clear; PS1='$ '; " + " ".join(argv) + "; echo status=$?", "Enter")

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], env=self.env, check=False)


def chosen_first(screen):
    """The first line of the table."""
    return screen.splitlines()[4].split()


def check(ctl, state, tmux):
    tmux.start(ctl, "--state", state, "--control", state + "/none", "live")
    screen = tmux.until(lambda s: "scanlogctl live" in s and "SOURCE" in s, "it does not begin")
    lines = screen.splitlines()
    for at, text in ((0, "no daemon"), (1, f"on record {SCANS}"), (2, "ports/s"), (3, "VERDICT"),
                     (23, "q quit")):
        if text not in lines[at]:
            PROBLEMS.append(f"line {at} lacks {text!r}:\n{screen}")
    if chosen_first(screen)[0] != str(SCANS):
        PROBLEMS.append(f"the newest scan is not the first:\n{screen}")

    tmux.keys("Down", "Enter")
    tmux.until(lambda s: f"Scan {SCANS - 1}: " in s and "Esc back" in s, "a scan does not open")
    tmux.keys("Escape")
    tmux.until(lambda s: "SOURCE" in s, "an opened scan does not close")

    # A scan is found while it runs, with 500 ports.
    with sqlite3.connect(os.path.join(state, "scanlogd.db")) as store:
        columns = [row[1] for row in store.execute("PRAGMA table_info(scan)")]
        values = [{"id": str(SCANS + 1), "ports": "'1-500'", "ports_total": "500"}.get(c, c)
                  for c in columns]
        store.execute(f"INSERT INTO scan ({','.join(columns)}) SELECT {','.join(values)} "
                      f"FROM scan WHERE id = {SCANS}")
    store.close()
    screen = tmux.until(lambda s: chosen_first(s)[:1] == [str(SCANS + 1)],
                        "a new scan does not appear")
    tmux.until(lambda s: any(block in s.splitlines()[2] for block in "▁▂▃▄▅▆▇█"),
               "its ports do not show in the line of rates")

    tmux.keys("s")
    tmux.until(lambda s: all(int(line.split()[-3]) >= 0 for line in s.splitlines()[4:20]) and
               sorted((int(line.split()[-3]) for line in s.splitlines()[4:20]), reverse=True) ==
               [int(line.split()[-3]) for line in s.splitlines()[4:20]],
               "it does not sort by ports")
    tmux.keys("?")
    tmux.until(lambda s: "choose a scan, or scroll" in s, "there is no help")
    tmux.keys("?", "p")
    tmux.until(lambda s: "PAUSED" in s, "it does not pause")
    tmux.keys("p")

    for columns, rows in ((120, 40), (60, 12), (30, 5), (80, 24)):
        tmux.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))
        wanted = "too small" if columns < 40 or rows < 6 else "scanlogctl live"
        screen = tmux.until(lambda s, w=wanted, r=rows: w in s and s.count("\n") == r,
                            f"it does not fit {columns}x{rows}")

    tmux.keys("q")
    screen = tmux.until(lambda s: "status=0" in s, "it does not end")
    if "scanlogctl live" in screen.replace("live; echo", ""):
        PROBLEMS.append(f"the screen is not given back:\n{screen}")


def check_signals(ctl, state, tmux):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        tmux.start(ctl, "--state", state, "--control", state + "/none", "live")
        tmux.until(lambda s: "SOURCE" in s and "VERDICT" in s, "it does not begin again")
        shell = int(tmux.tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))
        with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
            os.kill(int(file.read().split()[-1]), number)
        tmux.until(lambda s: "status=0" in s, f"{number.name} does not end it")
    tmux.start("stty -a | grep -q ' echo ' && echo echo is on")
    tmux.until(lambda s: "echo is on" in s.splitlines(), "the terminal is not as it was")


def check_refusals(ctl, state):
    done = subprocess.run([ctl, "--state", state, "live"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=20, check=False)
    if (done.returncode, done.stderr) != (1, "scanlogctl: live: needs a terminal\n"):
        PROBLEMS.append(f"without a terminal: {done}")


def main(ctl, make_store):
    if not shutil.which("tmux"):
        print("skipped: no tmux")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        state = os.path.join(folder, "state")
        os.mkdir(state)
        subprocess.run([make_store, state, str(SCANS)], check=True, capture_output=True)
        tmux = Tmux(folder)
        try:
            check(ctl, state, tmux)
            check_signals(ctl, state, tmux)
        finally:
            tmux.close()
        check_refusals(ctl, state)
    for problem in PROBLEMS:
        print(problem)
    print(f"live: {len(PROBLEMS)} problems")
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
