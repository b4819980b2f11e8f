# The control socket, as scanlogctl and as those who mean harm use it: status, reload, leftovers of a
# killed daemon, strangers, and clients that ask nonsense, say nothing, or never read. unix(7).

import contextlib
import json
import os
import signal
import socket
import struct

import harness
from frames import probe
from harness import VICTIM

SOCKET = "/run/scanlogd/control/socket"
CONFIG = "/run/etc/scanlogd.toml"
PORTS = range(1, 8)  # the fewest that are a scan


def ctl_binary():
    path = os.environ.get("SCANLOGD_CTL") or os.path.join(os.path.dirname(harness.our_binary()),
                                                          "scanlogctl")
    if not os.access(path, os.X_OK):
        raise harness.Skip(f"no scanlogctl at {path!r}")
    return path


class Control(harness.Case):
    def daemon(self, *arguments, capture="ring", config=None, receiver=True, start=True):
        options = ["--no-config"] if config is None else ["--config", CONFIG]
        daemon = harness.Daemon(self.lab, "ours", harness.our_binary(),
                                (*options, "--user", "scanlogd", "-c", capture, "-i", "vic0",
                                 *arguments), env={"TZ": "UTC"})
        self.addCleanup(daemon.cell.close)
        os.mkdir(daemon.cell.path("/run/state"), 0o750)
        os.chown(daemon.cell.path("/run/state"), harness.USER_ID, harness.GROUP_ID)
        if config is not None:
            os.mkdir(daemon.cell.path("/run/etc"))
            self.write(daemon, config)
        if start:
            daemon.start(receiver)
        return daemon

    @staticmethod
    def write(daemon, text):
        path = daemon.cell.path(CONFIG)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def ctl(self, daemon, *words, status=0, before=()):
        done = daemon.cell.run(*before, ctl_binary(), *words, env={"TZ": "UTC"})
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        if status not in (0, 6) and not done.stdout:
            self.assertRegex(done.stderr, r"\Ascanlogctl: [ -~]+\n\Z", words)
        return done

    def status(self, daemon, status=0):
        return json.loads(self.ctl(daemon, "status", "-o", "json", status=status).stdout)

    def connect(self, daemon, kind=socket.SOCK_SEQPACKET):
        client = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(client.close)
        client.settimeout(5)

        def is_connected():
            try:
                client.connect(daemon.cell.path(SOCKET))
            except BlockingIOError:  # as many as may wait do
                return False
            return True
        harness.wait_until(is_connected, "room to connect")
        return client

    def ask(self, daemon, request):
        client = self.connect(daemon)
        with contextlib.suppress(BrokenPipeError):
            client.send(request)
        return client.recv(65536)


class Status(Control):
    def check_status(self, *arguments):
        daemon = self.daemon("--state", "/run/state", *arguments)
        before = self.status(daemon)
        self.lab.send(probe("203.0.113.1", VICTIM, port) for port in PORTS)
        harness.wait_until(daemon.lines, "the scan")
        after = self.status(daemon)
        told = after["daemon"]
        self.assertTrue(told["well"], told)
        self.assertEqual(told["scans"], {"detected": 1, "delivered": 1, "spooled": 0, "digested": 0,
                                         "held_back": 0, "lost": 0, "holds": True})
        self.assertTrue(told["packets"]["holds"], told)
        self.assertGreaterEqual(told["packets"]["seen"],
                                before["daemon"]["packets"]["seen"] + len(PORTS))
        self.assertEqual((told["capture"], told["profile"], told["interfaces"], told["sandbox"]),
                         ("ring", "classic", ["vic0"],
                          "on" if harness.landlock_is_whole() else "partly"))
        self.assertIn("watching vic0 with ring", told["watching"])
        self.assertEqual([sink["name"] for sink in after["sinks"]], ["syslog"])
        self.assertEqual(after["sinks"][0]["waiting"], 0)
        self.assertEqual((after["store"], after["scans"]), ("/run/state", 1))
        self.assertIn("203.0.113.1", self.ctl(daemon, "list").stdout, "where the store is, it asks")
        text = self.ctl(daemon, "status").stdout
        self.assertIn("\nhealth      well\n", text)
        self.assertIn("\nscans       detected 1 = delivered 1 + spooled 0 + digested 0 + held back 0 "
                      "+ lost 0\n", text)
        return daemon

    def test_two_processes_tell_how_they_fare(self):
        daemon = self.check_status()
        accounts = [text for _, text in daemon.receiver.notices() if text.startswith("seen ")]
        self.assertEqual(accounts, [], "asking writes nothing into the log")

    def test_one_process_tells_how_it_fares(self):
        self.check_status("--single")

    def test_several_engines_are_added_up(self):
        daemon = self.check_status("--engines", "2")
        self.assertEqual(self.status(daemon)["daemon"]["engines"], 2)

    def test_what_is_wrong_is_named(self):
        daemon = self.daemon("--state", "none")
        daemon.receiver.close()
        daemon.receiver = None
        self.lab.send(probe("203.0.113.2", VICTIM, port) for port in PORTS)
        harness.wait_until(lambda: daemon.cell.run(ctl_binary(), "status").returncode == 6,
                           "the daemon to be unwell")
        told = self.status(daemon, status=6)
        self.assertEqual(told["daemon"]["ailments"], ["1 messages wait for syslog"])
        self.assertEqual(told["daemon"]["scans"]["spooled"], 1)
        self.assertEqual(told["no_store"], "none is kept")

    def test_blindness_is_told_while_it_lasts_and_after(self):
        daemon = self.daemon("--state", "none")
        self.lab.victim.run("ip", "link", "set", "vic0", "down")
        self.addCleanup(self.lab.victim.run, "ip", "link", "set", "vic0", "up")
        harness.wait_until(lambda: daemon.cell.run(ctl_binary(), "status").returncode == 6,
                           "blindness")
        told = self.status(daemon, status=6)["daemon"]
        self.assertRegex(told["blind"]["now"][0], r"\Ablind on vic0 since \S+: interface is down\Z")
        self.lab.victim.run("ip", "link", "set", "vic0", "up")
        harness.wait_until(lambda: daemon.cell.run(ctl_binary(), "status").returncode == 0,
                           "sight")
        told = self.status(daemon)["daemon"]
        self.assertEqual(told["blind"], {"before": 1, "now": []})
        self.assertIn("interface was down", told["troubles"][-1]["text"])

    def test_an_engine_that_is_stopped_is_silent(self):
        daemon = self.daemon("--state", "none")
        engine = daemon.engines[0]
        os.kill(engine, signal.SIGSTOP)
        self.addCleanup(os.kill, engine, signal.SIGCONT)
        told = self.status(daemon, status=6)["daemon"]
        self.assertIn("1 of 1 engines do not answer", told["ailments"])

    def test_without_a_daemon_the_store_is_shown_and_said_to_be(self):
        daemon = self.check_status()
        daemon.stop()
        done = self.ctl(daemon, "status", "--state", "/run/state", "--control", SOCKET, status=7)
        self.assertRegex(done.stdout, r"\Adaemon      none answers: connect\(/run/scanlogd/control/"
                                      r"socket\): Connection refused; what follows is from the store")
        self.assertIn("on record   1 scans", done.stdout)
        self.ctl(daemon, "status", "--state", "/run/none", "--control", "/run/none", status=4)


class Reload(Control):
    def test_the_answer_is_what_came_of_it(self):
        for arguments in ((), ("--single",)):
            with self.subTest(arguments=arguments):
                daemon = self.daemon("--state", "none", *arguments, config="")
                self.write(daemon, "[detect.classic]\nthreshold = 9\n")
                done = self.ctl(daemon, "reload")
                self.assertEqual(done.stdout, "configuration read again: now in force: "
                                              "detect.classic.threshold\n")
                self.lab.send(probe("203.0.113.3", VICTIM, port) for port in (1, 2, 3))
                harness.wait_until(daemon.lines, "a scan by the new threshold")
                self.write(daemon, "\n[daemon]\nusr = 'x'\n")
                done = self.ctl(daemon, "reload", status=1)
                self.assertEqual(done.stderr, f"scanlogctl: {CONFIG}:3: unknown key 'usr' (did you "
                                              "mean 'user'?); the configuration stays as it was\n")
                daemon.stop()

    def test_without_a_daemon_it_fails(self):
        daemon = self.daemon("--state", "none")
        daemon.stop()
        self.ctl(daemon, "reload", status=7)
        self.ctl(daemon, "reload", "--control", "/run/none", status=7)
        self.ctl(daemon, "reload", "--control", "/dev/null", status=7)


class Explain(Control):
    def check(self, *arguments):
        daemon = self.daemon("--state", "none", "--profile", "full", *arguments)
        source = "203.0.113.20"
        done = self.ctl(daemon, "explain", source)
        self.assertIn("no alarm: no contact of it", done.stdout)
        self.lab.send(probe(source, VICTIM, port) for port in (1, 2))
        told = harness.wait_until(
            lambda: (lambda said: said["known"] == "yes" and said)(json.loads(
                self.ctl(daemon, "explain", source, "-o", "json").stdout)), "its contacts")
        self.assertEqual((told["source"], told["scanning"], told["engines_silent"]),
                         (source, "no", 0))
        self.assertRegex(told["why"], r"\Ano alarm: the nearest scale is \w+, which lacks ")
        self.lab.send(probe(source, VICTIM, port) for port in range(3, 60))
        harness.wait_until(daemon.lines, "the scan")
        done = self.ctl(daemon, "explain", source)
        self.assertIn(source + ": alarm: it scans", done.stdout)
        daemon.stop()
        self.ctl(daemon, "explain", source, status=7)
        self.ctl(daemon, "explain", "nobody", status=2)

    def test_two_processes(self):
        self.check()

    def test_one_process(self):
        self.check("--single")

    def test_several_engines(self):
        self.check("--engines", "2")

    def test_an_engine_that_is_stopped_does_not_explain(self):
        daemon = self.daemon("--state", "none")
        engine = daemon.engines[0]
        os.kill(engine, signal.SIGSTOP)
        self.addCleanup(os.kill, engine, signal.SIGCONT)
        done = self.ctl(daemon, "explain", "203.0.113.20", status=1)
        self.assertEqual(done.stderr, "scanlogctl: explain: no engine answers\n")


class Selftest(Control):
    def selftest(self, daemon, *words, status=0):
        told = json.loads(self.ctl(daemon, "selftest", "-o", "json", *words, status=status).stdout)
        self.assertEqual(told["passed"], status == 0, told)
        return told, {stage["name"]: (stage["outcome"], stage["text"]) for stage in told["stages"]}

    def drop_in_input(self):
        rules = ("table inet selftest { chain input { type filter hook input priority 0; "
                 "tcp flags syn drop; }; }")
        self.lab.victim.run(harness.tool("nft"), rules)
        self.addCleanup(self.lab.victim.run, harness.tool("nft"), "delete table inet selftest")

    def test_a_scan_goes_all_the_way(self):
        for capture, profile in (("ring", "full"), ("bpf", "full"), ("raw", "classic"),
                                 ("pcap", "full")):
            with self.subTest(capture=capture, profile=profile):
                harness.need_back_end(capture)
                daemon = self.daemon("--state", "/run/state", "--profile", profile,
                                     capture=capture)
                told, stages = self.selftest(daemon)
                self.assertEqual((told["interface"], told["target"]), ("vic0", VICTIM))
                self.assertTrue(told["source"].startswith("192.0.2."), told)
                self.assertEqual(list(stages), ["daemon", "interface", "captured", "detected",
                                                "announced", "stored", "syslog", "fail2ban"])
                self.assertEqual({stages[name][0] for name in list(stages)[:-1]}, {"ok"}, stages)
                self.assertEqual(len(daemon.lines()), 1, daemon.lines())
                self.assertTrue(daemon.lines()[0].startswith(told["source"]))
                self.assertIn(told["source"], self.ctl(daemon, "list").stdout)
                text = self.ctl(daemon, "selftest", "--source", "203.0.113.77").stdout
                self.assertRegex(text, r"\Adaemon      ok     scanlogd [ -~\n]+\nselftest: passed\n\Z")
                daemon.stop()

    def test_fail2ban_is_shown_the_line(self):
        daemon = self.daemon("--state", "/run/state", "--profile", "classic")
        ours = os.path.join(os.path.dirname(harness.CAPTURES), "../../packaging/fail2ban/filter.d/scanlogd.local")
        daemon.cell.run("sh", "-ec", f"cp -a /etc/fail2ban /run/f2b; cp {ours} /run/f2b/filter.d/; "
                        "mount --bind /run/f2b /etc/fail2ban")
        _, stages = self.selftest(daemon)
        self.assertEqual(stages["fail2ban"], ("ok", "the filter matches the line"))
        filter_file = daemon.cell.path("/etc/fail2ban/filter.d/scanlogd.local")
        with open(filter_file, "w") as file:
            file.write("[Definition]\nfailregex = ^another line by <ADDR>$\n")
        _, stages = self.selftest(daemon, status=6)
        self.assertEqual(stages["fail2ban"][0], "failed")

    def test_a_firewall_behind_the_capture_is_named(self):
        daemon = self.daemon("--state", "none", "--profile", "full")
        self.drop_in_input()
        _, stages = self.selftest(daemon)
        self.assertEqual(stages["captured"][0], "note")
        self.assertIn("a firewall", stages["captured"][1])

    def test_a_firewall_before_the_capture_is_named(self):
        daemon = self.daemon("--state", "none", capture="raw")
        self.drop_in_input()
        _, stages = self.selftest(daemon, status=6)
        self.assertEqual(stages["captured"][0], "failed")
        self.assertRegex(stages["captured"][1], "a firewall.* raw sees only what they let in")

    def test_targets_that_do_not_count_are_named(self):
        daemon = self.daemon("--state", "none", "--profile", "full", "--local", "192.0.2.0/24")
        _, stages = self.selftest(daemon, status=6)
        self.assertIn("in none of the networks that count", stages["captured"][1])

    def test_an_ignored_network_is_named(self):
        daemon = self.daemon("--state", "none", config="[detect]\nprofile = 'full'\n[detect.full]\n"
                             "ignore_sources = ['192.0.2.0/24']\n")
        _, stages = self.selftest(daemon, status=6)
        self.assertEqual(stages["captured"][0], "failed")
        self.assertIn("ignore_sources", stages["captured"][1])
        self.selftest(daemon, "--source", "203.0.113.78")

    def test_a_stopped_system_log_is_named(self):
        daemon = self.daemon("--state", "/run/state")
        daemon.receiver.close()
        daemon.receiver = None
        _, stages = self.selftest(daemon, status=6)
        self.assertEqual(stages["stored"][0], "ok")
        self.assertEqual(stages["syslog"][0], "failed")
        self.assertRegex(stages["syslog"][1], r"\Adown: \d+ messages wait for it")

    def test_an_interface_that_is_down_is_named(self):
        daemon = self.daemon("--state", "none")
        self.lab.victim.run("ip", "link", "set", "vic0", "down")
        self.addCleanup(self.lab.victim.run, "ip", "link", "set", "vic0", "up")
        _, stages = self.selftest(daemon, status=6)
        self.assertEqual(list(stages)[-1], "interface")
        self.assertIn("vic0 is down", stages["interface"][1])

    def test_only_root_may(self):
        daemon = self.daemon("--state", "none")
        done = self.ctl(daemon, "selftest", status=1, before=(
            harness.tool("setpriv"), "--reuid=scanlogd", "--regid=65534", "--clear-groups"))
        self.assertIn("Operation not permitted", done.stderr)
        daemon.stop()
        self.ctl(daemon, "selftest", status=7)
        self.ctl(daemon, "selftest", "--source", "nobody", status=2)


class Socket(Control):
    def test_what_a_killed_daemon_left_is_replaced(self):
        daemon = self.daemon("--state", "none")
        daemon.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(daemon.cell.path(SOCKET)))
        daemon.start()
        self.status(daemon)

    def test_a_living_daemon_keeps_its_socket(self):
        daemon = self.daemon("--state", "none")
        pid = self.status(daemon)["daemon"]["pid"]
        done = daemon.cell.run(daemon.binary, "--no-config", "--state", "none", "--control", SOCKET)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, f"scanlogd: {SOCKET}: another scanlogd listens there\n")
        other = harness.Foreground(self.lab, daemon.binary, "-f", "--no-config", "--state", "none",
                                   "-c", "raw", cell=daemon.cell).wait_ready()
        self.assertIn("another scanlogd listens there", other.errors()[0])
        self.assertEqual(self.status(daemon)["daemon"]["pid"], pid)
        daemon.stop()

    def test_what_is_no_socket_is_left_alone(self):
        daemon = self.daemon("--state", "none", "--control", "/run/file", start=False)
        with open(daemon.cell.path("/run/file"), "w") as file:
            file.write("precious")
        done = daemon.cell.run(daemon.binary, *daemon.arguments)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "scanlogd: bind(/run/file): File exists\n"))
        with open(daemon.cell.path("/run/file")) as file:
            self.assertEqual(file.read(), "precious")

    def test_only_those_admitted_may_ask(self):
        daemon = self.daemon("--state", "none", config="[daemon]\ncontrol_group = 'daemon'\n")
        info = os.stat(daemon.cell.path(SOCKET))
        self.assertEqual((info.st_mode & 0o777, info.st_uid, info.st_gid),
                         (0o660, harness.USER_ID, 1))
        setpriv = harness.tool("setpriv")
        as_user = (setpriv, "--reuid=65534", "--regid=65534")
        self.ctl(daemon, "status", before=(setpriv, "--reuid=scanlogd", "--regid=65534",
                                           "--clear-groups"))
        self.ctl(daemon, "status", before=(*as_user, "--groups=1"))
        done = daemon.cell.run(*as_user, "--clear-groups", ctl_binary(), "reload")
        self.assertEqual(done.returncode, 7, done.stderr)
        # A descriptor that somebody else connected is not enough.
        os.chmod(daemon.cell.path(SOCKET), 0o666)
        done = daemon.cell.run(*as_user, "--clear-groups", ctl_binary(), "reload")
        self.assertEqual((done.returncode, done.stderr),
                         (1, "scanlogctl: connect: only root, the daemon's user and its group may "
                             "ask\n"))

    def test_none_is_none(self):
        daemon = self.daemon("--state", "none", "--control", "none")
        self.assertFalse(os.path.exists(daemon.cell.path(SOCKET)))
        self.ctl(daemon, "reload", status=7)


class Hostile(Control):
    def check_alive(self, daemon, source):
        self.assertIn("pid", self.status(daemon)["daemon"])
        self.lab.send(probe(source, VICTIM, port) for port in PORTS)
        harness.wait_until(lambda: any(line.startswith(source) for line in daemon.lines()),
                           f"the line of {source}")

    def test_nonsense_is_refused(self):
        daemon = self.daemon("--state", "none")
        for request, why in (
                (b"1 halt", b"must be status"),
                (b"2 status", b"not of version 1"),
                (b"1 status now", b"more words"),
                (b"1 explain", b"lacks the address"),
                (b"1 explain 192.0.2.256", b"lacks the address"),
                (b"\0" * 100, b"not one line"),
                (b"1 status\n1 status\n", b"not one line"),
                (b"1 status" + b" " * 121, b"too long"),
                (os.urandom(60000), b"too long")):
            answer = self.ask(daemon, request)
            self.assertTrue(answer.startswith(b"scanlogd 1 error request: "), answer)
            self.assertIn(why, answer)
        with self.assertRaises(OSError):
            self.connect(daemon, socket.SOCK_STREAM)
        self.check_alive(daemon, "203.0.113.10")
        daemon.stop()

    def test_those_who_hold_on_keep_nobody_out(self):
        for arguments in ((), ("--single",)):
            with self.subTest(arguments=arguments):
                daemon = self.daemon("--state", "none", *arguments)
                recorder = daemon.pid
                silent = [self.connect(daemon) for _ in range(8)]
                self.check_alive(daemon, "203.0.113.11")
                # Ask and never read; ask and go; go at once.
                for number in range(200):
                    client = self.connect(daemon)
                    client.send(b"1 status")
                    if number % 2:
                        client.close()
                for _ in range(200):
                    self.connect(daemon).close()
                self.check_alive(daemon, "203.0.113.12")
                self.assertLess(len(os.listdir(f"/proc/{recorder}/fd")), 40)
                del silent
                daemon.stop()

    def test_waiting_costs_nothing(self):
        daemon = self.daemon("--state", "none")
        held = [self.connect(daemon) for _ in range(12)]
        self.status(daemon)

        def used():
            with open(f"/proc/{daemon.pid}/stat") as file:
                return sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        before = used()
        self.assertFalse(self.select_nothing(0.5))
        self.assertLessEqual(used() - before, 10, "ticks of 10 ms in half a second")
        del held

    @staticmethod
    def select_nothing(seconds):
        """Lets time pass, for what is measured by it."""
        reader, writer = os.pipe()
        with os.fdopen(reader), os.fdopen(writer, "w"):
            return bool(harness.select.select([reader], [], [], seconds)[0])


class BadAnswers(Control):
    """scanlogctl, asked to believe somebody else."""

    def serve(self, daemon, reply, kind=socket.SOCK_SEQPACKET):
        path = daemon.cell.path("/run/other")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        server = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(server.close)
        server.bind(path)
        server.listen(1)
        client = daemon.cell.popen(ctl_binary(), "reload", "--control", "/run/other",
                                   stdout=-1, stderr=-1, text=True)
        if kind == socket.SOCK_SEQPACKET:
            server.settimeout(10)
            connection, _ = server.accept()
            connection.recv(1000)
            if reply is not None:
                connection.send(reply)
            connection.close()
        out, errors = client.communicate(timeout=20)
        return client.returncode, out, errors

    def test_they_are_refused(self):
        daemon = self.daemon("--state", "none")
        for reply in (None, b"", b"ok\n", b"scanlogd 1 ok", b"scanlogd 2 ok\n", b"scanlogd 1 ok\nx\n",
                      b"scanlogd 1 ok\ndone \x1b[2J\n", b"scanlogd 1 ok\ndone x\n\n",
                      b"scanlogd 1 error \x07\n", b"scanlogd 1 error x\ndone y\n",
                      b"scanlogd 1 ok\n" + b"x " + b"y" * 40000 + b"\n", struct.pack("<100Q", *range(100))):
            code, out, errors = self.serve(daemon, reply)
            self.assertEqual((code, out), (1, ""), (reply, errors))
            self.assertRegex(errors, r"\Ascanlogctl: recv\(/run/other\): [ -~]+\n\Z")
        code, _, errors = self.serve(daemon, b"", socket.SOCK_STREAM)
        self.assertEqual(code, 1, errors)


if __name__ == "__main__":
    harness.main()
