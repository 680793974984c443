# SPDX-License-Identifier: GPL-2.0-or-later
"""A Messenger client as RTC speaks: it signs in over TCP, listens for its server's call-back beside that connection, and says
what the test tells it to, when it tells it to. What it receives must be signed as its server signed it.
"""

import hashlib
import select
import socket

from lab.messenger import signing
from lab.messenger.session import new_call_id
from lab.messenger.signing import Association
from lab.messenger.wire import KEEP_ALIVE, Wire
from lab.sipmsg import SipMessage
from lab.sipua import wait_for

DOMAIN = "example.com"


class Client:
    """port: the dynamic SIP port, which Contact names and Via. replace: whether the server is asked to take what it sees of
    us in place of the Contact (proxy=replace). tls: an SSLContext; the connection's own port is then our only one."""

    def __init__(self, host, user, port=7100, address=None, replace=True, tls=None, agent="RTC/1.3"):
        self.host = host
        self.address = address or host.ip4
        self.port = port
        self.aor = f"{user}@{DOMAIN}"
        self.user = user
        self.epid = hashlib.md5(user.encode()).hexdigest()[:10]
        self.agent = agent
        self.wire = None
        self.association = None
        self._replace = replace
        self.tls = tls
        self._inbox = []
        self._wires = []
        self._listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.address, port))
        self._listener.listen(16)

    def close(self):
        for wire in self._wires:
            wire.close()
        self._listener.close()

    # What goes out

    @property
    def _transport(self):
        return "tls" if self.tls else "tcp"

    def _listening_port(self, wire):
        return wire.local[1] if self.tls else self.port

    def via(self, wire):
        return f"SIP/2.0/{self._transport.upper()} {self.address}:{self._listening_port(wire)}"

    def contact(self, wire):
        port = self._listening_port(wire)
        uri = f"<sip:{self.aor}:{port};maddr={self.address};transport={self._transport}>"
        return uri + (";proxy=replace" if self._replace else "")

    def connect(self, server):
        """server: (address, port)."""
        connection = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(5)
        connection.bind((self.address, 0))
        connection.connect(tuple(server))
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_hostname=signing.SERVER)
        self.wire = Wire(connection)
        self._wires.append(self.wire)

    def signed(self, message):
        if self.association:
            at = next((i for i, (name, _) in enumerate(message.headers) if name == "Content-Type"), len(message.headers))
            message.headers.insert(at, ("Proxy-Authorization", self.association.sign(message)))
        return message

    def send(self, message, wire=None, cuts=()):
        (wire or self.wire).send(message.text().encode(), cuts)

    def burst(self, messages):
        """All in one piece, with a keep-alive between two of them."""
        data = [message.text().encode() for message in messages]
        self.wire.send(b"".join(data[:-1]) + KEEP_ALIVE + data[-1])

    def keep_alive(self):
        self.wire.send(KEEP_ALIVE)

    # What comes in

    def _read(self, seconds):
        for one in select.select([self._listener, *self._wires], [], [], seconds)[0]:
            if one is self._listener:
                self._wires.append(Wire(one.accept()[0]))
                continue
            messages = one.read()
            if messages is None:
                one.close()
                self._wires.remove(one)
            else:
                self._inbox += [self._checked(message) for message in messages]

    def _checked(self, message):
        if self.association and message.status != 100:
            complaint = self.association.complaint(message, "Authentication-Info")
            assert not complaint, f"{self.user} would discard this: {complaint}\n{message.text()}"
        return message

    def receive(self, what, seconds=4):
        """The next request of a method ("INVITE"), or the next response of a status (200) or (200, "BYE")."""
        return wait_for(self._inbox, self._read, self.user, what, seconds)

    def receive_answer(self, method):
        """The next response, of whatever status, to a request of a method."""
        return self.receive(lambda message: message.status is not None and message.method == method)

    def called_back(self):
        """Connections that others have made to us."""
        return [wire for wire in self._wires if wire is not self.wire]

    # Before signing in

    def negotiate(self, algorithm="LZ77-8K"):
        """Proposes to compress the connection; the answer."""
        aor = f"<sip:{self.aor}>"
        headers = [("Via", self.via(self.wire)), ("Max-Forwards", "70"), ("From", f"{aor};tag=n1;epid={self.epid}")]
        headers += [("To", aor), ("Call-ID", new_call_id()), ("CSeq", "1 NEGOTIATE"), ("Compression", algorithm)]
        self.send(SipMessage(f"NEGOTIATE sip:{DOMAIN} SIP/2.0", headers))
        answer = self.receive_answer("NEGOTIATE")
        self.wire.compressed = answer.status == 200 and bool(answer.all("Compression"))
        return answer

    # Signing in

    def _register(self, number, authorization=None, seconds=7200, cuts=()):
        headers = [("Via", self.via(self.wire)), ("Max-Forwards", "70")]
        headers += [("From", f"<sip:{self.aor}>;tag=r{self.user};epid={self.epid}"), ("To", f"<sip:{self.aor}>")]
        headers += [("Call-ID", self._registration), ("CSeq", f"{number} REGISTER")]
        headers += [("Contact", self.contact(self.wire)), ("User-Agent", self.agent)]
        if authorization:
            # Folded, as Microsoft's own samples show it.
            headers.append(("Proxy-Authorization", authorization.replace(", gssapi", ",\r\n gssapi")))
        headers += [("Event", "registration"), ("Expires", str(seconds)), ("ms-keep-alive", "UAC;hop-hop=yes")]
        self.send(self.signed(SipMessage(f"REGISTER sip:{DOMAIN} SIP/2.0", headers)), cuts=cuts)

    def sign_off(self):
        self._register(4, seconds=0)
        return self.receive((200, "REGISTER"))

    def sign_in(self, server, scheme="NTLM", cuts=()):
        """REGISTER until the server is content. scheme: "NTLM", "Kerberos", or None for a registrar that asks nothing.
        cuts: where the last REGISTER is cut into segments. Returns the final response."""
        self.association = None
        if self.wire is None:
            self.connect(server)
        self._registration = new_call_id()
        if not scheme:
            self._register(1, cuts=cuts)
            return self.receive((200, "REGISTER"))
        self._register(1)
        asked = self.receive((407, "REGISTER"))
        assert any(value.startswith(scheme) for value in asked.all("Proxy-Authenticate"))
        target = signing.target_name(scheme)
        fixed = f'{scheme} qop="auth", realm="{signing.REALM}", '
        if scheme == "NTLM":
            self._register(2, fixed + f'targetname="{target}", gssapi-data=""')
            value = self.receive((407, "REGISTER")).get("Proxy-Authenticate")
            opaque, token = signing.parameters(value)[1]["opaque"], signing.ntlm_authenticate(self.user)
            fixed += f'opaque="{opaque}", '
        else:
            token = signing.kerberos_ticket()
        self._register(3, fixed + f'targetname="{target}", gssapi-data="{signing.encode(token)}"', cuts=cuts)
        answer = self.receive((200, "REGISTER"))
        opaque = signing.parameters(answer.get("Authentication-Info"))[1]["opaque"]
        self.association = Association(scheme, opaque, token, "c")
        self._checked(answer)
        return answer
