# The live comparison: Debian's scanlogd and ours under the same traffic, one daemon at a time in turn, in
# two network namespaces joined by veth (the laboratory of the live tests). Measures CPU time, what was
# seen of what arrived, and resident memory, each daemon in its daemonised form. Needs root. Judges
# nothing: bench/run makes tables of what `compare` returns.

import collections
import contextlib
import json
import os
import signal
import statistics
import sys
import time

BENCH = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(BENCH), "tests", "live"))

import frames  # noqa: E402
import harness  # noqa: E402

OPEN_PORT, CLOSED_PORT = 80, 8081
# The victim has no way back to it, so no resets answer its segments, as none would in a connection.
BULK_SOURCE = "198.51.100.9"

# Traffic: what it is, to which port, from whom, how many packets, packets per second (0: all it takes).
Load = collections.namedtuple("Load", "name port source count rate")
TRICKLE = Load("SYN, 1,000 a second", CLOSED_PORT, "random", 2_000, 1_000)
FLOODS = (
    Load("SYN flood, 100,000 a second", CLOSED_PORT, "random", 500_000, 100_000),
    Load("SYN flood, 250,000 a second", CLOSED_PORT, "random", 500_000, 250_000),
    Load("SYN flood, 250,000 a second, open port", OPEN_PORT, "random", 500_000, 250_000),
    Load("SYN flood, as fast as possible", CLOSED_PORT, "random", 500_000, 0),
    Load("bulk data, as fast as possible", OPEN_PORT, BULK_SOURCE, 500_000, 0),
)
LOADS = (TRICKLE, *FLOODS)

# What is compared: `arguments` None stands for no daemon at all.
Contender = collections.namedtuple("Contender", "key title binary arguments")

# Of one daemon under one load. CPU times in ns; `sender` is the sending process with the kernel's
# receiving path, which runs in it. `handled` is None where there is no daemon.
Sample = collections.namedtuple("Sample", "arrived handled dropped filtered cpu sender seconds")


def contenders(binary):
    return (
        Contender("none", "no daemon", None, None),
        Contender("original", "Debian's scanlogd", harness.oracle(), ()),
        Contender("raw", "ours, raw", binary, ()),
        Contender("pcap", "ours, pcap", binary, ("--capture", "pcap")),
    )


def cpu_time(pid):
    """CPU time of a process in ns, as the scheduler counts it."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0])


def memory(pid):
    """Resident memory in kB, by what it consists of; PSS shares shared pages among their users."""
    values = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            name, *rest = line.split()
            if name in ("Rss:", "Pss:", "Anonymous:"):
                values[name.rstrip(":").lower()] = int(rest[0])
    status = harness.status(pid)
    values["file"] = int(status["RssFile"].split()[0])
    return values


class Stage:
    """The two namespaces and the sender; the sender has the first core, the daemon the last."""

    def __init__(self, flood):
        self._flood = flood
        self.lab = harness.Lab()
        self.lab.victim.run("ip", "route", "add", "blackhole", BULK_SOURCE)
        cores = sorted(os.sched_getaffinity(0))
        self._sender_core, self._daemon_core = cores[0], cores[-1]

    def close(self):
        self.lab.close()

    def pin(self, pid):
        os.sched_setaffinity(pid, {self._daemon_core})

    def segments(self):
        """TCP segments that reached the victim."""
        with open(f"/proc/{self.lab.victim.pid}/net/snmp") as file:
            names, values = [line.split() for line in file if line.startswith("Tcp:")]
        return int(dict(zip(names, values))["InSegs"])

    def send(self, load):
        """Sends a load and returns what the sender says of it."""
        done = self.lab.attacker.run(
            "taskset", "-c", str(self._sender_core), self._flood, "atk0",
            frames.VICTIM_MAC.hex(":"), harness.VICTIM, str(load.port), load.source,
            str(load.count), str(load.rate), timeout=300)
        return json.loads(done.stdout)


class Subject:
    """One daemon of one round."""

    def __init__(self, stage, contender):
        self._stage = stage
        self._is_ours = contender.key != "original"
        self._is_raw = "--capture" not in contender.arguments
        self.daemon = harness.Daemon(stage.lab, contender.title, contender.binary, contender.arguments)
        self.daemon.start()
        stage.pin(self.daemon.pid)
        time.sleep(1)

    def close(self):
        self.daemon.stop()
        self.daemon.receiver.close()
        self.daemon.cell.close()

    def _accounts(self):
        """Our own accounts, by SIGUSR1, or None for the original."""
        if not self._is_ours:
            return None
        before = len(self.daemon.receiver.datagrams)
        os.kill(self.daemon.pid, signal.SIGUSR1)

        def latest():
            news = map(harness.parse, self.daemon.receiver.datagrams[before:])
            return [match["text"] for match in news if match["text"].startswith("seen ")]

        return harness.Accounts(harness.wait_until(latest, "the accounts")[-1])

    def _settle(self):
        """Waits until all that was sent is dealt with, and returns the CPU time used."""
        if self._is_raw:
            self._stage.lab.drained()
        before, now = None, cpu_time(self.daemon.pid)
        while now != before:
            time.sleep(0.1)
            before, now = now, cpu_time(self.daemon.pid)
        return now

    def measure(self, load):
        accounts, drops, segments = self._accounts(), self._stage.lab.drops(), self._stage.segments()
        cpu = self._settle()
        sender = self._stage.send(load)
        cpu = self._settle() - cpu
        arrived = self._stage.segments() - segments
        dropped, filtered = self._stage.lab.drops() - drops, 0
        handled = arrived - dropped
        if self._is_ours:
            after = self._accounts()
            if not self._is_raw:
                # It sees the answers too, and leaves to the kernel what cannot matter.
                dropped = after.terms("seen")["dropped"] - accounts.terms("seen")["dropped"]
                handled = after.terms("seen")["processed"] - accounts.terms("seen")["processed"]
                filtered = arrived if handled < arrived / 2 and not dropped else 0
            elif after.terms("seen")["dropped"] - accounts.terms("seen")["dropped"] != dropped:
                raise AssertionError("our count of drops is not the kernel's")
        return Sample(arrived, handled, dropped, filtered, cpu, sender["cpu"] * 1e9, sender["seconds"])


def measure_nothing(stage, load):
    segments = stage.segments()
    sender = stage.send(load)
    return Sample(stage.segments() - segments, None, None, None, None, sender["cpu"] * 1e9,
                  sender["seconds"])


def compare(binary, flood, rounds, say):
    """Runs `rounds` rounds and returns (contenders, samples, memories): samples by contender and
    load name, memories by contender and moment, each a list with an entry for each round."""
    samples, memories = collections.defaultdict(list), collections.defaultdict(list)
    stage = Stage(flood)
    try:
        table = contenders(binary)
        for number in range(rounds):
            for contender in table:
                say(f"round {number + 1} of {rounds}: {contender.title}")
                if contender.arguments is None:
                    for load in LOADS:
                        samples[contender.key, load.name].append(measure_nothing(stage, load))
                    continue
                subject = Subject(stage, contender)
                with contextlib.closing(subject):
                    pid = subject.daemon.pid
                    memories[contender.key, "idle"].append(memory(pid))
                    for load in LOADS:
                        samples[contender.key, load.name].append(subject.measure(load))
                        if load is TRICKLE:
                            memories[contender.key, "after 2,000 sources"].append(memory(pid))
                    memories[contender.key, "after the floods"].append(memory(pid))
        return table, samples, memories
    finally:
        stage.close()


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None
