# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives the lab tests their scene, and puts the daemon's log and table beside each failure."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab.namespaces import CommandFailed  # noqa: E402
from lab.scene import Scene  # noqa: E402

# Characters of a long log or table; 200 calls fill pages.
SHOWN = 6000


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


@pytest.fixture
def make_scene(request):
    """make_scene(**arguments of Scene): a scene that is taken down after the test, the operator's firewall checked."""
    scenes = request.node.scenes = []

    def make(**arguments):
        scene = Scene(**arguments)
        scenes.append(scene)
        return scene.__enter__()

    yield make
    for scene in reversed(scenes):
        if scene.is_open():  # a scene whose start failed has closed itself
            scene.__exit__(None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    for scene in getattr(item, "scenes", []):
        if scene.daemon and scene.is_open():
            try:
                table = scene.lab.gateway.run("nft", "list", "table", "inet", "messenger_alg")
            except CommandFailed as failure:
                table = str(failure)
            report.sections.append(("messenger-algd's table", table[:SHOWN]))
            report.sections.append(("messenger-algd's log", scene.daemon.log[-SHOWN:]))
