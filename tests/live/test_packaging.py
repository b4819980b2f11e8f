# The files of man/ and packaging/, each read by the program it was written for: mandoc, systemd-analyze,
# systemd-sysusers, systemd-tmpfiles, rpmspec, apparmor_parser, shellcheck, start-stop-daemon, logrotate, rsyslogd and fail2ban, on
# what `cmake --install` puts into a temporary directory; and a systemd that runs the unit in namespaces
# of its own. SCANLOGD_BUILD names the build. Nothing of the machine is changed: all tests share a mount
# and a network namespace with a private /dev and /run.
# Does not run OpenRC or FreeBSD's rc.

import contextlib
import ctypes
import fnmatch
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import harness

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("SCANLOGD_BUILD")
SCRATCH = None  # made by setUpModule: dest/ is what was installed

MOST_EXPOSURE = 1.5  # systemd-analyze security: 0 is locked up, 10 is a plain root service

# What the original's lines look like once a log daemon has written them, and the address to be found.
SCAN_LINES = {
    "127.0.0.1:49162 to 127.0.0.1 ports 8888, 993, 143, 443, 554, 80, 113, 3306, ..., fSrpauxy, "
    "TOS 00 @22:40:25": ("127.0.0.1", "49162"),
    "127.0.0.1:53 to 127.0.0.1 ports 993, 5900, ..., FsrPaUxy, TOS 00 @22:40:30": ("127.0.0.1", "53"),
    "192.0.2.7:4444 to 10.9.0.1 and others, ports 21, 22, 23, 25, 80, 110, ..., fSrpauxy @22:40:39": (
        "192.0.2.7",
        "4444",
    ),
    "192.0.2.8:4445 to 10.9.0.1 ports 21, 22, 23, 25, 80, 110, ..., fSrpauXY, TOS 00, TTL 64 "
    "@22:40:40": ("192.0.2.8", "4445"),
    "10.77.0.1 to 10.77.200.1 ports 135, 143, 80, 256, 5900, 587, 8888, 445, ..., fSrpauxy, TOS 00, "
    "TTL 64 @22:08:32": ("10.77.0.1", None),
    "10.77.0.9 to 10.77.200.1 and others, ports 33425, ..., ??rp?uxy @22:15:30": ("10.77.0.9", None),
    "[2001:db8::7]:40000 to [2001:db8::1] ports 21, 22, ..., fsrpauxy, TOS 00, TTL 64 @22:08:30": (
        "2001:db8::7",
        "40000",
    ),
    "[2001:db8::8] to [2001:db8::1] and others, ports 21, ..., f?rpauxy @22:08:31": (
        "2001:db8::8",
        None,
    ),
}
# What must ban nobody: the limiter's word, the daemon on itself, and others quoting a line.
OTHER_LINES = [
    "scanlogd: More possible port scans follow",
    "scanlogd: blind on eth0 from 2026-01-31T10:00:00.123Z to 2026-01-31T10:00:01.456Z (1.333 s): "
    "interface was down; packets lost: unknown",
    "scanlogd: seen 1040 = processed 1040 + dropped 0; detected 1 = delivered 1 + spooled 0",
    "scanlogd: watching every interface with bpf; profile classic, tables of at most 4.7 MB",
    "httpd[7]: GET /192.0.2.66:1 to 10.9.0.1 ports 21, 22, ..., fSrpauxy @22:40:40",
    "httpd[7]: 192.0.2.66:1 to 10.9.0.1 ports 21, 22, ..., fSrpauxy @22:40:40",
]
MORE_FOLLOW = "More possible port scans follow"


def setUpModule():
    global SCRATCH
    isolate()
    SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="scanlogd-packaging-"))
    SCRATCH.chmod(0o755)
    unittest.addModuleCleanup(shutil.rmtree, SCRATCH)
    if BUILD:
        run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(SCRATCH / "dest")})


def isolate():
    """Moves this process, and so every child, into namespaces of its own."""
    new_mount = 0x00020000  # sched.h; os.unshare came with Python 3.12
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_mount | harness.CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/dev")
    devices = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
    devices["tty"] = (5, 0)
    for name, numbers in devices.items():
        os.mknod(f"/dev/{name}", 0o20666, os.makedev(*numbers))
        os.chmod(f"/dev/{name}", 0o666)
    for name in ("pts", "shm"):
        os.mkdir(f"/dev/{name}")
    os.symlink("pts/ptmx", "/dev/ptmx")
    run("mount", "-t", "devpts", "devpts", "/dev/pts")
    if os.path.isdir("/etc/scanlogd"):
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/etc/scanlogd")
    # The start scripts make directories there, and what an installed daemon left would be taken up.
    os.makedirs("/run/test/var/upper")
    os.makedirs("/run/test/var/work")
    run("mount", "-t", "overlay", "overlay", "/var", "-o",
        "lowerdir=/var,upperdir=/run/test/var/upper,workdir=/run/test/var/work")
    for directory in ("/var/lib/scanlogd", "/var/log/scanlogd"):
        shutil.rmtree(directory, ignore_errors=True)
    run("ip", "link", "set", "lo", "up")


def run(*command, **options):
    """The output of a command that has to succeed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}")
    return done.stdout


def wait_until(condition, what):
    """The limit is for slow machines; it only ends a test that has failed."""
    harness.wait_until(condition, what, timeout=30, step=0.02)


def need(*programs):
    """Skips the test where one of the programs is missing."""
    for program in programs:
        harness.tool(program)


def installed(path):
    """Where `path`, such as `etc/rsyslog.d/x`, was installed, whatever the build's prefix."""
    if not BUILD:
        raise harness.Skip("SCANLOGD_BUILD is not set: nothing was installed")
    found = [f for f in (SCRATCH / "dest").rglob("*") if f.is_file() and str(f).endswith("/" + path)]
    if len(found) != 1:
        raise AssertionError(f"{path}: installed {len(found)} times")
    return found[0]


def account():
    """A user for the daemon to become; the package's own need not exist on a build machine."""
    entries = pathlib.Path("/etc/passwd").read_text().splitlines()
    return "scanlogd" if any(entry.startswith("scanlogd:") for entry in entries) else "nobody"


# Twenty-one connection attempts to closed ports, each from a port of its own.
SCAN_LOOPBACK = """
import socket
for port in range(40001, 40022):
    with socket.socket() as probe:
        probe.connect_ex(("127.0.0.1", port))
"""
LOOPBACK_LINE = (
    r"127\.0\.0\.1 to 127\.0\.0\.1 ports 40001, 40002, .*, \.\.\., fSrpauxy, TOS 00, TTL 64 "
    r"@\d\d:\d\d:\d\d$"
)


class ManualPage(unittest.TestCase):
    PAGE = SOURCE / "man/scanlogd.8"

    def test_mandoc_finds_nothing_to_say(self):
        need("mandoc")
        done = subprocess.run(
            ["mandoc", "-T", "lint", *self.PAGE.parent.glob("*.[1-8]")], capture_output=True, text=True,
            timeout=60
        )
        # Whether the pages referred to are on this machine says nothing about ours.
        said = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
        self.assertEqual(said, [])

    def test_options_are_those_of_the_program(self):
        binary = installed("sbin/scanlogd")
        option = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
        offered = set(option.findall(run(binary, "--help").split("Options:")[1]))
        section = self.PAGE.read_text().split(".Sh OPTIONS")[1].split(".Sh ")[0]
        documented = set()
        for line in section.splitlines():
            if line.startswith(".It Fl "):
                # `.It Fl f , -foreground` and `.It Fl i , -interface Ar name`
                words = line[len(".It Fl ") :].split(" Ar ")[0].split(" Ns ")[0]
                documented |= {"-" + word.strip() for word in words.split(",")}
        self.assertEqual(documented, self.long_and_short(offered))

    @staticmethod
    def long_and_short(options):
        """Only whole options: a hyphen inside the prose of --help is none."""
        return {each for each in options if each.startswith("--") or len(each) == 2}


class Installation(unittest.TestCase):
    def test_puts_every_file_in_place(self):
        for path in (
            "sbin/scanlogd",
            "man/man5/scanlogd.conf.5",
            "man/man8/scanlogd.8",
            "systemd/system/scanlogd.service",
            "doc/scanlogd/scanlogd.service.d/raw.conf",
            "sysusers.d/scanlogd.conf",
            "tmpfiles.d/scanlogd.conf",
            "etc/init.d/scanlogd",
            "init/freebsd/scanlogd",
            "etc/scanlogd/scanlogd.toml",
            "etc/rsyslog.d/scanlogd.conf",
            "etc/logrotate.d/scanlogd",
            "etc/fail2ban/filter.d/scanlogd.local",
            "etc/fail2ban/jail.d/scanlogd.conf",
            "etc/logcheck/violations.d/scanlogd",
            "etc/logcheck/ignore.d.server/scanlogd",
            "etc/logwatch/conf/services/scanlogd.conf",
            "etc/logwatch/scripts/services/scanlogd",
            "sbin/scanlogd-exporter",
            "man/man8/scanlogd-exporter.8",
            "share/scanlogd/prometheus/scanlogd.rules.yml",
            "share/scanlogd/crowdsec/parsers/scanlogd-logs.yaml",
        ):
            with self.subTest(path):
                self.assertTrue(installed(path).is_file())
        for path in ("sbin/scanlogd", "etc/init.d/scanlogd"):
            self.assertTrue(os.access(installed(path), os.X_OK), path)

    def test_leaves_a_configuration_that_is_there(self):
        mine = installed("etc/scanlogd/scanlogd.toml")
        shipped = mine.read_text()
        self.addCleanup(mine.write_text, shipped)
        mine.write_text("# mine\n")
        run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(SCRATCH / "dest")})
        self.assertEqual(mine.read_text(), "# mine\n")

    def test_installed_configuration_starts(self):
        os.makedirs("/run/scanlogd/empty", mode=0o755, exist_ok=True)
        said = run(installed("sbin/scanlogd"), "--config", installed("etc/scanlogd/scanlogd.toml"),
                   "--check", "--user", account())
        self.assertEqual(said, "scanlogd: ready to start\n")

    def test_start_files_name_the_installed_program(self):
        binary = "/" + str(installed("sbin/scanlogd").relative_to(SCRATCH / "dest"))
        unit = installed("systemd/system/scanlogd.service").read_text()
        self.assertIn(f"ExecStart={binary} --supervised ", unit)
        self.assertIn(f"DAEMON={binary}\n", installed("etc/init.d/scanlogd").read_text())


class Systemd(unittest.TestCase):
    def unit(self, *drop_ins):
        """A directory with the unit as installed, its program where it is now."""
        binary = installed("sbin/scanlogd")
        path = "/" + str(binary.relative_to(SCRATCH / "dest"))
        directory = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        unit = directory / "scanlogd.service"
        unit.write_text(
            installed("systemd/system/scanlogd.service").read_text().replace(path, str(binary))
        )
        for drop_in in drop_ins:
            (directory / "scanlogd.service.d").mkdir(exist_ok=True)
            text = drop_in.read_text().replace(path, str(binary))
            (directory / "scanlogd.service.d" / drop_in.name).write_text(text)
        return unit

    def verify(self, unit):
        need("systemd-analyze")
        # User= is looked up by name in a real start only, so a missing account is no finding here.
        said = run("systemd-analyze", "--man=no", "verify", unit, cwd=unit.parent)
        self.assertEqual([line for line in said.splitlines() if "scanlogd" in line], [])

    def exposure(self, unit):
        need("systemd-analyze")
        said = run("systemd-analyze", "security", "--offline=true", unit)
        return float(re.search(rf"exposure level for {unit.name}: ([0-9.]+)", said).group(1))

    def test_unit_is_valid(self):
        self.verify(self.unit())

    def test_unit_with_the_drop_in_for_raw_is_valid(self):
        self.verify(self.unit(installed("scanlogd.service.d/raw.conf")))

    def test_unit_with_the_drop_in_for_the_network_is_valid(self):
        self.verify(self.unit(installed("scanlogd.service.d/network.conf")))

    def test_exposure_is_at_most_the_limit(self):
        self.assertLessEqual(self.exposure(SOURCE / "packaging/systemd/scanlogd.service"), MOST_EXPOSURE)

    def test_exposure_with_the_drop_in_for_raw_is_at_most_the_limit(self):
        unit = self.unit(installed("scanlogd.service.d/raw.conf"))
        self.assertLessEqual(self.exposure(unit), MOST_EXPOSURE)

    def test_unit_of_the_exporter_is_valid_and_as_locked_up(self):
        binary = installed("sbin/scanlogd-exporter")
        path = "/" + str(binary.relative_to(SCRATCH / "dest"))
        unit = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH)) / "scanlogd-exporter.service"
        unit.write_text(installed("systemd/system/scanlogd-exporter.service").read_text().replace(
            path, str(binary)))
        self.verify(unit)
        self.assertLessEqual(self.exposure(unit), MOST_EXPOSURE)

    def test_calls_of_the_sandbox_are_allowed_by_the_unit(self):
        # One that only the unit refuses fails where nobody has tried it.
        need("systemd-analyze")
        ours = set()
        for source in (SOURCE / "src").rglob("*.cpp"):
            ours |= set(re.findall(r'(?:AllowedCall|calls\.push_back\()\(?\{"(\w+)"', source.read_text()))
        self.assertIn("fdatasync", ours)
        # Made by root only, which the unit is not.
        ours -= {"fchown"}
        sets = {}
        for line in run("systemd-analyze", "syscall-filter").splitlines():
            if line.startswith("@"):
                members = sets.setdefault(line.strip(), set())
            elif line.strip() and not line.strip().startswith("#") and line.startswith(" "):
                members.add(line.strip())

        def expanded(name):
            return set().union(*map(expanded, sets[name])) if name in sets else {name}

        allowed = set()
        for line in installed("systemd/system/scanlogd.service").read_text().splitlines():
            if line.startswith("SystemCallFilter="):
                allowed |= set().union(*map(expanded, line.partition("=")[2].split()))
        self.assertEqual(sorted(ours - allowed), [])

    def test_sysusers_makes_the_account(self):
        need("systemd-sysusers")
        root = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        (root / "etc").mkdir()
        for name in ("passwd", "group", "shadow", "gshadow"):
            (root / "etc" / name).touch()
        run("systemd-sysusers", f"--root={root}", installed("sysusers.d/scanlogd.conf"))
        entry = (root / "etc/passwd").read_text().strip().split(":")
        self.assertEqual(entry[0], "scanlogd")
        self.assertNotEqual(entry[2], "0")
        self.assertIn("nologin", entry[6])

    def test_tmpfiles_makes_the_directories(self):
        need("systemd-tmpfiles")
        root = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        (root / "etc").mkdir()
        (root / "etc/passwd").write_text(f"scanlogd:x:{harness.USER_ID}:{harness.GROUP_ID}::/:/bin/false\n")
        (root / "etc/group").write_text(f"scanlogd:x:{harness.GROUP_ID}:\nadm:x:4:\n")
        run("systemd-tmpfiles", f"--root={root}", "--create", installed("tmpfiles.d/scanlogd.conf"))
        for name in ("var/lib/scanlogd", "var/log/scanlogd"):
            status = (root / name).stat()
            self.assertEqual((status.st_uid, status.st_gid, status.st_mode),
                             (harness.USER_ID, harness.GROUP_ID, 0o40750), name)
        for name in ("run/scanlogd", "run/scanlogd/empty"):
            status = (root / name).stat()
            self.assertEqual((status.st_uid, status.st_gid, status.st_mode), (0, 0, 0o40755), name)
        status = (root / "var/log/alert").stat()
        self.assertEqual((status.st_uid, status.st_gid, status.st_mode), (0, 4, 0o100640))


class RunningSystemd(unittest.TestCase):
    """The unit under a systemd that is process 1 of its own namespaces and control group."""

    # Private copies of all that systemd, the journal and the unit might write to, then systemd with the
    # journal and the unit and nothing else. /proc/sys is the machine's: read-only.
    BOOT = """
        set -e
        mount --make-rprivate /
        mount -t tmpfs -o mode=0755 tmpfs /run
        for directory in etc var; do
            mkdir -p /run/$directory/upper /run/$directory/work
            mount -t overlay overlay /$directory \\
                -o lowerdir=/$directory,upperdir=/run/$directory/upper,workdir=/run/$directory/work
        done
        mount -t overlay overlay -o "lowerdir=$DEST$PREFIX:$PREFIX" "$PREFIX"
        rm -rf /etc/systemd/system
        mkdir -p /etc/systemd/system/scanlogd.service.d
        cp "$DEST"/unit/scanlogd.service /etc/systemd/system
        rm -rf /etc/scanlogd
        cp -R "$CONFIG" /etc/scanlogd
        [ -z "$DROP_IN" ] || cp "$DROP_IN" /etc/systemd/system/scanlogd.service.d
        printf '%s\\n' '[Unit]' DefaultDependencies=no \\
            'Wants=systemd-journald.service systemd-journald-dev-log.socket scanlogd.service' \\
            >/etc/systemd/system/try.target
        grep -q ^scanlogd: /etc/passwd || systemd-sysusers "$SYSUSERS"
        mount -t tmpfs -o mode=1777 tmpfs /tmp
        mount --bind /proc/sys /proc/sys
        mount -o remount,bind,ro /proc/sys
        umount --lazy --recursive /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        ip link set lo up
        container=test exec "$SYSTEMD" --system --unit=try.target --log-target=null --show-status=0
    """

    def boot(self, drop_in=None):
        systemd = shutil.which("systemd", path="/lib/systemd:/usr/lib/systemd")
        if not systemd:
            raise harness.Skip("systemd is not installed")
        need("unshare", "nsenter", "systemctl", "journalctl", "systemd-sysusers")
        prefix = installed("sbin/scanlogd").parents[1]
        # Without the waits for parts of a whole system, which is not there.
        unit = SCRATCH / "dest/unit/scanlogd.service"
        unit.parent.mkdir(exist_ok=True)
        text = installed("systemd/system/scanlogd.service").read_text()
        unit.write_text(text.replace("[Unit]\n", "[Unit]\nDefaultDependencies=no\n"))
        group = self.control_group()
        log = open(SCRATCH / "systemd.log", "w+b")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', group]
            + ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--net", "--ipc", "--uts"]
            + ["--cgroup", "--mount-proc", "sh", "-c", self.BOOT],
            env={
                "PATH": harness.PATH,
                "DEST": str(SCRATCH / "dest"),
                "PREFIX": "/" + str(prefix.relative_to(SCRATCH / "dest")),
                "DROP_IN": str(drop_in or ""),
                "SYSUSERS": str(installed("sysusers.d/scanlogd.conf")),
                "SYSTEMD": systemd,
                "CONFIG": str(installed("etc/scanlogd/scanlogd.toml").parent),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self.addCleanup(self.remove_groups, group)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.kill)  # --kill-child takes systemd along, and that all the others
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")

        def process_1():
            if process.poll() is not None:
                said = pathlib.Path(log.name).read_text().strip()
                raise harness.Skip(f"no systemd in namespaces here: {said}")
            return [pid for pid in children.read_text().split() if self.is_up(pid)]

        self.target = harness.wait_until(process_1, "systemd answers", timeout=60)[0]

    def control_group(self):
        mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
        unified = [each[1] for each in mounts if each[2] == "cgroup2"]
        if not unified:
            raise harness.Skip("no cgroup2 file system is mounted")
        group = pathlib.Path(unified[0]) / f"scanlogd-test-{os.getpid()}-{self._testMethodName}"
        try:
            group.mkdir()
        except OSError as error:
            raise harness.Skip(f"no control group can be made: {error}") from error
        return group

    @staticmethod
    def remove_groups(group):
        def empty():
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)  # refused while the last process is on its way out
            return not group.exists()

        wait_until(empty, "the control group is gone")

    def is_up(self, pid):
        done = subprocess.run(
            ["nsenter", f"--target={pid}", "--mount", "--pid", "systemctl", "is-active", "try.target"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout.strip() == "active"

    def inside(self, *command):
        return run("nsenter", f"--target={self.target}", "--mount", "--pid", "--net", "--", *command)

    def show(self, name):
        return self.inside("systemctl", "show", "--value", f"--property={name}", "scanlogd").strip()

    def messages(self):
        """What the daemon sent to the log: (priority, facility, text)."""
        said = self.inside("journalctl", "--output=json", "SYSLOG_IDENTIFIER=scanlogd", "_TRANSPORT=syslog")
        entries = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return [(e["PRIORITY"], e["SYSLOG_FACILITY"], e["MESSAGE"]) for e in entries]

    def confinement(self):
        status = self.inside("cat", f"/proc/{self.show('MainPID')}/status")
        return dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    def watch_a_scan(self):
        def settled():
            return self.show("ActiveState") in ("active", "failed")

        wait_until(settled, "the daemon said that it is ready")
        self.assertEqual(self.show("ActiveState"), "active", self.inside("journalctl", "--no-pager"))
        self.inside(sys.executable, "-c", SCAN_LOOPBACK)
        wait_until(lambda: [m for m in self.messages() if m[0] == "1"],
                   lambda: "the scan in the journal, which has\n" + self.inside("journalctl"))
        alerts = [message for message in self.messages() if message[0] == "1"]
        self.assertEqual(len(alerts), 1, alerts)
        self.assertEqual(alerts[0][1], "3", "facility daemon")
        self.assertRegex(alerts[0][2], "^" + LOOPBACK_LINE)
        self.assertEqual([m for m in self.messages() if m[0] < "5" and m[0] != "1"], [])

    def test_unit_watches_confined_reloads_restarts_and_stops(self):
        self.boot()
        self.watch_a_scan()

        ctl = "/" + str(installed("bin/scanlogctl").relative_to(SCRATCH / "dest"))
        on_record = self.inside(ctl, "--state", "/var/lib/scanlogd", "-o", "json", "list")
        self.assertEqual([json.loads(line)["src_ip"] for line in on_record.splitlines()], ["127.0.0.1"])

        told = json.loads(self.inside(ctl, "-o", "json", "status"))["daemon"]
        self.assertTrue(told["well"], told)
        self.assertEqual(told["scans"]["detected"], 1)

        confinement = self.confinement()
        self.assertNotIn("0", confinement["Uid"].split())
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(confinement[name], 16), 0, name)
        self.assertEqual(confinement["NoNewPrivs"], "1")
        self.assertEqual(confinement["Seccomp"], "2")

        self.assertRegex(self.show("StatusText"), "^watching every interface with ")
        first = self.show("MainPID")
        self.inside("systemctl", "reload", "scanlogd")
        wait_until(lambda: [m for m in self.messages() if "nothing has changed" in m[2]],
                   "the configuration is read again")
        self.assertEqual(self.show("MainPID"), first)
        self.assertEqual(self.show("ActiveState"), "active")

        self.inside("systemctl", "kill", "--signal=KILL", "scanlogd")
        wait_until(lambda: self.show("NRestarts") == "1", "it is started again")
        wait_until(lambda: self.show("ActiveState") == "active", "it is ready again")

        self.inside("systemctl", "stop", "scanlogd")
        self.assertEqual(self.show("Result"), "success")
        self.assertEqual(self.show("ExecMainStatus"), "0")
        last = self.messages()[-1]
        self.assertEqual(last[:2], ("6", "3"))
        self.assertTrue(last[2].startswith("seen "), last)

    def test_an_engine_that_hangs_is_noticed_by_the_watchdog(self):
        drop_in = SCRATCH / "watchdog.conf"
        drop_in.write_text("[Service]\nWatchdogSec=2s\n")
        self.boot(drop_in)
        wait_until(lambda: self.show("StatusText").startswith("scans found: "), "all is well")
        first = self.show("MainPID")
        children = self.inside("cat", f"/proc/{first}/task/{first}/children").split()
        self.assertEqual(len(children), 1, "the engine")
        self.inside("kill", "-STOP", *children)
        wait_until(lambda: self.show("NRestarts") == "1", "it is started again")
        wait_until(lambda: self.show("ActiveState") == "active", "it is ready again")
        self.assertNotEqual(self.show("MainPID"), first)

    def test_drop_in_for_raw_watches(self):
        self.boot(installed("scanlogd.service.d/raw.conf"))
        self.watch_a_scan()


class Rpm(unittest.TestCase):
    """The spec for rpmbuild, as rpm reads it with the macros of Fedora; the build itself needs Fedora."""

    MACROS = {"_unitdir": "/usr/lib/systemd/system", "_sysusersdir": "/usr/lib/sysusers.d",
              "_tmpfilesdir": "/usr/lib/tmpfiles.d", "cmake": "cmake", "cmake_build": "cmake --build",
              "cmake_install": "cmake --install"}
    LEFT_OUT = ("/etc/init.d/", "/etc/logcheck/")  # removed by %install
    RENAMED = {"/usr/local/": "/usr/", "/lib/systemd/": "/usr/lib/systemd/"}

    def expanded(self):
        macros = [word for name, value in self.MACROS.items() for word in ("--define", f"{name} {value}")]
        spec = SOURCE / "packaging/rpm/scanlogd.spec"
        return run(harness.tool("rpmspec"), *macros, "-P", spec)

    def files(self):
        """What %files lists, as (pattern, is a directory alone)."""
        section = self.expanded().split("%files\n")[1].split("%changelog")[0]
        for line in section.splitlines():
            if not line or line.startswith(("%license", "%doc ")):
                continue
            yield line.split()[-1], line.startswith("%dir ")

    def packaged(self):
        """What is installed, where Fedora's rpm puts it."""
        for file in sorted((SCRATCH / "dest").rglob("*")):
            if file.is_dir():
                continue
            path = "/" + str(file.relative_to(SCRATCH / "dest"))
            for old, new in self.RENAMED.items():
                path = new + path.removeprefix(old) if path.startswith(old) else path
            if not path.startswith(self.LEFT_OUT):
                yield path

    def test_files_of_the_spec_are_those_that_are_installed(self):
        if not BUILD:
            raise harness.Skip("SCANLOGD_BUILD is not set: nothing was installed")
        packaged, listed = list(self.packaged()), list(self.files())
        self.assertGreater(len(packaged), 20)

        def covers(pattern, is_directory, path):
            below = not is_directory and path.startswith(pattern + "/")
            return below or fnmatch.fnmatchcase(path, pattern)

        self.assertEqual([], [path for path in packaged if not any(covers(*each, path) for each in listed)])
        self.assertEqual([], [pattern for pattern, is_directory in listed if not is_directory and
                              not any(covers(pattern, False, path) for path in packaged)])

    def test_version_is_that_of_the_program(self):
        version = re.search(r"^Version: *(\S+)", self.expanded(), re.MULTILINE)[1]
        self.assertIn(f"VERSION {version}", (SOURCE / "CMakeLists.txt").read_text())


class AppArmor(unittest.TestCase):
    def test_profile_is_one_that_the_parser_takes(self):
        profile = SOURCE / "packaging/apparmor/usr.sbin.scanlogd"
        said = run(harness.tool("apparmor_parser"), "--skip-kernel-load", "--skip-cache", profile)
        self.assertNotIn("rror", said)


class StartScripts(unittest.TestCase):
    SCRIPTS = [SOURCE / "packaging" / init / "scanlogd" for init in ("sysv", "openrc", "freebsd")]

    def test_shells_can_read_them(self):
        for script in self.SCRIPTS:
            with self.subTest(script):
                run("sh", "-n", script)

    def test_shellcheck_finds_nothing_to_say(self):
        need("shellcheck")
        self.assertEqual(run("shellcheck", *self.SCRIPTS), "")

    def test_init_script_starts_reloads_and_stops_the_daemon(self):
        need("start-stop-daemon")
        if not os.path.exists("/lib/lsb/init-functions"):
            raise harness.Skip("/lib/lsb/init-functions is not installed")
        binary = installed("sbin/scanlogd")
        path = "/" + str(binary.relative_to(SCRATCH / "dest"))
        script = SCRATCH / "init-script"
        script.write_text(installed("etc/init.d/scanlogd").read_text().replace(path, str(binary)))
        script.chmod(0o755)
        run("mount", "-t", "tmpfs", "tmpfs", "/etc/default")
        self.addCleanup(run, "umount", "/etc/default")
        pathlib.Path("/etc/default/scanlogd").write_text(f'SCANLOGD_OPTIONS="--user {account()}"\n')

        def call(action):
            """The exit status; the daemon inherits no pipe that a reader would wait for."""
            log = SCRATCH / "init.log"
            with open(log, "wb") as output:
                done = subprocess.run([script, action], stdout=output, stderr=output, timeout=60)
            return done.returncode, log.read_text()

        self.addCleanup(call, "stop")
        self.assertEqual(call("status")[0], 3)
        code, said = call("start")
        self.assertEqual(code, 0, said)
        status = os.stat("/run/scanlogd/empty")
        self.assertEqual((status.st_uid, status.st_mode), (0, 0o40755))
        before = self.pids(binary)
        self.assertEqual(len(before), 2, "one daemon: the recorder and its engine")
        self.assertEqual(call("start")[0], 0, "a second start is no error")
        self.assertEqual(call("force-reload")[0], 0)
        self.assertEqual(call("status")[0], 0)
        self.assertEqual(self.pids(binary), before, "SIGHUP ended it, or a second one runs")
        self.assertEqual(call("restart")[0], 0)
        self.assertNotEqual(self.pids(binary), before)
        self.assertEqual(call("stop")[0], 0)
        self.assertEqual(self.pids(binary), [])
        self.assertEqual(call("status")[0], 3)
        self.assertEqual(call("nonsense")[0], 2)

    def test_init_script_reports_a_start_that_failed(self):
        need("start-stop-daemon")
        if not os.path.exists("/lib/lsb/init-functions"):
            raise harness.Skip("/lib/lsb/init-functions is not installed")
        script = SCRATCH / "init-script-failing"
        script.write_text(
            re.sub(r"DAEMON=.*", "DAEMON=/bin/false", installed("etc/init.d/scanlogd").read_text())
        )
        script.chmod(0o755)
        done = subprocess.run([script, "start"], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stdout)

    @staticmethod
    def pids(binary):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.path.samefile(entry / "exe", binary):
                        found.append(int(entry.name))
                except OSError:
                    continue  # gone meanwhile, or a kernel thread
        return found


class Fail2ban(unittest.TestCase):
    def setUp(self):
        need("fail2ban-regex", "fail2ban-client")
        stock = pathlib.Path("/etc/fail2ban")
        if not (stock / "filter.d/common.conf").exists():
            raise harness.Skip("/etc/fail2ban is not installed")
        self.config = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH)) / "fail2ban"
        shutil.copytree(stock, self.config)
        for local in self.config.rglob("*.local"):
            local.unlink()  # this machine's own settings are not under test
        for name in ("filter.d/scanlogd.local", "jail.d/scanlogd.conf"):
            shutil.copy(installed(f"etc/fail2ban/{name}"), self.config / name)

    def matches(self, lines, filter_name="scanlogd"):
        """(address, port or None) of each line that the filter takes for a scan."""
        log = self.config.parent / "log"
        log.write_text("".join(line + "\n" for line in lines))
        said = run(
            "fail2ban-regex", "-c", self.config, "-o", "found <ip> <F-PORT>", log, filter_name
        )
        found = [line.split()[1:] for line in said.splitlines() if line.startswith("found ")]
        return [(each[0], each[1] if len(each) > 1 and each[1].isdigit() else None) for each in found]

    def test_filter_finds_the_source_of_every_kind_of_line(self):
        for stamp in ("Nov 22 22:40:25 host", "2026-11-22T22:40:25.123456+00:00 host"):
            for line, expected in SCAN_LINES.items():
                with self.subTest(stamp=stamp, line=line):
                    self.assertEqual(self.matches([f"{stamp} scanlogd: {line}"]), [expected])

    def test_filter_finds_a_source_once_per_line(self):
        lines = [f"Nov 22 22:40:25 host scanlogd: {line}" for line in SCAN_LINES]
        self.assertEqual(self.matches(lines), list(SCAN_LINES.values()))

    def test_filter_leaves_everything_else_alone(self):
        for line in OTHER_LINES:
            with self.subTest(line):
                self.assertEqual(self.matches([f"Nov 22 22:40:25 host {line}"]), [])

    def test_jail_is_off_as_shipped(self):
        self.assertNotIn("scanlogd", run("fail2ban-client", "-c", self.config, "-d"))

    def test_jail_once_enabled_uses_the_filter_on_its_log(self):
        log = self.config.parent / "alert"
        log.touch()
        (self.config / "jail.local").write_text(f"[scanlogd]\nenabled = true\nlogpath = {log}\n")
        dump = run("fail2ban-client", "-c", self.config, "-d")
        self.assertIn("and others,", dump)
        self.assertIn(f"['set', 'scanlogd', 'addlogpath', '{log}'", dump)
        self.assertIn("['set', 'scanlogd', 'maxretry', 1]", dump)


class Rsyslog(unittest.TestCase):
    """A real rsyslogd with our rule, its file moved to a temporary directory."""

    def setUp(self):
        need("rsyslogd")
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        self.alert = self.directory / "alert"
        self.everything = self.directory / "syslog"

    def start(self, log_socket, stop=False):
        rule = (SOURCE / "packaging/rsyslog/scanlogd.conf").read_text()
        self.assertIn("/var/log/alert", rule)
        rule = re.sub(r"(?m)(?<=\s)/var/log/alert$", str(self.alert), rule)
        if stop:
            rule = rule.replace("#& stop", "& stop")
        (self.directory / "rule.conf").write_text(rule)
        (self.directory / "rsyslog.conf").write_text(
            'module(load="imuxsock" SysSock.Use="off")\n'
            f'input(type="imuxsock" Socket="{log_socket}")\n'
            f"$WorkDirectory {self.directory}\n"
            f"$IncludeConfig {self.directory}/rule.conf\n"
            f"*.* {self.everything}\n"
        )
        run("rsyslogd", "-N1", "-f", self.directory / "rsyslog.conf")
        output = open(self.directory / "rsyslogd.log", "wb")
        self.addCleanup(output.close)
        daemon = subprocess.Popen(
            ["rsyslogd", "-n", "-iNONE", "-f", self.directory / "rsyslog.conf"],
            stdout=output,
            stderr=output,
        )
        self.addCleanup(daemon.wait, 30)
        self.addCleanup(daemon.terminate)
        wait_until(lambda: os.path.exists(log_socket), f"rsyslogd listens on {log_socket}")

    def send(self, log_socket):
        """Every kind of message of a daemon, and last one that marks the end."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(log_socket))
            for line in [*SCAN_LINES, MORE_FOLLOW]:
                sender.send(b"<25>Nov 22 22:40:25 scanlogd: " + line.encode())
            for severity in range(2, 8):  # daemon.crit to daemon.debug
                sender.send(f"<{3 << 3 | severity}>Nov 22 22:40:25 scanlogd: severity".encode())
            sender.send(b"<33>Nov 22 22:40:25 sudo: auth.alert is somebody else's")
            sender.send(b"<14>Nov 22 22:40:25 test: the end")
        wait_until(lambda: "the end" in self.read(self.everything), "the last message is written")

    @staticmethod
    def read(path):
        return path.read_text() if path.exists() else ""

    def bodies(self, path):
        """What stands after `Nov 22 22:40:25 host `."""
        return [line.split(" ", 4)[4] for line in self.read(path).splitlines()]

    def test_alerts_of_daemons_go_to_their_file_and_nothing_else_does(self):
        log_socket = self.directory / "log"
        self.start(log_socket)
        self.send(log_socket)
        scans = [f"scanlogd: {line}" for line in [*SCAN_LINES, MORE_FOLLOW]]
        # imuxsock gives RFC 3164 time stamps as they came; the day is one field with two digits.
        got = [re.sub(r"^.*?(?=scanlogd: )", "", line) for line in self.read(self.alert).splitlines()]
        self.assertEqual(got, scans)
        for scan in scans:
            self.assertIn(scan, self.read(self.everything), "the general log has it too")

    def test_stop_keeps_alerts_out_of_the_general_log(self):
        log_socket = self.directory / "log"
        self.start(log_socket, stop=True)
        self.send(log_socket)
        self.assertIn(MORE_FOLLOW, self.read(self.alert))
        self.assertNotIn(MORE_FOLLOW, self.read(self.everything))
        self.assertIn("scanlogd: severity", self.read(self.everything))

    def test_daemon_reaches_the_file_with_a_scan_and_not_with_its_accounts(self):
        binary = installed("sbin/scanlogd")
        self.start("/dev/log")
        os.makedirs("/run/scanlogd/empty", mode=0o755, exist_ok=True)
        with open(self.directory / "scanlogd.log", "w+b") as output:
            daemon = subprocess.Popen(
                [binary, "--foreground", "--log", "syslog", "--user", account()],
                stdout=output,
                stderr=output,
            )
            self.addCleanup(daemon.kill)
            wait_until(
                lambda: "watching" in pathlib.Path(output.name).read_text() or daemon.poll() is not None,
                "the daemon is ready",
            )
            self.assertIsNone(daemon.poll(), pathlib.Path(output.name).read_text())
            run(sys.executable, "-c", SCAN_LOOPBACK)
            wait_until(lambda: self.read(self.alert), "the scan is in the file")
            daemon.terminate()
            self.assertEqual(daemon.wait(30), 0)
        wait_until(lambda: "seen " in self.read(self.everything), "the accounts are in the general log")
        lines = self.read(self.alert).splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], " scanlogd: " + LOOPBACK_LINE)


class Logrotate(unittest.TestCase):
    def test_reads_the_file_and_rotates_the_log(self):
        need("logrotate")
        directory = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        log = directory / "alert"
        log.write_text("a line\n")
        rules = directory / "rules"
        events = directory / "eve.json"
        events.write_text("an event\n")
        # What tells the daemon is known to work; here it leaves a trace instead.
        text = (SOURCE / "packaging/logrotate/scanlogd").read_text()
        text = text.replace("/var/log/alert", str(log)).replace("/var/log/scanlogd/eve.json", str(events))
        text = text.replace("su scanlogd scanlogd", "su root root")
        text, count = re.subn(r"systemctl reload scanlogd.service|start-stop-daemon .*/usr/sbin/scanlogd",
                              f"touch {directory}/told", text)
        self.assertEqual(count, 2)
        rules.write_text(text)
        run("logrotate", "--force", "--state", directory / "state", rules)
        self.assertEqual((directory / "alert.1").read_text(), "a line\n")
        self.assertEqual((directory / "eve.json.1").read_text(), "an event\n")
        self.assertFalse(events.exists())
        self.assertTrue((directory / "told").exists())


if __name__ == "__main__":
    harness.main()
