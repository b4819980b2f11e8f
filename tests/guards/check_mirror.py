"""Every source has its unit test, and is in the build: src/X/Y.cpp is tested by
tests/unit/X/Y_test.cpp, or the list below says where else, and why.
"""

import re

from guard import run

# source -> (what tests it instead, why no unit test can)
TESTED_ELSEWHERE = {
    "capture/nids.cpp": ("tests/live", "needs a network interface"),
    "capture/packet_ring.cpp": ("tests/live", "needs a network interface"),
    "capture/pcap.cpp": ("tests/live", "needs a network interface"),
    "capture/raw.cpp": ("tests/live", "needs a network interface"),
    "capture/ring.cpp": ("tests/live", "needs a network interface"),
    "capture/ring_buffer.cpp": ("tests/live", "needs the kernel on the other side"),
    "ctl/live.cpp": ("tests/formats/check_live.py", "needs a terminal"),
    "ctl/main.cpp": ("tests/formats/check_ctl.py", "the process itself"),
    "daemon/analysis.cpp": ("tests/unit/daemon/pipeline_test.cpp", "is half of a pipeline"),
    "daemon/main.cpp": ("tests/live", "the process itself"),
    "exporter/main.cpp": ("tests/live/test_metrics.py", "the process itself"),
    "daemon/needs.cpp": ("tests/live", "what is needed shows when there is nothing else"),
    "daemon/privilege.cpp": ("tests/live", "gives up root for good"),
    "daemon/split.cpp": ("tests/live", "makes processes"),
    "daemon/start.cpp": ("tests/live", "opens what only root may"),
}


def check(tree, elsewhere=None):
    elsewhere = TESTED_ELSEWHERE if elsewhere is None else elsewhere
    complaints = []
    for path in tree:
        source = re.fullmatch(r"src/((\w+)/(\w+))\.cpp", path)
        test = re.fullmatch(r"tests/unit/(\w+)/(\w+)_test\.cpp", path)
        if source:
            name, folder, stem = source.groups()
            lists = tree.get(f"src/{folder}/CMakeLists.txt", "")
            if not re.search(rf"\b{stem}\.cpp\b|scanlogd_add_plugin\(\w+ {stem}\b", lists):
                complaints.append(f"{path}: not in src/{folder}/CMakeLists.txt")
            tested = f"tests/unit/{name}_test.cpp" in tree
            excused = f"{name}.cpp" in elsewhere
            if not tested and not excused:
                complaints.append(f"{path}: no tests/unit/{name}_test.cpp")
            if tested and excused:
                complaints.append(f"{path}: has a unit test; take it off the list of exceptions")
        if test:
            folder, stem = test.groups()
            of = [p for p in tree if re.fullmatch(rf"src/{folder}/(\w+)\.(?:cpp|h)", p)]
            stems = {re.split(r"[/.]", p)[2] for p in of}
            if not any(stem == s or stem.startswith(s + "_") for s in stems):
                complaints.append(f"{path}: tests nothing in src/{folder}")
            if f"{stem}_test.cpp" not in tree.get("tests/unit/CMakeLists.txt", ""):
                complaints.append(f"{path}: not in tests/unit/CMakeLists.txt")
    for name, (where, _) in elsewhere.items():
        if f"src/{name}" in tree and not any(p.startswith(where) for p in tree):
            complaints.append(f"src/{name}: {where} does not exist")
    return complaints


BUILT = {
    "src/core/CMakeLists.txt": "target_sources(x PRIVATE a.cpp)\nscanlogd_add_plugin(core b LIBS c)\n",
    "tests/unit/CMakeLists.txt": "scanlogd_unit_tests(core a_test.cpp b_test.cpp b_more_test.cpp)\n",
}
A = {"src/core/a.cpp": "", "tests/unit/core/a_test.cpp": ""}

if __name__ == "__main__":
    run(
        check,
        bad=[
            (BUILT | {"src/core/a.cpp": ""}, "no tests/unit/core/a_test.cpp"),
            ({"tests/unit/CMakeLists.txt": "a_test.cpp"} | A, "not in src/core/CMakeLists.txt"),
            ({"src/core/CMakeLists.txt": "a.cpp"} | A, "not in tests/unit/CMakeLists.txt"),
            (BUILT | {"tests/unit/core/b_test.cpp": ""}, "tests nothing"),
            ({"src/capture/raw.cpp": ""}, "tests/live does not exist"),
            (
                {"src/capture/raw.cpp": "", "tests/unit/capture/raw_test.cpp": ""},
                "take it off the list",
            ),
        ],
        good=[
            BUILT
            | A
            | {"src/core/b.cpp": "", "src/core/b.h": "", "tests/unit/core/b_test.cpp": ""}
            | {"tests/unit/core/b_more_test.cpp": ""},
            {
                "src/capture/CMakeLists.txt": "scanlogd_add_plugin(capture raw)",
                "src/capture/raw.cpp": "",
                "tests/live/test_capture.py": "",
            },
        ],
    )
