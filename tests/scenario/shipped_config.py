#!/usr/bin/env python3
"""The configuration file as installed: it names every option that can be configured, the manual page
describes every key, and what its comments call defaults are the defaults: with all of them in force
each scenario gives what it gives without a file.

  shipped_config.py PROGRAM SOURCE-FOLDER
"""
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import run as scenario

BINARY, SOURCE = sys.argv.pop(1), Path(sys.argv.pop(1))
SHIPPED = SOURCE / "packaging/config/scanlogd.toml"

# What a single call is about, so that a file cannot say it.
OF_ONE_CALL = {"--foreground", "--supervised", "--read", "--config", "--no-config", "--list", "--check",
               "--version", "--help", "--explain", "--what-if", "--since"}
SETTING = re.compile(r"^#?(?P<key>[a-z_]+) = ")


def in_force():
    """The text with its defaults uncommented; prose has a blank after the #. The profile is the one
    setting that is not a default."""
    text = re.sub(r"^#(?=[a-z_]+ = )", "", SHIPPED.read_text(), flags=re.MULTILINE)
    return re.sub(r"^profile = .*$", 'profile = "classic"', text, flags=re.MULTILINE)


class ShippedConfiguration(unittest.TestCase):
    def test_is_accepted(self):
        """As far as it concerns a run over a file; the live tests check the rest."""
        capture = SOURCE / "tests/scenario/thr_7priv/input.pcap.gz"
        subprocess.run([BINARY, "--config", SHIPPED, "--check", "--read", capture], check=True,
                       stdout=subprocess.DEVNULL)

    def test_names_every_option_that_can_be_configured(self):
        text = subprocess.run([BINARY, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
        offered = set(re.findall(r"^ +(?:-\w, ?)?(--[a-z-]+)", text, re.MULTILINE))
        self.assertIn("--capture", offered)
        named = set(re.findall(r"--[a-z-]+", SHIPPED.read_text()))
        self.assertEqual(set(), (offered - OF_ONE_CALL) - named)
        self.assertEqual(set(), named - offered)

    def test_says_something_about_every_setting(self):
        lines = SHIPPED.read_text().splitlines()
        for before, line in zip(lines, lines[1:]):
            if SETTING.match(line):
                self.assertRegex(before, r"^# \S", line)

    def test_every_key_is_in_the_manual_page(self):
        described = set(re.findall(r"^\.It Ic (\w+)", (SOURCE / "man/scanlogd.conf.5").read_text(),
                                   re.MULTILINE))
        keys = {match["key"] for line in SHIPPED.read_text().splitlines()
                if (match := re.match(r"^#? ?(?P<key>[a-z_]+) = ", line))}
        self.assertEqual(keys, described)

    def test_defaults_are_the_defaults(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(in_force())
            file.flush()
            folders = sorted(path.parent for path in (SOURCE / "tests/scenario").glob("*/options"))
            self.assertGreater(len(folders), 30)
            for folder in folders:
                with self.subTest(folder.name):
                    self.assertEqual([], scenario.run(BINARY, folder, ["--config", file.name]))


if __name__ == "__main__":
    unittest.main()
