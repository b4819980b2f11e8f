# System calls of the running daemon that fail although they should not: the first, the second, the
# third, or every one, with whatever errno the call may have. It must not end, not spin, and find the
# next scan once the fault is gone. strace(1) makes them fail, so the daemons run without a sandbox:
# the filter would see a call that strace has undone as one that it does not know.

import os
import re
import signal
import subprocess
import time

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

PORTS = range(1, 8)  # the fewest that are a scan
STATE = "/run/state"
TOGETHER = 8  # daemons that suffer at once
MOST_PER_SECOND = 35  # ten rounds, each of which may make a call for several ends

COMMON = ("EINTR", "ENOMEM", "EIO")
SOCKET = (*COMMON, "ENOBUFS", "ENETDOWN")
DISK = ("ENOSPC", "EIO")  # SQLite itself writes again at once after EINTR, which no disk gives
# Which process, which back end, which call, which errors.
CALLS = [
    ("engine", "ring", "poll", COMMON),
    ("engine", "ring", "read", COMMON),
    ("engine", "ring", "recvfrom", SOCKET),
    ("engine", "ring", "sendmsg", (*SOCKET, "EAGAIN")),
    ("engine", "ring", "recvmsg", SOCKET),
    ("engine", "ring", "getsockopt", ("EIO",)),
    ("engine", "raw", "recvmmsg", (*SOCKET, "EAGAIN")),
    ("engine", "bpf", "poll", COMMON),
    ("recorder", "ring", "poll", COMMON),
    ("recorder", "ring", "read", COMMON),
    ("recorder", "ring", "recvmsg", SOCKET),
    ("recorder", "ring", "sendto", (*SOCKET, "ECONNREFUSED", "ENOTCONN", "EAGAIN")),
    ("recorder", "ring", "connect", ("ECONNREFUSED", "EINTR", "EMFILE")),
    ("recorder", "ring", "socket", ("EMFILE", "ENOMEM")),
    ("recorder", "ring", "pwrite64", DISK),
    ("recorder", "ring", "fdatasync", DISK),
    ("recorder", "ring", "pread64", ("EIO",)),
    ("recorder", "ring", "fcntl", ("EIO", "ENOMEM")),
    ("recorder", "ring", "ftruncate", DISK),
    ("recorder", "ring", "openat", ("EMFILE", "EACCES")),
]
WHEN = ("1", "2", "3", "1+")


def cases():
    """Every call with every error, each time at another call; with SCANLOGD_ALL_FAULTS set, at each."""
    every = [(who, backend, call, error) for who, backend, call, errors in CALLS for error in errors]
    if os.environ.get("SCANLOGD_ALL_FAULTS"):
        return [(*case, when) for case in every for when in WHEN]
    chosen = [(*case, WHEN[number % len(WHEN)]) for number, case in enumerate(every)]
    # The one that never ends is the hardest: each call meets it with its first error.
    lasting = {(who, call) for who, _, call, _, when in chosen if when == "1+"}
    for who, backend, call, errors in CALLS:
        if (who, call) not in lasting:
            chosen.append((who, backend, call, errors[0], "1+"))
    return chosen


class Faults(harness.Case):
    survived = 0
    injected = 0

    def suffer(self, backend, who, call, error, when):
        """A daemon in a cell of its own, and strace on its way into one of its processes."""
        cell = self.lab.own(harness.Cell(self.lab.victim))
        self.addCleanup(cell.close)
        os.mkdir(cell.path(STATE))
        os.chown(cell.path(STATE), USER_ID, GROUP_ID)
        receiver = cell.receiver()
        daemon = harness.Foreground(
            self.lab, harness.our_binary(), "-f", "--no-config", "--no-sandbox", "-c", backend, "-i",
            "vic0", "--state", STATE, "--log", "stdout,syslog", cell=cell, env={"TZ": "UTC"})
        daemon.receiver = receiver
        self.addCleanup(lambda: daemon.receiver.close())  # the one of then
        daemon.fault = f"{who} {backend}: {call} = {error}, call {when}"
        daemon.target = (who, call, error, when)
        return daemon

    def attach(self, daemon):
        who, call, error, when = daemon.target
        processes = daemon.cell.processes(daemon.binary)
        pid = processes[0] if who == "recorder" else processes[1]
        daemon.trace = f"/tmp/scanlogd-fault-{os.getpid()}-{pid}"
        self.addCleanup(lambda path=daemon.trace: os.path.exists(path) and os.unlink(path))
        daemon.tracer = subprocess.Popen(
            [harness.tool("strace"), "-q", "-p", str(pid), "-o", daemon.trace, "-e",
             "trace=" + call, "-e", f"inject={call}:error={error}:when={when}"],
            stderr=subprocess.PIPE, text=True)
        harness.wait_until(lambda: int(harness.status(pid)["TracerPid"]) == daemon.tracer.pid,
                           "strace to be there")

    def detach(self, daemon):
        daemon.tracer.send_signal(signal.SIGINT)
        daemon.tracer.wait(10)
        daemon.tracer.stderr.close()
        with open(daemon.trace) as file:
            return len(re.findall(r"\(INJECTED\)", file.read()))

    def scan(self, source):
        self.lab.send(probe(source, VICTIM, port) for port in PORTS)

    @staticmethod
    def has(daemon, source):
        return any(line.startswith(source + ":") for line in daemon.lines())

    def round(self, number, group):
        daemons = [self.suffer(backend, who, call, error, when)
                   for who, backend, call, error, when in group]
        for daemon in daemons:
            daemon.wait_ready()
        for daemon in daemons:
            self.attach(daemon)
        start = time.monotonic()
        for step in range(3):
            self.scan(f"203.0.113.{1 + step}")
            for daemon in daemons:
                os.kill(daemon.pid, signal.SIGUSR1)  # signals, accounts, the log: all have work
            time.sleep(0.4)  # the fault is to last for a while
        # A log that went away has to be connected to anew.
        for daemon in daemons:
            daemon.receiver.close()
            daemon.receiver = daemon.cell.receiver()
        self.scan("203.0.113.4")
        time.sleep(0.4)
        lasted = time.monotonic() - start
        for daemon in daemons:
            with self.subTest(daemon.fault):
                count = self.detach(daemon)
                Faults.injected += count
                self.assertLessEqual(count, MOST_PER_SECOND * lasted + 10, "it spins")
        self.scan(f"198.51.100.{number}")
        for daemon in daemons:
            with self.subTest(daemon.fault):
                # What found no place in the log is on record; the limiter may be silent by now.
                harness.wait_until(lambda: self.has(daemon, f"198.51.100.{number}"),
                                   lambda: f"the next scan: {daemon.lines()} {daemon.errors()}", 15)
                self.assertEqual(0, daemon.finish())
                daemon.accounts().check(self)
                Faults.survived += 1

    def test_every_call_of_the_loops(self):
        harness.tool("strace")
        every = cases()
        for number, at in enumerate(range(0, len(every), TOGETHER), 1):
            self.round(number, every[at:at + TOGETHER])
        self.assertGreater(Faults.injected, len(every) // 2, "most faults never happened")


if __name__ == "__main__":
    harness.main(lambda: f"{len(cases())} faults, {Faults.survived} survived, "
                         f"{Faults.injected} calls failed")
