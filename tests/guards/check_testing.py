"""docs/testing.md names files and tests that exist: in its table `FILE` is a file of this repository
and `FILE TEST` a test in it. A threat without any says so.
"""

import re

from guard import run

PAGE = "docs/testing.md"
REFERENCE = re.compile(r"`((?:tests|bench|fuzz)/[\w./-]+|dev)(?: (\w+))?`")


def has_test(text, name):
    return re.search(rf"\bdef {name}\(|^TEST(?:_F|_P)?\(\w+,\s*{name}\)", text, re.MULTILINE)


def check(tree):
    complaints = []
    for line in tree.get(PAGE, "").splitlines():
        if not line.startswith("| ") or line.startswith("| threat |"):
            continue
        threat, proof = (cell.strip() for cell in line.split("|")[1:3])
        found = REFERENCE.findall(proof)
        if not found and proof != "missing":
            complaints.append(f"{PAGE}: nothing proves: {threat}")
        for path, test in found:
            if path not in tree:
                complaints.append(f"{PAGE}: no file {path}")
            elif test and not has_test(tree[path], test):
                complaints.append(f"{PAGE}: no test {test} in {path}")
    return complaints


def page(proof):
    return {
        PAGE: f"| threat | proved by |\n|---|---|\n| load | {proof} | none |\n",
        "tests/live/test_x.py": "    def test_one(self):\n",
        "tests/unit/x_test.cpp": "TEST_F(X, IsOne) {}\nTEST(X,\n     IsTwo) {}\n",
    }


if __name__ == "__main__":
    run(
        check,
        bad=[
            (page("`tests/live/test_y.py`"), "no file tests/live/test_y.py"),
            (page("`tests/live/test_x.py test_on`"), "no test test_on in"),
            (page("`tests/unit/x_test.cpp One`"), "no test One in"),
            (page("faith"), "nothing proves: load"),
        ],
        good=[
            page("`tests/live/test_x.py test_one`, `tests/unit/x_test.cpp IsOne`"),
            page("`tests/unit/x_test.cpp IsTwo`"),
            page("missing"),
        ],
    )
