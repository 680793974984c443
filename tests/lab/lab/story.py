# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demonstrations share: steps and findings for a person to read, and a scene to find them in."""

import sys
import time

from lab.scene import Scene


class Story:
    """Prints steps and findings; remembers whether all findings were as they must be."""

    def __init__(self):
        self.good = True
        self._step = 0
        self._began = time.monotonic()

    def step(self, title):
        self._step += 1
        print(f"\n{self._step}. {title}", flush=True)

    def line(self, text=""):
        print(f"   {text}".rstrip(), flush=True)

    def finding(self, text, right):
        self.good = self.good and right
        print(f"   {text:<88} {'ok' if right else 'WRONG'}", flush=True)

    def end(self):
        took = time.monotonic() - self._began
        if self.good:
            print(f"\nAll of it was observed on the wire, in {took:.0f} s.")
        else:
            print("\nNOT as it must be: see the lines marked WRONG.")
        return 0 if self.good else 1


def act(story, tell, **scene):
    """Tells one story in a scene of its own. tell(story, scene); scene: arguments of Scene."""
    with Scene(**scene) as made:
        try:
            tell(story, made)
        except (AssertionError, TimeoutError, ConnectionError) as failure:
            story.finding("the demonstration stopped here:", False)
            print(failure)
            print("\nthe daemon's log:\n" + made.daemon.log[-6000:])


def run(main):
    """main(): the exit status."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; the lab is removed")
