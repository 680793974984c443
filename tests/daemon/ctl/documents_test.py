#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Subcommands and options of messenger-algctl against its manual and its completion file."""
import pathlib
import re
import subprocess
import sys
import unittest

ALGCTL = sys.argv.pop(1)
PACKAGING = pathlib.Path(sys.argv.pop(1))
COMPLETION = PACKAGING / "messenger-algctl.bash-completion"
SHARED = {"--json", "--socket", "--config"}
OPTION = re.compile(r"--[a-z][a-z-]*")


def help_of(*command):
    return subprocess.run([ALGCTL, *command, "--help"], capture_output=True, check=True, text=True, timeout=20).stdout


def subcommands():
    text = help_of()
    return re.findall(r"^  ([a-z][a-z-]*) ", text[text.index("Subcommands:") :], re.MULTILINE)


def options(command):
    """Those that the help lists, each at the beginning of its line; not those that a description mentions."""
    listed = re.findall(r"^  ((?:-\w,)?--[a-z][a-z-]*)", help_of(command), re.MULTILINE)
    return {OPTION.search(option)[0] for option in listed} - {"--help"}


def manual_sections():
    """{subcommand: the text of its sections}"""
    text = (PACKAGING / "messenger-algctl.8").read_text(encoding="utf-8").replace("\\-", "-")
    text = text[text.index(".SH COMMANDS") : text.index(".SH JSON EVENTS")]
    sections = {}
    for section in text.split("\n.SS ")[1:]:
        name = section.split()[0]
        sections[name] = sections.get(name, "") + section
    return sections


def documented(section):
    """The options that have an entry of their own."""
    return {OPTION.search(line)[0] for line in re.findall(r"^\.TP\n(\.B.*--.*)$", section, re.MULTILINE)}


def complete(*words):
    script = (
        f'source "{COMPLETION}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _messenger_algctl; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", "messenger-algctl", *words], capture_output=True, check=True, text=True, timeout=20
    )
    assert not done.stderr, done.stderr
    return set(done.stdout.split())


class Documents(unittest.TestCase):
    def test_there_is_something_to_compare(self):
        self.assertGreater(len(subcommands()), 12)
        self.assertIn("--follow", options("events"))

    def test_the_manual_has_every_subcommand_with_its_options(self):
        sections = manual_sections()
        self.assertEqual(set(sections), set(subcommands()))
        for command in subcommands():
            listed = options(command)
            described = documented(sections[command])
            if SHARED <= listed:
                described |= SHARED
            self.assertEqual(described, listed, command)

    def test_the_completion_has_every_subcommand_with_its_options(self):
        self.assertEqual(complete("") - {"--help", "--version"}, set(subcommands()))
        for command in subcommands():
            self.assertEqual(complete(command, "--") - {"--help"}, options(command), command)

    def test_the_completion_knows_arguments(self):
        self.assertEqual(complete("observe", "o"), {"on", "off"})
        self.assertEqual(complete("stat"), {"status"})
        self.assertEqual(complete("calls", "--limit", ""), set())

    def test_the_manual_has_every_exit_status(self):
        text = (PACKAGING / "messenger-algctl.8").read_text(encoding="utf-8")
        text = text[text.index(".SH EXIT STATUS") :]
        self.assertEqual(re.findall(r"^\.B (\d)$", text, re.MULTILINE), ["0", "1", "2", "3", "4", "5"])

    def test_the_manual_is_good_roff(self):
        try:
            done = subprocess.run(
                ["man", "--warnings", "-l", "-E", "UTF-8", "-Tutf8", str(PACKAGING / "messenger-algctl.8")],
                capture_output=True,
                check=False,
                text=True,
                timeout=20,
            )
        except FileNotFoundError:
            self.skipTest("man is not installed")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
