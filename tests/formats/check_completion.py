#!/usr/bin/env python3
"""Completion of both programs as a bash (with Debian's bash-completion) and a zsh do it, on a
terminal: single words, and all that is offered in a place. What is offered has to be what the
programs themselves take: by their --help, by their complaints, by the configuration file.

Arguments: scanlogd, scanlogctl, the folder packaging. Exit status 77: a shell is missing.
"""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

SCANLOGD, SCANLOGCTL, PACKAGING = sys.argv[1], sys.argv[2], Path(sys.argv[3])
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
SKIPPED = 77
PATIENCE = 60

# A command of this name shows its arguments. In two parts, lest the terminal's echo look like it.
SHOW = r"() { printf '@''@%s@''@\n' \"$*\"; }".replace('\\"', '"')
ALL_IN_BASH = "\x1b*"  # insert-completions (readline)
ALL_IN_ZSH = "\x18a"


class Shell:
    """A shell on a terminal of its own, wide enough that no line is cut."""

    def __init__(self, command, environment, every, setup):
        self.every = every
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 4000, 0, 0))
        for line in setup:
            os.write(self.terminal, line.encode() + b"\n")
        self.ask("printf '@''@up@''@\\n'\n")

    def ask(self, keys):
        """What a command shows that is typed with `keys`."""
        os.write(self.terminal, keys.encode())
        said, until = b"", time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if select.select([self.terminal], [], [], 1)[0]:
                said += os.read(self.terminal, 65536)
            found = re.search(rb"@@([^@\r\n]*)@@\r?\n", said)
            if found:
                return found[1].decode().strip()
        raise TimeoutError(f"{keys!r}: {said!r}")

    def complete(self, line):
        """The words of `line` with its end completed."""
        return self.ask(line + "\t\n")

    def offers(self, line):
        """All that may stand at the end of `line`, which ends before a word or in one."""
        before = len(line.split()) - 1 - (not line.endswith(" "))
        return self.ask(line + self.every + "\n").split()[before:]

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True,
                          timeout=30).stdout


def options_in(text):
    found = set(re.findall(r"^ +(?:-\w, ?)?(--[a-z-]+)", text, re.MULTILINE))
    assert "--help" in found, text
    return found


def subcommands_in(text):
    found = set(re.findall(r"^  ([a-z]+)  ", text.split("Subcommands:")[1], re.MULTILINE))
    assert len(found) > 5, text
    return found


def listed_in_complaint(*words):
    """The names that scanlogctl lists when it is given another."""
    done = subprocess.run([SCANLOGCTL, *words], capture_output=True, text=True, check=False,
                          timeout=30)
    found = re.search(r"must be (?:one of )?(\w+(?:, (?:or )?\w+| or \w+)+)", done.stderr)
    assert found, done.stderr
    return set(re.split(r", or |, | or ", found[1]))


class Completion:
    """What both shells have to do."""

    def test_a_word_is_completed(self):
        for line, whole in (("scanlogctl li", "li"), ("scanlogctl lis", "list"),
                            ("scanlogctl rep", "report"), ("scanlogctl top sou", "top sources"),
                            ("scanlogctl list --going", "list --going-on"),
                            ("scanlogctl list --kind verti", "list --kind vertical"),
                            ("scanlogctl list -o j", "list -o json"),
                            ("scanlogctl export n", "export nft"),
                            ("scanlogd --what", "--what-if"),
                            ("scanlogd --profile f", "--profile full"),
                            ("scanlogd -c ri", "-c ring")):
            with self.subTest(line):
                self.assertEqual(whole, self.shell.complete(line))

    def test_all_subcommands_are_offered_and_no_others(self):
        text = help_of(SCANLOGCTL)
        self.assertEqual(subcommands_in(text),
                         {each for each in self.shell.offers("scanlogctl ") if each[0] != "-"})

    def test_all_options_of_scanlogctl_are_offered_where_they_mean_something_and_no_others(self):
        text = help_of(SCANLOGCTL)
        common = options_in(text)
        self.assertEqual(common, self.options("scanlogctl "))
        for subcommand in subcommands_in(text):
            with self.subTest(subcommand):
                own = options_in(help_of(SCANLOGCTL, subcommand))
                self.assertEqual((own | common) - {"--version"},
                                 self.options(f"scanlogctl {subcommand} "))

    def test_all_options_of_scanlogd_are_offered_and_no_others(self):
        self.assertEqual(options_in(help_of(SCANLOGD)), self.options("scanlogd "))

    def test_names_are_those_that_scanlogctl_takes(self):
        for option in ("--kind", "--technique", "--tool", "--verdict"):
            with self.subTest(option):
                self.assertEqual(listed_in_complaint("list", option, "nobody"),
                                 set(self.shell.offers(f"scanlogctl list {option} ")))
        for subcommand in ("top", "export"):
            with self.subTest(subcommand):
                self.assertEqual(listed_in_complaint(subcommand, "nobody"),
                                 {each for each in self.shell.offers(f"scanlogctl {subcommand} ")
                                  if each[0] != "-"})

    def test_plug_ins_are_those_that_are_built_in(self):
        text = subprocess.run([SCANLOGD, "--list"], capture_output=True, text=True, check=True,
                              timeout=30).stdout
        backends, profiles, sinks = (
            set(re.findall(r"^  ([a-z0-9]+) ", part, re.MULTILINE))
            for part in re.split(r"^\w.*:$", text, flags=re.MULTILINE)[1:])
        self.assertEqual({"classic", "full"}, profiles)
        # libnids may be left out of a build.
        self.assertEqual(backends - {"file"} | {"auto", "nids"},
                         set(self.shell.offers("scanlogd --capture ")))
        self.assertEqual(profiles, set(self.shell.offers("scanlogd --profile ")))
        self.assertEqual(sinks, set(self.shell.offers("scanlogd --log ")))

    def test_what_if_knows_the_keys_of_the_configuration(self):
        keys, section = {"profile", "local"}, ""
        for line in (PACKAGING / "config/scanlogd.toml").read_text().splitlines():
            if head := re.match(r"#?\[([a-z.]+)\]", line):
                section = head[1]
            elif section.startswith("detect") and (key := re.match(r"#? ?([a-z_]+) = ", line)):
                keys.add(key[1])
        self.assertIn("sensitivity", keys)
        offered = self.shell.offers("scanlogd --what-if ")
        self.assertEqual(keys, {each.rstrip("=") for each in offered})
        self.assertEqual("--what-if sensitivity=high",
                         self.shell.complete("scanlogd --what-if sensitivity=h"))

    def test_files_and_directories_are_offered(self):
        self.assertEqual("--read day.pcap", self.shell.complete("scanlogd --read da"))
        # zsh takes the slash away again at the end of a line.
        self.assertEqual("--state directory",
                         self.shell.complete("scanlogctl --state dire").rstrip("/"))
        self.assertEqual("report -o day.pcap", self.shell.complete("scanlogctl report -o da"))

    def options(self, line):
        return {each.rstrip("=") for each in self.shell.offers(line + "--")}


class InBash(Completion, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="scanlogd-bash.")
        home = Path(cls.scratch.name)
        (home / "day.pcap").touch()
        (home / "directory").mkdir()
        # As installed: found by the name of the command when it is first completed.
        installed = home / "user/completions"
        installed.mkdir(parents=True)
        for program in ("scanlogctl", "scanlogd"):
            shutil.copy(PACKAGING / f"completion/{program}.bash", installed / program)
        cls.shell = Shell(
            ["bash", "--norc", "--noprofile", "-i"],
            {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "INPUTRC": "/dev/null",
             "LC_ALL": "C.UTF-8", "BASH_COMPLETION_USER_DIR": str(home / "user")}, ALL_IN_BASH,
            [f"cd {home}", "PS1= PS2=", "bind 'set enable-bracketed-paste off'",
             "bind 'set completion-query-items 0'", f". {BASH_COMPLETION}",
             f"scanlogctl{SHOW}", f"scanlogd{SHOW}"])

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()
        cls.scratch.cleanup()

    def test_a_value_behind_an_equals_sign_is_completed(self):
        self.assertEqual("list --kind=vertical",
                         self.shell.complete("scanlogctl list --kind=verti"))
        self.assertEqual({"lines", "json"}, set(re.split(
            r"\s", self.shell.ask("scanlogd --output=" + ALL_IN_BASH + "\n").split("=")[1])))


class InZsh(Completion, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="scanlogd-zsh.")
        home = Path(cls.scratch.name)
        (home / "day.pcap").touch()
        (home / "directory").mkdir()
        cls.shell = Shell(
            ["zsh", "-f", "-i"],
            {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
            ALL_IN_ZSH,
            [f"cd {home}", "PROMPT= RPROMPT= PROMPT_EOL_MARK=", "setopt no_prompt_sp no_beep",
             "unset zle_bracketed_paste", f"fpath=({PACKAGING}/completion $fpath)",
             "autoload -Uz compinit && compinit -u -D",
             "zle -C all-matches complete-word _generic", "bindkey '^Xa' all-matches",
             "zstyle ':completion:all-matches:*' insert true",
             "zstyle ':completion:all-matches::::' completer _all_matches _complete",
             f"scanlogctl{SHOW}", f"scanlogd{SHOW}"])

    @classmethod
    def tearDownClass(cls):
        cls.shell.close()
        cls.scratch.cleanup()


if __name__ == "__main__":
    if not shutil.which("bash") or not BASH_COMPLETION.exists() or not shutil.which("zsh"):
        print("skipped: bash-completion or zsh is not installed")
        sys.exit(SKIPPED)
    assert options_in("  -h,--help  x\n  --state DIR\n") == {"--help", "--state"}, "vacuous"
    unittest.main(argv=sys.argv[:1])
