# SPDX-License-Identifier: GPL-2.0-or-later
"""Audio and video of one call as RTC offers them, with RTCP at ports of its own, and ranges that a site has pinned."""

import pytest

from lab import sdpview
from lab.messenger import bodies
from lab.messenger.office import Stream
from lab.messenger.session import Session, establish, hang_up
from lab.pinholes import pinholes

OURS = [(5350, 5351), (5352, 5361)]  # RTP and RTCP of audio and of video
THEIRS = [(56000, 56001), (33700, 33709)]


def streams(office, inside, outside, seen):
    """All four, from what the outside host has been told. seen: the description as it arrived there."""
    address = sdpview.address(seen)
    assert address == office.outside_of(inside)
    return [
        Stream(office, inside, port, (address, seen_port), outside, peer_port)
        for ours, seen_ports, theirs in zip(OURS, sdpview.streams(seen), THEIRS)
        for port, seen_port, peer_port in zip(ours, seen_ports, theirs)
    ]


@pytest.mark.parametrize("caller", ["inside", "outside"])
@pytest.mark.parametrize("numbers", ["kept", "other"])
def test_audio_and_video_in_one_call(make_office, caller, numbers):
    office = make_office({"nat.keep_numbers": numbers == "kept"})
    alice, bob = office.sign_in("alice", "bob")
    before = [Stream(office, alice.host, port, (office.outside_of(alice.host), port), bob.host, 40000 + port)
              for pair in OURS for port in pair]
    for stream in before:
        stream.assert_blocked()
        stream.close()
    if caller == "inside":
        ours, theirs = bodies.audio_offer(alice.address, video_rtcp=5361), bodies.audio_answer(bob.address)
        out, back, invite, _ = establish(alice, bob, ours, theirs)
        seen = invite.body
    else:
        ours = bodies.audio_answer(alice.address, *[pair[0] for pair in OURS], video_rtcp=5361)
        theirs = bodies.audio_offer(bob.address, *[pair[0] for pair in THEIRS], video_rtcp=33709)
        out, back, _, answer = establish(bob, alice, theirs, ours)
        seen = answer.body
    if office.scene.nat and numbers == "other":
        assert not {port for pair in sdpview.streams(seen) for port in pair} & {port for pair in OURS for port in pair}
    else:
        assert sdpview.streams(seen) == OURS
    # Keys, codecs and what else a description says stay as they are.
    assert [line for line in seen.split("\r\n") if line[:2] in ("k=", "b=") or line.startswith(("a=rtpmap", "a=encryption"))] == [
        line for line in ours.split("\r\n") if line[:2] in ("k=", "b=") or line.startswith(("a=rtpmap", "a=encryption"))
    ]
    all_four = streams(office, alice.host, bob.host, seen)
    for stream in all_four:
        stream.assert_passes()
    stranger = Stream(office, alice.host, 47000, (sdpview.address(seen), sdpview.ports(seen)[0]), office.lab.third, 56000)
    stranger.came_in()
    assert not office.scene.tap(alice.host).packets(lambda packet: packet.src == office.lab.third.ip4)
    hang_up(out, back)
    for stream in all_four:
        stream.assert_blocked()
    assert not pinholes(office.lab.gateway)


def test_ports_outside_the_range_of_the_policy(make_office):
    """The site has pinned its clients to 5350-5353; one of them does not know that."""
    office = make_office({"network.media_ports": "5350-5353"})
    alice, bob = office.sign_in("alice", "bob")
    out, back, invite, _ = establish(alice, bob, bodies.audio_offer(alice.address, 5350, 5360), bodies.audio_answer(bob.address))
    assert {hole.port for hole in pinholes(office.lab.gateway)} == {5350, 5351}
    line = next(line for line in office.scene.daemon.log.splitlines() if f"{alice.address}:5360" in line and "refused" in line)
    policy = "network.media_ports here, and MinMediaPort to MaxMediaPort in the Group Policy"
    assert "of sip:alice@example.com" in line and "(5350-5353)" in line and policy in line
    audio = Stream(office, alice.host, 5350, (office.outside_of(alice.host), 5350), bob.host, 56000)
    video = Stream(office, alice.host, 5360, (office.outside_of(alice.host), 5360), bob.host, 33700)
    audio.assert_passes()
    video.assert_blocked()
    hang_up(out, back)
    audio.assert_blocked()


def test_a_call_that_is_refused_for_its_encryption(make_office):
    office = make_office()
    alice, bob = office.sign_in("alice", "bob")
    out = Session.outgoing(alice, bob.aor)
    out.invite(bodies.audio_offer(alice.address).replace("encryption:optional", "encryption:required"))
    invite = bob.receive("INVITE")
    back = Session.incoming(bob, invite)
    back.reply(invite, 488)
    out.acknowledge(alice.receive(488))
    bob.receive("ACK")
    assert not pinholes(office.lab.gateway)
