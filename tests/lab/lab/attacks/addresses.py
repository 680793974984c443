# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks by what a message names: SDP, candidates, Contact and invitations that lead to somebody else, or to a port
that no call may have.
"""

import re

from lab.attacks.attack import Attack
from lab.attacks.field import ATTACKER_MEDIA, HONEST_MEDIA, VICTIM_MEDIA, callbacks, data_of, openings, refused
from lab.messenger import bodies
from lab.scene import Call, audio, sdp
from lab.sipua import host_port
from lab.topology import GATEWAY_INSIDE, GATEWAY_OUTSIDE

OTHER_HOST, OTHER_SIDE = "10.1.2.11", "198.51.100.20"
NOT_OWN, FORBIDDEN = refused("not_sender_address"), refused("forbidden_address")
# Who is named -> what the operator is told.
ADDRESSES = {
    "another inside host": (OTHER_HOST, NOT_OWN),
    "an inside address that nobody has": ("10.1.2.99", NOT_OWN),
    "an outside host": (OTHER_SIDE, NOT_OWN),
    "the gateway inside": (GATEWAY_INSIDE[0], FORBIDDEN),
    "the gateway outside": (GATEWAY_OUTSIDE[0], FORBIDDEN),
    "loopback": ("127.0.0.1", FORBIDDEN),
    "multicast": ("224.2.1.1", refused("multicast")),
    "broadcast": ("255.255.255.255", FORBIDDEN),
    "the network's broadcast": ("10.1.2.255", NOT_OWN),
    "a host name": ("printer.example.com", refused("host_name")),
}
PORTS = {
    22: refused("low_port"),
    445: refused("low_port"),
    1023: refused("low_port"),
    3389: refused("protected_port"),
    5432: refused("protected_port"),
    65536: refused("not_understood"),
    99999: refused("not_understood"),
    4294967296 + VICTIM_MEDIA: refused("not_understood"),
    -1: refused("not_understood"),
}


def _exchange(field, body, answer=None):
    """The victim offers that, and the attacker says yes with a description that fits."""
    invite = field.request("INVITE", "address", body, transport="UDP")
    arrived, source = field.datagram(data_of(invite))
    assert field.scene.nat or arrived == data_of(invite)
    field.answer_datagram(data_of(field.response(invite, body=answer)), source)


def session_address(address):
    return lambda field: _exchange(field, sdp(address, audio(VICTIM_MEDIA)))


def medium_address(address):
    """The session's own address is right, that of the medium is not."""
    return lambda field: _exchange(field, sdp(field.victim.ip4, audio(VICTIM_MEDIA, connection=address)))


def port(number):
    return lambda field: _exchange(field, sdp(field.victim.ip4, audio(number)))


def several_ports(field):
    """m=audio PORT/COUNT."""
    medium = audio(VICTIM_MEDIA).replace(f" {VICTIM_MEDIA} ", f" {VICTIM_MEDIA}/1000 ")
    _exchange(field, sdp(field.victim.ip4, medium))


def rtcp_elsewhere(address, number):
    """Nothing of such a medium opens: it is none of ours to guess which half was meant."""

    def act(field):
        medium = audio(VICTIM_MEDIA) + f"\r\na=rtcp:{number} IN IP4 {address}"
        _exchange(field, sdp(field.victim.ip4, medium))

    return act


def candidate(address, number):
    """ICE: the default address is another host's as well, so that nothing of it is the victim's own."""

    def act(field):
        line = f"a=candidate:1 1 UDP 2130706431 {address} {number} typ host"
        theirs = f"a=candidate:1 1 UDP 2130706431 {field.attacker.ip4} {ATTACKER_MEDIA} typ host"
        ours = audio(number, connection=address) + "\r\n" + line
        _exchange(field, sdp(field.victim.ip4, ours), sdp(field.attacker.ip4, audio(ATTACKER_MEDIA) + "\r\n" + theirs))

    return act


def sharing(address):
    """T.120, with which one host could be shown another's screen."""
    return lambda field: _exchange(field, bodies.sharing(address), bodies.sharing(field.attacker.ip4))


def tcp_media(field):
    medium = f"m=application 3390 TCP/RTP/AVP 0\r\na=setup:passive\r\nc=IN IP4 {field.victim.ip4}"
    _exchange(field, sdp(field.victim.ip4, medium), sdp(field.attacker.ip4, medium))


def answered_by_victim(address):
    """The attacker calls, and what the victim's host says in its 200 names somebody else."""

    def act(field):
        _, source = field.datagram(data_of(field.request("OPTIONS", "hole", transport="UDP")))
        asked = field.request("INVITE", "call-in", sdp(field.attacker.ip4, audio(ATTACKER_MEDIA)), transport="UDP",
                              source=field.attacker.ip4)
        field.answer_datagram(data_of(asked), source)
        said = field.response(asked, body=sdp(address, audio(VICTIM_MEDIA)))
        field.say_datagram(data_of(said))

    return act


def own_callbacks(field):
    """What a registrar may have whatever the Contact says: to call where the REGISTER came from, and nobody but that
    one registrar. Behind NAT the number that leads there is one more way to say the same."""
    if not field.ctl:
        return set()
    places = {(field.victim.ip4, 5060)}
    for binding in field.ctl.json("bindings")["bindings"]:
        if binding["inside"] == f"{field.victim.ip4}:5060":
            address, _, number = binding["outside"].rpartition(":")
            places.add((address, int(number)))
    return {one for one in callbacks(field.lab.gateway) if one[0] == field.attacker.ip4 and (one[1], one[3]) in places}


def contact(address, number):
    """A REGISTER that asks to be called at somebody else's port, and a registrar that agrees."""

    def act(field):
        uri = f"<sip:victim@{host_port(address, number)};transport=tcp>"
        asked = field.request("REGISTER", "contact", extra=[("Expires", "600")], transport="UDP")
        asked.headers = [(name, uri if name == "Contact" else value) for name, value in asked.headers]
        _, source = field.datagram(data_of(asked))
        answer = field.response(asked, body="")
        granted = f"{uri};expires=600"
        answer.headers = [(name, granted if name == "Contact" else value) for name, value in answer.headers]
        field.answer_datagram(data_of(answer), source)
        field.expected |= own_callbacks(field)

    return act


def invitation(address, number):
    """A file transfer that the victim accepts, with somebody else's address."""

    def act(field):
        caller = field.scene.agent(field.victim, transport="udp")
        callee = field.scene.agent(field.attacker, transport="udp")
        call = Call.outgoing(caller, callee.uri, callee.address)
        call.request("INVITE", bodies.instant_messages(field.victim.ip4))
        asked = callee.receive("INVITE")
        callee.reply(asked, 200, bodies.instant_messages(field.attacker.ip4), tag="a")
        call.ack(caller.receive(200))
        callee.receive("ACK")
        offer = Call.incoming(callee, asked, "a")
        _message(offer, bodies.file_offer("4711", "holiday.jpg", 4096), caller)
        _message(call, bodies.file_accept("4711", ("a", "b"), (address, number), "12345678"), callee)

    return act


def _message(call, body, to):
    message = call.make("MESSAGE", body)
    message.headers = [(n, bodies.INVITATION if n == "Content-Type" else v) for n, v in message.headers]
    call.agent.send(message, call.to)
    got = to.receive("MESSAGE")
    to.reply(got, 200)
    call.agent.receive((200, "MESSAGE"))


def others_binding(field):
    """NAT: the outside number of the honest call, in the victim's own SDP."""
    shown = field.call.media.shown
    _exchange(field, sdp(shown[0], audio(shown[1])))


def same_port_as_another(field):
    """NAT: the number that the honest call has outside, as an inside port; the victim gets another one, its media none
    of the other's."""
    invite = field.request("INVITE", "same", sdp(field.victim.ip4, audio(HONEST_MEDIA)), transport="UDP")
    arrived, source = field.datagram(data_of(invite))
    shown = int(re.search(rb"m=audio (\d+)", arrived)[1])
    assert shown not in (HONEST_MEDIA, HONEST_MEDIA + 1)
    field.answer_datagram(data_of(field.response(invite)), source)
    mine = {(field.attacker.ip4, field.victim.ip4, "udp", HONEST_MEDIA + more) for more in (0, 1)}
    assert mine <= openings(field.lab.gateway)
    field.expected |= mine
    field.honest_openings += 2


def contact_of_others_binding(field):
    """NAT: a Contact with the number at which the honest call's host is known."""
    contact(*field.call.media.shown)(field)


def _attacks():
    for name, (address, alert) in ADDRESSES.items():
        yield Attack(f"SDP names {name}", session_address(address), alert)
        yield Attack(f"medium names {name}", medium_address(address), alert)
    for number, alert in PORTS.items():
        yield Attack(f"port {number}", port(number), alert)
    yield Attack("port 40000/1000", several_ports, refused("too_many_ports"))
    for name in ("another inside host", "loopback", "the gateway inside"):
        address, alert = ADDRESSES[name]
        yield Attack(f"candidate of {name}", candidate(address, VICTIM_MEDIA), alert)
        yield Attack(f"answer names {name}", answered_by_victim(address), alert)
        yield Attack(f"sharing names {name}", sharing(address), alert)
        yield Attack(f"IP-Address names {name}", invitation(address, 6891), alert)
    yield Attack("IP-Address with port 22", invitation("10.1.2.10", 22), refused("low_port"))
    yield Attack("IP-Address with port 3389", invitation("10.1.2.10", 3389), refused("protected_port"))
    yield Attack("IP-Address with port 6890", invitation("10.1.2.10", 6890), refused("no_file_port"))
    yield Attack("RTCP of another host", rtcp_elsewhere(OTHER_HOST, 40001), NOT_OWN)
    yield Attack("media over TCP", tcp_media, refused("tcp_media"))
    # Not believed, and not told either: clients behind another NAT name what nobody here has all day.
    for name in ("another inside host", "loopback", "the gateway inside", "an outside host"):
        yield Attack(f"Contact names {name}", contact(ADDRESSES[name][0], 5070), None, None)
    yield Attack("Contact at SSH", contact("10.1.2.10", 22), None, None)
    yield Attack("SDP names another's outside port", others_binding, FORBIDDEN, gateways=("nat",))
    yield Attack("the inside port of another's outside number", same_port_as_another, None, None, gateways=("nat",))
    yield Attack("Contact names another's outside port", contact_of_others_binding, None, None, gateways=("nat",))


ATTACKS = list(_attacks())
