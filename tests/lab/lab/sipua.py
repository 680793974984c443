# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted SIP agent on plain sockets: sends what the test says, when it says, and nothing by itself.

It never retransmits, so a message that the gateway loses is a test that fails, not one that takes half a second longer.
"""

import copy
import itertools
import select
import socket
import time

from lab import sipmsg
from lab.sipmsg import SipMessage

_numbers = itertools.count(1)
REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 401: "Unauthorized", 487: "Request Terminated",
           486: "Busy Here", 488: "Not Acceptable Here", 302: "Moved Temporarily", 603: "Decline"}


def host_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Agent:
    """One SIP address of one host. transport: "udp" or "tcp"; over TCP, connect() or be connected to."""

    def __init__(self, host, address, port=5060, transport="udp", user=None):
        self.transport = transport
        self.address = (address, port)
        self.user = user or host.host
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.host = host
        self._inbox = []
        self._seen = set()
        self._streams = {}
        self._socket = self._make_socket()
        if transport == "tcp":
            self._socket.listen(16)

    def _make_socket(self):
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        made = self.host.socket(self._family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(self.address)
        return made

    @property
    def uri(self):
        suffix = ";transport=tcp" if self.transport == "tcp" else ""
        return f"sip:{self.user}@{host_port(*self.address)}{suffix}"

    def close(self):
        for connection in self._streams:
            connection.close()
        self._socket.close()

    def forget_connections(self):
        """Those that have been reset."""
        for connection in self._streams:
            connection.close()
        self._streams.clear()

    def connect(self, remote):
        """Over TCP: a connection to (address, port), to send on. Over UDP the address does it."""
        if self.transport == "udp":
            return tuple(remote)
        connection = self.host.socket(self._family, socket.SOCK_STREAM)
        connection.settimeout(5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect(tuple(remote))
        self._streams[connection] = b""
        return connection

    def send(self, message, to, cuts=(), pause=0.03):
        """to: what connect() returned, or the source of a message. cuts: over TCP, offsets at which a new segment begins,
        so many seconds after the one before."""
        data = message.text().encode() if isinstance(message, SipMessage) else message
        if self.transport == "udp":
            assert not cuts
            self._socket.sendto(data, to)
            return
        edges = [0, *sorted(cuts), len(data)]
        for start, end in zip(edges, edges[1:]):
            # The end of a "record": what is sent next goes into a segment of its own, however soon it comes.
            assert to.send(data[start:end], socket.MSG_EOR) == end - start
            if end != len(data) and pause:
                time.sleep(pause)

    @property
    def sockets(self):
        return [self._socket, *self._streams]

    def _read(self, seconds):
        ready = select.select(self.sockets, [], [], seconds)[0]
        for one in ready:
            if one is not self._socket:
                self._read_stream(one)
            elif self.transport == "udp":
                data, source = self._socket.recvfrom(65536)
                if data.strip(b"\r\n\0"):
                    self._take(data, source[:2])
            else:
                connection = self._socket.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._streams[connection] = b""
        return bool(ready)

    def _read_stream(self, connection):
        data = connection.recv(65536)
        if not data:
            connection.close()
            del self._streams[connection]
            return
        messages, self._streams[connection] = sipmsg.split_stream(self._streams[connection] + data)
        for message in messages:
            self._take(message, connection)

    def _take(self, data, source):
        """Retransmissions of real peers are dropped; scripts see each message once."""
        if data not in self._seen:
            self._seen.add(data)
            self._inbox.append(sipmsg.parse(data, source))

    def receive(self, what, seconds=4):
        """The next request of a method ("INVITE"), or the next response of a status (200) or (200, "BYE")."""
        return wait_for(self._inbox, self._read, self.host.host, what, seconds)

    def take(self, seconds=0.0):
        """Everything that has arrived, waiting so long for the first of it."""
        while self._read(seconds):
            seconds = 0.0
        taken, self._inbox = self._inbox, []
        return taken

    def reply(self, request, status, body="", tag=None, extra=(), cuts=(), contact=None):
        """tag: of To, for the requests that create a dialog. contact: of a peer that this one is a proxy for. Returns the
        response."""
        headers = [("Via", via) for via in request.all("Via")]
        headers += [("Record-Route", route) for route in request.all("Record-Route")]
        to = request.get("To")
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        headers += [("From", request.get("From")), ("To", to)]
        headers += [(name, request.get(name)) for name in ("Call-ID", "CSeq")]
        headers += [("Contact", f"<{contact or self.uri}>"), *extra]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        response = SipMessage(f"SIP/2.0 {status} {REASONS[status]}", headers, body)
        self.send(response, request.source, cuts)
        return response


def wait_for(inbox, read, who, what, seconds):
    """Takes the first message out of the inbox that matches. read(seconds): adds to it what comes, for so long."""
    deadline = time.monotonic() + seconds
    while True:
        for message in inbox:
            if matches(message, what):
                inbox.remove(message)
                return message
        left = deadline - time.monotonic()
        if left <= 0:
            others = [message.start_line for message in inbox]
            raise AssertionError(f"{who}: no {what} within {seconds} s; received instead: {others}")
        read(left)


def matches(message, what):
    """what: a method ("INVITE"), a status (200), the status of a method's response (200, "BYE"), or a function that says."""
    if callable(what):
        return what(message)
    if isinstance(what, str):
        return message.status is None and message.method == what
    if isinstance(what, tuple):
        return message.status == what[0] and message.method == what[1]
    return message.status == what


def wait_for_any(agents, seconds):
    """Until one of them has something to receive."""
    select.select([one for agent in agents for one in agent.sockets], [], [], seconds)


class Call:
    """One side of one dialog: makes requests with the right tags, CSeq, route set and target."""

    def __init__(self, agent, to):
        self.agent = agent
        self.to = to
        self.cseq = 0
        self.routes = []

    @classmethod
    def outgoing(cls, agent, target, to):
        """target: the URI called. to: where its requests are sent, as from agent.connect()."""
        call = cls(agent, to)
        number = next(_numbers)
        call.call_id = f"lab-{number}@{agent.address[0]}"
        call.target = target
        call.local = f"<{agent.uri}>;tag=c{number}"
        call.remote = f"<{target}>"
        return call

    @classmethod
    def incoming(cls, agent, invite, tag):
        """The called side, from the INVITE it received; tag as it gives to agent.reply()."""
        call = cls(agent, invite.source)
        call.call_id = invite.get("Call-ID")
        call.target = invite.uri("Contact")
        call.local = f"{invite.get('To')};tag={tag}"
        call.remote = invite.get("From")
        call.routes = invite.all("Record-Route")
        return call

    def fork(self, response):
        """The dialog that this response belongs to, when several answered; the original is left as it is."""
        branch = copy.copy(self)
        branch.learn(response)
        return branch

    def learn(self, response):
        """Takes remote tag, target and route set from a response that creates or confirms the dialog."""
        self.remote = response.get("To")
        self.target = response.uri("Contact")
        self.routes = list(reversed(response.all("Record-Route")))

    def _message(self, method, cseq, branch, body, extra=()):
        via = f"SIP/2.0/{self.agent.transport.upper()} {host_port(*self.agent.address)};branch={branch};rport"
        headers = [("Via", via), ("Max-Forwards", "70"), *[("Route", route) for route in self.routes]]
        headers += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}")]
        headers += [("Contact", f"<{self.agent.uri}>"), *extra]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return SipMessage(f"{method} {self.target} SIP/2.0", headers, body)

    def make(self, method, body="", extra=()):
        """The dialog's next request, not sent yet."""
        self.cseq += 1
        made = self._message(method, self.cseq, f"z9hG4bKlab{next(_numbers)}", body, extra)
        if method == "INVITE":
            self.last_invite = made
        return made

    def request(self, method, body="", extra=(), cuts=()):
        sent = self.make(method, body, extra)
        self.agent.send(sent, self.to, cuts)
        return sent

    def _branch_of_invite(self):
        return self.last_invite.get("Via").split("branch=")[1].split(";")[0]

    def ack(self, response, body=""):
        sent = self.make_ack(response, body)
        self.agent.send(sent, self.to)
        return sent

    def make_ack(self, response, body=""):
        """Of a 2xx end to end with a branch of its own, of anything else with the INVITE's (RFC 3261 sections 13.2.2.4, 17.1.1.3)."""
        if response.status < 300:
            self.learn(response)
            return self._message("ACK", response.cseq, f"z9hG4bKlab{next(_numbers)}", body)
        made = self._message("ACK", response.cseq, self._branch_of_invite(), body)
        made.headers = [(n, response.get("To") if n == "To" else v) for n, v in made.headers]
        made.start_line = self.last_invite.start_line.replace("INVITE", "ACK", 1)
        return made

    def cancel(self):
        sent = self._message("CANCEL", self.last_invite.cseq, self._branch_of_invite(), "")
        self.agent.send(sent, self.to)
        return sent
