# The daemon as a process: how it starts and what it gives up, what it says when it cannot start,
# the system log going away, hanging and coming back, signals, time zones, and the flood that blinds
# the original. scanlogd(8), capabilities(7), proc(5), sd_notify(3).
# Where Debian's scanlogd promises the same, it is held to the same test.

import datetime
import functools
import os
import re
import signal
import socket
import stat
import time
import zoneinfo

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

PORTS = range(1, 8)  # the fewest that are a scan
ACCOUNTS_PRIORITY = 30  # facility daemon, severity info


def both(**options):
    """Runs a test twice: with Debian's daemon and with ours."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for make in (Lab.theirs, Lab.ours):
                with self.subTest(make.__name__):
                    test(self, make(self, **options))
        return run
    return decorate


class Lab(harness.Case):
    def ours(self, *arguments, **options):
        return self.daemon("ours", harness.our_binary(), arguments, **options)

    def theirs(self, **options):
        return self.daemon("Debian's", harness.oracle(), (), **options)

    def daemon(self, name, binary, arguments, env=None, **options):
        daemon = harness.Daemon(self.lab, name, binary, arguments,
                                env={"TZ": "UTC"} if env is None else env, **options)
        self.addCleanup(daemon.cell.close)
        return daemon

    def scan(self, source, ports=PORTS):
        self.lab.send(probe(source, VICTIM, port) for port in ports)

    @staticmethod
    def sources(receiver):
        return [line.split(":")[0] for line in receiver.lines()]

    def wait_lines(self, receiver, sources, timeout=10.0):
        """Waits for a line from each of `sources`; demands these, in this order, and no other."""
        harness.wait_until(lambda: len(receiver.lines()) >= len(sources),
                           lambda: f"lines from {sources}; there are {receiver.lines()}", timeout)
        self.assertEqual(sources, self.sources(receiver))

    def wait_accounts(self, receiver, number):
        harness.wait_until(lambda: len(self.accounts(receiver)) >= number, f"{number} accounts")
        return self.accounts(receiver)

    @staticmethod
    def accounts(receiver):
        return [harness.Accounts(text) for priority, text in receiver.notices()
                if priority == ACCOUNTS_PRIORITY and text.startswith("seen ")]


class Start(Lab):
    """What is left of root once it runs."""

    @both()
    def test_daemonises(self, daemon):
        """No arguments: silent, exit status 0, and alive behind the parent."""
        done = daemon.start()
        self.assertEqual(("", ""), (done.stdout, done.stderr))
        with open(f"/proc/{daemon.pid}/stat") as file:
            fields = file.read().rpartition(") ")[2].split()
        _, _, group, session, terminal = fields[:5]
        self.assertEqual((str(daemon.pid), "0"), (session, terminal), "session leader, no terminal")
        self.assertEqual(str(daemon.pid), group)
        for number in (0, 1, 2):
            self.assertEqual(os.makedev(1, 3), os.stat(f"/proc/{daemon.pid}/fd/{number}").st_rdev)
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])

    @both()
    def test_identity(self, daemon):
        """The user's ids and no group else; the empty directory is all of the file system."""
        daemon.start()
        for pid in daemon.cell.processes(daemon.binary):
            status = harness.status(pid)
            self.assertEqual([str(USER_ID)] * 4, status["Uid"].split())
            self.assertEqual([str(GROUP_ID)] * 4, status["Gid"].split())
            # Debian's keeps its own group in the list, which gives it nothing.
            allowed = [""] if daemon.name == "ours" else ["", str(GROUP_ID)]
            self.assertIn(status["Groups"].strip(), allowed)
            for kind in ("CapInh", "CapPrm", "CapEff"):
                self.assertEqual(0, int(status[kind], 16), kind)
            self.assertTrue(os.path.samestat(os.stat(f"/proc/{pid}/root"),
                                             os.stat(daemon.cell.path("/run/scanlogd/empty"))))
            self.assertEqual([], os.listdir(f"/proc/{pid}/root"))

    def test_confinement(self):
        """What the original does not give up: the bounding set, new privileges by exec."""
        daemon = self.ours()
        daemon.start()
        for pid in daemon.cell.processes(daemon.binary):
            status = harness.status(pid)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(0, int(status[kind], 16), kind)
            self.assertEqual("1", status["NoNewPrivs"].strip())

    def test_descriptors(self):
        """Open: /dev/null, what wakes the loop, and the link between the two; the engine alone has
        the capture, the recorder alone the log. Nothing listens but the control socket."""
        for backend, kind in (("raw", "raw socket"), ("ring", "packet socket")):
            with self.subTest(backend):
                daemon = self.ours("--capture", backend)
                daemon.start()
                self.scan("203.0.113.1")
                self.wait_lines(daemon.receiver, ["203.0.113.1"])
                recorder, engine = daemon.cell.processes(daemon.binary)
                self.assert_descriptors(recorder, {"unix socket": 2, "listening unix socket": 1})
                self.assert_descriptors(engine, {"unix socket": 1, "netlink socket": 1, kind: 1})

    def test_descriptors_of_one_process(self):
        daemon = self.ours("--capture", "ring", "--single")
        daemon.start()
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])
        (pid,) = daemon.cell.processes(daemon.binary)
        self.assert_descriptors(pid, {"unix socket": 1, "listening unix socket": 1,
                                      "netlink socket": 1, "packet socket": 1})

    def assert_descriptors(self, pid, sockets):
        kinds = {}
        for number in os.listdir(f"/proc/{pid}/fd"):
            kinds.setdefault(self.kind(pid, number), []).append(number)
        self.assertEqual(3, len(kinds.pop("/dev/null")), kinds)
        for kind, number in sockets.items():
            self.assertEqual(number, len(kinds.pop(kind, [])), kinds)
        self.assertLessEqual(len(kinds.pop("directory by path only", [])), 3, kinds)
        self.assertLessEqual(set(kinds), {"signalfd", "eventfd", "timerfd", "eventpoll"})

    def kind(self, pid, number):
        """What a descriptor is, in words."""
        target = os.readlink(f"/proc/{pid}/fd/{number}")
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            return self.socket_kind(match[1])
        if match := re.fullmatch(r"anon_inode:\[?(\w+)\]?", target):
            return match[1]
        status = os.stat(f"/proc/{pid}/fd/{number}")
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3):
            return "/dev/null"
        with open(f"/proc/{pid}/fdinfo/{number}") as file:
            flags = int(re.search(r"flags:\s*(\d+)", file.read())[1], 8)
        if stat.S_ISDIR(status.st_mode) and flags & 0o10000000:  # O_PATH: cannot be read or listed
            return "directory by path only"
        return target

    def socket_kind(self, inode):
        for table, column, kind in (("raw", 9, "raw socket"), ("packet", 8, "packet socket"),
                                    ("unix", 6, "unix socket"), ("netlink", 9, "netlink socket"), ("tcp", 9, "TCP socket"),
                                    ("udp", 9, "UDP socket")):
            with open(f"/proc/{self.lab.victim.pid}/net/{table}") as file:
                for line in file.readlines()[1:]:
                    fields = line.split()
                    if fields[column] == inode:
                        listens = table == "unix" and int(fields[3], 16) & 0x10000
                        return "listening " + kind if listens else kind
        return "unknown socket"

    @both()
    def test_order(self, daemon):
        """The capture comes first, the user last before the one who called is told that all is
        well; whoever has given up root opens nothing more."""
        strace = harness.tool("strace")
        daemon.receiver = daemon.cell.receiver()
        tracer = daemon.cell.popen(strace, "-f", "-o", "/run/trace", daemon.binary, env=daemon.env)
        trace = daemon.cell.path("/run/trace")
        harness.wait_until(lambda: os.path.exists(trace) and "exited with" in read(trace),
                           "the parent to exit")
        daemon.stop()
        tracer.wait(10)
        calls = traced(read(trace))
        order = [position(calls, pattern)
                 for pattern in (r"(socket\(AF_INET, SOCK_RAW|bpf\(BPF_LINK_CREATE|socket\(AF_PACKET).* = \d",
                                 r"chroot\(.* = 0", r"setgroups\(.* = 0", r"set(res|re)?gid\(.* = 0",
                                 r"set(res|re)?uid\(.* = 0", r"exit_group\(0")]
        self.assertNotIn(None, order, "\n".join(call for _, call in calls))
        self.assertEqual(sorted(order), order, "\n".join(call for _, call in calls))
        for pid in {pid for pid, _ in calls}:
            mine = [(pid, call) for who, call in calls if who == pid]
            changed = position(mine, r"set(res|re)?uid\(.* = 0")
            if changed is not None:
                self.assertIsNone(position(mine[changed:], r"open(at)?\(.* = \d"),
                                  "opens a file after it gave up root")

    def test_rights_without_root(self):
        """As a systemd unit starts it: the user, with CAP_NET_RAW and nothing else; that goes."""
        setpriv = harness.tool("setpriv")
        binary = harness.our_binary()
        cell = self.lab.own(harness.Cell(self.lab.victim))
        daemon = harness.Foreground(
            self.lab, binary, "-f", "--log", "syslog,stdout", cell=cell, env={"TZ": "UTC"},
            before=(setpriv, "--reuid", str(USER_ID), "--regid", str(GROUP_ID), "--clear-groups",
                    "--inh-caps", "-all,+net_raw", "--ambient-caps", "-all,+net_raw"))
        receiver = cell.receiver()
        daemon.wait_ready()
        status = harness.status(daemon.pid)
        self.assertEqual([str(USER_ID)] * 4, status["Uid"].split())
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(0, int(status[kind], 16), kind)
        self.assertEqual("1", status["NoNewPrivs"].strip())
        self.scan("203.0.113.1")
        self.wait_lines(receiver, ["203.0.113.1"])
        self.assertEqual(0, daemon.finish())
        self.assertEqual(1, len(daemon.lines()), daemon.lines())

    def test_notify_socket(self):
        """READY=1 once it watches, STOPPING=1 when it is told to end."""
        cell = self.lab.own(harness.Cell(self.lab.victim))
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(cell.path("/run/notify"))
        os.chmod(cell.path("/run/notify"), 0o666)
        manager.settimeout(10)
        daemon = harness.Foreground(self.lab, harness.our_binary(), "-f", "-c", "raw", cell=cell,
                                    env={"NOTIFY_SOCKET": "/run/notify"})
        self.assertIn(b"READY=1", manager.recv(4096).split(b"\n"))
        self.assertEqual(1, len(self.lab.raw_sockets()), "ready, yet no capture is open")
        self.assertEqual(0, daemon.finish())
        self.assertIn(b"STOPPING=1", manager.recv(4096).split(b"\n"))


def read(path):
    with open(path) as file:
        return file.read()


def traced(text):
    """(process, call) of each call in the output of `strace -f`, in the order of their ends; those
    that others interrupt are put together again."""
    calls, begun = [], {}
    for line in text.splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith(" <unfinished ...>"):
            begun[pid] = call.removesuffix(" <unfinished ...>")
            if not call.startswith("exit_group("):
                continue
        if match := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
            call = begun.pop(pid, "") + match[1]
        calls.append((pid, call))
    return calls


def position(calls, pattern):
    return next((n for n, (_, call) in enumerate(calls) if re.match(pattern, call)), None)


class Refusals(Lab):
    """What it says where it cannot start: `operation(object): reason`, and how to mend it."""

    def refused(self, *arguments, pattern, before=(), **cell_options):
        cell = self.lab.own(harness.Cell(self.lab.victim, **cell_options))
        self.addCleanup(cell.close)
        binary = harness.our_binary()
        done = cell.run(*before, binary, *arguments)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual([], cell.processes(binary))
        return done.stderr

    def test_no_user(self):
        for check in ([], ["--check"]):
            self.refused(*check, user=False,
                         pattern=r"^scanlogd: \w+\(scanlogd\): .*useradd .*scanlogd$")

    def test_no_directory(self):
        for check in ([], ["--check"]):
            self.refused(*check, chroot=False,
                         pattern=r"^scanlogd: \w+\(/run/scanlogd/empty\): No such file or directory"
                                 r".*(install -d|mkdir).* /run/scanlogd/empty$")

    def test_directory_that_its_user_may_write(self):
        cell = self.lab.own(harness.Cell(self.lab.victim))
        os.chown(cell.path("/run/scanlogd/empty"), USER_ID, GROUP_ID)
        done = cell.run(harness.our_binary())
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr,
                         r"^scanlogd: \w+\(/run/scanlogd/empty\): .*with: (install|chown) ")

    def test_no_interface(self):
        for backend in ("raw", "pcap", "ring", "auto"):
            with self.subTest(backend):
                self.refused("-c", backend, "-i", "nosuch0",
                             pattern=r"^scanlogd: \w+\(.*nosuch0.*\): .*ip (link|addr)")

    def test_no_right(self):
        setpriv = harness.tool("setpriv")
        for backend in ("raw", "pcap", "ring", "auto"):
            with self.subTest(backend):
                self.refused("-c", backend,
                             pattern=r"^scanlogd: .*\w+\(.*\): Operation not permitted.*root",
                             before=(setpriv, "--reuid", str(USER_ID), "--regid", str(GROUP_ID),
                                     "--clear-groups"))

    def test_bad_options(self):
        for arguments, named in (
                (["--nosuch"], "--nosuch"), (["operand"], "operand"),
                (["--profile", "crystal-ball"], "crystal-ball"),
                (["--capture", "telepathy"], "telepathy"), (["--log", "paper"], "paper"),
                (["--threshold", "many"], "many"), (["--threshold", "21,3s,3,1,9"], "21,3s"),
                (["--delay", "-1s"], "-1s"), (["--sources", "0"], "sources"),
                (["--local", "10.0.0.0/33"], "10.0.0.0/33"), (["--user", "root"], "root"),
                (["--chroot", "/etc"], "/etc"), (["--interface"], "--interface")):
            with self.subTest(arguments):
                self.refused(*arguments, pattern=r"^scanlogd: .*" + re.escape(named))

    def test_check(self):
        """--check does what a start does, says so, and leaves nothing behind."""
        cell = self.lab.own(harness.Cell(self.lab.victim))
        done = cell.run(harness.our_binary(), "--check")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertNotEqual("", done.stdout)
        self.assertEqual([], cell.processes(harness.our_binary()))
        self.assertEqual([], self.lab.raw_sockets())


class SystemLog(Lab):
    """No line is lost, whatever happens to /dev/log, and no packet either."""

    def test_restart(self):
        """Gone and back: what was found meanwhile follows, in order, without a new scan."""
        daemon = self.ours()
        daemon.start()
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])
        before = daemon.receiver
        before.close()
        self.scan("203.0.113.2")
        self.scan("203.0.113.3")
        self.lab.drained()
        after = daemon.cell.receiver()
        self.wait_lines(after, ["203.0.113.2", "203.0.113.3"])
        self.scan("203.0.113.4")
        self.wait_lines(after, ["203.0.113.2", "203.0.113.3", "203.0.113.4"])
        self.assertEqual(["203.0.113.1"], self.sources(before))
        # The header says when the scan was found, not when the log came back.
        for datagram in after.datagrams:
            match = harness.parse(datagram)
            self.assertTrue(match["text"].endswith("@" + match["time"][-8:]) or near(match))
        daemon.stop()
        after.close()
        accounts = self.accounts(after)[-1]
        accounts.check(self)
        self.assertEqual(0, accounts.terms("messages")["lost"])

    def test_restart_blinds_the_original(self):
        """Why ours has a writer of its own: Debian's never finds the log again."""
        daemon = self.theirs()
        daemon.start()
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])
        daemon.receiver.close()
        self.scan("203.0.113.2")
        self.lab.drained()
        after = daemon.cell.receiver()
        self.scan("203.0.113.3")
        self.lab.drained()
        time.sleep(0.5)  # for a line that is not expected
        self.assertEqual([], after.lines())
        after.close()

    def test_hang(self):
        """A log daemon that does not read: packets go on being processed, lines wait for it."""
        self.lab.victim.sysctl("net.unix.max_dgram_qlen", 10)
        daemon = self.ours()
        with self.lab.victim.network():
            daemon.receiver = daemon.cell.receiver(reading=False)
        daemon.start()
        for _ in range(20):  # each brings a message; the socket's queue takes 11
            os.kill(daemon.pid, signal.SIGUSR1)
            time.sleep(0.01)  # signals of one kind that wait are one signal
        sources = [f"203.0.113.{host}" for host in range(1, 5)]
        for source in sources:
            self.scan(source)
        flood = 5000
        self.lab.send(probe("203.0.113.99", VICTIM, 80, sport=1 + n) for n in range(flood))
        self.lab.drained()
        self.assertEqual(0, self.lab.drops(), "packets lost while the log hangs")
        daemon.receiver.read()
        self.wait_lines(daemon.receiver, sources)
        received = len(self.accounts(daemon.receiver))
        self.assertGreater(received, 11, "the queue was never full: nothing was tested")
        os.kill(daemon.pid, signal.SIGUSR1)
        accounts = self.wait_accounts(daemon.receiver, received + 1)[-1]
        accounts.check(self)
        self.assertGreaterEqual(accounts.terms("seen")["processed"], flood + 4 * len(PORTS))
        self.assertEqual(0, accounts.terms("seen")["dropped"])
        self.assertEqual(0, accounts.terms("messages")["lost"])

    def test_absent_at_start(self):
        """No /dev/log yet: it starts, and what it finds is there once the log is."""
        daemon = self.ours()
        daemon.start(receiver=False)
        self.scan("203.0.113.1")
        self.lab.drained()
        daemon.receiver = daemon.cell.receiver()
        self.wait_lines(daemon.receiver, ["203.0.113.1"])

    def test_wrong_kind_at_start(self):
        """A plain file where the socket should be, replaced later."""
        daemon = self.ours()
        path = daemon.cell.path("/dev/log")
        with open(path, "w"):
            pass
        daemon.start(receiver=False)
        self.scan("203.0.113.1")
        self.lab.drained()
        os.unlink(path)
        daemon.receiver = daemon.cell.receiver()
        self.wait_lines(daemon.receiver, ["203.0.113.1"])

    def test_link_of_the_journal(self):
        """/dev/log is a link into /run where systemd's journal listens; it is found again there."""
        daemon = self.ours()
        os.makedirs(daemon.cell.path("/run/systemd/journal"))
        os.symlink("/run/systemd/journal/dev-log", daemon.cell.path("/dev/log"))
        inside = daemon.cell.path("/run/systemd/journal/dev-log")
        daemon.receiver = harness.Receiver(inside)
        daemon.start()
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])
        daemon.receiver.close()
        self.scan("203.0.113.2")
        self.lab.drained()
        daemon.receiver = harness.Receiver(inside)
        self.wait_lines(daemon.receiver, ["203.0.113.2"])


def near(match):
    """Is the clock of the header at most a second after that of the line?"""
    found = datetime.datetime.strptime(match["text"][-8:], "%H:%M:%S")
    header = datetime.datetime.strptime(match["time"][-8:], "%H:%M:%S")
    return datetime.timedelta() <= header - found <= datetime.timedelta(seconds=1)


class Signals(Lab):
    def test_survivors_and_the_end(self):
        """HUP and USR1 never kill; TERM ends with the accounts."""
        daemon = self.ours()
        daemon.start()
        for number in range(100):
            os.kill(daemon.pid, (signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE)[number % 3])
            if number % 10 == 0:
                self.lab.send([probe("203.0.113.9", VICTIM, 80)])
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])
        self.wait_accounts(daemon.receiver, 1)
        self.assertTrue(daemon.alive())
        daemon.stop(signal.SIGTERM)
        daemon.receiver.close()
        self.assertTrue(daemon.receiver.notices()[-1][1].startswith("seen "))
        accounts = self.accounts(daemon.receiver)[-1]
        accounts.check(self)
        self.assertEqual(1, accounts.terms("detected")["delivered"])
        self.assertGreaterEqual(accounts.total("seen"), 10 + len(PORTS))

    def test_hup_kills_the_original(self):
        daemon = self.theirs()
        daemon.start()
        os.kill(daemon.pid, signal.SIGHUP)
        harness.wait_until(lambda: not daemon.alive(), "it to die")


class TimeZone(Lab):
    """The line is in local time, though the chroot has no time zone."""

    def logged(self, daemon):
        daemon.start()
        self.scan("203.0.113.1")
        self.wait_lines(daemon.receiver, ["203.0.113.1"])
        match = next(match for match in map(harness.parse, daemon.receiver.datagrams)
                     if match["priority"] == "25")
        return match["time"], match["text"][-8:]

    def assert_now(self, clocks, zone):
        header, start = clocks
        now = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)
        told = datetime.datetime.strptime(f"{now.year} {header}", "%Y %b %d %H:%M:%S")
        self.assertLess(abs(now - told), datetime.timedelta(seconds=5), f"{header} in {zone}")
        self.assertIn(start, [f"{told - datetime.timedelta(seconds=n):%H:%M:%S}" for n in (0, 1)])

    @both(env={"TZ": "Asia/Tokyo"})
    def test_zone_of_the_environment(self, daemon):
        self.assert_now(self.logged(daemon), "Asia/Tokyo")

    @both(env={}, zone="Asia/Kathmandu")
    def test_zone_of_the_machine(self, daemon):
        """TZ unset, /etc/localtime in Nepal, 5:45 from UTC: the original writes UTC, ours Nepal."""
        if not os.path.exists("/usr/share/zoneinfo/Asia/Kathmandu"):
            raise harness.Skip("tzdata is not installed")
        self.assert_now(self.logged(daemon),
                        "UTC" if daemon.name == "Debian's" else "Asia/Kathmandu")


class Flood(Lab):
    """One packet from each of many sources between the probes of a scan."""

    BETWEEN = 256  # as many as the original remembers

    def scan_in_the_flood(self, daemon):
        daemon.start()
        number = 0
        for port in PORTS:
            self.lab.send([probe("203.0.113.1", VICTIM, port)])
            self.lab.send(probe(f"198.18.{n // 250}.{1 + n % 250}", VICTIM, 80)
                          for n in range(number, number + self.BETWEEN))
            number += self.BETWEEN
        self.lab.sentinel()
        harness.wait_until(lambda: harness.SENTINEL in self.sources(daemon.receiver),
                           "the closing scan")
        self.assertEqual(0, self.lab.drops())
        return self.sources(daemon.receiver)[:-1]

    def test_blinds_the_original(self):
        self.assertEqual([], self.scan_in_the_flood(self.theirs()))

    def test_does_not_blind_ours(self):
        self.assertEqual(["203.0.113.1"], self.scan_in_the_flood(self.ours()))


if __name__ == "__main__":
    harness.main()
