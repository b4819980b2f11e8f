"""What no file of the repository may hold: unfinished business, blanks at line ends, the paths of
somebody's machine; and no source of the product grows past one sitting of reading.
"""

import re

from guard import numbered_lines, run

MAX_SOURCE_LINES = 500

# Written in pieces, so that this file is no finding of its own.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|HA" r"CK|X{3})\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}-])/(?:(?:home|Users|root|work\w*|farm)/\w|tmp/(?:build-|\w+_jobs))")
TRAILING_BLANK = re.compile(r"[ \t\r]$")

# Bytes for a parser, or byte-exact expectations: blanks at their line ends are content.
RAW = re.compile(r"^fuzz/corpus/|\.golden$|\.log$|\.expected$|\.patch$")


def check(tree):
    complaints = []
    for path, text in tree.items():
        if RAW.search(path):
            continue
        for number, line in numbered_lines(text):
            where = f"{path}:{number}"
            if UNFINISHED.search(line):
                complaints.append(f"{where}: unfinished: {line.strip()}")
            if MACHINE_PATH.search(line):
                complaints.append(f"{where}: path of one machine: {line.strip()}")
            if TRAILING_BLANK.search(line):
                complaints.append(f"{where}: blank at the end of the line")
        if text and not text.endswith("\n"):
            complaints.append(f"{path}: no newline at the end")
        if path.startswith("src/") and text.count("\n") > MAX_SOURCE_LINES:
            complaints.append(f"{path}: {text.count(chr(10))} lines, more than {MAX_SOURCE_LINES}")
    return complaints


if __name__ == "__main__":
    run(
        check,
        bad=[
            ({"src/x.cpp": "// TO" "DO: later\n"}, "unfinished"),
            ({"README.md": "FIX" "ME\n"}, "unfinished"),
            ({"dev": "#!/bin/sh\n# X" "XX\n"}, "unfinished"),
            ({"docs/x.md": "see /ho" "me/someone/x\n"}, "path of one machine"),
            ({"docs/x.md": "(/wo" "rk/main)\n"}, "path of one machine"),
            ({"src/x.cpp": "int x; \n"}, "blank"),
            ({"src/x.cpp": "int x;\r\n"}, "blank"),
            ({"src/x.cpp": "int x;"}, "no newline"),
            ({"src/x.cpp": "\n" * 501}, "501 lines"),
        ],
        good=[
            {"dev": "mktemp -d /tmp/scanlogd.X" "XX" "X\n", "src/x.cpp": "\n" * 500},
            {"fuzz/corpus/line/1": "x \r\n TO" "DO", "tests/scenario/a/expected.log": "x \n"},
            {"CMakeLists.txt": "${X}/build/x tests/home/x ../build/dev\n"},
        ],
    )
