# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the packaging look at: the sources, and a build as it is shipped."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build():
    """$MESSENGER_BUILD, or build/release."""
    found = Path(os.environ.get("MESSENGER_BUILD", ROOT / "build" / "release"))
    if not (found / "daemon" / "messenger-algd").is_file():
        pytest.skip("messenger-algd is not built: tests/build-daemon")
    return found


@pytest.fixture(scope="session")
def keys():
    """section.key -> the default, as the default file has it (its agreement with the program is a test of its own)."""
    found, section, unfinished = {}, None, None
    for line in (ROOT / "packaging" / "messenger-alg.toml").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif unfinished and line.startswith("#    "):
            found[unfinished] += line[1:].strip() + " "
        elif match := re.fullmatch(r"#([a-z_]+) = (.*)", line):
            unfinished = f"{section}.{match[1]}"
            found[unfinished] = match[2]
    return found
