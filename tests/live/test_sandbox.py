# What is left to somebody who has taken over a process of the daemon: /proc says how each is locked in,
# and self_attack tries everything from inside, as the engine and as the recorder. seccomp(2),
# landlock(7), proc(5).

import os
import re
import signal
import subprocess
import tempfile

import harness
from frames import probe
from harness import GROUP_ID, USER_ID, VICTIM

LEAST_ATTEMPTS = 26
SECCOMP_FILTER = "2"


def limits(pid):
    """The soft limits of a process, as text."""
    with open(f"/proc/{pid}/limits") as file:
        return {line[:25].strip(): line[26:].split()[0] for line in file.readlines()[1:]}


class Sandbox(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = harness.our_binary()
        cls.cell = cls.lab.own(harness.Cell(cls.lab.victim))
        state = cls.cell.path("/run/state")
        os.mkdir(state, 0o700)
        os.chown(state, USER_ID, GROUP_ID)

    def watch(self, *arguments):
        daemon = harness.Foreground(self.lab, self.binary, "-f", *arguments, env={"TZ": "UTC"},
                                    cell=self.cell)
        self.addCleanup(daemon.close)
        return daemon.wait_ready()

    def is_filtered(self, daemon):
        if any("without seccomp" in line for line in daemon.errors()):
            raise harness.Skip("an instrumented build goes without seccomp")

    def test_each_process_is_locked_in(self):
        for arguments in (["-c", "ring"], ["-c", "bpf"], ["-c", "raw", "--single"]):
            with self.subTest(arguments):
                harness.need_back_end(arguments[1])
                daemon = self.watch(*arguments)
                self.is_filtered(daemon)
                for pid in self.cell.processes(self.binary):
                    status = harness.status(pid)
                    self.assertEqual(SECCOMP_FILTER, status["Seccomp"].strip())
                    self.assertEqual("1", status["NoNewPrivs"].strip())
                    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                        self.assertEqual(0, int(status[kind], 16), kind)
                    self.assertEqual("0", limits(pid)["Max processes"])
                    self.assertEqual("0", limits(pid)["Max core file size"])
                    # Not dumpable: its files in /proc are root's.
                    self.assertEqual(0, os.stat(f"/proc/{pid}/mem").st_uid)
                engine = daemon.engines[0]
                if "--single" not in arguments:
                    self.assertEqual("0", limits(engine)["Max file size"])
                    highest = max(map(int, os.listdir(f"/proc/{engine}/fd")))
                    # Some were open when it was locked in and are not any more.
                    self.assertLessEqual(int(limits(engine)["Max open files"]), highest + 8)
                self.assertEqual(0, daemon.finish())

    def test_nothing_is_locked_on_request(self):
        daemon = self.watch("-c", "ring", "--no-sandbox")
        for pid in self.cell.processes(self.binary):
            self.assertEqual("0", harness.status(pid)["Seccomp"].strip())
        self.assertTrue(any("--no-sandbox" in line for line in daemon.errors()))
        self.assertEqual(0, daemon.finish())

    def test_a_forbidden_call_is_told_as_one(self):
        daemon = self.watch("-c", "ring")
        os.kill(daemon.engines[0], signal.SIGSYS)
        self.assertEqual(1, daemon.finish(how=None))
        self.assertIn("killed by signal 31, for a forbidden call", daemon.errors()[-1])

    def test_a_stop_and_all_that_follows_it_is_survived(self):
        """poll(2) is started again by another call, which the filter has to know."""
        daemon = self.watch("-c", "ring", "-i", "vic0")
        for _ in range(3):
            daemon.resume(daemon.stop(self.cell.processes(self.binary)))
        self.lab.send(probe("203.0.113.1", VICTIM, port) for port in range(1, 8))
        harness.wait_until(lambda: daemon.lines(), "the scan")
        self.assertEqual(0, daemon.finish())

    def attack(self, who, *more):
        program = os.environ.get("SCANLOGD_SELF_ATTACK", "")
        if not os.access(program, os.X_OK):
            raise harness.Skip("self_attack is not built")
        done = self.cell.run(program, who, "/run/scanlogd/empty", "/run/state", *more, timeout=60)
        last = re.fullmatch(who + r": (\d+) attempts, (\d+) succeeded \((\d+) killed, (\d+) broken\)",
                            (done.stdout.splitlines() or [""])[-1])
        self.assertIsNotNone(last, done.stdout + done.stderr)
        return done, *map(int, last.groups())

    def test_self_attack(self):
        """None of the attempts works, and some do without the sandbox: they are real."""
        self.is_filtered(self.watch("-c", "ring"))
        for who in ("engine", "recorder"):
            with self.subTest(who):
                done, attempts, succeeded, killed, broken = self.attack(who)
                print(done.stdout.splitlines()[-1], end=" ... ", flush=True)
                self.assertGreaterEqual(attempts, LEAST_ATTEMPTS)
                self.assertEqual((0, 0), (succeeded, broken), done.stdout)
                self.assertGreater(killed, attempts // 2, done.stdout)
                done, attempts, succeeded, killed, broken = self.attack(who, "open")
                print(f"{succeeded} without the sandbox", end=" ... ", flush=True)
                self.assertGreater(succeeded, 9, done.stdout)

    def test_root_reads_a_file_into_a_store(self):
        with tempfile.TemporaryDirectory() as state:
            done = subprocess.run(
                [self.binary, "--no-config", "--profile", "full", "--state", state, "-r",
                 os.path.join(harness.CAPTURES, "nmap_sS.pcap")],
                capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(os.path.exists(os.path.join(state, "scanlogd.db")))


if __name__ == "__main__":
    harness.main()
