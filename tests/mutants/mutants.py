"""Would the tests notice? Makes small mistakes in the sources, one at a time, in copies of the tree, and runs
the tests on each: who survives all of them shows what nothing tests.

A mistake is another operator, a number that is one more, a condition the other way round, a statement left
out. Which of them are made is drawn by a seed, so that two runs make the same. `./dev mutants` calls this.
"""

import argparse
import collections
import concurrent.futures
import glob
import os
import queue
import random
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Text of the source, as clang-format lays it out, and what it becomes.
SWAPS = (
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
    (r" \+ ", " - "), (r" - ", " + "), (r" \+= ", " -= "), (r" -= ", " += "),
    (r"\+\+(?=\w)", "--"), (r" \* ", " + "), (r" / ", " * "), (r" % ", " / "),
    (r" \| ", " & "), (r" \|= ", " &= "), (r" & ", " | "), (r" &= ", " |= "),
    (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"(?<=[( ])!(?=[\w(*])", ""),
    (r"\bstd::min\b", "std::max"), (r"\bstd::max\b", "std::min"),
    (r"\bcontinue;", "break;"), (r"\bbreak;", "continue;"),
)
NUMBER = re.compile(r"(?<![\w.'])(\d+)(?=(?:U|UL|s|ms|min|h)?\b(?!['.xX]))")
STATEMENT = re.compile(r"^\s+(?!return\b|throw\b|case\b|else\b|using\b|const\b|static\b)[\w.:>\-\[\]]+\(.*\);$"
                       r"|^\s+[\w.\[\]>\-]+ [|&+\-]?= [^;]+;$|^\s+(?:\+\+|--)[\w.\[\]>\-]+;$")

# Lines in which a mistake changes nothing that is promised: what is asked for ahead, and what is only there
# for the compiler or the person who reads.
LEFT_OUT = re.compile(r"prefetch|kBucketAhead|kEntryAhead|static_assert|^\s*(?:#|//|using |template|friend )|"
                      r"pragma|noexcept override \{\}|reserve\(|memory\(|__builtin_trap|fail\(|likely\]\]")

Mutant = collections.namedtuple("Mutant", "path line old new")


def code_of(line):
    """The line with comments and the insides of strings blanked out."""
    line = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)'", lambda it: "\x01" * len(it[0]), line)
    return re.sub(r"//.*", lambda it: "\x01" * len(it[0]), line)


def mutants_of(path):
    """All mistakes that can be made in a file."""
    found = []
    with open(os.path.join(ROOT, path)) as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines):
        code = code_of(line)
        if LEFT_OUT.search(code):
            continue
        for pattern, new in SWAPS:
            for match in re.finditer(pattern, code):
                found.append(Mutant(path, number, line, line[:match.start()] + new + line[match.end():]))
        for match in NUMBER.finditer(code):
            more = str(int(match[1]) + 1)
            found.append(Mutant(path, number, line, line[:match.start(1)] + more + line[match.end(1):]))
        if STATEMENT.match(code):
            found.append(Mutant(path, number, line, re.sub(r"\S.*", ";", line)))
    return found


class Workshop:
    """A copy of the tree, built once; then one mistake after the other is made in it."""

    def __init__(self, folder):
        self._tree = folder
        self._build = os.path.join(folder, "build", "mutants")
        # Not what an earlier run, which somebody may have ended, has left.
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        subprocess.run(["cp", "-a", *(os.path.join(ROOT, name) for name in sorted(os.listdir(ROOT))
                                      if name not in ("build", ".git")), folder], check=True)
        # What one of them has compiled the others need not.
        self._environment = dict(os.environ, CCACHE_BASEDIR=folder, CCACHE_NOHASHDIR="1")
        self._run("cmake", "-S", folder, "-B", self._build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                  "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1", "-DBUILD_TESTING=ON")

    def _run(self, *command, timeout=1800):
        return subprocess.run(command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, text=True, errors="replace")

    def _made(self, target, jobs=1):
        return self._run("cmake", "--build", self._build, "-j", str(jobs), "--target", target).returncode == 0

    def _passes(self, *command):
        try:
            return self._run(*command, timeout=300).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def judges(self, path):
        """What is built, and what is run then, one after the other."""
        folder = path.split("/")[1]
        units = [folder] if folder == "daemon" else [folder, "daemon"]
        for unit in units:
            target = f"unit_{unit}"
            yield target, [os.path.join(self._build, "bin", target), "--gtest_brief=1"]
        yield "scanlogd", ["ctest", "--test-dir", self._build, "-R", r"^scenario\.",
                           "--stop-on-failure", "--timeout", "60"]

    def prepare(self, paths, jobs):
        """Demands that the tests pass on what is not changed."""
        judges = {target: command for path in paths for target, command in self.judges(path)}
        for target, command in judges.items():
            if not self._made(target, jobs) or not self._passes(*command):
                sys.exit(f"mutants: {target}: the tests do not pass as it is")

    def fate(self, mutant):
        """`killed`, `survived`, or `refused` by the compiler."""
        path = os.path.join(self._tree, mutant.path)
        with open(path) as file:
            text = file.read()
        lines = text.split("\n")
        lines[mutant.line] = mutant.new
        try:
            with open(path, "w") as file:
                file.write("\n".join(lines))
            for number, (target, command) in enumerate(self.judges(mutant.path)):
                if not self._made(target):
                    return "refused" if number == 0 else "killed"
                if not self._passes(*command):
                    return "killed"
            return "survived"
        finally:
            with open(path, "w") as file:
                file.write(text)


def main():
    parser = argparse.ArgumentParser(prog="mutants", description="Makes mistakes and runs the tests.")
    parser.add_argument("--count", type=int, default=200, help="mistakes to make (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="which of them (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("files", nargs="*", help="where (default: src/detect)")
    options = parser.parse_args()
    files = [os.path.relpath(os.path.abspath(name), ROOT) for name in options.files] or sorted(
        os.path.relpath(name, ROOT) for ending in ("h", "cpp")
        for name in glob.glob(os.path.join(ROOT, "src", "detect", f"*.{ending}")))
    candidates = [mutant for path in files for mutant in mutants_of(path)]
    if not candidates:
        sys.exit("mutants: there is nothing to change")
    chosen = random.Random(options.seed).sample(candidates, min(options.count, len(candidates)))

    shops = queue.Queue()
    for number in range(options.jobs):
        shop = Workshop(os.path.join(ROOT, "build", "mutants", str(number)))
        shop.prepare(files, options.jobs)
        shops.put(shop)

    def fate(mutant):
        shop = shops.get()
        try:
            return shop.fate(mutant)
        finally:
            shops.put(shop)

    fates = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as threads:
        judged = {threads.submit(fate, mutant): mutant for mutant in chosen}
        for done in concurrent.futures.as_completed(judged):
            mutant, became = judged[done], done.result()
            fates[became] += 1
            print(f"{became:8} {mutant.path}:{mutant.line + 1}: {mutant.old.strip()} -> {mutant.new.strip()}",
                  flush=True)
    made = fates["killed"] + fates["survived"]
    print(f"{made} mutants: {fates['killed']} killed ({100 * fates['killed'] / max(made, 1):.0f} %), "
          f"{fates['survived']} survived; {fates['refused']} more did not compile")


if __name__ == "__main__":
    main()
