# System calls of the running daemon that fail although they should not: the first, the second, the
# third, or every one, with whatever errno the call may have. It must not end, not spin, and find the
# next scan once the fault is gone. strace(1) makes them fail, so the daemons run without a sandbox:
# the filter would see a call that strace has undone as one that it does not know.

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

PORTS = range(1, 8)  # the fewest that are a scan
STATE, EVENTS = "/run/state", "/run/log/eve.json"
CONFIG, CONTROL = "/run/scanlogd.toml", "/run/control/socket"
TOGETHER = 12  # daemons that suffer at once
MOST_PER_SECOND = 35  # ten rounds, each of which may make a call for several ends
# What the test itself gives them to do: three times signals, questions, a scan, an interface and a log, ten
# wakes, each of which may call twice, as an interrupted poll does once. A loop that spins makes thousands.
FOR_THE_WORK = 3 * 10 * 2

COMMON = ("EINTR", "EAGAIN", "ENOMEM", "EIO")
SOCKET = (*COMMON, "ENOBUFS", "ENETDOWN", "ENOTCONN", "ECONNREFUSED")
FILE = ("EIO", "ENOMEM", "EACCES", "EMFILE")
DISK = ("ENOSPC", "EIO", "EDQUOT")  # SQLite itself writes again at once after EINTR, which no disk gives
# Of each process and back end: which call, which errors. close(2) is not among them: strace would leave
# open what the kernel closes, whatever it says.
CALLS = [
    ("engine", "ring", {
        "poll": COMMON, "read": COMMON, "recvfrom": SOCKET, "recvmsg": SOCKET, "sendmsg": SOCKET,
        "getsockopt": ("EIO", "ENOMEM", "ENOBUFS")}),
    ("engine", "raw", {
        "poll": COMMON, "read": COMMON, "recvmmsg": SOCKET, "sendmsg": SOCKET, "getsockopt": ("EIO", "ENOMEM")}),
    ("engine", "bpf", {"poll": COMMON, "read": COMMON, "sendmsg": SOCKET}),
    ("engine", "pcap", {"poll": COMMON, "read": COMMON, "sendmsg": SOCKET, "getsockopt": ("EIO", "ENOMEM")}),
    ("engine", "nids", {"poll": COMMON, "read": COMMON, "sendmsg": SOCKET, "getsockopt": ("EIO", "ENOMEM")}),
    ("recorder", "ring", {
        "poll": COMMON, "read": COMMON, "recvmsg": SOCKET, "kill": ("EPERM", "EAGAIN"),
        "sendto": (*SOCKET, "EMSGSIZE", "EPIPE"),
        "connect": (*SOCKET, "ENOENT", "EACCES"),
        "socket": ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"),
        "accept4": (*SOCKET, "EMFILE", "ENFILE", "ECONNABORTED"),
        "write": (*COMMON, "ENOSPC", "EDQUOT", "EFBIG"),
        "pwrite64": DISK, "fdatasync": DISK, "pread64": ("EIO",),
        "fcntl": ("EIO", "ENOMEM", "EAGAIN", "ENOLCK"),
        "openat": (*FILE, "ENFILE", "ENOSPC", "EINTR"),
        "newfstatat": FILE, "chdir": ("EIO", "ENOMEM", "EACCES"), "fchdir": ("EIO", "EACCES")}),
]
WHEN = ("1", "2", "3", "1+", "2+", "3+")


def cases():
    """Every call with every error, each at another of its calls, once or from then on; with
    SCANLOGD_ALL_FAULTS set, at each."""
    every = [(who, backend, call, error) for who, backend, calls in CALLS
             for call, errors in calls.items() for error in errors]
    if os.environ.get("SCANLOGD_ALL_FAULTS"):
        return [(*case, when) for case in every for when in WHEN]
    return [(*case, WHEN[number % len(WHEN)]) for number, case in enumerate(every)]


class Faults(harness.Case):
    tried = 0  # faults
    met = 0  # of them, those that came to pass
    survived = 0  # of those
    injected = 0
    unmet = []

    def suffer(self, who, backend, call, error, when):
        """A daemon in a cell of its own."""
        cell = harness.Cell(self.lab.victim)
        self.addCleanup(cell.close)
        for folder in (STATE, os.path.dirname(EVENTS), os.path.dirname(CONTROL)):
            os.mkdir(cell.path(folder))
            os.chown(cell.path(folder), USER_ID, GROUP_ID)
        with open(cell.path(CONFIG), "w") as file:
            file.write(f'[daemon]\nstate = "{STATE}"\ncontrol = "{CONTROL}"\n'
                       f'[capture]\nbackend = "{backend}"\ninterfaces = ["vic0"]\n'
                       f'[log.eve]\npath = "{EVENTS}"\n')
        receiver = cell.receiver()
        daemon = harness.Foreground(self.lab, harness.our_binary(), "-f", "--no-sandbox",
                                    "--config", CONFIG, "--log", "stdout,syslog,eve", cell=cell, env={"TZ": "UTC"})
        daemon.receiver = receiver
        self.addCleanup(daemon.close)
        self.addCleanup(lambda: daemon.receiver.close())  # the one of then
        daemon.fault = f"{who} {backend}: {call} = {error}, call {when}"
        daemon.target = (who, call, error, when)
        return daemon

    def attach(self, daemon):
        """strace on its way into one of its processes."""
        who, call, error, when = daemon.target
        daemon.processes = daemon.cell.processes(daemon.binary)
        pid = daemon.processes[0] if who == "recorder" else daemon.processes[1]
        daemon.trace = f"/tmp/scanlogd-fault-{os.getpid()}-{pid}"
        self.addCleanup(lambda path=daemon.trace: os.path.exists(path) and os.unlink(path))
        daemon.tracer = subprocess.Popen(
            [harness.tool("strace"), "-q", "-p", str(pid), "-o", daemon.trace, "-e",
             "trace=" + call, "-e", f"inject={call}:error={error}:when={when}"],
            stderr=subprocess.PIPE, text=True)
        harness.wait_until(lambda: int(harness.status(pid)["TracerPid"]) == daemon.tracer.pid,
                           "strace to be there")

    @staticmethod
    def detach(daemon):
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

    def ask(self, daemon, question=b"1 status"):
        """Asks on the control socket; the answer is nobody's business yet."""
        asker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        self.addCleanup(asker.close)
        asker.settimeout(10)
        with contextlib.suppress(OSError):  # one that was not accepted
            asker.connect(daemon.cell.path(CONTROL))
            asker.send(question)
        return asker

    def work(self, daemon, step):
        """Signals, accounts, the configuration, the log, a client: all have work."""
        for number in (signal.SIGUSR1, signal.SIGHUP) if step else (signal.SIGUSR1,):
            with contextlib.suppress(ProcessLookupError):  # is found out below
                os.kill(daemon.processes[0], number)
        self.ask(daemon).close()
        self.ask(daemon, b"1 explain 203.0.113.1").close()  # takes a word with the engine

    def disturb(self, daemons):
        for step in range(3):
            self.scan(f"203.0.113.{1 + step}")
            for daemon in daemons:
                self.work(daemon, step)
            # What engines hear about interfaces.
            self.lab.victim.run("ip", "link", "set", "vic0", "mtu", str(1400 + step))
            time.sleep(0.4)  # the fault is to last for a while
            # A log that went away has to be connected to anew.
            for daemon in daemons:
                daemon.receiver.close()
                daemon.receiver = daemon.cell.receiver()
        self.scan("203.0.113.4")
        time.sleep(0.4)

    def round(self, number, group):
        daemons = [self.suffer(*case) for case in group]
        for daemon in daemons:
            daemon.wait_ready()
        for daemon in daemons:
            self.attach(daemon)
        start = time.monotonic()
        self.disturb(daemons)
        lasted = time.monotonic() - start
        for daemon in daemons:
            daemon.injected = self.detach(daemon)
        source = f"198.51.100.{1 + number}"
        self.scan(source)
        for daemon in daemons:
            with self.subTest(daemon.fault):
                Faults.injected += daemon.injected
                if daemon.injected == 0:
                    Faults.unmet.append(daemon.fault)
                else:
                    Faults.met += 1
                self.assertLessEqual(daemon.injected, MOST_PER_SECOND * lasted + FOR_THE_WORK, "it spins")
                # What found no place in the log is on record; the limiter may be silent by now.
                harness.wait_until(lambda: self.has(daemon, source),
                                   lambda: f"the next scan: {daemon.lines()} {daemon.errors()}", 5)
                self.assertIn(b"uptime", self.ask(daemon).recv(65536))
                self.assertEqual(0, daemon.finish(), daemon.errors())
                daemon.accounts().check(self)
                if daemon.injected > 0:
                    Faults.survived += 1

    def test_every_call_of_the_loops(self):
        harness.tool("strace")
        every = []
        for backend in sorted({case[1] for case in cases()}):
            with self.subTest(backend):
                harness.need_back_end(backend)
                every += [case for case in cases() if case[1] == backend]
        Faults.tried = len(every)
        for number, at in enumerate(range(0, len(every), TOGETHER)):
            self.round(number, every[at:at + TOGETHER])
            self.doCleanups()
        self.assertLessEqual(len(Faults.unmet), len(every) // 20, Faults.unmet)


def figures():
    return (f"{Faults.tried} faults, {len(Faults.unmet)} of which never came to their call, "
            f"{Faults.injected} calls failed\n"
            f"faults: {Faults.survived} of {Faults.met}: no crash, no spin, recovered")


if __name__ == "__main__":
    harness.main(figures)
