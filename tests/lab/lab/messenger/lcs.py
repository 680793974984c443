# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Live Communications Server: registrar, presence, and the proxy that stands between all users. It is as strict as the
real one: what is not signed as it must be, or has come through another proxy, is a failure of the test (check()).

It runs in a thread of its own, so that a test only scripts the clients.
"""

import itertools
import select
import socket
import threading

from lab.messenger.registrar import Registrar
from lab.messenger.wire import Wire
from lab.sipmsg import SipMessage

_branches = itertools.count(1)
LISTENING_TICK = 0.1


class Lcs:
    """call_back: requests to a user go over a connection that the server makes to the Contact, and not over the one that the
    user has made. tls: an SSLContext, and then a TLS listener at 5061 besides. signs: whether it asks its users who they are."""

    def __init__(self, host, call_back=False, tls=None, compression=("LZ77-8K",), signs=True):
        self.host = host
        self.address = (host.ip4, 5060)
        self.registrar = Registrar(self)
        self.call_back = call_back
        self.compression = compression
        self.signs = signs
        self.received = []  # (user or None, message), as they came
        self._tls = tls
        self._lock = threading.RLock()
        self._failures = []
        self._wires = []
        self._responses = {}  # our branch: where the response goes
        self._calls = {}  # by Contact: the connection that we made to it
        self._listeners = {self._listen(5060): None}
        if tls:
            self._listeners[self._listen(5061)] = tls
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _listen(self, port):
        listener = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host.ip4, port))
        listener.listen(64)
        return listener

    def close(self):
        self._stop.set()
        self._thread.join()
        for one in [*self._listeners, *self._wires]:
            one.close()

    def check(self):
        """Fails if anything was not as a server wants it."""
        with self._lock:
            assert not self._failures, "\n".join(self._failures)

    def fail(self, text, message):
        self._failures.append(f"the server: {text}:\n{message.text()}")

    # The thread

    def _run(self):
        while not self._stop.is_set():
            ready = select.select([*self._listeners, *self._wires], [], [], LISTENING_TICK)[0]
            with self._lock:
                for one in ready:
                    try:
                        self._on_ready(one)
                    except OSError as gone:
                        self._drop(one, gone)
                    except AssertionError as wrong:
                        self._failures.append(f"the server: {wrong}")

    def _on_ready(self, one):
        if one not in self._listeners:
            messages = one.read()
            if messages is None:
                self._drop(one)
            for message in messages or ():
                self._on_message(message)
            return
        connection = one.accept()[0]
        if self._listeners[one]:
            connection = self._listeners[one].wrap_socket(connection, server_side=True)
        self._wires.append(Wire(connection))

    def _drop(self, one, why=None):
        if one in self._wires:
            one.close()
            self._wires.remove(one)
            self.registrar.forget(one)
        elif why:
            self._failures.append(f"the server: {why}")

    def _on_message(self, message):
        binding = self.registrar.of_wire(message.source)
        self.received.append((binding.user if binding else None, message))
        if message.method == "NEGOTIATE":
            self._negotiate(message)
        elif message.method == "REGISTER" and message.status is None:
            self.registrar.on_register(message)
        elif binding is None:
            self.fail("a message of nobody who has signed in", message)
        elif not self.registrar.believes(binding, message):
            pass
        elif message.status:
            self._on_response(message)
        elif message.method == "SERVICE":
            self.respond(message, 200, "OK", association=binding.association)
        elif message.method == "SUBSCRIBE":
            self._on_subscribe(binding, message)
        else:
            self._forward(binding, message)

    # Answers of its own

    def respond(self, request, status, reason, headers=(), association=None):
        to = request.get("To")
        to += "" if ";tag=" in to else f";tag={id(self) & 0xFFFFFFFF:08X}"
        fixed = [("Via", value) for value in self._with_received(request)]
        fixed += [("From", request.get("From")), ("To", to)]
        fixed += [(name, request.get(name)) for name in ("Call-ID", "CSeq")]
        response = SipMessage(f"SIP/2.0 {status} {reason}", [*fixed, *headers])
        if association:
            response.headers.append(("Authentication-Info", association.sign(response)))
        request.source.send(response.text().encode())

    def _with_received(self, request):
        top, *rest = request.all("Via")
        address, port = request.source.remote
        return [f"{top};received={address};ms-received-port={port};ms-received-cid={self.registrar.cid(request.source)}", *rest]

    def _negotiate(self, message):
        wanted = message.get("Compression")
        if wanted not in self.compression:
            self.respond(message, 488, "Compression algorithm refused")
            return
        self.respond(message, 200, "OK", [("Compression", wanted)])
        message.source.compressed = True

    def _on_subscribe(self, binding, message):
        contact = f"<sip:{self.address[0]}:5060;transport=tcp>"
        self.respond(message, 200, "OK", [("Contact", contact), ("Expires", "28800")], binding.association)

    # What it hands on

    def _target(self, message):
        """Whose request this is, by our Record-Route's or our registrar's names for users."""
        uri = message.start_line.split()[1]
        return self.registrar.of_uri(uri)

    def _forward(self, sender, message):
        target = self._target(message)
        if target is None:
            self.fail("nobody of that name has signed in", message)
            return
        branch = f"z9hG4bKlcs{next(_branches)}"
        self._responses[branch] = (message.source, sender)
        wire = self._wire_to(target)
        via = self._via(wire, branch)
        headers = [("Via", via), *[("Via", value) for value in self._with_received(message)]]
        if message.method == "INVITE":
            route = f"<sip:{self.address[0]}:5060;transport=tcp;lr;ms-route-sig=aaP9DCDbBKpyb3cA>"
            headers.append(("Record-Route", route))
        headers += self._carried(message, sender)
        request = SipMessage(f"{message.method} {target.uri} SIP/2.0", headers, message.body)
        self._send(request, wire, target)

    def _via(self, wire, branch):
        return f"SIP/2.0/{wire.transport.upper()} {self.address[0]}:{wire.local[1]};branch={branch};branched=FALSE"

    def _carried(self, message, sender):
        """The headers that go on as they are, and Contact as a first hop makes it."""
        own = ("via", "route", "proxy-authorization", "content-length")
        kept = [(name, value) for name, value in message.headers if name.lower() not in own]
        return [(name, sender.contact if name == "Contact" and "proxy=replace" in value else value) for name, value in kept]

    def _on_response(self, message):
        own, *others = message.all("Via")
        branch = own.partition("branch=")[2].partition(";")[0]
        if branch not in self._responses:
            self.fail("a response to nothing", message)
            return
        wire, target = self._responses[branch]
        sender = self.registrar.of_wire(message.source)
        headers = [("Via", value) for value in others] + self._carried(message, sender)
        self._send(SipMessage(message.start_line, headers, message.body), wire, target)

    def _wire_to(self, target):
        if not self.call_back:
            return target.wire
        key = target.call_back
        if key not in self._calls:
            connection = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.settimeout(2)
            connection.connect(key)
            connection.settimeout(None)
            self._calls[key] = Wire(connection)
            self._wires.append(self._calls[key])
            self.registrar.also(self._calls[key], target)
        return self._calls[key]

    def _send(self, message, wire, target, cuts=()):
        if target.association:
            message.headers.append(("Authentication-Info", target.association.sign(message)))
        wire.send(message.text().encode(), cuts)
        return message

    # What a test has it do

    def tell(self, user, body, number=1, method="BENOTIFY", cuts=()):
        """Presence for a user: BENOTIFY, which nobody answers. Returns it as it was sent."""
        with self._lock:
            target = self.registrar.of_user(user)
            wire = self._wire_to(target)
            headers = [("Via", self._via(wire, f"z9hG4bKlcs{next(_branches)}"))]
            headers += [("From", f"<sip:{target.user}@example.com>;tag=LCS"), ("To", f"<sip:{target.user}@example.com>;tag=c1")]
            headers += [("Call-ID", f"presence-{target.user}"), ("CSeq", f"{number} {method}"), ("Event", "presence")]
            headers += [("subscription-state", "active;expires=28800"), ("Content-Type", "text/xml+msrtc.pidf")]
            return self._send(SipMessage(f"{method} {target.uri} SIP/2.0", headers, body), wire, target, cuts)

    def wire_of(self, user):
        """The connection that a user has made."""
        with self._lock:
            return self.registrar.of_user(user).wire

    def connections(self):
        with self._lock:
            return list(self._wires)
