# SPDX-License-Identifier: GPL-2.0-or-later
"""The manuals say what the programs do: every option, every key, every exit status."""

import os
import re
import shutil
import subprocess

import pytest

OPTION = re.compile(r"--[a-z][a-z-]*")


def plain(page):
    """The text of a manual page, without its formatting."""
    text = page.read_text()
    text = re.sub(r"^\.\w+ ?|\\f[A-Z]", "", text, flags=re.MULTILINE)
    return text.replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\")


def run(build, *arguments):
    return subprocess.run([build / "daemon" / "messenger-algd", *arguments], capture_output=True, text=True)


def test_the_manual_of_the_daemon_has_its_options(build, root):
    options = set(OPTION.findall(run(build, "--help").stdout))
    described = re.sub(r"\\-", "-", (root / "packaging" / "messenger-algd.8").read_text())
    described = described[described.index(".SH OPTIONS") : described.index(".SH RUNNING IT")]
    assert "--config" in options
    assert set(OPTION.findall(described)) == options


def test_the_manual_of_the_configuration_has_every_key(build, keys):
    page = plain(build / "packaging" / "messenger-alg.toml.5")
    page = page[page.index("KEYS") : page.index("EXAMPLES")]
    assert len(keys) > 40
    for key, default in keys.items():
        section, name = key.split(".")
        part = page[page.index(f"[{section}]") :].split("\n[", 1)[0]
        ports = re.findall(r"\d+", default) if re.match(r"\[\s*\d+, \d+, \d+", default) else []  # too long for the line
        shown = f'{name} " = [...]"' if ports else f'{name} " = {default}"'
        assert shown in part, key
        for number in ports:
            assert number in part, f"{key}: {number}"


def test_the_manuals_are_good_roff(build, root):
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    pages = [root / "packaging" / "messenger-algd.8", root / "packaging" / "messenger-algctl.8", build / "packaging" / "messenger-alg.toml.5"]
    for page in pages:
        done = subprocess.run(["man", "--warnings", "-l", "-E", "UTF-8", "-Tutf8", page], capture_output=True, text=True,
                              env={**os.environ, "MANWIDTH": "80"})
        assert (done.returncode, done.stderr) == (0, ""), page


def exit_statuses(root):
    text = (root / "packaging" / "messenger-algd.8").read_text()
    text = text[text.index(".SH EXIT STATUS") : text.index(".SH ENVIRONMENT")]
    return set(map(int, re.findall(r"^\.B (\d+)$", text, re.MULTILINE)))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--version"], 0),
        (["--no-such-option"], 2),
        (["--check-config", "/nonexistent"], 78),
        (["--config", "/nonexistent"], 78),
        (["--check-config", "packaging/messenger-alg.toml"], 78),  # as it is installed: nobody is inside
    ],
)
def test_an_exit_status_is_as_the_manual_says(build, root, arguments, status):
    arguments = [str(root / word) if word.startswith("packaging/") else word for word in arguments]
    assert run(build, *arguments).returncode == status
    assert status in exit_statuses(root)


def documents(root):
    folder = root / "packaging"
    pages = [folder / name for name in ("README.md", "messenger-algd.8", "messenger-alg.toml.5.in", "messenger-algctl.8")]
    return [root / "README.md", *pages, folder / "debian" / "messenger-alg.README.Debian", *folder.glob("recipes/*.md")]


def test_no_document_names_a_key_that_is_not_there(root, keys):
    sections = {key.split(".")[0] for key in keys}
    assert sections >= {"network", "passage", "timeouts"}
    named = re.compile(rf"(?<![\w/.-])({'|'.join(sections)})\.([a-z_]+)(?![\w/.])")
    found = 0
    for document in documents(root):
        for match in named.finditer(document.read_text().replace("\\-", "-")):
            if match[0] not in ("control.sock",):
                found += 1
                assert match[0] in keys, f"{document.name}: {match[0]}"
    assert found > 10


def test_no_document_names_a_file_of_its_own_that_is_not_there(root):
    for document in documents(root):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_no_document_tells_of_a_command_or_option_that_is_not_there(build, root):
    def options_of(*command):
        return set(OPTION.findall(subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout))

    ctl, daemon = build / "daemon" / "ctl" / "messenger-algctl", build / "daemon" / "messenger-algd"
    found = 0
    for document in documents(root):
        text = document.read_text().replace("\\-", "-")
        for line in re.findall(r"(?:^ *|`|\.B )(?:[\w./-]*/)?(messenger-alg(?:ctl|d) [^`\n]+)", text, re.MULTILINE):
            program, *words = line.split("#")[0].strip().split()
            command = [ctl, words.pop(0)] if program == "messenger-algctl" and not words[0].startswith("-") else [
                ctl if program == "messenger-algctl" else daemon]
            for option in {word for word in words if OPTION.fullmatch(word)}:
                assert option in options_of(*command), f"{document.name}: {line}"
            found += len(options_of(*command)) > 0
    assert found > 15


def test_the_readme_of_the_folder_names_everything_in_it(root):
    folder = root / "packaging"
    text = (folder / "README.md").read_text()
    for path in folder.iterdir():
        name = f"{path.name}/" if path.is_dir() else path.name
        assert name == "README.md" or name in text, name
    recipes = (folder / "recipes" / "README.md").read_text()
    for path in (folder / "recipes").iterdir():
        assert path.name == "README.md" or f"]({path.name})" in recipes, path.name


def test_every_file_that_a_manual_names_is_installed_or_made(root):
    """Those below /usr and /etc; the list of what is installed is a test of its own."""
    installed = (root / "packaging" / "CMakeLists.txt").read_text()
    for page in ("messenger-algd.8", "messenger-algctl.8", "messenger-alg.toml.5.in"):
        text = (root / "packaging" / page).read_text().replace("\\-", "-")
        for path in re.findall(r"(?:/usr/share|/etc)/[\w./-]*messenger-alg[\w./-]*[\w]", text):
            assert path.endswith("/recipes") or path.rsplit("/", 1)[1] in installed, f"{page}: {path}"
