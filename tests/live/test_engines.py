# Several engines: what one finds, they find together, whatever their number, because the packets of a
# source go to one of them. Beside that a fan-out by flow, as load balancers have it, which tears scans
# apart. The accounts add up over all processes, each of which is confined; none outlives the others.

import collections
import os
import signal
import socket
import struct
import time

import frames
import harness
from frames import probe
from harness import VICTIM

SCANNERS = [f"203.0.{100 + number // 200}.{1 + number % 200}" for number in range(200)]
PORTS = range(1, 8)  # the fewest that are a scan

SOL_PACKET, PACKET_FANOUT, PACKET_FANOUT_HASH = 263, 18, 0
ETH_P_IP = 0x0800


def scans():
    """Two hundred scans at once: each port of all sources, then the next."""
    return [probe(source, VICTIM, port) for port in PORTS for source in SCANNERS]


class Engines(harness.WatchCase):
    def watch(self, backend, engines, *arguments):
        return super().watch(backend, "--engines", str(engines), *arguments)

    def finish(self, daemon):
        """Ends it by its first process, which tells the others."""
        os.kill(daemon.pid, signal.SIGTERM)
        self.assertEqual(0, daemon.finish(how=None), daemon.errors())
        self.assertEqual([], self.cell.processes(self.binary))
        return daemon.accounts()

    def test_any_number_finds_the_same(self):
        for backend in ("bpf", "ring"):
            for engines in (1, 2, 4):
                with self.subTest(backend, engines=engines):
                    daemon = self.watch(backend, engines, "-i", "vic0")
                    self.lab.send(scans())
                    time.sleep(0.1)
                    accounts = self.finish(daemon)
                    accounts.check(self)
                    self.assertEqual(len(SCANNERS), accounts.total("detected"))
                    self.assertEqual(len(SCANNERS) * len(PORTS),
                                     accounts.terms("processed")["inspected"])
                    self.assertEqual(len(SCANNERS), accounts.total("found"))

    def test_work_is_shared(self):
        """Every engine gets sources; CPU time of each is seen to move."""
        daemon = self.watch(harness.best_back_end(), 2, "-i", "vic0")
        recorder, *engines = self.cell.processes(self.binary)

        def used(pid):
            with open(f"/proc/{pid}/schedstat") as file:
                return int(file.read().split()[0])

        before = [used(pid) for pid in engines]
        for _ in range(20):
            self.lab.send(scans())
        time.sleep(0.1)
        for pid, earlier in zip(engines, before):
            self.assertGreater(used(pid), earlier)
        self.finish(daemon)

    def test_sharing_by_flow_loses_scans(self):
        """Why it is not offered: of two sockets that share by flow hash, each judged by the rule
        itself, hardly any sees seven ports of a source."""
        sockets = []
        with self.lab.victim.network():
            for _ in range(2):
                each = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
                self.addCleanup(each.close)
                each.bind(("vic0", ETH_P_IP))
                each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
                each.setsockopt(SOL_PACKET, PACKET_FANOUT, struct.pack("I", 7 | PACKET_FANOUT_HASH << 16))
                each.setblocking(False)
                sockets.append(each)
        self.lab.send(scans())
        time.sleep(0.2)
        found = set()
        for each in sockets:
            ports = collections.defaultdict(set)
            while True:
                try:
                    datagram = each.recv(256)
                except BlockingIOError:
                    break
                ports[datagram[12:16]].add(datagram[22:24])
            found |= {source for source, seen in ports.items() if len(seen) >= len(PORTS)}
        lost = len(SCANNERS) - len(found)
        print(f"sharing by flow: {lost} of {len(SCANNERS)} scans lost", end=" ... ")
        self.assertGreater(lost, 0)

    def test_every_process_is_confined(self):
        daemon = self.watch("ring", 3)
        for pid in self.cell.processes(self.binary):
            status = harness.status(pid)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(0, int(status[kind], 16), kind)
            self.assertEqual("1", status["NoNewPrivs"].strip())
            self.assertEqual([str(harness.USER_ID)] * 4, status["Uid"].split())
            self.assertEqual([], os.listdir(f"/proc/{pid}/root"))
        self.finish(daemon)

    def test_accounts_on_demand(self):
        daemon = self.watch(harness.best_back_end(), 2, "-i", "vic0")
        self.lab.send(scans())
        time.sleep(0.1)
        os.kill(daemon.pid, signal.SIGUSR1)
        harness.wait_until(lambda: daemon.errors()[-1].startswith("scanlogd: seen "), "the accounts")
        asked = harness.Accounts(daemon.errors()[-1])
        asked.check(self)
        self.assertEqual(len(SCANNERS), asked.total("detected"))
        self.finish(daemon)

    def test_the_death_of_an_engine_ends_all(self):
        daemon = self.watch("ring", 2)
        victim = self.cell.processes(self.binary)[1]
        os.kill(victim, signal.SIGKILL)
        self.assertEqual(1, daemon.finish(how=None), daemon.errors())
        self.assertTrue(any("engine 0 ended: killed by signal 9" in line for line in daemon.errors()),
                        daemon.errors())
        self.assertEqual([], self.cell.processes(self.binary))

    def test_the_death_of_the_recorder_ends_all(self):
        daemon = self.watch("ring", 2)
        os.kill(daemon.pid, signal.SIGKILL)
        harness.wait_until(lambda: not self.cell.processes(self.binary), "the engines to end")

    def test_a_recorder_that_hangs_costs_no_packet(self):
        """It is stopped, and more scans come than the pipe holds: every packet is processed, what was
        not sent is counted and told."""
        daemon = self.watch("ring", 1, "-i", "vic0")
        stopped = daemon.stop([daemon.pid])
        number = 0
        try:
            for _ in range(40):
                sources = [f"198.{18 + (number + n) // 65536}.{(number + n) // 256 % 256}.{(number + n) % 256}"
                           for n in range(200)]
                number += len(sources)
                self.lab.send(probe(source, VICTIM, port) for port in PORTS for source in sources)
            time.sleep(0.2)
        finally:
            daemon.resume(stopped)
        accounts = self.finish(daemon)
        accounts.check(self)
        self.assertEqual(0, accounts.terms("seen")["dropped"])
        self.assertEqual(number, accounts.total("found"))
        unsent = accounts.terms("found")["unsent"]
        self.assertGreater(unsent, 0, "the pipe was never full: nothing was tested")
        self.assertTrue(any("did not keep up" in line for line in daemon.errors()), daemon.errors())

    def test_one_process_on_request(self):
        daemon = self.watch("ring", 1, "-i", "vic0", "--single")
        self.assertEqual(1, len(self.cell.processes(self.binary)))
        self.lab.send(scans())
        time.sleep(0.1)
        accounts = self.finish(daemon)
        accounts.check(self)
        self.assertEqual(len(SCANNERS), accounts.total("detected"))
        self.assertNotIn("found", accounts.parts)

    def test_who_cannot_share_says_so(self):
        for arguments, pattern in ((("-c", "raw"), "'raw' can serve one only; several can share"),
                                   (("-r", "/dev/null"), "no meaning with --read")):
            done = self.cell.run(self.binary, "-f", "--engines", "2", *arguments)
            self.assertEqual(1, done.returncode)
            self.assertRegex(done.stderr, pattern)
        done = self.cell.run(self.binary, "-f", "--engines", "0")
        self.assertEqual(1, done.returncode)


if __name__ == "__main__":
    harness.main()
