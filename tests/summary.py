"""The end of `./dev test`: what each stage took and gave, why tests were skipped, and the sum.

Called with the folder of ctest's JUnit files and, for each stage, its name, seconds and exit status.
A stage that failed without a failed test of its own (a build, a fuzzer, lint) counts as one failure.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree

BY_ITSELF = re.compile(r"SKIP_RETURN_CODE|SKIP_REGULAR_EXPRESSION|Disabled")


def reason(case):
    """What a skipped test printed about it: lines with `skipped: `, or what follows `Skipped`."""
    lines = [line.strip() for line in (case.findtext("system-out") or "").splitlines()]
    lines = [line for line in lines if line]
    for at, line in enumerate(lines):
        if line == "Skipped" or line.endswith(": Skipped"):
            return lines[at + 1] if at + 1 < len(lines) else line
    said = [line for line in lines if "skipped: " in line]
    if said:
        return "; ".join(said)
    return lines[-1] if lines else "no reason given"


def said(path):
    """What tests of one ctest run said about the quality of the detectors."""
    lines = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        for line in (case.findtext("system-out") or "").splitlines():
            if line.startswith("evaluation: "):
                lines.append(line)
    return lines


def read(path):
    """(passed, failed names, [(skipped name, reason)]) of one ctest run."""
    passed, failed, skipped = 0, [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status, note = case.get("status"), case.find("skipped")
        if status == "run":
            passed += 1
        elif status == "disabled" or (note is not None and BY_ITSELF.search(note.get("message", ""))):
            skipped.append((case.get("name"), reason(case)))
        else:
            failed.append(case.get("name"))
    return passed, failed, skipped


def main(results, stages):
    total = [0, 0, 0]
    rows, notes = [], []
    for name, seconds, status in zip(stages[0::3], stages[1::3], stages[2::3]):
        passed, failed, skipped = 0, [], []
        path = os.path.join(results, name + ".xml")
        if os.path.exists(path):
            passed, failed, skipped = read(path)
            notes += said(path)
        broken = status != "0" and not failed
        notes += [f"failed: {name}: {test}" for test in failed]
        notes += [f"skipped: {name}: {test}: {why}" for test, why in skipped]
        tests = f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped"
        rows.append(
            f"{name:8} {'ok' if status == '0' and not failed else 'FAILED':7} {int(seconds):5} s"
            + (f"  {tests}" if passed or failed or skipped else "")
        )
        for at, count in enumerate((passed, len(failed) + broken, len(skipped))):
            total[at] += count
    print("\n=== summary")
    for line in notes + rows:
        print(line)
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
