"""What the guards share: reading the tree, taking comments out of C++, the self-check, the report.

A guard is a function from a tree (a dict of path -> text) to a list of complaints, and a list of
cases on which it must complain, or must not. It knows no C++ grammar beyond what it needs.
"""

import os
import re
import sys

# In a linked working tree (git-worktree) .git is a file.
SKIPPED = {".git", "build", "__pycache__"}


def read_tree(root):
    """Every text file below `root` by its path; a file with a NUL byte is not text."""
    tree = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED)
        for name in sorted(set(names) - SKIPPED):
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                data = file.read()
            if b"\0" not in data:
                tree[os.path.relpath(path, root)] = data.decode("utf-8", "surrogateescape")
    return tree


TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<text>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*")
      | (?P<number>\b[0-9](?:'?[0-9a-zA-Z_.])*)
      | (?P<letter>'(?:\\.|[^'\\\n])+')""",
    re.DOTALL | re.VERBOSE,
)


def code_only(text):
    """C++ without its comments and without what is inside its literals; lines stay where they were."""

    def blank(match):
        if match.lastgroup == "number":
            return match.group()
        lines = "\n" * match.group().count("\n")
        return lines if match.group("comment") else '""' + lines

    return TOKEN.sub(blank, text)


def numbered_lines(text):
    return enumerate(text.split("\n"), 1)


def run(check, bad, good):
    """Runs `check` as a program: on `bad` (tree, part of the complaint expected) and `good` trees,
    which it must tell apart, then on the tree named on the command line."""
    for tree, expected in bad:
        complaints = check(tree)
        if not any(expected in complaint for complaint in complaints):
            sys.exit(f"self-check: no complaint with '{expected}' about {tree}: {complaints}")
    for tree in good:
        complaints = check(tree)
        if complaints:
            sys.exit(f"self-check: complaint about {tree}: {complaints}")
    tree = read_tree(sys.argv[1])
    if not any(path.startswith("src/") for path in tree):
        sys.exit(f"{sys.argv[1]}: no src/ here")
    complaints = check(tree)
    for complaint in complaints:
        print(complaint)
    print(f"{len(bad) + len(good)} self-checks passed, {len(complaints)} complaints")
    sys.exit(1 if complaints else 0)
