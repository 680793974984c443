# SPDX-License-Identifier: GPL-2.0-or-later
"""Where attacks take place: an inside host whose browser fetches what the attacker likes, other inside hosts worth
reaching, an attacker outside, and an honest call beside it all.
"""

import re
import socket
import time

from lab import forge
from lab.ctl import Ctl
from lab.media import Flow, Port
from lab.pinholes import CALLBACKS, SETS, pinholes
from lab.scene import PROBE, audio, establish, hang_up, sdp
from lab.sipmsg import SipMessage
from lab.tcp import Listener, dial

VICTIM_MEDIA = 40000  # a port that the victim has for itself
HONEST_MEDIA, HONEST_PEER_MEDIA = 42000, 52000
ATTACKER_MEDIA = 50000
NOBODY = "203.0.113.99"  # an outside address that no host has; the attacker can still send from it
KEEP_ALIVE = b"\r\n" * 8
END = b"\r\n--the end--\r\n"


def openings(gateway):
    """All that leads in, in the kernel: (remote, inside, protocol, port)."""
    return {(hole.remote, hole.inside, hole.proto, hole.port) for hole in pinholes(gateway, SETS + CALLBACKS)}


def callbacks(gateway):
    """Of these, Contacts at which a registrar, or the server or peer of a call, may reach an inside host."""
    return {(hole.remote, hole.inside, hole.proto, hole.port) for hole in pinholes(gateway, CALLBACKS)}


def refused(reason):
    return f'messenger_alg_refusals_total{{reason="{reason}"}}'


def opaque(reason):
    return f'messenger_alg_opaque_flows_total{{reason="{reason}"}}'


def counted(name):
    return f"messenger_alg_{name}"


class HonestCall:
    """Between another inside host and its peer, with media. While it lasts, exactly its ports are open."""

    def __init__(self, field):
        scene = field.scene
        self.field = field
        self.caller = scene.agent(field.other, transport="udp")
        self.callee = scene.agent(scene.lab.peer, transport="udp")
        self.media = scene.media(HONEST_MEDIA, HONEST_PEER_MEDIA, inside=field.other)
        offer = sdp(self.caller.address[0], audio(HONEST_MEDIA))
        answer = sdp(self.callee.address[0], audio(HONEST_PEER_MEDIA))
        self.out, self.back = establish(self.caller, self.callee, offer, answer)
        if not scene.daemon:
            return
        self.media.assert_inbound_passes()
        field.expected = {(scene.lab.peer.ip4, field.other.ip4, "udp", HONEST_MEDIA + more) for more in (0, 1)}
        assert openings(scene.lab.gateway) - callbacks(scene.lab.gateway) == field.expected

    def assert_unharmed(self):
        """Its media passes, and nobody else's does."""
        self.media.assert_inbound_passes()
        stranger = Port(self.field.attacker, self.field.attacker.ip4, HONEST_PEER_MEDIA)
        Flow(stranger, self.media.shown).send(PROBE, 0.002)
        stranger.close()
        assert self.field.scene.tap(self.field.other).arrived(src=stranger.address) == []

    def end(self):
        hang_up(self.out, self.callee)


class Field:
    """reads: whether the daemon reads it (or the kernel's helper)."""

    def __init__(self, scene):
        self.scene, self.lab = scene, scene.lab
        self.victim, self.other, self.attacker = scene.lab.inside, scene.lab.inside2, scene.lab.third
        self.ctl = Ctl(scene) if scene.daemon else None
        self.call = None
        self.expected = set()  # what honest calls and registrations have open
        self.honest_openings = 0  # how many of them were opened since remember()
        self._before = {}
        self._log_read = 0
        self._forgers = {}
        # The attacker sits on the outside wire: what he sends to an inside address comes to the gateway, NAT or not.
        for destination in ("10.1.2.0/24", f"{NOBODY}/32"):
            self.attacker.ip("route", "replace", destination, "via", scene.outside_address)
        # The operator has not asked the kernel for protection against false sources.
        with_names = [f"net.ipv4.conf.{name}.rp_filter=0" for name in ("all", "default", "inside", "outside")]
        scene.lab.gateway.sysctl(*with_names)

    # What is known of the daemon

    def numbers(self):
        """Every metric by its name and labels, as Prometheus writes them."""
        found = {}
        for one in self.ctl.json("metrics")["metrics"]:
            labels = ",".join(f'{name}="{value}"' for name, value in one["labels"].items())
            if "value" in one:
                found[one["name"] + (f"{{{labels}}}" if labels else "")] = one["value"]
        return found

    def remember(self):
        """From here on alerts and openings count."""
        self._before = self.numbers()
        self._log_read = len(self.scene.daemon.log)

    def grown(self, name):
        return self.numbers().get(name, 0) - self._before.get(name, 0)

    def alerts(self):
        """The lines for the operator since remember()."""
        lines = self.scene.daemon.log[self._log_read :].splitlines()
        return [line for line in lines if re.search(r" (notice|warning|error): ", line)]

    def said(self):
        """The names of the reasons that have been counted since remember()."""
        now = self.numbers()
        names = []
        for sample, value in now.items():
            match = re.match(r'messenger_alg_(?:refusals|opaque_flows)_total\{reason="(\w+)"\}', sample)
            if match and value > self._before.get(sample, 0):
                names.append(match[1])
        return names

    def wait_said(self, sample, seconds=2):
        deadline = time.monotonic() + seconds
        while self.grown(sample) < 1:
            assert time.monotonic() < deadline, f"{sample} was not counted; said: {self.said()}"
            time.sleep(0.05)

    def assert_untouched_so_far(self):
        """In the middle of an attack: the kernel has what honest calls need."""
        if self.ctl:
            now = openings(self.lab.gateway)
            assert now == self.expected, f"surplus: {now - self.expected}, missing: {self.expected - now}"

    def assert_repelled(self, alert, names=None):
        """Nothing has been opened since remember() but what the honest call has. alert: the sample that counts the
        attack; None where there is nothing to tell. names: the address that a line of the log must have."""
        now = openings(self.lab.gateway)
        assert now == self.expected, f"surplus: {now - self.expected}, missing: {self.expected - now}"
        opened = self.grown(counted("pinholes_opened_total")) - self.honest_openings
        assert opened == 0, f"{opened} pinholes were open for a while"
        if alert:
            self.wait_said(alert)
        if names:
            alerts = self.alerts()
            assert any(names in line for line in alerts), f"nothing names {names} in {alerts}"

    # What the attacker does

    def forger(self, host=None):
        host = host or self.attacker
        if host.host not in self._forgers:
            self._forgers[host.host] = self.scene.keep(forge.Forger(host))
        return self._forgers[host.host]

    def connect(self, port=5060):
        """The victim's browser connects to the attacker's server. Both ends of the connection."""
        listener = self.scene.keep(Listener(self.attacker, port))
        connection = self.scene.keep(dial(self.victim, listener.address))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there, _ = listener.accept()
        there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, self.scene.keep(there)

    def pass_through(self, sender, receiver, *parts, end=END):
        """Sends each part in a segment of its own; all of it must arrive, as it was. end: what follows, to know the end
        by.
        """
        parts = [*parts, end]
        for part in parts:
            assert sender.send(part, socket.MSG_EOR) == len(part)
            time.sleep(0.03)
        arrived = b""
        while not arrived.endswith(end):
            data = receiver.recv(65536)
            assert data, f"the connection ended after {len(arrived)} bytes"
            arrived += data
        # Behind NAT a message that is understood names the outside address; what is none is not touched.
        if not self.scene.nat:
            assert arrived == b"".join(parts)
        return arrived

    def datagram(self, data, send=None):
        """One UDP datagram from the victim's SIP port to the attacker's, who gets it. send(data, source, destination):
        how, where it is to go another way than any program's. Returns what arrived, and from where."""
        sink = self.scene.keep(self.udp_socket(self.attacker))
        self._sink = sink
        sink.settimeout(4)
        destination = (self.attacker.ip4, 5060)
        self._source = self.scene.keep(self.udp_socket(self.victim))
        if send:
            send(data, (self.victim.ip4, 5060), destination)
        else:
            self._source.sendto(data, destination)
        return sink.recvfrom(65535)

    def answer_datagram(self, data, to):
        """Back to the victim, who gets it. to: as from datagram()."""
        self._sink.sendto(data, to)
        self._source.settimeout(4)
        arrived = self._source.recv(65535)
        assert self.scene.nat or arrived == data

    def say_datagram(self, data):
        """Once more from the victim to the attacker, on the same flow."""
        self._source.sendto(data, (self.attacker.ip4, 5060))
        assert self._sink.recvfrom(65535)[0]

    @staticmethod
    def udp_socket(host, port=5060):
        made = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.bind((host.ip4, port))
        return made

    # What is said

    def request(self, method="INVITE", call_id="attack", body="", extra=(), transport="TCP", source=None, cseq=1):
        """A request that the victim seems to send to the attacker; source: or another inside address."""
        source, attacker = source or self.victim.ip4, self.attacker.ip4
        headers = [("Via", f"SIP/2.0/{transport} {source}:5060;branch=z9hG4bK{call_id}{cseq}"), ("Max-Forwards", "70")]
        headers += [("From", f"<sip:victim@{source}>;tag=v"), ("To", f"<sip:attacker@{attacker}>")]
        headers += [("Call-ID", call_id), ("CSeq", f"{cseq} {method}")]
        headers += [("Contact", f"<sip:victim@{source}:5060>"), *extra]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return SipMessage(f"{method} sip:attacker@{attacker} SIP/2.0", headers, body)

    def response(self, request, status=200, body=None, tag="a"):
        """The attacker's answer, with a session description that fits."""
        if body is None:
            body = sdp(self.attacker.ip4, audio(ATTACKER_MEDIA))
        headers = [(name, request.get(name)) for name in ("Via", "From")]
        headers += [("To", f"{request.get('To')};tag={tag}"), ("Call-ID", request.get("Call-ID"))]
        headers += [("CSeq", request.get("CSeq")), ("Contact", f"<sip:attacker@{self.attacker.ip4}:5060>")]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return SipMessage(f"SIP/2.0 {status} Whatever", headers, body)

    def invite(self, call_id="attack", address=None, port=VICTIM_MEDIA, **options):
        """An INVITE that would open a port of the victim, were it believed. address: or of somebody else."""
        body = sdp(address or self.victim.ip4, audio(port))
        return self.request("INVITE", call_id, body, **options)


def data_of(message):
    return message.text().encode()
