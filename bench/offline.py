# Reading capture files: scanlogd beside tcpdump and a reader on libpcap with the same filter, and beside the
# plain walk over the mapped file. Whole processes, CPU time, interleaved; the files are made for it
# and lie in the page cache. Judges nothing: bench/run makes tables of what `compare` returns.

import collections
import os
import re
import shutil
import subprocess
import tempfile

# Kind, what it is, how many packets.
Trace = collections.namedtuple("Trace", "kind title count")
TRACES = (
    Trace("bulk", "bulk TCP, 1 kB", 1_500_000),
    Trace("small", "bulk TCP cut to 96 bytes", 4_000_000),
    Trace("flood", "SYN flood of a million sources", 5_000_000),
    Trace("scan", "a scan and its answers", 4_000_000),
    Trace("mixed", "bulk, flood and 50 scanners", 1_500_000),
)
CONTENDERS = ("scanlogd", "libpcap", "tcpdump", "walk")
HIDDEN_SCANNERS = 50


def read_in(path):
    """Brings the file into the page cache as a file from a disk gets there: in large pieces, which
    makes mapping it cheap for all. Without the right to empty the cache it stays as it was written."""
    try:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("1")
    except OSError:
        return
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass


def cpu_of(argv):
    """CPU seconds of a command, and what it said."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
        if process.returncode:
            raise AssertionError(f"{' '.join(argv)}: exit {process.returncode}\n{text}")
    return used.ru_utime + used.ru_stime, text


def compare(scanlogd, helper, rounds, folder, say):
    """Returns ({(contender, trace.kind): [ns per packet]}, scanners found in the mixed file)."""
    listed = subprocess.run([scanlogd, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    expression = re.search(r"sees \(pcap-filter\): (.*)", listed)[1]
    tcpdump = shutil.which("tcpdump", path="/usr/sbin:/usr/bin:/sbin:/bin")
    times = collections.defaultdict(list)
    found = None
    for trace in TRACES:
        path = os.path.join(folder, f"offline-{trace.kind}.pcap")
        try:
            subprocess.run([helper, "make", trace.kind, path, str(trace.count)], check=True)
            read_in(path)
            commands = {"scanlogd": [scanlogd, "--no-config", "--profile", "classic", "-r", path],
                        "libpcap": [helper, "libpcap", path, expression],
                        "walk": [helper, "touch", path]}
            if tcpdump:
                commands["tcpdump"] = [tcpdump, "-n", "-r", path, "-w", "/dev/null", expression]
            for number in range(rounds):
                say(f"reading, {trace.title}, round {number + 1} of {rounds}")
                for name, command in commands.items():
                    seconds, text = cpu_of(command)
                    times[name, trace.kind].append(seconds / trace.count * 1e9)
                    if name == "scanlogd" and trace.kind == "mixed":
                        found = int(re.search(r"detected (\d+)", text)[1])
        finally:
            if os.path.exists(path):
                os.unlink(path)
    return times, found
