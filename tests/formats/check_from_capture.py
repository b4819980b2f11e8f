#!/usr/bin/env python3
"""A capture file becomes a store, and the store a report and an answer to --what-if, all in the
hands of somebody without rights: whoever runs this, or nobody where that is root. Root may make the
store, too.

Arguments: scanlogd, scanlogctl, the folder of the tests.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCANLOGD, SCANLOGCTL = sys.argv[1], sys.argv[2]
TESTS = Path(sys.argv[3])
SCENARIOS = TESTS / "scenario"
NOBODY = 65534
# Leaks are looked for in /proc, which is out of reach once it is locked in.
ENVIRONMENT = {**os.environ, "TZ": "UTC", "ASAN_OPTIONS": "detect_leaks=0"}


class FromCapture(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="scanlogd-capture.")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        os.chmod(self.scratch, 0o777)
        # Where everybody may come, which the tree of whoever builds need not be.
        self.programs = {}
        for program in (SCANLOGD, SCANLOGCTL):
            self.programs[program] = self.scratch / Path(program).name
            shutil.copy(program, self.programs[program])
        self.capture = self.scratch / "day.pcap.gz"
        self.use("thr_21high")

    def use(self, scenario):
        shutil.copy(SCENARIOS / scenario / "input.pcap.gz", self.capture)
        os.chmod(self.capture, 0o644)

    def run_as(self, user, program, *words, status=0):
        as_other = {} if os.geteuid() != 0 or user == 0 else \
            {"user": user, "group": user, "extra_groups": []}
        done = subprocess.run([self.programs[program], *words], capture_output=True, text=True,
                              timeout=60, check=False, cwd=self.scratch, env=ENVIRONMENT, **as_other)
        self.assertEqual(status, done.returncode, done.stderr)
        return done

    def make_store(self, *options, user=NOBODY):
        state = self.scratch / f"state{len(list(self.scratch.glob('state*')))}"
        state.mkdir()
        if os.geteuid() == 0:
            os.chown(state, user, user)
        done = self.run_as(user, SCANLOGD, "--no-config", "-r", str(self.capture), "--state",
                           str(state), *options)
        return state, done

    def what_if(self, state, *words, user=NOBODY, status=0):
        return self.run_as(user, SCANLOGD, "--no-config", "--state", str(state), *words,
                           status=status)

    def test_a_report_takes_two_commands_and_no_rights(self):
        state, _ = self.make_store()
        page = self.scratch / "day.html"
        self.run_as(NOBODY, SCANLOGCTL, "report", "--state", str(state), "--since", "500w", "-o",
                    str(page))
        text = page.read_text()
        self.assertTrue(text.startswith("<!DOCTYPE html>"))
        self.assertIn("10.77.0.1", text)
        self.assertEqual(1, text.count('class="scatter"'))

    def test_the_last_accounts_count_what_was_written_last(self):
        _, done = self.make_store()
        store = re.search(r"stored (\d+) = written (\d+) \+ waiting (\d+) \+ lost (\d+)", done.stderr)
        self.assertIsNotNone(store, done.stderr)
        stored, written, waiting, lost = map(int, store.groups())
        self.assertGreater(stored, 0)
        self.assertEqual((stored, 0, 0), (written, waiting, lost), store[0])

    def test_a_scan_of_exactly_the_threshold_is_fewer_with_one_more(self):
        state, _ = self.make_store()
        lines = self.what_if(state, "--what-if", "threshold=21").stdout.splitlines()
        self.assertEqual("0 more, 0 fewer, 1 the same", lines[0])
        lines = self.what_if(state, "--what-if", "threshold=22").stdout.splitlines()
        self.assertEqual("0 more, 1 fewer, 0 the same", lines[0])
        self.assertEqual("with threshold=22 instead of what is configured", lines[1])
        self.assertTrue(any(re.search(r" 10\.77\.0\.1 +10\.77\.200\.1 ", line) for line in lines))

    def test_json_says_the_same(self):
        state, _ = self.make_store()
        answer = json.loads(self.what_if(state, "--what-if", "threshold=22", "-o", "json").stdout)
        self.assertEqual((0, 1, 0), (answer["more"], answer["fewer"], answer["same"]))
        self.assertEqual("10.77.0.1", answer["scans_fewer"][0]["source"])
        self.assertEqual(2, len(answer["notes"]), answer["notes"])

    def test_the_full_profile_is_judged_by_what_was_answered(self):
        self.use("masscan")
        state, _ = self.make_store("--profile", "full", "--local", "10.77.200.0/24")
        full = ("--profile", "full", "--local", "10.77.200.0/24")
        first = self.what_if(state, *full, "--what-if", "sensitivity=normal").stdout.splitlines()[0]
        more, fewer, same = map(int, re.findall(r"\d+", first))
        self.assertEqual((0, 0), (more, fewer))
        self.assertGreater(same, 0)
        gone = self.what_if(state, *full, "--what-if", "ignore_sources=10.77.0.0/24").stdout
        self.assertTrue(gone.startswith(f"0 more, {same} fewer, 0 the same\n"), gone)

    def test_older_scans_than_asked_for_are_not_judged(self):
        state, _ = self.make_store()
        text = self.what_if(state, "--what-if", "threshold=22", "--since", "1s").stdout
        self.assertTrue(text.startswith("0 more, 0 fewer, 0 the same\n"), text)

    def test_what_is_wrong_is_told(self):
        done = self.what_if(self.scratch, "--what-if", "treshold=22", status=1)
        self.assertEqual("scanlogd: --what-if: unknown key 'treshold' (did you mean 'threshold'?)\n",
                         done.stderr)
        done = self.what_if(self.scratch / "nowhere", "--what-if", "threshold=22", status=1)
        self.assertIn("unable to open database file", done.stderr)
        self.assertEqual("", done.stdout)

    def test_a_store_is_read_where_its_reader_may_write_nothing(self):
        state, _ = self.make_store(user=0)
        plain = self.scratch / "a %41?b#c d"
        state.rename(plain)
        plain.chmod(0o555)
        self.addCleanup(plain.chmod, 0o755)
        before = sorted(os.listdir(plain))
        page = self.run_as(NOBODY, SCANLOGCTL, "report", "--state", str(plain), "--since", "500w").stdout
        self.assertEqual(1, page.count('class="scatter"'))
        self.assertTrue(self.what_if(plain, "--what-if", "threshold=22").stdout
                        .startswith("0 more, 1 fewer, 0 the same\n"))
        # With a log that it cannot look into a store is not believed to be whole.
        plain.chmod(0o755)
        (plain / "scanlogd.db-wal").write_bytes(b"not read")
        (plain / "scanlogd.db-wal").chmod(0)
        plain.chmod(0o555)
        self.run_as(NOBODY, SCANLOGCTL, "list", "--state", str(plain), status=4)
        self.assertEqual(sorted([*before, "scanlogd.db-wal"]), sorted(os.listdir(plain)))

    @unittest.skipIf(os.geteuid() != 0, "takes root")
    def test_root_may_make_the_store_and_ask_it(self):
        state, _ = self.make_store(user=0)
        text = self.what_if(state, "--what-if", "threshold=22", user=0).stdout
        self.assertTrue(text.startswith("0 more, 1 fewer, 0 the same\n"), text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
