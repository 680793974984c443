# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed, and where: CMake's list is that of every package."""

import os
import subprocess

PREFIX = "usr/local"

INSTALLED = {
    f"{PREFIX}/bin/messenger-algctl",
    f"{PREFIX}/sbin/messenger-algd",
    f"{PREFIX}/etc/messenger-alg/messenger-alg.toml",
    f"{PREFIX}/lib/systemd/system/messenger-alg.service",
    f"{PREFIX}/lib/sysusers.d/messenger-alg.conf",
    f"{PREFIX}/share/man/man5/messenger-alg.toml.5",
    f"{PREFIX}/share/man/man8/messenger-algctl.8",
    f"{PREFIX}/share/man/man8/messenger-algd.8",
}
# Installed once they are in the source.
WHEN_THERE = {
    "messenger-algctl.bash-completion": f"{PREFIX}/share/bash-completion/completions/messenger-algctl",
    "grafana-dashboard.json": f"{PREFIX}/share/messenger-alg/grafana-dashboard.json",
}


def test_everything_is_installed_and_nothing_else(build, root, tmp_path):
    done = subprocess.run(["cmake", "--install", build], env={**os.environ, "DESTDIR": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    expected = set(INSTALLED)
    expected |= {target for source, target in WHEN_THERE.items() if (root / "packaging" / source).exists()}
    recipes = {path.name for path in (root / "packaging" / "recipes").iterdir()}
    expected |= {f"{PREFIX}/share/doc/messenger-alg/recipes/{name}" for name in recipes}
    assert len(recipes) >= 8
    assert found == expected
    unit = (tmp_path / PREFIX / "lib/systemd/system/messenger-alg.service").read_text()
    assert f"ExecStart=/{PREFIX}/sbin/messenger-algd" in unit
