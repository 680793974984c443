# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives the lab tests their scene, and puts the daemon's log and table beside each failure."""

import fcntl
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab.messenger.office import Office  # noqa: E402
from lab.namespaces import CommandFailed  # noqa: E402
from lab.scene import Scene  # noqa: E402

# Characters of a long log or table; 200 calls fill pages.
SHOWN = 6000


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: it measures time that must be short; no other test runs meanwhile")


def pytest_collection_modifyitems(items):
    items.sort(key=must_run_alone)  # last, so that nobody waits for them; otherwise in the order they had
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


def must_run_alone(item):
    return item.get_closest_marker("alone") is not None


@pytest.fixture(autouse=True)
def share_of_the_machine(request):
    """Tests run side by side (pytest -n), each in its own worker process; one that is marked `alone` waits for the others."""
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if must_run_alone(request.node) else fcntl.LOCK_SH)
        yield


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


@pytest.fixture(params=["routed", "nat"])
def make_office(request, make_scene):
    """make_office(config, **arguments of Office): Messenger's users at both kinds of gateway; their server's complaints fail
    the test."""
    offices = []

    def make(config=None, **arguments):
        scene = make_scene(transport="tcp", nat=request.param == "nat", config=config)
        offices.append(Office(scene, **arguments))
        return offices[-1]

    yield make
    for office in offices:
        office.check()


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
