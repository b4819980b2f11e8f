"""Who may include whom (docs/architecture.md), and each library's headers in one source file only,
so that a library can be replaced, or left out, by touching that file.
"""

import re

from guard import numbered_lines, run

# Each folder of src/ may include itself and these.
MAY_INCLUDE = {
    "core": set(),
    "capture": {"core"},
    "detect": {"core"},
    "record": {"core"},
    "sink": {"core"},
    "ctl": {"core"},
    "daemon": {"core", "capture", "detect", "record", "sink"},
    "exporter": {"core"},
}
# The store is read by those who show or pass on what is on record.
MAY_ALSO = {("sink", "record/store.h"), ("ctl", "record/store_reader.h"),
            ("exporter", "ctl/client.h"), ("exporter", "record/store_reader.h")}

# Needed by each program for itself: one source of the control tool, too.
PER_PROGRAM = {"CLI"}

# What the C library and the kernel provide; a header that is neither this nor C++ is a library's.
SYSTEM_FOLDERS = ("arpa/", "asm/", "linux/", "net/", "netinet/", "netpacket/", "sys/")
SYSTEM_HEADERS = {
    "byteswap.h", "dirent.h", "dlfcn.h", "elf.h", "endian.h", "errno.h", "fcntl.h", "getopt.h",
    "grp.h", "ifaddrs.h", "langinfo.h", "limits.h", "locale.h", "netdb.h", "poll.h", "pthread.h",
    "pwd.h", "sched.h", "signal.h", "spawn.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
    "string.h", "strings.h", "syslog.h", "termios.h", "time.h", "unistd.h", "utime.h",
}
NOT_SYSTEM = {"sys/acl.h", "sys/capability.h", "sys/sdt.h"}  # libraries that put headers there
ANYWHERE = {"fmt"}  # stands in for <format>; in any source, still in no header

GENERATED = re.compile(r"\w+\.skel\.h")  # made by the build from BPF programs

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')


def library_of(header):
    """The library a header belongs to, or None for C, C++ and kernel headers."""
    if header in NOT_SYSTEM:
        return header.removesuffix(".h")
    if "." not in header or header in SYSTEM_HEADERS or header.startswith(SYSTEM_FOLDERS):
        return None
    return re.split(r"[/.]", header)[0]


def check(tree):
    complaints = []
    users = {}
    for path, text in tree.items():
        parts = path.split("/")
        if parts[0] != "src" or not path.endswith((".cpp", ".h")):
            continue
        layer = parts[1]
        if layer not in MAY_INCLUDE or len(parts) < 3:
            complaints.append(f"{path}: '{layer}' is no layer; {', '.join(MAY_INCLUDE)} are")
            continue
        for number, line in numbered_lines(text):
            match = INCLUDE.match(line)
            if not match:
                continue
            ours, theirs = match.groups()
            where = f"{path}:{number}"
            if theirs and "src/" + theirs in tree:
                complaints.append(f"{where}: <{theirs}> is ours: include it in quotes")
            elif theirs:
                library = library_of(theirs)
                if library and path.endswith(".h"):
                    complaints.append(f"{where}: <{theirs}> of a library in a header")
                elif library and library not in ANYWHERE:
                    program = " in ctl" if layer == "ctl" and library in PER_PROGRAM else ""
                    users.setdefault(library + program, set()).add(path)
            elif GENERATED.fullmatch(ours):
                continue
            elif "src/" + ours not in tree:
                complaints.append(f"{where}: \"{ours}\" is not a path below src/")
            elif (
                ours.split("/")[0] not in MAY_INCLUDE[layer] | {layer}
                and (layer, ours) not in MAY_ALSO
            ):
                complaints.append(f"{where}: {layer} may not include \"{ours}\"")
    for library, paths in sorted(users.items()):
        if len(paths) > 1:
            complaints.append(f"{library}: its headers in {len(paths)} sources: {sorted(paths)}")
    return complaints


def source(path, *lines):
    return {path: "\n".join(lines) + "\n"}


OURS = source("src/core/a.h") | source("src/detect/b.h") | source("src/record/store.h")

if __name__ == "__main__":
    run(
        check,
        bad=[
            (OURS | source("src/capture/x.cpp", '#include "detect/b.h"'), "may not include"),
            (OURS | source("src/core/x.cpp", '#include "record/store.h"'), "may not include"),
            (OURS | source("src/detect/x.cpp", '#include "record/store.h"'), "may not include"),
            (OURS | source("src/detect/x.cpp", '#include "b.h"'), "not a path below src/"),
            (OURS | source("src/detect/x.cpp", "#include <core/a.h>"), "in quotes"),
            (source("src/helper/x.cpp", ""), "no layer"),
            (source("src/x.cpp", ""), "no layer"),
            (source("src/core/x.h", "#include <pcap/pcap.h>"), "in a header"),
            (source("src/core/x.h", "#include <fmt/format.h>"), "in a header"),
            (source("src/core/x.h", " # include <sys/capability.h>"), "in a header"),
            (
                source("src/capture/x.cpp", "#include <pcap.h>")
                | source("src/capture/y.cpp", "#include <pcap/dlt.h>"),
                "in 2 sources",
            ),
        ],
        good=[
            OURS
            | source("src/core/x.cpp", '#include "core/a.h"', "#include <vector>")
            | source("src/sink/x.cpp", '#include "record/store.h"', "#include <fmt/format.h>")
            | source("src/detect/b.cpp", '#include "detect/b.h"', "#include <fmt/chrono.h>")
            | source("src/daemon/x.cpp", '#include "detect/b.h"', "#include <sys/prctl.h>")
            | source("src/capture/x.cpp", "#include <pcap.h>", "#include <linux/if_packet.h>"),
        ],
    )
