# SPDX-License-Identifier: GPL-2.0-or-later
"""Who has signed in at the server, how, and where they are reached ([MS-SIPRE], proxy parameter; [MS-SIP] 4.3, 4.4)."""

import itertools
import re

from lab.messenger import signing
from lab.messenger.signing import Association

_cids = itertools.count(0x12C00, 0x100)
SECONDS = 7200


class Binding:
    """contact: as the server gives it to others. uri: the Request-URI for this user. call_back: what a connection of the
    server's own goes to."""

    def __init__(self, user, wire, association):
        self.user = user
        self.wire = wire
        self.association = association


class Registrar:
    def __init__(self, server):
        self._server = server
        self._bindings = {}
        self._by_wire = {}
        self._cids = {}
        self._opaque_of = {}

    def cid(self, wire):
        if wire not in self._cids:
            self._cids[wire] = f"{next(_cids):x}"
        return self._cids[wire]

    def of_wire(self, wire):
        return self._by_wire.get(wire)

    def of_user(self, user):
        return self._bindings[user]

    def of_uri(self, uri):
        cid = re.search(r"ms-received-cid=(\w+)", uri)
        for binding in self._bindings.values():
            if cid and self.cid(binding.wire) == cid.group(1):
                return binding
            if not cid and (uri == binding.uri or re.match(rf"sip:{binding.user}@example\.com(;|$)", uri)):
                return binding
        return None

    def also(self, wire, binding):
        """A connection of the server's own belongs to this user, too."""
        self._by_wire[wire] = binding

    def forget(self, wire):
        self._by_wire.pop(wire, None)

    def believes(self, binding, message):
        """Whether a message is signed as the user's security association wants it."""
        if not binding.association:
            return True
        complaint = binding.association.complaint(message, "Proxy-Authorization")
        if complaint:
            self._server.fail(complaint, message)
        return not complaint

    def on_register(self, message):
        binding = self._by_wire.get(message.source)
        if binding and message.get("Expires") == "0":
            if not binding.association or self.believes(binding, message):
                del self._bindings[binding.user]
                self._server.respond(message, 200, "OK", [("Expires", "0")], binding.association)
            return
        if not self._server.signs:
            self._accept(message, None)
            return
        if not message.all("Proxy-Authorization"):
            asked = [f'{scheme} realm="{signing.REALM}", targetname="{signing.target_name(scheme)}", qop="auth"'
                     for scheme in ("Kerberos", "NTLM")]
            self._server.respond(message, 407, "Proxy Authentication Required", [("Proxy-Authenticate", one) for one in asked])
            return
        scheme, given = signing.parameters(message.get("Proxy-Authorization"))
        token = signing.decode(given["gssapi-data"])
        if not token:
            opaque = signing.new_opaque()
            self._opaque_of[message.source] = opaque
            challenge = signing.encode(signing.ntlm_challenge())
            value = f'NTLM opaque="{opaque}", gssapi-data="{challenge}", '
            value += f'targetname="{given["targetname"]}", realm="{signing.REALM}"'
            self._server.respond(message, 407, "Proxy Authentication Required", [("Proxy-Authenticate", value)])
            return
        opaque = self._opaque_of.get(message.source) or signing.new_opaque()
        if scheme == "NTLM" and given.get("opaque") != opaque:
            self._server.fail("an answer to another challenge", message)
        self._accept(message, Association(scheme, opaque, token, "s"))

    def _accept(self, message, association):
        wire = message.source
        user = re.match(r"sip:([^@]+)@", message.uri("To")).group(1)
        contact = message.get("Contact")
        # RTC names the user and an maddr, Communicator 2007 its address alone.
        found = re.match(r"<sip:(?:[^@>]+@)?([^:>]+):(\d+);(?:maddr=([^;>]+);)?transport=(tcp|tls)[;>]", contact)
        if not found:
            self._refuse(message, "a Contact of another form")
            return
        host, port, maddr, transport = found.groups()
        replace = "proxy=replace" in contact
        if len(message.all("Via")) != 1:
            self._refuse(message, "not the first hop")
            return
        if transport != message.get("Via").split()[0].rpartition("/")[2].lower():
            self._refuse(message, "another transport")
            return
        binding = Binding(user, wire, association)
        address, source_port = wire.remote
        if replace:
            binding.contact = f"<sip:{address}:{source_port};transport={transport};ms-received-cid={self.cid(wire)}>"
            binding.uri = binding.contact[1:-1]
            binding.call_back = (address, int(port))
        else:
            binding.contact = contact
            binding.uri = message.uri("Contact")
            binding.call_back = (maddr or host, int(port))
        self._bindings[user] = self._by_wire[wire] = binding
        headers = [("Contact", f"{binding.contact};expires={SECONDS}"), ("Expires", str(SECONDS))]
        headers.append(("ms-keep-alive", "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"))
        self._server.respond(message, 200, "OK", headers, association)

    def _refuse(self, message, why):
        self._server.fail(why, message)
        self._server.respond(message, 400, "Bad Request")
