# The laboratory of the live tests: network namespaces joined by a veth pair, daemons each with its
# own mount and process namespace, /dev/log and /run, and the bookkeeping of skipped tests.
# Namespaces(7), veth(4), packet(7), unix(7). Needs root. Nothing of the machine is changed: the
# namespaces have no name, and they end with the pipes that this process holds, however it ends.
# Does not judge: expectations stand in the test_*.py files.

import collections
import contextlib
import ctypes
import functools
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import frames

SKIPPED = 77  # what CTest knows as "skipped"; see CMakeLists.txt
CLONE_NEWNET = 0x40000000
CAPTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "captures")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a daemon is started with. A sanitizer's leak check traces its own process at exit, which is
# what the daemon has given up the right to.
ENVIRONMENT = {"PATH": PATH, "ASAN_OPTIONS": "detect_leaks=0"}
USER_ID, GROUP_ID = 64901, 64902  # of the account the daemons find in their private /etc/passwd

VICTIM, ATTACKER = "10.77.200.1", "10.77.0.1"
VICTIMS = [f"10.77.200.{host}" for host in range(1, 33)]
OPEN_PORTS = (22, 80, 443)

# A scan that closes a round: its line proves that a daemon is alive and has seen all before it.
SENTINEL = "198.51.100.250"

_libc = ctypes.CDLL(None, use_errno=True)


class Skip(unittest.SkipTest):
    """A part that this machine lacks."""


def wait_until(condition, what, timeout=10.0, step=0.005):
    """Polls until `condition()` is true and returns its value; fails after `timeout` seconds. A
    `what` that can be called is asked then, so that it tells of the end of the wait."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s for {what() if callable(what) else what}")
        time.sleep(step)
    return value


def tool(name):
    """The path of a program; skips the test where it is missing."""
    path = shutil.which(name, path=PATH)
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def our_binary():
    path = os.environ.get("SCANLOGD_BINARY", "")
    if not os.access(path, os.X_OK):
        raise Skip(f"no daemon at SCANLOGD_BINARY={path!r}")
    return path


@functools.cache
def landlock_is_whole():
    """Does the kernel's Landlock know all that scanlogd would have forbidden (Linux 6.12)?"""
    landlock_create_ruleset, version = 444, 1
    return ctypes.CDLL(None).syscall(landlock_create_ruleset, None, 0, version) >= 6


@functools.cache
def _lack_of(backend):
    """Why there is no such back end here; empty where there is one."""
    listed = subprocess.run([our_binary(), "--list"], stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    if backend not in listed.split():
        return f"back end {backend} is not built in"
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if backend == "bpf" and tuple(map(int, version.groups())) < (6, 6):
        return f"back end bpf takes Linux 6.6, this is {version[0]}"
    return ""


def need_back_end(backend):
    """Skips what needs a back end where it is not to be had."""
    if _lack_of(backend):
        raise Skip(_lack_of(backend))


def best_back_end():
    """What `--capture auto` takes here, given all rights."""
    return "ring" if _lack_of("bpf") else "bpf"


def build_folder(name):
    """A folder of ours in the build directory; not in /tmp, where others could put files first."""
    base = os.environ.get("SCANLOGD_BUILD") or os.path.expanduser("~/.cache/scanlogd-live")
    folder = os.path.join(base, name)
    os.makedirs(folder, exist_ok=True)
    return folder


def _output(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def oracle():
    """Debian's scanlogd 2.2.8: $SCANLOGD_ORACLE, or installed, or fetched and unpacked (never
    installed: its service would start). Skips with the reason where there is none."""
    path = _find_oracle()
    if not path:
        raise Skip("Debian's scanlogd 2.2.8 is neither given, installed nor to be downloaded")
    return path


@functools.cache
def _find_oracle():
    given = os.environ.get("SCANLOGD_ORACLE")
    if given:
        return given
    installed = "/usr/sbin/scanlogd"
    if (_output("dpkg", "-S", installed).startswith("scanlogd:")
            and _output("dpkg-query", "-W", "-f=${Version}", "scanlogd").startswith("2.2.8")):
        return installed
    cache = build_folder("live-oracle")
    unpacked = os.path.join(cache, "root/usr/sbin/scanlogd")
    if not os.path.exists(unpacked):
        subprocess.run(["apt-get", "download", "scanlogd"], cwd=cache, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in os.listdir(cache):
            package = os.path.join(cache, name)
            version = _output("dpkg-deb", "-f", package, "Version") if name.endswith(".deb") else ""
            if version.startswith("2.2.8"):
                subprocess.run(["dpkg", "-x", package, os.path.join(cache, "root")], check=True)
    return unpacked if os.path.exists(unpacked) else None


class Holder:
    """A process that keeps namespaces alive until `close`, or until our end of its pipe is gone.
    `flags` go to unshare(1); `setup` is a shell script run inside; `network` is the process whose
    network namespace it joins first."""

    def __init__(self, flags, setup="", network=None):
        join = ["nsenter", f"--net=/proc/{network}/ns/net"] if network else []
        # /proc is still the one of the machine here, so the number is the one seen from outside.
        script = ("set -e\numask 022\nread pid rest </proc/self/stat\n"
                  f"{setup}\necho $pid\nexec cat >/dev/null")
        self._process = subprocess.Popen(
            [*join, "unshare", *flags, "--pid", "--fork", "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        answer = self._process.stdout.readline()
        if not answer:
            reason = self._process.stderr.read().strip()
            self.close()
            if "not permitted" in reason or "denied" in reason:
                raise Skip("no namespaces here: " + reason)
            raise AssertionError("setting up a namespace: " + reason)
        self.pid = int(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._process.stderr.close()

    @contextlib.contextmanager
    def network(self):
        """The calling thread is inside the network namespace; sockets made there stay there."""
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.pid}/ns/net") as there:
            if _libc.setns(there.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                _libc.setns(home.fileno(), CLONE_NEWNET)


class Namespace(Holder):
    """A network namespace."""

    def __init__(self):
        super().__init__(["--net"])

    def argv(self, *command):
        return ["nsenter", f"--target={self.pid}", "--net", "--pid", "--", *command]

    def run(self, *command, timeout=60, check=True, **options):
        """Runs a command inside and returns it; fails with its output unless it exits with 0."""
        done = subprocess.run(self.argv(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=timeout, check=False, **options)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done

    def popen(self, *command):
        return subprocess.Popen(self.argv(*command), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def sysctl(self, name, value):
        with self.network(), open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(str(value))

    def has_sysctl(self, name):
        with self.network():
            return os.path.exists("/proc/sys/" + name.replace(".", "/"))


Datagram = collections.namedtuple("Datagram", "time data")


class Receiver:
    """What listens on a /dev/log: records each datagram, raw, with its monotonic arrival time.
    With `reading` false it is bound but deaf, as a hung syslog daemon is, until `read`."""

    def __init__(self, path, reading=True):
        self.path = path
        self.datagrams = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._reading = reading
        if reading:
            self._thread.start()

    def read(self):
        if not self._reading:
            self._reading = True
            self._thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self._socket, self._stop], [], [])
            if self._socket in ready:
                data = self._socket.recv(65536)
                self.datagrams.append(Datagram(time.monotonic(), data))
            elif self._stop in ready:
                return

    def close(self):
        """Takes what is queued, then goes away with its name, as a stopped syslog daemon does."""
        os.close(self._stopper)
        if self._reading:
            self._thread.join(10)
        self._socket.close()
        os.close(self._stop)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def lines(self):
        """The scan lines (facility daemon, severity alert) without header and ident."""
        return [match["text"] for match in map(parse, self.datagrams) if match["priority"] == "25"]

    def notices(self):
        """(priority, text) of all else that the daemon said, such as the accounts."""
        return [(int(match["priority"]), match["text"]) for match in map(parse, self.datagrams)
                if match["priority"] != "25"]


_MESSAGE = re.compile(r"<(?P<priority>\d+)>(?P<time>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d) "
                      r"scanlogd: (?P<text>[ -~]*)")


def parse(datagram):
    """Priority, time and text of a datagram; anything but the form of the original is a failure."""
    match = _MESSAGE.fullmatch(datagram.data.decode("ascii", "replace"))
    if not match:
        raise AssertionError(f"not a message of scanlogd: {datagram.data!r}")
    return match


# /run, /dev, /etc/passwd and the configuration as a daemon sees them. The rest of the machine's files
# are its own.
_CELL = """
mount -t tmpfs -o mode=755 tmpfs /run
if [ -d /etc/scanlogd ]; then mount -t tmpfs -o mode=755 tmpfs /etc/scanlogd; fi
if [ -d /var/lib/scanlogd ]; then mount -t tmpfs -o mode=755 tmpfs /var/lib; fi
mkdir -p /run/scanlogd /run/.dev
{chroot}
for node in null zero full random urandom tty; do
  : >/run/.dev/$node
  mount --bind /dev/$node /run/.dev/$node
done
mount --rbind /run/.dev /dev
grep -v '^scanlogd:' /etc/passwd >/run/.passwd
grep -v '^scanlogd:' /etc/group >/run/.group
{user}
mount --bind /run/.passwd /etc/passwd
mount --bind /run/.group /etc/group
{zone}
mount -t proc proc /proc
mount -t sysfs sysfs /sys || true
"""


class Cell(Holder):
    """Where one daemon lives: a mount and a process namespace inside a network namespace."""

    def __init__(self, namespace, *, user=True, chroot=True, zone=None):
        setup = _CELL.format(
            chroot="mkdir -m 755 /run/scanlogd/empty" if chroot else "",
            user=f"echo scanlogd:x:{USER_ID}:{GROUP_ID}::/:/bin/false >>/run/.passwd\n"
                 f"echo scanlogd:x:{GROUP_ID}: >>/run/.group" if user else "",
            zone=f"mount --bind /usr/share/zoneinfo/{zone} /etc/localtime" if zone else "")
        super().__init__(["--mount", "--propagation", "private"], setup, network=namespace.pid)
        self._space = os.readlink(f"/proc/{self.pid}/ns/pid")

    def path(self, inside):
        """A path inside, as it is reached from outside."""
        return f"/proc/{self.pid}/root{inside}"

    def receiver(self, **options):
        return Receiver(self.path("/dev/log"), **options)

    def argv(self, *command):
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--", *command]

    def popen(self, *command, env=None, **options):
        return subprocess.Popen(self.argv(*command), env={**ENVIRONMENT, **(env or {})}, **options)

    def run(self, *command, env=None, timeout=20, **options):
        return subprocess.run(self.argv(*command), env={**ENVIRONMENT, **(env or {})}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False, **options)

    def processes(self, binary):
        """The live processes inside that run `binary`, lowest number first."""
        wanted = os.stat(binary)
        found = []
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            with contextlib.suppress(OSError):
                program = os.stat(f"/proc/{pid}/exe")
                if ((program.st_dev, program.st_ino) == (wanted.st_dev, wanted.st_ino)
                        and os.readlink(f"/proc/{pid}/ns/pid") == self._space
                        and status(pid)["State"][0] not in "ZX"):
                    found.append(pid)
        return found


def engines(processes):
    """Of the processes of a daemon those that see packets: all but the first, or the only one."""
    return processes[1:] or processes


def status(pid):
    """/proc/PID/status as a dictionary of strings."""
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").replace("\t", " ").split(": ", 1)
                    if ": " in line.replace("\t", " ") else (line.rstrip(":\n \t"), "")
                    for line in file)


class Daemon:
    """A scanlogd that puts itself into the background, with a receiver on its /dev/log."""

    def __init__(self, lab, name, binary, arguments=(), env=None, **cell_options):
        self.name, self.binary, self.arguments, self.env = name, binary, arguments, env
        self.cell = lab.own(Cell(lab.victim, **cell_options))
        self.receiver = None
        self.pid = None

    def start(self, receiver=True):
        """Starts it and returns once its parent has exited with 0 and it is there."""
        if receiver and not self.receiver:
            self.receiver = self.cell.receiver()
        done = self.cell.run(self.binary, *self.arguments, env=self.env)
        if done.returncode:
            raise AssertionError(f"{self.name}: exit {done.returncode}: {done.stderr}")
        self.pid = wait_until(lambda: self.cell.processes(self.binary), self.name + " to run")[0]
        return done

    @property
    def engines(self):
        """The processes that see packets: all but the first, or the only one."""
        return engines(self.cell.processes(self.binary))

    def alive(self):
        return bool(self.cell.processes(self.binary))

    def stop(self, how=signal.SIGTERM):
        for pid in self.cell.processes(self.binary):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        wait_until(lambda: not self.alive(), self.name + " to end")
        self.pid = None

    def restart(self):
        """A new process and an empty record: tables and rate limit start anew."""
        if self.pid:
            self.stop()
        if self.receiver:
            self.receiver.close()
            self.receiver = None
        self.start()

    def lines(self):
        return self.receiver.lines()


class Accounts:
    """The accounting line, taken apart: `parts["detected"]` is (2, {"lines": 1, ...}), with None
    for a part that has no total of its own, such as that of the detector."""

    _PART = re.compile(r"(?P<name>\w+)(?: (?P<total>\d+))?(?: =|:) "
                       r"(?P<terms>\w+ \d+(?: \+ \w+ \d+)*)")

    def __init__(self, text):
        body = text.removeprefix("scanlogd: ")
        if not body.startswith("seen "):
            raise AssertionError(f"not an accounting line: {text!r}")
        self.parts = {}
        for part in body.split("; "):
            match = self._PART.fullmatch(part)
            if not match:
                raise AssertionError(f"not part of an accounting line: {part!r}")
            terms = {name: int(number)
                     for name, number in re.findall(r"(\w+) (\d+)", match["terms"])}
            self.parts[match["name"]] = (match["total"] and int(match["total"]), terms)

    def total(self, name):
        return self.parts[name][0]

    def terms(self, name):
        return self.parts[name][1]

    def check(self, test):
        """Demands that every sum is exact."""
        processed = self.terms("seen")["processed"]
        test.assertEqual(processed, sum(self.terms("processed").values()), self.parts)
        profile = "classic" if "classic" in self.parts else "full"
        test.assertEqual(self.terms("processed")["inspected"], sum(self.terms(profile).values()),
                         self.parts)
        for name, (total, terms) in self.parts.items():
            if total is not None:
                test.assertEqual(total, sum(terms.values()), f"{name}: {self.parts}")


def _state(pid):
    """The letter of proc(5) for what a process does."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0]


class Foreground:
    """A scanlogd run in the foreground: lines on standard output, the rest on standard error."""

    def __init__(self, lab, binary, *arguments, env=None, cell=None, before=()):
        """`before` is a command that starts it, such as setpriv(1)."""
        self.binary = binary
        self.cell = cell or lab.own(Cell(lab.victim))
        self._output, self._errors = [], []
        self._process = self.cell.popen(*before, binary, *arguments, env=env,
                                        stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._threads = [
            threading.Thread(target=self._collect, args=(stream, into), daemon=True)
            for stream, into in ((self._process.stdout, self._output),
                                 (self._process.stderr, self._errors))]
        for thread in self._threads:
            thread.start()
        lab.own(self)

    @staticmethod
    def _collect(stream, into):
        with stream:
            for line in stream:
                into.append((time.monotonic(), line.rstrip("\n")))

    def wait_ready(self):
        wait_until(lambda: any(text.startswith("scanlogd: watching") for text in self.errors())
                   or self._process.poll() is not None, "scanlogd: watching")
        if self._process.poll() is not None:
            raise AssertionError("ended at start: " + "\n".join(self.errors()))
        return self

    def lines(self):
        return [text for _, text in list(self._output)]

    def timed_lines(self):
        return list(self._output)

    def errors(self):
        return [text for _, text in list(self._errors)]

    @property
    def pid(self):
        return self.cell.processes(self.binary)[0]

    def kill(self, number):
        for pid in self.cell.processes(self.binary):
            os.kill(pid, number)

    def finish(self, how=signal.SIGTERM, timeout=10):
        """Ends it (or with `how` None waits for its own end) and returns the exit status."""
        if how is not None and self._process.poll() is None:
            self.kill(how)
        code = self._process.wait(timeout)
        for thread in self._threads:
            thread.join(timeout)
        return code

    @property
    def engines(self):
        """The processes that see packets: all but the first, or the only one."""
        return engines(self.cell.processes(self.binary))

    def stop(self, processes=None):
        """Stops the engines, or `processes`, and waits until they are; what started the first
        process stops with it (nsenter(1))."""
        stopped = list(processes or self.engines)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        if self.pid in stopped:
            stopped.append(self._process.pid)
        wait_until(lambda: all(_state(pid) == "T" for pid in stopped), "the process to stop")
        return stopped

    def resume(self, stopped):
        """Lets all that `stop` returned go on. nsenter(1) wakes its child once more when it goes on
        itself: that must be over, or it would undo the next stop."""
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        if self._process.pid in stopped:
            wait_until(lambda: _state(self._process.pid) == "S", "nsenter to wait again")

    def accounts(self):
        return Accounts(self.errors()[-1])

    def close(self):
        if self._process.poll() is None:
            self.kill(signal.SIGKILL)
            self._process.wait(10)


class Lab:
    """An attacker and a victim, each in its network namespace, joined by veth: atk0 and vic0."""

    def __init__(self):
        self._owned = []
        try:
            self.attacker = self.own(Namespace())
            self.victim = self.own(Namespace())
            self._connect()
        except BaseException:
            self.close()
            raise

    def own(self, thing):
        """Closed with the laboratory, last made first."""
        self._owned.append(thing)
        return thing

    def close(self):
        while self._owned:
            with contextlib.suppress(OSError, AssertionError):
                self._owned.pop().close()

    def _connect(self):
        here, there = (mac.hex(":") for mac in (frames.ATTACKER_MAC, frames.VICTIM_MAC))
        self.attacker.run("ip", "link", "add", "atk0", "address", here, "type", "veth",
                          "peer", "name", "vic0", "address", there,
                          "netns", f"/proc/{self.victim.pid}/ns/net")
        for side, device in ((self.attacker, "atk0"), (self.victim, "vic0")):
            for family in ("all", device):
                side.sysctl(f"net.ipv4.conf.{family}.rp_filter", 0)
            if side.has_sysctl("net.ipv6.conf.all.accept_dad"):
                side.sysctl(f"net.ipv6.conf.{device}.accept_dad", 0)
                # No address of the link itself: whoever has one joins groups and says so.
                side.sysctl(f"net.ipv6.conf.{device}.addr_gen_mode", 1)
            # Offloads would join segments on their way; without ethtool they stay on, which costs
            # nothing here: a probe is smaller than a segment.
            if path := shutil.which("ethtool", path=PATH):
                side.run(path, "-K", device, "gso", "off", "gro", "off", "tso", "off", check=False)
        # Fixed neighbours: no ARP between a probe and its answer. All sources are routable.
        self._ip(self.attacker, ["link set lo up",
                                 *(f"addr add 10.77.0.{n}/16 brd + dev atk0" for n in range(1, 10)),
                                 "link set atk0 up", "route add default via " + VICTIM,
                                 *(f"neigh replace {address} lladdr {there} dev atk0 nud permanent"
                                   for address in VICTIMS)])
        self._ip(self.victim, ["link set lo up",
                               *(f"addr add {address}/16 brd + dev vic0" for address in VICTIMS),
                               "link set vic0 up", "route add default via " + ATTACKER,
                               *(f"neigh replace 10.77.0.{n} lladdr {here} dev vic0 nud permanent"
                                 for n in range(1, 10))])
        with self.victim.network():
            for port in OPEN_PORTS:
                server = socket.create_server(("0.0.0.0", port), backlog=64)
                self.own(server)
        with self.attacker.network():
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.wire.bind(("atk0", 0))
        self.own(self.wire)

    @staticmethod
    def _ip(namespace, commands):
        namespace.run("ip", "-batch", "-", input="\n".join(commands) + "\n")

    def send(self, data):
        """Puts frames on the attacker's end of the wire, no faster than raw sockets take them."""
        for number, frame in enumerate(data):
            if number % 32 == 31:
                self.drained()
            self.wire.send(frame)

    def replay(self, capture, pace=None):
        """Sends what a capture holds for the victim: as fast as it is taken, or with `pace` 1 at
        the speed at which it was recorded."""
        data = frames.inbound(frames.read_pcap(os.path.join(CAPTURES, capture + ".pcap")))
        if pace is None:
            self.send(frame.data for frame in data)
            return
        start = time.monotonic() - data[0].time / pace
        for frame in data:
            time.sleep(max(0.0, start + frame.time / pace - time.monotonic()))
            self.wire.send(frame.data)

    def sentinel(self):
        """The scan that closes a round; see SENTINEL."""
        self.send(frames.probe(SENTINEL, VICTIM, port, sport=7777) for port in range(1, 8))

    def raw_sockets(self):
        """(bytes waiting, drops) of each raw socket of the victim."""
        with open(f"/proc/{self.victim.pid}/net/raw") as file:
            rows = [line.split() for line in file][1:]
        return [(int(row[4].split(":")[1], 16), int(row[12])) for row in rows]

    def drained(self):
        """Waits until no packet waits in a raw socket of the victim."""
        wait_until(lambda: all(waiting == 0 for waiting, _ in self.raw_sockets()),
                   "the raw sockets to be read", step=0.0005)

    def drops(self):
        return sum(drops for _, drops in self.raw_sockets())


class Case(unittest.TestCase):
    """A test class with a laboratory of its own."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)


class WatchCase(Case):
    """A test class whose daemons run in the foreground, all in one cell of the victim."""

    ARGUMENTS = ()  # of each daemon, before those that a test gives

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = our_binary()
        cls.cell = cls.lab.own(Cell(cls.lab.victim))

    def watch(self, backend, *arguments):
        """The daemon, ready."""
        need_back_end(backend)
        daemon = Foreground(self.lab, self.binary, "-f", "-c", backend, *self.ARGUMENTS, *arguments,
                            env={"TZ": "UTC"}, cell=self.cell)
        self.addCleanup(daemon.close)
        return daemon.wait_ready()


def main(last_line=None, verbosity=2):
    """Runs the tests of the calling file. Exit status: 0, 1 for a failure, SKIPPED when no test ran
    whole. What was skipped is counted by reason here, and once more by `report_skips`.
    `last_line()`, if given, is printed last."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    if os.geteuid() != 0:
        print(f"{name}: skipped: needs root")
        sys.exit(SKIPPED)
    os.umask(0o022)  # the daemons' user must reach what the tests put into their cells
    result = unittest.main(module="__main__", exit=False, verbosity=verbosity).result
    sys.stderr.flush()
    reasons = collections.Counter(reason for _, reason in result.skipped)
    skips = [f"{name}: {count} skipped: {reason}" for reason, count in reasons.items()]
    with open(os.path.join(build_folder("live-skips"), name), "w") as file:
        file.writelines(line + "\n" for line in skips)
    for line in skips:
        print(line)
    print(f"{name}: {result.testsRun} tests, {reasons.total()} parts skipped")
    if last_line:
        print(last_line())
    if not result.wasSuccessful():
        sys.exit(1)
    touched = {getattr(test, "test_case", test).id() for test, _ in result.skipped}
    sys.exit(SKIPPED if touched and len(touched) >= result.testsRun else 0)


def report_skips():
    """The last test of the folder: shows as skipped, with the reasons, where any test left out a
    part."""
    folder = build_folder("live-skips")
    lines = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            lines += file.read().splitlines()
    print("; ".join(lines) if lines else "nothing was skipped")
    sys.exit(SKIPPED if lines else 0)


if __name__ == "__main__":
    report_skips()
