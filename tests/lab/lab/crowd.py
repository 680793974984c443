# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls at once, each of them a script that reads like a single call.

A script is a generator: it does something, then yields the agent that is to receive something, and what (as
Agent.receive() takes it); it gets the message, and goes on.
"""

import time

from lab.sipua import matches, wait_for_any


class Crowd:
    def __init__(self, *agents):
        self._agents = agents
        self._waiting = {}  # (agent, Call-ID) -> script, what it waits for, since when

    def run(self, scripts, at_once, patience=10):
        """scripts: (Call-ID, script) pairs, begun one after the other, at most so many unfinished at a time."""
        scripts = iter(scripts)
        running, more = 0, True
        while more or running:
            while more and running < at_once:
                entry = next(scripts, None)
                more = entry is not None
                if more:
                    running += self._go_on(*entry, None)
            arrived = [(agent, message) for agent in self._agents for message in agent.take()]
            for agent, message in arrived:
                running -= not self._deliver(agent, message)
            if not arrived:
                self._assert_patience(patience)
                wait_for_any(self._agents, 0.05)

    def _go_on(self, call_id, script, message):
        """Whether the script goes on."""
        try:
            agent, what = script.send(message)
        except StopIteration:
            return False
        self._waiting[agent, call_id] = script, what, time.monotonic()
        return True

    def _deliver(self, agent, message):
        key = agent, message.get("Call-ID")
        script, what, _ = self._waiting.pop(key, (None, None, None))
        assert script and matches(message, what), f"{agent.user}: expected {what}, received\n{message.text()}"
        return self._go_on(key[1], script, message)

    def _assert_patience(self, patience):
        late = [(agent.user, what) for (agent, _), (_, what, since) in self._waiting.items()
                if since < time.monotonic() - patience]
        assert not late, f"{len(late)} calls still wait, such as for {late[0]}"
