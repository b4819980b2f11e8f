# The live comparison: Debian's scanlogd and ours under the same traffic, one daemon at a time in turn, in
# two network namespaces joined by veth (the laboratory of the live tests). Measures CPU time, what was
# seen of what arrived, and resident memory, each daemon in its daemonised form. Needs root. Judges
# nothing: bench/run makes tables of what `compare` returns.

import collections
import concurrent.futures
import contextlib
import json
import os
import signal
import sys
import time

BENCH = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(BENCH), "tests", "live"))

import frames  # noqa: E402
import harness  # noqa: E402

OPEN_PORT, CLOSED_PORT = 80, 8081

# Random sources, 2^29 each. To the second the victim has no way back, nor to that of the bulk data:
# its answers would cost more than all that is measured, and data of a connection is not answered with
# a reset either.
ANSWERED, UNANSWERED, BULK_SOURCE = "32.0.0.0/3", "64.0.0.0/3", "198.51.100.9"

# Traffic: what it is, to which port, from whom, how many packets, packets per second (0: all it takes).
Load = collections.namedtuple("Load", "name port source count rate")
TRICKLE = Load("SYN, 1,000/s, answered", CLOSED_PORT, ANSWERED, 1_500, 1_000)
FLOOD = Load("SYN, no limit", CLOSED_PORT, UNANSWERED, 2_000_000, 0)
# What costs a detector most: a source that is worth a place beside those that scan.
TWO_EACH = Load("SYN, no limit, 2 of each source", CLOSED_PORT, UNANSWERED + "x2", 1_000_000, 0)
BARE_ACK = Load("bare ACK, no limit", OPEN_PORT, BULK_SOURCE + "/32", 400_000, 0)
LOADS = (
    TRICKLE,
    Load("SYN, 100,000/s", CLOSED_PORT, UNANSWERED, 200_000, 100_000),
    FLOOD,
    TWO_EACH,
    Load("SYN, no limit, answered", CLOSED_PORT, ANSWERED, 250_000, 0),
    BARE_ACK,
    Load("bulk data, no limit", OPEN_PORT, BULK_SOURCE, 250_000, 0),
    # Once more, now that the tables have their memory.
    Load("SYN, 1,000/s, answered, once more", CLOSED_PORT, ANSWERED, 1_500, 1_000),
)

# What a machine does from one minute to the next differs by more than some daemons cost. So under these,
# and with bulk TCP, the sender is measured in turns without and with each daemon, so many times in a
# round, in pieces that take less than a second.
PAIRED = (FLOOD, TWO_EACH, BARE_ACK)
PAIRED_COUNT = 300_000
PAIRS = 4

# Bulk TCP in packets of 1,500 bytes, by iperf3: seconds of each measurement, and its port.
BULK_TCP_SECONDS, BULK_TCP_PORT = 1, 5201

# When memory is looked at.
IDLE, AFTER_TRICKLE, AFTER_FLOODS = "idle", "after 1,500 packets", "after 4 million packets"

# Among so many packets there are scans, ten ports a second each, from sources of their own.
MINUTE = Load("SYN, 500,000/s for a minute", CLOSED_PORT, UNANSWERED, 30_000_000, 500_000)
SCANS, SCANNED_PORTS, SCAN_EVERY = 5, 10, 10.0
ENDURING = ("original", "ring", "bpf")

# What became of that: packets per second that the sender reached, packets lost, scans found.
Minute = collections.namedtuple("Minute", "rate lost found")

# Gbit/s of bulk TCP, or CPU seconds of the sender for a packet, with a daemon, and without: straight
# before and straight after, in the middle.
Pair = collections.namedtuple("Pair", "without with_daemon")

# What is compared: `arguments` None stands for no daemon at all.
Contender = collections.namedtuple("Contender", "key title binary arguments")

# Of one contender under one load: packets that came to the victim, those of them that its daemon could
# not be given, CPU time of the daemon and of the sender in seconds, and how long it took. The kernel's
# receiving path runs in the sender. The first three are None where there is no daemon.
Sample = collections.namedtuple("Sample", "arrived lost cpu sender seconds")


def contenders(binary):
    return (
        Contender("none", "no daemon", None, None),
        Contender("original", "Debian's", harness.oracle(), ()),
        Contender("raw", "raw", binary, ("--capture", "raw")),
        Contender("pcap", "pcap", binary, ("--capture", "pcap")),
        Contender("ring", "ring", binary, ("--capture", "ring")),
        Contender("bpf", "bpf", binary, ("--capture", "bpf")),
    )


def cpu_time(pids):
    """CPU time of processes in ns, as the scheduler counts it."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat") as file:
            total += int(file.read().split()[0])
    return total


def memory(pids):
    """Resident memory of all processes of a daemon in kB. What several of them map counts for each,
    but in `pss`, which shares such pages among those that map them."""
    total = collections.Counter()
    for pid in pids:
        total.update(memory_of(pid))
    return dict(total)


def memory_of(pid):
    status = harness.status(pid)
    values = {"rss": status["VmRSS"], "anonymous": status["RssAnon"], "file": status["RssFile"]}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        values["pss"] = next(line for line in file if line.startswith("Pss:")).split(":")[1]
    return {name: int(value.split()[0]) for name, value in values.items()}


class Stage:
    """The two namespaces and the sender; the sender has the first core, the daemon the last."""

    def __init__(self, flood):
        self._flood = flood
        self.lab = harness.Lab()
        for source in (UNANSWERED, BULK_SOURCE):
            self.lab.victim.run("ip", "route", "add", "blackhole", source)
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

    def _is_listened_to(self, port):
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(FileNotFoundError), \
                    open(f"/proc/{self.lab.victim.pid}/net/{table}") as file:
                if any(fields[1].endswith(f":{port:04X}") and fields[3] == "0A"
                       for fields in map(str.split, file)):
                    return True
        return False

    def bulk_tcp(self):
        """Gbit/s of one TCP connection to the victim: the sender on the first core, where the kernel
        receives, too, for both ends, the receiver on the last."""
        iperf, port = harness.tool("iperf3"), str(BULK_TCP_PORT)
        server = self.lab.victim.popen("taskset", "-c", str(self._daemon_core), iperf, "-s", "-1", "-p",
                                       port)
        harness.wait_until(lambda: self._is_listened_to(BULK_TCP_PORT), "iperf3")
        done = self.lab.attacker.run("taskset", "-c", str(self._sender_core), iperf, "-c",
                                     harness.VICTIM, "-p", port, "-J", "-t", str(BULK_TCP_SECONDS))
        server.communicate(timeout=10)  # it serves one client
        return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9

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
        self._is_raw = contender.key in ("original", "raw")
        self._is_ours = contender.key != "original"
        self._lost, self._arrived = 0, 0
        self._daemon = harness.Daemon(stage.lab, contender.title, contender.binary,
                                      contender.arguments)
        self._daemon.start()
        self._pids = self._daemon.cell.processes(contender.binary)
        for pid in self._pids:
            stage.pin(pid)
        time.sleep(1)

    def close(self):
        self._daemon.stop()
        self._daemon.receiver.close()
        self._daemon.cell.close()

    def memory(self):
        return memory(self._pids)

    def accounts(self):
        """Our daemon's accounts."""
        before = len(self._daemon.receiver.datagrams)
        os.kill(self._daemon.pid, signal.SIGUSR1)

        def latest():
            news = map(harness.parse, self._daemon.receiver.datagrams[before:])
            return [match["text"] for match in news if match["text"].startswith("seen ")]

        return harness.Accounts(harness.wait_until(latest, "the accounts")[-1])

    def lines(self):
        """Of scans, so far."""
        return self._daemon.lines()

    def dropped(self):
        """Packets that the kernel could not give it, since its start."""
        if self._is_raw:
            return self._stage.lab.drops()
        return self.accounts().terms("seen")["dropped"]

    def settle(self):
        """Waits until all that was sent is dealt with, and returns the CPU time used."""
        if self._is_raw:
            self._stage.lab.drained()
        before, now = None, cpu_time(self._pids)
        while now != before:
            time.sleep(0.1)
            before, now = now, cpu_time(self._pids)
        return now

    def measure(self, load):
        dropped, segments = self.dropped(), self._stage.segments()
        cpu = self.settle()
        sender = self._stage.send(load)
        cpu = self.settle() - cpu
        arrived = self._stage.segments() - segments
        dropped = self.dropped() - dropped
        self._arrived, self._lost = self._arrived + arrived, self._lost + dropped
        return Sample(arrived, dropped, cpu / 1e9, sender["cpu"], sender["seconds"])

    def check(self):
        """Demands that our own accounts say what was measured from outside."""
        if not (self._is_ours and self._is_raw):
            return
        seen = self.accounts().parts["seen"]
        if seen != (self._arrived, {"processed": self._arrived - self._lost, "dropped": self._lost}):
            raise AssertionError(f"{self._arrived} came, {self._lost} were lost, and it says {seen}")


def measure_nothing(stage, load):
    sender = stage.send(load)
    return Sample(None, None, None, sender["cpu"], sender["seconds"])


# All that was measured: samples and pairs by contender and load name, memories by contender and moment,
# pairs of bulk TCP by contender; lists of each. And a `Minute` by contender.
Results = collections.namedtuple("Results", "contenders samples pairs memories throughputs minutes")


def run_loads(stage, contender, results):
    if contender.arguments is None:
        for load in LOADS:
            results.samples[contender.key, load.name].append(measure_nothing(stage, load))
        return
    with contextlib.closing(Subject(stage, contender)) as subject:
        results.memories[contender.key, IDLE].append(subject.memory())
        for load in LOADS:
            results.samples[contender.key, load.name].append(subject.measure(load))
            if load is TRICKLE:
                results.memories[contender.key, AFTER_TRICKLE].append(subject.memory())
        results.memories[contender.key, AFTER_FLOODS].append(subject.memory())
        subject.check()


def measure_sender(stage):
    """CPU seconds for a packet under each of the paired loads, and Gbit/s of bulk TCP."""
    seconds = [stage.send(load._replace(count=PAIRED_COUNT))["cpu"] / PAIRED_COUNT for load in PAIRED]
    return [*seconds, stage.bulk_tcp()]


def run_pairs(stage, contender, results):
    lists = [*(results.pairs[contender.key, load.name] for load in PAIRED),
             results.throughputs[contender.key]]
    before = measure_sender(stage)
    for _ in range(PAIRS):
        with contextlib.closing(Subject(stage, contender)):
            stage.send(FLOOD._replace(count=PAIRED_COUNT))  # buffers and tables get their memory
            with_daemon = measure_sender(stage)
        after = measure_sender(stage)
        for pairs, *values in zip(lists, before, after, with_daemon):
            pairs.append(Pair((values[0] + values[1]) / 2, values[2]))
        before = after


def run_minute(stage, contender):
    with contextlib.closing(Subject(stage, contender)) as subject, \
            concurrent.futures.ThreadPoolExecutor() as threads:
        dropped = subject.dropped()
        sender = threads.submit(stage.send, MINUTE)
        sources = [f"198.51.100.{10 + scan}" for scan in range(SCANS)]
        for source in sources:
            for port in range(SCANNED_PORTS):
                stage.lab.wire.send(frames.probe(source, harness.VICTIM, 20 + port))
                time.sleep(0.1)
            time.sleep(SCAN_EVERY - 0.1 * SCANNED_PORTS)
        seconds = sender.result()["seconds"]
        subject.settle()
        lines = subject.lines()
        found = sum(any(line.startswith(source) for line in lines) for source in sources)
        return Minute(MINUTE.count / seconds, subject.dropped() - dropped, found)


def compare(binary, flood, rounds, say):
    """Runs `rounds` rounds, in each of them each contender once under all loads and in pairs, and then
    some of them for a minute."""
    results = Results(contenders(binary), *(collections.defaultdict(list) for _ in range(4)), {})
    with contextlib.closing(Stage(flood)) as stage:
        for number in range(rounds):
            for contender in results.contenders:
                say(f"round {number + 1} of {rounds}: {contender.title}")
                run_loads(stage, contender, results)
                if contender.arguments is not None:
                    run_pairs(stage, contender, results)
        for contender in results.contenders:
            if contender.key in ENDURING:
                say(f"a minute: {contender.title}")
                results.minutes[contender.key] = run_minute(stage, contender)
    return results
