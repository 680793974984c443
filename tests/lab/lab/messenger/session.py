# SPDX-License-Identifier: GPL-2.0-or-later
"""One end of a dialog of a Messenger client."""

import itertools

from lab.messenger import bodies
from lab.sipmsg import SipMessage

_numbers = itertools.count(1)
REASONS = {100: "Trying", 180: "Ringing", 200: "OK", 487: "Request Terminated", 488: "Not Acceptable Here", 603: "Decline"}


def new_call_id():
    return f"{0x0F3C9A77D2 + next(_numbers):010x}"


def content(body, content_type=None):
    return [("Content-Type", content_type or bodies.SDP)] if body else []


class Session:
    """client: whose end it is. peer: the other end's user@domain."""

    def __init__(self, client, peer, call_id, target):
        self.client = client
        self.peer = peer
        self.call_id = call_id
        self.target = target
        self.local = f"<sip:{client.aor}>;tag={next(_numbers) + 0x5C1D:04x};epid={client.epid}"
        self.remote = f"<sip:{peer}>"
        self.routes = []
        self.cseq = 0
        self.wire = client.wire

    @classmethod
    def outgoing(cls, client, peer):
        return cls(client, peer, new_call_id(), f"sip:{peer}")

    @classmethod
    def incoming(cls, client, invite):
        session = cls(client, invite.uri("From").partition(":")[2], invite.get("Call-ID"), invite.uri("Contact"))
        session.local = invite.get("To") + session.local[session.local.index(">") + 1 :]
        session.remote = invite.get("From")
        session.routes = invite.all("Record-Route")
        return session

    def build(self, method, body="", content_type=None, extra=(), cseq=None):
        """A request, signed."""
        if cseq is None:
            self.cseq += 1
        client = self.client
        headers = [("Via", client.via(self.wire)), ("Max-Forwards", "70"), *[("Route", route) for route in self.routes]]
        headers += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        headers += [("CSeq", f"{cseq or self.cseq} {method}")]
        if method in ("INVITE", "SUBSCRIBE"):
            headers.append(("Contact", client.contact(self.wire)))
        headers += [("User-Agent", client.agent), *extra, *content(body, content_type)]
        return client.signed(SipMessage(f"{method} {self.target} SIP/2.0", headers, body))

    def request(self, method, body="", content_type=None, extra=(), cuts=()):
        message = self.build(method, body, content_type, extra)
        self.client.send(message, self.wire, cuts)
        return message

    def invite(self, body, content_type=None, extra=(), cuts=()):
        extra = [("ms-keep-alive", "UAC;hop-hop=yes"), *extra]
        return self.request("INVITE", body, content_type, extra, cuts)

    def acknowledge(self, response):
        """ACK; from a 2xx tag, target and route set are learnt."""
        if response.status < 300:
            self.remote = response.get("To")
            self.target = response.uri("Contact")
            self.routes = list(reversed(response.all("Record-Route")))
        self.client.send(self.build("ACK", cseq=response.cseq), self.wire)

    def reply(self, request, status, body="", content_type=None):
        headers = [("Via", via) for via in request.all("Via")]
        headers += [("Record-Route", route) for route in request.all("Record-Route")]
        headers += [("From", request.get("From")), ("To", self.local)]
        headers += [(name, request.get(name)) for name in ("Call-ID", "CSeq")]
        if request.method in ("INVITE", "SUBSCRIBE"):
            headers.append(("Contact", self.client.contact(request.source)))
        headers += [("User-Agent", self.client.agent), *content(body, content_type)]
        response = self.client.signed(SipMessage(f"SIP/2.0 {status} {REASONS[status]}", headers, body))
        self.client.send(response, request.source)
        return response

    def say(self, text):
        """An instant message."""
        return self.request("MESSAGE", text, "text/plain; charset=UTF-8")

    def invitation(self, text):
        return self.request("MESSAGE", text, bodies.INVITATION)

    def hear(self, method="MESSAGE", seconds=4):
        """The next request of the other end in this dialog; it is answered."""
        request = self.client.receive(method, seconds)
        assert request.get("Call-ID") == self.call_id, f"a {method} of another dialog:\n{request.text()}"
        self.reply(request, 200)
        return request

    def sent(self, what=(200, "MESSAGE")):
        """Waits for the answer to what was sent."""
        return self.client.receive(what)


def establish(caller, callee, offer, answer, content_type=None, answer_type=None, extra=()):
    """INVITE, 180, 200, ACK. Returns the sessions of both, and INVITE and 200 as they arrived."""
    out = Session.outgoing(caller, callee.aor)
    out.invite(offer, content_type, extra)
    invite = callee.receive("INVITE")
    back = Session.incoming(callee, invite)
    back.reply(invite, 180)
    caller.receive(180)
    back.reply(invite, 200, answer, answer_type)
    response = caller.receive((200, "INVITE"))
    out.acknowledge(response)
    callee.receive("ACK")
    return out, back, invite, response


def hang_up(session, other):
    session.request("BYE")
    other.hear("BYE")
    session.client.receive((200, "BYE"))
