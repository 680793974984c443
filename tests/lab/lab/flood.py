# SPDX-License-Identifier: GPL-2.0-or-later
"""More SIP than anybody can read: processes that send prepared datagrams from a host as fast as the kernel takes them,
until they are told to stop. From the host's own address, or from as many as one likes.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

from lab import forge

PREPARED = 2000
PER_LOOK = 64  # datagrams between two looks at whether it is time to stop


class Flood:
    """texts come from `template`, in which NUMBER and SOURCE are replaced. sources: a list of addresses; empty: the
    host's own.
    """

    def __init__(self, host, target, template, sources=(), processes=3):
        order = {"target": target, "template": template, "sources": list(sources)}
        self._processes = []
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
        for number in range(processes):
            argv = [sys.executable, "-B", "-m", "lab.flood", json.dumps({**order, "first": number * PREPARED})]
            made = host.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment)
            self._processes.append(made)
        for one in self._processes:
            assert one.stdout.readline() == b"ready\n"
        self._begun = None

    def begin(self):
        self._begun = time.monotonic()
        for one in self._processes:
            one.send_signal(signal.SIGUSR1)

    def end(self):
        """How many were sent, and in how many seconds."""
        took = time.monotonic() - self._begun
        for one in self._processes:
            one.send_signal(signal.SIGTERM)
        return sum(int(one.communicate(timeout=5)[0]) for one in self._processes), took

    def close(self):
        for one in self._processes:
            if one.poll() is None:
                one.kill()
                one.wait()
            one.stdout.close()


def _prepare(order):
    """(socket, [(data, destination)])."""
    target, sources = tuple(order["target"]), order["sources"]
    texts = []
    for number in range(order["first"], order["first"] + PREPARED):
        source = sources[number % len(sources)] if sources else None
        text = order["template"].replace("NUMBER", str(number)).replace("SOURCE", source or "")
        texts.append((source, text.encode()))
    if not sources:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        return made, [(text, target) for _, text in texts]
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    made.setsockopt(socket.IPPROTO_IP, forge.IP_HDRINCL, 1)
    return made, [(forge.udp_packet((source, 5060), target, text), (target[0], 0)) for source, text in texts]


def main(order):
    out, prepared = _prepare(order)
    ending = []
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    print("ready", flush=True)
    signal.sigwait([signal.SIGUSR1, signal.SIGTERM])
    sent = at = 0
    while not ending:
        for _ in range(PER_LOOK):
            data, destination = prepared[at]
            at = (at + 1) % PREPARED
            try:
                out.sendto(data, destination)
                sent += 1
            except OSError:
                pass  # no room in the socket, or an ICMP error of an earlier one
    print(sent)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
